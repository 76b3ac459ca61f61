"""Writing an answer in the asked format, and the default reader, which knows the gold."""

from __future__ import annotations

import json
from collections.abc import Sequence

from memgym.protocol.actions import to_json
from memgym.protocol.boxed import write_boxed
from memgym.protocol.observation import Observation
from memgym.scoring.phrases import contains as has_phrase

ABSTENTION = "no information available"  # the phrase that every abstention rule of the benchmarks knows


def write_answer(observation: Observation, text: str, cited_ids: Sequence[str] = ()) -> str:
    """Write an answer in the format that the observation asks for."""
    question = observation.first("question")
    answer_format = question.attributes.get("format", "plain") if question else "plain"
    if answer_format == "json":
        return to_json({"answer": text, "cited_ids": list(cited_ids)})
    return write_boxed(text) if answer_format == "boxed" else text


def contains(observation: Observation) -> str:
    """Answer right if the memory holds the answer: the default reader, which needs no language model.

    A memory holds an answer if it contains it as whole words (:mod:`memgym.scoring.phrases`), or, for an answer that
    has to be worked out (a count, a date), if it contains all the gold facts that it follows from. Where all of several
    answers must be given, those found are given. A question without an answer counts as recognised if nothing was
    retrieved. The reader sees the gold; the environment shows it to this operator only.
    """
    revealed = observation.first("gold")
    if revealed is None:
        raise ValueError("the reader 'contains' needs the <gold> block")
    gold = json.loads(revealed.text)
    rule = gold.get("phrases", "house")
    memory = observation.memory
    answers = gold["answers"]
    if not gold["answerable"]:
        found = [] if memory.strip() else answers[:1]
    else:
        found = [answer for answer in answers if has_phrase(memory, answer, rule)]
        if gold["match"] == "any":
            worked_out = gold["evidence"] and all(has_phrase(memory, value, rule) for value in gold["evidence"])
            found = found[:1] or (answers[:1] if worked_out else [])
    return write_answer(observation, ", ".join(found) or "(not in memory)")
