"""The fields of a request: what a server's dialect leaves out, calls otherwise or wants besides.

Servers differ. OpenAI's reasoning models take no ``temperature`` but 1, and ``max_completion_tokens`` for
``max_tokens``; Gemini's endpoint takes no ``seed``; vLLM takes ``chat_template_kwargs``. What is known beforehand is
written down as ``request``, a table::

    request = { omit = ["seed"], rename = { max_tokens = "max_completion_tokens" }, add = { reasoning_effort = "low" } }

Where a model is named by a string alone, it goes behind the name: ``api:gpt-5?reasoning_effort=low&temperature=`` adds
a field (a JSON value, or else a text) and leaves one out. What was not known is found out: see :func:`mended`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl

from memgym.errors import ConfigError, unknown

FIXED = ("model", "messages", "input", "stream")
"""The fields that make a request what it is: they are as they are."""
OPTIONAL = {
    "temperature": "the server samples as it does by default",
    "seed": "the same request may get another reply",
    "encoding_format": "the server writes vectors as it does by default",
}
"""The fields that a request can do without, and what follows: a server that refuses one is asked again without it."""
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_VERBS = ("omit", "rename", "add")
_REFUSES = re.compile(
    "unsupported|not supported|not support |not permitted|forbidden|not allowed|only .{1,30} allowed|unknown|"
    "unrecogni[sz]ed|unexpected|deprecated|cannot both|instead",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class RequestFields:
    """What is done to the fields of every request, in this order.

    Args:
        omit: fields that are left out.
        rename: field to what the server calls it.
        add: fields that are sent besides, or in place of those of the same name.
    """

    omit: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Any) -> Self:
        """Return the fields that a table describes; None is an empty one.

        Raises:
            ConfigError: it is no such table.
        """
        table = {} if given is None else given
        if not isinstance(table, Mapping):
            raise ConfigError(f"argument 'request' must be a table with omit, rename or add, not {given!r}")
        for verb in table:
            if verb not in _VERBS:
                raise unknown("key of 'request'", verb, _VERBS)
        omit, rename, add = table.get("omit", ()), table.get("rename", {}), table.get("add", {})
        if isinstance(omit, str) or not (isinstance(omit, Iterable) and all(isinstance(one, str) for one in omit)):
            raise ConfigError(f"'request': omit must be a list of fields, such as ['seed'], not {omit!r}")
        if not (isinstance(rename, Mapping) and all(isinstance(name, str) for pair in rename.items() for name in pair)):
            raise ConfigError(
                "'request': rename must be a table from field to field, such as "
                f"{{ max_tokens = 'max_completion_tokens' }}, not {rename!r}"
            )
        if not (isinstance(add, Mapping) and all(isinstance(name, str) for name in add) and _is_json(add)):
            raise ConfigError(f"'request': add must be a table of JSON values, such as {{ top_k = 20 }}, not {add!r}")
        for name in (*omit, *rename, *rename.values(), *add):
            if name in FIXED:
                raise ConfigError(f"'request': {name!r} cannot be changed: it is the request itself")
        return cls(tuple(omit), dict(rename), dict(add))

    def apply(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a request as they are sent."""
        kept = {name: value for name, value in fields.items() if name not in self.omit}
        return {**renamed(kept, self.rename), **self.add}

    def then(self, other: RequestFields) -> RequestFields:
        """Return what does this and the other; of what both add, the other's counts."""
        return RequestFields((*self.omit, *other.omit), {**self.rename, **other.rename}, {**self.add, **other.add})

    def table(self) -> dict[str, Any]:
        """Return the table that :meth:`read` reads; an empty one if nothing is done."""
        return {
            verb: value
            for verb, value in {"omit": list(self.omit), "rename": self.rename, "add": self.add}.items()
            if value
        }


def split_model(model: str) -> tuple[str, dict[str, Any]]:
    """Return a model's name, and the table that stands behind it as ``?field=value&field=``.

    Raises:
        ConfigError: what stands there is none.
    """
    name, asked, query = model.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if asked else []
        if asked and not pairs:
            raise ValueError("nothing")
    except ValueError:
        raise ConfigError(f"model {model!r}: behind '?' there must be fields, such as ?reasoning_effort=low") from None
    omit = [field for field, value in pairs if not value]
    return name, {"omit": omit, "add": {field: _value(value) for field, value in pairs if value}}


def renamed(fields: Mapping[str, Any], names: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the fields under their new names; one whose new name is None is left out."""
    pairs = ((names.get(name, name), value) for name, value in fields.items())
    return {name: value for name, value in pairs if name is not None}


def mended(sent: Iterable[str], status: int, body: str) -> dict[str, str | None]:
    """Return which of the fields that were sent can be sent otherwise, as a server refuses them: new name, or None.

    Servers say it in many ways, and not all of them in a field of its own; so what counts is that a request of ours is
    refused (400, 422) in words of a refusal that name the field. Only :data:`OPTIONAL` fields are left out, and the
    limit of the reply's length is called by its other name. A server that refuses more (a schema, a template's options,
    ``top_p``) is not asked for something else: its words are the error.
    """
    named = named_fields(sent, status, body) if _REFUSES.search(body) else []
    return {name: _LIMITS.get(name) for name in named if name in OPTIONAL or name in _LIMITS}


def named_fields(sent: Iterable[str], status: int, body: str) -> list[str]:
    """Return which of the fields that were sent are named where a request of ours is refused (400, 422)."""
    known = [name for name in sent if name not in FIXED] if status in (400, 422) else []
    return [name for name in known if re.search(rf"\b{re.escape(name)}\b", body)]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
