from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.errors import ActionError
from memgym.protocol import actions
from memgym.protocol.actions import (
    ACTION_SCHEMAS,
    MAX_ACTION_CHARS,
    Answer,
    Candidate,
    PlannedOperation,
    check_action,
    parse_answer,
    parse_extract,
    parse_retrieve,
    parse_update,
)

thorough = settings(deadline=None, derandomize=True, max_examples=200)

TURNS = [f"D1:{i}" for i in range(10)]
CANDIDATES = [f"c{i}" for i in range(10)]
MEMORIES = [f"m{i}" for i in range(10)]


def parse_plan(action: str) -> list[PlannedOperation]:
    operations, problems = parse_update(action, CANDIDATES, MEMORIES)
    if problems:
        raise ActionError(problems[0])
    return operations


PARSERS: dict[str, Callable[[str], Any]] = {
    "extract": lambda action: parse_extract(action, TURNS),
    "update": parse_plan,
    "retrieve": lambda action: parse_retrieve(action, MEMORIES),
    "answer": lambda action: parse_answer(action, "json"),
}

# ------------------------------------------------------------------ the published schemas and the parsers

TEXTS = st.text(min_size=1, max_size=10)
NOT_BLANK = TEXTS.filter(str.strip)


def instances(schema: dict[str, Any], ids: list[str]) -> st.SearchStrategy[Any]:
    """Return what a schema describes: the subset of JSON Schema that the action schemas are written in."""
    if "anyOf" in schema:
        return st.one_of([instances(option, ids) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "string":
        return NOT_BLANK if schema.get("minLength") else st.text(max_size=10)
    if schema["type"] == "array" and schema.get("uniqueItems"):
        return st.lists(st.sampled_from(ids), unique=True, max_size=5)
    if schema["type"] == "array":
        return st.lists(instances(schema["items"], ids), max_size=5)
    fields = {name: instances(inner, ids) for name, inner in schema["properties"].items()}
    required = {name: fields.pop(name) for name in schema["required"]}
    return st.fixed_dictionaries(required, optional=fields)


def with_known_ids(plan: dict[str, Any]) -> dict[str, Any]:
    for i, operation in enumerate(plan["operations"]):
        operation["id"] = f"c{i}" if operation["op"] == "ADD" else f"m{i}"
    return plan


VALID = {
    "extract": instances(ACTION_SCHEMAS["extract"], TURNS),
    "update": instances(ACTION_SCHEMAS["update"], []).map(with_known_ids),
    "retrieve": instances(ACTION_SCHEMAS["retrieve"], MEMORIES),
    "answer": instances(ACTION_SCHEMAS["answer"], MEMORIES),
}
ANYTHING = st.sampled_from(
    [None, True, 0, 1.5, "", " ", "x", [], ["x"], [1], {}, {"id": "m1"}, {"value": "v"}, "m1", "ADD"]
)


@st.composite
def spoilt(draw: st.DrawFn, phase: str) -> Any:
    """Draw a valid action in which one place was changed, dropped or added."""
    action = draw(VALID[phase])
    places = [(action, key) for key in (action if isinstance(action, dict) else range(len(action)))]
    for container, key in places:  # grows while it is walked through
        if isinstance(container[key], dict):
            places += [(container[key], inner) for inner in container[key]]
        elif isinstance(container[key], list):
            places += [(container[key], i) for i in range(len(container[key]))]
    if not places:
        return draw(ANYTHING)
    container, key = draw(st.sampled_from(places))
    what = draw(st.sampled_from(["change", "drop", "add"]))
    if what == "change":
        container[key] = draw(ANYTHING)
    elif what == "drop":
        del container[key]
    elif isinstance(container, dict):
        container["extra"] = draw(ANYTHING)
    else:
        container.append(draw(ANYTHING))
    return action


@pytest.mark.parametrize("phase", ACTION_SCHEMAS)
@thorough
@given(data=st.data())
def test_what_the_schema_accepts_the_parser_accepts(phase: str, data: st.DataObject) -> None:
    action = data.draw(VALID[phase])
    jsonschema.validate(action, ACTION_SCHEMAS[phase])  # the strategy is true to the schema
    PARSERS[phase](json.dumps(action))


@pytest.mark.parametrize("phase", ACTION_SCHEMAS)
@thorough
@given(data=st.data())
def test_what_the_parser_accepts_the_schema_accepts(phase: str, data: st.DataObject) -> None:
    action = data.draw(spoilt(phase))
    try:
        PARSERS[phase](json.dumps(action))
    except ActionError as error:
        assert str(error)  # noqa: PT017 - every refusal is explained
        return
    jsonschema.validate(action, ACTION_SCHEMAS[phase])


def test_schemas_are_valid_and_closed() -> None:
    def check(schema: dict[str, Any]) -> None:
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert set(schema["required"]) <= set(schema["properties"])
            for inner in schema["properties"].values():
                check(inner)
        for inner in schema.get("anyOf", [schema["items"]] if "items" in schema else []):
            check(inner)

    for schema in ACTION_SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        check(schema)


# ------------------------------------------------------------------ tolerant about wrapping


@pytest.mark.parametrize(
    "wrapped",
    [
        "{}",
        " \n {} \n ",
        "```json\n{}\n```",
        "```\n{}\n```",
        "```JSON  \r\n{}```",
        "Let me see [1] and {so on}.\n```json\n{}\n```\nThat is all.",
        "Here it is: {} I hope it helps.",
        "<think>what about {this}? or ```no```</think>{}",
        "```python\nprint(1)\n```\nand so\n```json\n{}\n```",
    ],
)
@pytest.mark.parametrize(
    ("phase", "action", "parsed"),
    [
        ("extract", '{"memory_list": [{"value": "a ``b` {c}"}]}', [Candidate("a ``b` {c}")]),
        ("update", '{"operations": [{"id": "c1", "op": "ADD"}]}', [PlannedOperation("c1", "ADD")]),
        ("answer", '{"answer": "Lisbon", "cited_ids": ["m1"]}', Answer("Lisbon", ("m1",))),
    ],
)
def test_wrapping_is_tolerated(wrapped: str, phase: str, action: str, parsed: Any) -> None:
    assert PARSERS[phase](wrapped.replace("{}", action)) == parsed


def test_a_list_is_found_in_prose() -> None:
    assert parse_retrieve('Best first:\n```json\n["m3", "m1"]\n```', MEMORIES) == ["m3", "m1"]
    assert parse_retrieve('I choose ["m3", "m1"].', MEMORIES) == ["m3", "m1"]
    assert parse_retrieve("[]", MEMORIES) == []


def test_a_fence_goes_before_the_text_around_it() -> None:
    assert parse_answer('{"answer": "draft"}\n```json\n{"answer": "final"}\n```', "json").text == "final"


# ------------------------------------------------------------------ strict about meaning


@pytest.mark.parametrize(
    ("phase", "action", "message"),
    [
        ("extract", "", "no JSON object found"),
        ("extract", "nothing worth keeping", "no JSON object found"),
        ("extract", '{"memory_list": [{"value": "x"}', "no JSON object found: Expecting"),
        ("update", '{"operations": [{"id": "c1", "op": "ADD"}, {"id": "c', "no JSON object found: Unterminated string"),
        ("extract", '{"memory_list": NaN}', "NaN is not JSON"),
        ("extract", '{"memory_list": -Infinity}', "-Infinity is not JSON"),
        ("extract", "[]", "no JSON object found"),
        ("extract", "{}", "must have a list 'memory_list'"),
        ("extract", '{"memories": []}', "the action has no field 'memories'; its fields are memory_list"),
        ("extract", '{"memory_list": "x"}', "must have a list 'memory_list'"),
        ("extract", '{"memory_list": ["x"]}', r"memory_list\[0\] must be an object, not 'x'"),
        ("extract", '{"memory_list": [{}]}', r"memory_list\[0\].value is missing or empty"),
        ("extract", '{"memory_list": [{"value": " "}]}', r"memory_list\[0\].value is missing or empty"),
        ("extract", '{"memory_list": [{"value": 5}]}', r"memory_list\[0\].value must be a string, not 5"),
        ("extract", '{"memory_list": [{"value": "x", "key": null}]}', r"\[0\].key must be a string, not None"),
        ("extract", '{"memory_list": [{"value": "x", "tags": "a"}]}', r"memory_list\[0\].tags must be a list"),
        ("extract", '{"memory_list": [{"value": "x", "tags": [1]}]}', r"tags\[0\].tag must be a string"),
        ("extract", '{"memory_list": [{"value": "x", "id": "m1"}]}', r"memory_list\[0\] has no field 'id'"),
        ("extract", '{"memory_list": [{"value": "\\ud800"}]}', r"memory_list\[0\].value is not valid Unicode"),
        ("extract", '{"memory_list": [{"value": "x", "source": ["D9:9"]}]}', "there is no 'D9:9' here"),
        ("update", '{"operations": [{"op": "ADD"}]}', r"operations\[0\].id is missing or empty"),
        ("update", '{"operations": [{"id": "c1"}]}', r"operations\[0\].op is missing or empty"),
        ("update", '{"operations": [{"id": "c1", "op": "INSERT"}]}', "'INSERT' is none of ADD, UPDATE"),
        ("update", '{"operations": [{"id": "m77", "op": "DELETE"}]}', "'m77' is neither a candidate nor a memory"),
        ("update", '{"operations": [{"id": "m1", "op": "ADD"}]}', "ADD takes the id of a candidate"),
        ("update", '{"operations": [{"id": "c1", "op": "DELETE"}]}', "DELETE takes the id of a memory"),
        ("update", '{"operations": [{"id": "c1", "op": "UPDATE", "value": "x"}]}', "UPDATE takes the id of a memory"),
        ("update", '{"operations": [{"id": "m1", "op": "UPDATE"}]}', "value is missing or empty"),
        ("update", '{"operations": [{"id": "c1", "op": "ADD", "value": ""}]}', "value is empty"),
        ("update", '{"operations": [{"id": "m1", "op": "NOOP"}, {"id": "m1", "op": "DELETE"}]}', "operation already"),
        ("retrieve", '"m1"', "no JSON list found"),
        ("retrieve", "[1, 2]", "must be a list of ids"),
        ("retrieve", '["m1", "m1"]', "names 'm1' twice"),
        ("retrieve", '["m1", "m77"]', "there is no 'm77' here"),
        ("retrieve", "[" + "1" * 5000 + "]", "no JSON list found: "),
        ("retrieve", "[" * 100_000, "nested too deeply|no JSON list"),
        ("answer", '{"answer": ""}', "the answer is empty"),
        ("answer", '{"answer": 42}', "the answer.answer must be a string, not 42"),
        ("answer", "Lisbon", "no JSON object found"),
        ("answer", '{"answer": "x", "cited_ids": "m1"}', "cited_ids must be a list of ids"),
    ],
)  # fmt: skip
def test_bad_actions_are_explained(phase: str, action: str, message: str) -> None:
    with pytest.raises(ActionError, match=message):
        PARSERS[phase](action)


def test_spellings_of_operations() -> None:
    plan = [("c1", "add"), ("m1", "Del"), ("m2", "NONE"), ("c2", "noop"), ("m3", "DELETE")]
    action = json.dumps({"operations": [{"id": identity, "op": op} for identity, op in plan]})
    assert [operation.op for operation in parse_plan(action)] == ["ADD", "DELETE", "NOOP", "NOOP", "DELETE"]


def test_each_problem_of_a_plan_is_named() -> None:
    action = '{"operations": [{"id": "c1", "op": "ADD"}, {"id": "x", "op": "ADD"}, {"id": "c2", "op": "?"}]}'
    operations, problems = parse_update(action, CANDIDATES, MEMORIES)
    assert [operation.id for operation in operations] == ["c1"]
    assert [problem.partition(".")[0] for problem in problems] == ["operations[1]", "operations[2]"]


def test_all_fields_of_a_candidate() -> None:
    item = {"key": "home", "value": "Lisbon", "memory_type": "fact", "tags": ["a, b", "b", " "], "source": ["D1:2"]}
    parsed = parse_extract(json.dumps({"memory_list": [item]}), TURNS)
    assert parsed == [Candidate("Lisbon", "home", "fact", ("a", "b"), ("D1:2",))]


def test_answer_formats() -> None:
    assert parse_answer("  Lisbon\n", "plain") == Answer("Lisbon")
    assert parse_answer(r"First \boxed{Porto}, no: \boxed{ {Lis}bon }.", "boxed") == Answer("{Lis}bon")
    assert parse_answer(r"\boxed{x}" + " " * 1000, "boxed") == Answer("x")
    assert parse_answer(r"<think>\boxed{Porto}</think>\boxed{x}", "boxed") == Answer("x")
    assert parse_answer("<think>Porto?</think> Lisbon", "plain") == Answer("Lisbon")
    for bad in ("Lisbon", r"\boxed{Lisbon", r"\boxed{}", r"\boxed{x}</think>"):
        with pytest.raises(ActionError):
            parse_answer(bad, "boxed")
    for blank in ("", " \n"):
        with pytest.raises(ActionError, match="empty"):
            parse_answer(blank, "plain")


def test_what_is_no_text_is_refused() -> None:
    for wrong in (None, 5, 1.0, b"bytes", ["x"], {"a": 1}):
        with pytest.raises(ActionError, match="must be a string"):
            check_action(wrong)
    with pytest.raises(ActionError, match="lone surrogate"):
        check_action("a\ud800b")
    with pytest.raises(ActionError, match="1,000,001 characters"):
        check_action("x" * (MAX_ACTION_CHARS + 1))
    assert check_action("x" * MAX_ACTION_CHARS)


FULL = MAX_ACTION_CHARS - 100


@pytest.mark.parametrize(
    "action",
    [
        "```" + "\n" * FULL,
        "```\n" * (FULL // 4),
        "```json\n[\n```\n" * (FULL // 14),
        "`" * FULL,
        "[" * FULL,
        "{" * FULL,
        '{"a":' * (FULL // 5),
        '["' + "\\" * FULL,
        "\\boxed{" * (FULL // 7),
        json.dumps([f"m{i}" for i in range(90_000)] + ["m89999"]),
        json.dumps({"operations": [{"id": "m1", "op": "NOOP"}] * 25_000}),
        json.dumps({"memory_list": [{"value": "x", "tags": ["a"] * 150_000}]}),
    ],
    ids=lambda action: action[:12],
)
def test_hostile_actions_take_linear_time(action: str) -> None:
    """A quadratic parser would need hours for one of these."""
    for parse in (*PARSERS.values(), lambda text: parse_answer(text, "boxed")):
        try:
            parse(action)
        except ActionError as error:
            assert len(str(error)) < 1000  # noqa: PT017


def test_too_many_memories_or_operations_are_refused_at_once() -> None:
    items = [{"value": "x"}] * (actions.MAX_ITEMS + 1)
    with pytest.raises(ActionError, match=r"memory_list has 5,001 items; at most 5,000"):
        actions.parse_extract(actions.to_json({"memory_list": items}), ())
    assert len(actions.parse_extract(actions.to_json({"memory_list": items[1:]}), ())) == actions.MAX_ITEMS
    plan = {"operations": [{"id": "c1", "op": "NOOP"}] * (actions.MAX_ITEMS + 1)}
    with pytest.raises(ActionError, match="operations has 5,001 items"):
        actions.parse_update(actions.to_json(plan), {"c1"}, ())
