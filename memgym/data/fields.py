"""Checked access to the fields of a row."""

from __future__ import annotations

import ast
import json
import math
from decimal import Decimal
from typing import Any
from unicodedata import category

from memgym.errors import DataError


def require(row: Any, field: str, types: type | tuple[type, ...], where: str) -> Any:
    """Return ``row[field]``.

    Args:
        types: what the value may be; a bool is not an int.
        where: the file and row, for the message.

    Raises:
        DataError: the row is no object, the field is missing, or its value is of another type.
    """
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object with the field {field!r}, found {kind_of(row)}")
    if field not in row:
        raise DataError(f"{where}: the field {field!r} is missing; there are {', '.join(map(repr, row)) or 'none'}")
    value = row[field]
    types = types if isinstance(types, tuple) else (types,)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        expected = " or ".join(_KINDS.get(kind, kind.__name__) for kind in types)
        raise DataError(f"{where}: the field {field!r} must be {expected}, not {kind_of(value)}")
    return value


def texts(row: dict[str, Any], field: str, where: str) -> tuple[str, ...]:
    """Return ``row[field]``, one string or number or a list of them, as a tuple of strings.

    A number becomes what a person would write: 7.0 is ``7``, 1e-05 is ``0.00001``.

    Raises:
        DataError: the field is missing, empty or of another type; a text is blank, or a number NaN or infinite.
    """
    value = require(row, field, (str, int, float, list), where)
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in values):
        raise DataError(f"{where}: the field {field!r} must hold at least one text, and only texts: {value!r:.80}")
    for v in values:
        if is_blank(v) if isinstance(v, str) else not math.isfinite(v):
            fault = "a blank text" if isinstance(v, str) else f"{v}, which is no number"
            raise DataError(f"{where}: the field {field!r} holds {fault}: write what is meant, or take it out")
    return tuple(v if isinstance(v, str) else _written(v) for v in values)


def literal(text: str, what: str) -> Any:
    """Return the value that a text writes down as a Python literal, or in JSON.

    Args:
        what: the file, row and field, for the message.

    Raises:
        DataError: it is neither.
    """
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    raise DataError(f"{what} is neither a Python literal nor JSON: {text[:60]!r}")


def is_blank(text: str) -> bool:
    """Return whether nothing of a text can be seen: white space, control characters, joiners, fillers."""
    return all(c in _FILLERS or category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp") for c in text)


_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"


def _written(number: float) -> str:
    """Write a number in digits, without an exponent and without needless zeros."""
    text = str(number) if isinstance(number, int) else format(Decimal(repr(number)).normalize(), "f")
    return "0" if text == "-0" else text


_KINDS = {str: "a string", int: "an int", float: "a number", bool: "a bool", list: "a list", dict: "an object"}


def kind_of(value: object) -> str:
    """Return in words of what type a JSON value is."""
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
