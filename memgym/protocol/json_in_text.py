"""Which JSON in a text is the action.

**The action is the last JSON value of the action's form, in a code fence if one is there, else anywhere; if the same
form is begun once more behind it and is not whole, there is none.** The form is an object with the action's field, or a
list of texts (a list in an object if that holds no other; an empty list if there is no other).

So thoughts, examples and drafts may come before the action, and remarks behind its fence. What is cut off is never
replaced by a draft. Whether the values fit is for the parsers to say: a later action with a fault hides an earlier one
without, since that is what the agent meant; nobody gains by writing several.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from memgym.errors import ActionError

_FENCE = re.compile(r"```[a-zA-Z0-9]*[^\S\n]*\n.*?(?:```|\Z)", re.DOTALL)  # never backtracks over line breaks
_OPENING = {
    "object": re.compile(r'\{(?=\s*["}])'),
    "list": re.compile(r'\{(?=\s*["}])|\[(?=\s*(?:["\[{\]\d-]|true|false|null|NaN|Infinity))'),
}
"""Where a value may begin in which the action is; it is not sought behind other brackets."""
# What it may cost to find out that something is no JSON, where a character that is looked at costs 1.
_WORK, _READ, _DEEP = 100_000_000, 10, 100_000  # in all; a character that is decoded; one try that nests too deeply


def find_object(text: str, field: str) -> dict[str, Any]:
    """Return the object that is the action; where none has the ``field``, the first object, whose faults can be told.

    Raises:
        ActionError: there is no object, or none with the field among brackets that are no JSON.
    """
    names = list(re.finditer(rf'"{field}"\s*:', text))
    last = names[-1].start() if names else -1
    return _find(text, "object", lambda value: value if field in value else None, lambda start: start < last)


def find_ids(text: str) -> list[Any]:
    """Return the list that is the action; where none is a list of texts, the first list, whose faults can be told.

    Raises:
        ActionError: there is no list.
    """
    begun = re.compile(r'\[\s*"')
    return _find(text, "list", _texts_in, lambda start: begun.match(text, start) is not None)


def _find(text: str, kind: str, form: Callable[[Any], Any], begun: Callable[[int], bool]) -> Any:
    """Return the action.

    Args:
        kind: ``object`` or ``list``.
        form: a JSON value to the action that it is, else None.
        begun: whether an action begins at a place where no whole JSON value does.
    """
    fences = iter([match.span() for match in _FENCE.finditer(text)])
    opened, closed = next(fences, _NOWHERE)
    action, rank, cut_off = None, (False, False), False
    other, problem = None, ""
    for start, value, fault in _values(text, kind):
        while closed <= start:
            opened, closed = next(fences, _NOWHERE)
        fenced = opened <= start
        found = None if fault else form(value)
        if fault:
            problem = problem or fault
            if begun(start) and fenced >= rank[0]:
                action, rank, cut_off = None, (False, False), True
        elif found is None:
            other = value if other is None and isinstance(value, _TYPES[kind]) else other
        elif action is None or (fenced, bool(found)) >= rank:
            action, rank = found, (fenced, bool(found))
    if action is not None:
        return action
    if other is None or cut_off or (problem and kind == "object"):  # it might be a part of what is cut off
        raise ActionError(f"no JSON {kind} found" + (f": {problem}" if problem else ""))
    return other


_NOWHERE = (sys.maxsize, sys.maxsize)
_TYPES = {"object": dict, "list": list}


def _values(text: str, kind: str) -> Iterator[tuple[int, Any, str]]:
    """Yield where a JSON value begins, the value, and ``""``; for a bracket that begins none, what is wrong there.

    Values inside a value are not yielded.

    Raises:
        ActionError: there is too much of what is no JSON.
    """
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    opening = _OPENING[kind]
    match, work = opening.search(text), 0
    while match:
        start = match.start()
        end, cost = start + 1, 0
        try:
            value, end = decoder.raw_decode(text, start)
        except RecursionError:
            cost, fault = _DEEP, "it is nested too deeply"
        except json.JSONDecodeError as error:
            end_of_it = len(text) if error.msg.startswith("Unterminated") else error.pos
            cost, fault = 1000 + error.pos + _READ * (end_of_it - start), str(error)  # it counted the lines up to there
        except ValueError as error:  # NaN, or an int of thousands of digits
            cost, fault = 1000 + _READ * (len(text) - start), str(error)
        else:
            yield start, value, ""
        if cost:
            yield start, None, fault
        work += cost
        if work > _WORK:
            raise ActionError(f"no JSON {kind} found: too much of the action is no JSON")
        match = opening.search(text, end)


def _texts_in(value: Any) -> list[str] | None:
    """Return the list of texts that a value is or that it alone holds."""
    if isinstance(value, list):
        return value if all(isinstance(item, str) for item in value) else None
    held, lists = list(value.values()), []
    while held:
        inner = held.pop()
        if isinstance(inner, dict):
            held += inner.values()
        elif isinstance(inner, list) and all(isinstance(item, str) for item in inner):
            lists.append(inner)
    return lists[0] if len(lists) == 1 else None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
