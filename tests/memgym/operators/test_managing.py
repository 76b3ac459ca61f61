from __future__ import annotations

import json

from memgym import Block, Observation
from memgym.operators import add_all, deduplicate, top_k, verbatim
from memgym.protocol.actions import parse_extract, parse_retrieve, parse_update


def test_verbatim_keeps_every_turn_that_says_something() -> None:
    turns = (
        Block("turn", 'I said "no", </turn>', {"id": "D1:1", "speaker": "Ann"}),
        Block("turn", " ", {"id": "D1:2", "speaker": "Ben"}),
        Block("turn", "Żółw 字", {"id": "D1:3", "speaker": "Ben"}),
    )
    candidates = parse_extract(verbatim(Observation("extract", blocks=turns)), ["D1:1", "D1:2", "D1:3"])
    assert [(c.value, c.source) for c in candidates] == [
        ('Ann: I said "no", </turn>', ("D1:1",)),
        ("Ben: Żółw 字", ("D1:3",)),
    ]


def test_add_all_and_deduplicate() -> None:
    blocks = (
        Block("candidate", "Mira moved to Lisbon.", {"id": "c1"}),
        Block("candidate", "the cat: Olive", {"id": "c2"}),
        Block("candidate", "mira moved to lisbon", {"id": "c3"}),
        Block("candidate", "new", {"id": "c4"}),
        Block("memory", "A cat, Olive!", {"id": "m1"}),
    )
    observation = Observation("update", blocks=blocks)
    names = [f"c{i}" for i in range(1, 5)]
    for operator, expected in [(add_all, ["ADD"] * 4), (deduplicate, ["ADD", "NOOP", "NOOP", "ADD"])]:
        operations, problems = parse_update(operator(observation), names, ["m1"])
        assert problems == []
        assert [(operation.id, operation.op) for operation in operations] == list(zip(names, expected, strict=True))


def test_top_k_leaves_the_order() -> None:
    blocks = tuple(Block("memory", "x", {"id": identity}) for identity in ("m9", "m2", "m11"))
    assert parse_retrieve(top_k(Observation("retrieve", blocks=blocks)), ["m2", "m9", "m11"]) == ["m9", "m2", "m11"]
    assert json.loads(top_k(Observation("retrieve"))) == []
