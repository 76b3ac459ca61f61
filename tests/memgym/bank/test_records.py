from dataclasses import FrozenInstanceError

import pytest

from memgym.bank import OPERATION_ALIASES, MemoryRecord, Operation, PlanError
from memgym.errors import MemgymError


def test_text_is_key_and_value():
    assert MemoryRecord("m1", "home city", "Lisbon").text == "home city: Lisbon"
    assert MemoryRecord("m1", "", "Mira lives in Lisbon").text == "Mira lives in Lisbon"


def test_records_are_immutable():
    with pytest.raises(FrozenInstanceError):
        MemoryRecord("m1", "", "x").value = "y"


@pytest.mark.parametrize(("written", "meant"), OPERATION_ALIASES.items())
def test_aliases(written, meant):
    assert Operation(written, "m1") == Operation(meant, "m1")


def test_lists_become_tuples():
    assert Operation("ADD", value="x", tags=["a"], source=["D1:2"]) == Operation(
        "ADD", value="x", tags=("a",), source=("D1:2",)
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"op": "MERGE"}, "unknown operation 'MERGE'"),
        ({"op": None}, "unknown operation None"),
        ({"op": ["ADD"]}, "unknown operation"),
        ({"op": "ADD"}, "needs a value"),
        ({"op": "ADD", "value": " \n"}, "blank"),
        ({"op": "ADD", "value": "x", "id": "m1"}, "makes its own id"),
        ({"op": "UPDATE", "value": "x"}, "needs the id"),
        ({"op": "UPDATE", "id": "m1", "value": ""}, "blank"),
        ({"op": "UPDATE", "id": "m1"}, "nothing to change"),
        ({"op": "DEL"}, "DELETE needs the id"),
        ({"op": "ADD", "value": 5}, "5 must be text, not int"),
        ({"op": "ADD", "value": 0}, "0 must be text, not int"),
        ({"op": "ADD", "value": "x", "key": []}, "must be text, not list"),
        ({"op": "ADD", "value": "x", "memory_type": None}, "must be text, not NoneType"),
        ({"op": "ADD", "value": "x", "tags": "work"}, "tags must be a tuple"),
        ({"op": "ADD", "value": "x", "tags": ("a", 1)}, "1 must be text, not int"),
        ({"op": "ADD", "value": "x", "source": None}, "source must be a tuple"),
        ({"op": "ADD", "value": "a\ud800b"}, "lone surrogate"),
        ({"op": "DELETE", "id": "\udfff"}, "lone surrogate"),
        ({"op": "DELETE", "id": 7}, "7 must be text"),
    ],
)
def test_bad_operations_say_what_is_wrong(fields, message):
    with pytest.raises(PlanError, match=message) as caught:
        Operation(**fields)
    assert isinstance(caught.value, MemgymError)
    assert isinstance(caught.value, ValueError)
