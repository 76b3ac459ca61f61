from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from baselines import Lexical
from memgym.bank import MemoryRecord
from memgym.envs.evidence import citation_scores, credited, retrieval_scores
from memgym.playing import Job, play
from memgym.registration import make
from memgym.scoring.statements import carries

EVIDENCE = {
    "a": partial(carries, passage="Mira moved to Lisbon in May."),
    "b": partial(carries, passage="Ben adopted a cat called Olive."),
}


def record(id: str, value: str, *source: str) -> MemoryRecord:
    return MemoryRecord(id, "", value, source=source)


GOOD = record("m1", "Mira moved to Lisbon", "a")
EMPTY = record("m2", "x", "a", "b")
UNNAMED = record("m3", "Ben adopted a cat called Olive.")
BOTH = record("m4", "Mira moved to Lisbon. Ben adopted a cat.", "a", "b", "c")


def test_credit_is_for_what_is_named_and_carried() -> None:
    assert [credited(one, EVIDENCE) for one in (GOOD, EMPTY, UNNAMED, BOTH)] == [["a"], [], [], ["a", "b"]]


def test_records_without_content_that_name_every_turn_score_nothing() -> None:
    assert retrieval_scores([EMPTY], [EMPTY], EVIDENCE) == {"evidence_recall": 0.0, "reciprocal_rank": 0.0}
    assert citation_scores(["m2"], {"m2": EMPTY}, EVIDENCE) == {"citation_precision": 0.0, "citation_f1": 0.0}


def test_what_is_shown_counts_not_what_is_stored() -> None:
    cut = record("m4", "Mira moved to Lisbon. Ben", "a", "b", "c")
    assert retrieval_scores([EMPTY, BOTH], [EMPTY, cut], EVIDENCE) == {"evidence_recall": 0.5, "reciprocal_rank": 0.5}
    assert citation_scores(["m4", "m9"], {"m4": cut}, EVIDENCE) == {"citation_precision": 0.5, "citation_f1": 0.5}


@pytest.mark.parametrize("key", ["Mira moved to Lisbon", ""])
def test_a_key_is_text_like_the_value(key: str) -> None:
    assert credited(MemoryRecord("m1", key, "x", source=("a",)), EVIDENCE) == (["a"] if key else [])


def test_a_heap_is_as_many_citations_as_it_has_pieces() -> None:
    heap = record("m5", f"{'So it goes, as they say. ' * 30}Mira moved to Lisbon.", "a")
    assert citation_scores(["m1"], {"m1": GOOD}, EVIDENCE)["citation_precision"] == 1.0
    assert citation_scores(["m5"], {"m5": heap}, EVIDENCE)["citation_precision"] == 0.25
    assert retrieval_scores([heap], [heap], EVIDENCE)["reciprocal_rank"] == 0.25


def test_a_reader_cites_where_the_environment_asks_for_it() -> None:
    options = {"task": "persona", "split": "test", "reader": "extractive"}
    cited, plain = (
        np.mean([rewards["citation_precision"] for rewards in _paid(answer_format=answer_format, **options)])
        for answer_format in ("json", "plain")
    )
    assert cited > 0.1
    assert plain == 0.0


def _paid(**options: Any) -> Iterator[dict[str, float]]:
    env = make("memgym/RMMReranker-v1", **options)
    for played in play(Lexical(), env, [Job(0, index) for index in range(2)]):
        yield from (step.info["rewards"] for step in played.steps)
