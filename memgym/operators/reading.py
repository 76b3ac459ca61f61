"""Writing an answer in the asked format, and the default reader, which knows the gold."""

from __future__ import annotations

import json
from collections.abc import Sequence

from memgym.protocol.actions import to_json
from memgym.protocol.boxed import write_boxed
from memgym.protocol.observation import Observation
from memgym.scoring.abstention import ABSTENTION


def write_answer(observation: Observation, text: str, cited_ids: Sequence[str] = ()) -> str:
    """Write an answer in the format that the observation asks for."""
    question = observation.first("question")
    answer_format = question.attributes.get("format", "plain") if question else "plain"
    if answer_format == "json":
        return to_json({"answer": text, "cited_ids": list(cited_ids)})
    return write_boxed(text) if answer_format == "boxed" else text


def supported(observation: Observation) -> str:
    """Answer what follows from the memory: the default reader, which needs no language model.

    The environment, which knows the gold, works it out (:class:`memgym.scoring.support.Support`) and shows it to this
    operator only. Where nothing follows, the answer is that there is no information.
    """
    revealed = observation.first("gold")
    if revealed is None:
        raise ValueError("the reader 'supported' needs the <gold> block")
    return write_answer(observation, ", ".join(json.loads(revealed.text)["follows"]) or ABSTENTION)
