"""Which JSON is the action: the last of its form."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.errors import ActionError
from memgym.protocol.json_in_text import find_ids, find_object

YES, NO = '{"answer": "yes"}', '{"answer": "no"}'


@pytest.mark.parametrize(
    "text",
    [
        '{"thought": "…"}\n{}',
        "{} then {}".replace("{}", "{ }", 1),
        '{"thought": {"answer": "no"}} {}',
        'e.g. {"answer": "…", "cited_ids": ["m7"]}. Mine: {}',
        f"{NO} no, wait: {{}}",
        f"```json\n{NO}\n```\nOr rather\n```json\n{{}}\n```",
        '```json\n{"thought": "…"}\n```\n{}',
        f"{NO}\n```json\n{{}}\n```",
        f"```json\n{{}}\n```\nI did not write {NO}, since it is",
        "```json\n{}\n```\nI did not write {so: on}",
        f"```json\n{NO}\n```\n```json5\n{{}}",  # the last fence is open
        '{"answer": {} and then {}',
        '{"answer": "no", "cit {}'.replace('"cit', "'cit"),
        "{" * 100 + " many braces {x} " * 100 + "{}",
        "{} That is all, {really}.",
        "<think>{a} {b}</think>{}",
        "[{}]",
        "{'answer': 'no'} {}",
        '{} "answer": no bracket',
    ],
)
def test_the_object_that_is_the_action(text: str) -> None:
    assert find_object(text.replace("{}", YES), "answer") == {"answer": "yes"}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('Irrelevant: []\nRelevant: ["m1"]', ["m1"]),
        ('Relevant: ["m1"]\nIrrelevant: []', ["m1"]),
        ('as in ["m7", "m2"]: ["m1"]', ["m1"]),
        ('first ["m2"], but then ["m1"]', ["m1"]),
        ('see [1] and [note]: ["m1"] [2]', ["m1"]),
        ('I looked at ["m2"]\n```json\n[]\n```', []),
        ('```json\n["m1"]\n```\nand not ["m2"], as ["quoted', ["m1"]),
        ('{"ids": ["m1"]}', ["m1"]),
        ('{"ids": ["m1"], "scores": [0.9]}', ["m1"]),
        ('{"result": {"ids": ["m1"]}, "why": "x"}', ["m1"]),
        ('{"relevant": ["m2"], "irrelevant": ["m3"]} so ["m1"]', ["m1"]),
        ('{"thought": "[]"} ["m1"]', ["m1"]),
        ("[]", []),
        ("{} []", []),
        ("[" * 200 + ' ["m1"]', ["m1"]),
        ("[[1, 2]]", [[1, 2]]),  # no list of texts: the parser says so
    ],
)
def test_the_list_that_is_the_action(text: str, ids: list[str]) -> None:
    assert find_ids(text) == ids


@pytest.mark.parametrize(
    "text",
    [
        f'{NO} rather {{"answer": "ye',
        f'{NO} rather {{"thought": "x", "answer": "ye',
        f'```json\n{NO}\n```\n```json\n{{"answer": "ye',
        f'{NO}\n```json\n{{"answer": "ye',
        f'{NO} {{"answer": "yes",}}',
        f'{NO} {{"answer": NaN}}',
    ],
)
def test_a_draft_does_not_stand_in_for_what_is_cut_off(text: str) -> None:
    with pytest.raises(ActionError, match="no JSON object found: "):
        find_object(text, "answer")


@pytest.mark.parametrize(
    "text",
    ['["m2"], no: ["m1", "m', '```\n["m2"]\n```\n```\n["m1', '["m2"] ["m1",]', '["m2"] [ "m1" "m3"]', '[1] ["m'],
)
def test_nor_a_list(text: str) -> None:
    with pytest.raises(ActionError, match="no JSON list found: "):
        find_ids(text)


def test_two_lists_in_one_object_are_no_choice() -> None:
    for text in ('{"relevant": ["m1"], "irrelevant": []}', '{"a": ["m1"], "b": {"c": ["m2"]}}'):
        with pytest.raises(ActionError, match="no JSON list found"):
            find_ids(text)


def test_without_the_field_the_faults_of_the_first_object_are_told() -> None:
    assert find_object('{"a": 1} {"b": 2}', "answer") == {"a": 1}


PROSE = st.text(st.sampled_from([*'ab {}[]":,`\n'])).map(lambda text: text.replace('"', ""))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(PROSE, st.text(max_size=8))
def test_whatever_is_said_before_the_action(prose: str, answer: str) -> None:
    assert find_object(f"{prose}\n\n{json.dumps({'answer': answer})}", "answer") == {"answer": answer}
    assert find_ids(f"{prose}\n\n{json.dumps([answer])}") == [answer]


@pytest.mark.parametrize(
    "hostile",
    ['["x' * 300_000, '{"a' * 300_000, "[" * 1_000_000, "[1," * 300_000, '{"answer":' * 100_000, "[NaN," * 200_000,
     "```\n{" * 200_000, "{} " * 300_000, '{"answer": 1}' * 70_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    for find in (lambda text: find_object(text, "answer"), find_ids):
        began = time.perf_counter()
        try:
            find(hostile)
        except ActionError as error:
            assert len(str(error)) < 1000  # noqa: PT017
        assert time.perf_counter() - began < 10
