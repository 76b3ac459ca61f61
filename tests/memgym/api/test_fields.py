from __future__ import annotations

import pytest

from memgym.api.fields import RequestFields, mended, named_fields, split_model
from memgym.errors import ConfigError

SENT = {"model": "m", "messages": [], "temperature": 0, "seed": 3, "max_tokens": 9, "top_p": 0.5}


def test_fields_are_left_out_then_renamed_then_added():
    table = {"omit": ["seed"], "rename": {"max_tokens": "limit"}, "add": {"top_p": 1, "think": {"on": False}}}
    fields = RequestFields.read(table)
    sent = {"model": "m", "messages": [], "temperature": 0, "limit": 9, "top_p": 1, "think": {"on": False}}
    assert fields.apply(SENT) == sent
    assert fields.table() == table
    assert RequestFields.read(None).apply(SENT) == SENT
    assert RequestFields.read({}).table() == {}


def test_of_two_tables_the_second_counts():
    both = RequestFields.read({"omit": ["a"], "add": {"x": 1, "y": 1}}).then(RequestFields.read({"add": {"x": 2}}))
    assert both.table() == {"omit": ["a"], "add": {"x": 2, "y": 1}}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("seed", "must be a table with omit, rename or add"),
        ({"omits": []}, "unknown key of 'request' 'omits'.*'omit'"),
        ({"omit": "seed"}, "omit must be a list"),
        ({"omit": [1]}, "omit must be a list"),
        ({"omit": 5}, "omit must be a list"),
        ({"rename": ["a"]}, "rename must be a table"),
        ({"rename": {"a": None}}, "rename must be a table"),
        ({"add": ["a"]}, "add must be a table"),
        ({"add": {"a": float("nan")}}, "add must be a table"),
        ({"add": {"a": object()}}, "add must be a table"),
        ({"omit": ["messages"]}, "'messages' cannot be changed"),
        ({"rename": {"seed": "model"}}, "'model' cannot be changed"),
        ({"add": {"stream": True}}, "'stream' cannot be changed"),
    ],
)
def test_a_table_that_is_none_is_told(table, told):
    with pytest.raises(ConfigError, match=told):
        RequestFields.read(table)


def test_fields_may_stand_behind_a_name():
    assert split_model("a/b:c") == ("a/b:c", {"omit": [], "add": {}})
    name, table = split_model("m?effort=low&temperature=&dims=256&kwargs=%7B%22think%22%3A+false%7D")
    assert (name, table["omit"]) == ("m", ["temperature"])
    assert table["add"] == {"effort": "low", "dims": 256, "kwargs": {"think": False}}


@pytest.mark.parametrize("model", ["m?", "m?x", "m?x=1&y"])
def test_what_stands_behind_a_name_must_be_fields(model):
    with pytest.raises(ConfigError, match="there must be fields"):
        split_model(model)


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        # OpenAI, of models that reason
        (400, "Unsupported value: 'temperature' does not support 0 with this model.", {"temperature": None}),
        (
            400,
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            {"max_tokens": "max_completion_tokens"},
        ),
        # Anthropic, Moonshot
        (400, "`temperature` and `top_p` cannot both be specified for this model.", {"temperature": None}),
        (400, "`temperature` is deprecated for this model.", {"temperature": None}),
        (400, "invalid temperature: only 1 is allowed for this model", {"temperature": None}),
        # Mistral and other users of pydantic
        (422, '{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"input":3}]}', {"seed": None}),
        # Gemini names all at once
        (
            400,
            r'[{"error": {"message": "Unknown name \"seed\": Cannot find field.\nUnknown name \"temperature\": …"}}]',
            {"seed": None, "temperature": None},
        ),
        # what is no refusal of a field
        (400, "'max_tokens' or 'max_completion_tokens' is too large: 9. The context has 8 tokens.", {}),
        (400, "temperature must be at most 1", {}),
        (400, "unsupported model", {}),
        (400, "'top_p' is not supported", {}),
        (500, "'temperature' is not supported", {}),
    ],
)
def test_what_servers_refuse_is_read_from_their_words(status, body, found):
    assert mended(SENT, status, body) == found


def test_what_is_named_is_told_of_refusals_alone():
    assert named_fields(SENT, 400, "bad top_p, messages, seeds") == ["top_p"]
    assert named_fields(SENT, 500, "bad top_p") == []
