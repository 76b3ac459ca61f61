"""Context pruning as an action."""

from __future__ import annotations

import json
import re
from itertools import islice

from memagents.modules.text import TextModule
from memgym.protocol.actions import parse_update, to_json
from memgym.protocol.observation import Observation

_IDS = {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True}
_MAX_STARTS = 32  # where in the text an object is looked for, at most
_REWRITE = {
    "type": "object",
    "properties": {"id": {"type": "string", "minLength": 1}, "value": {"type": "string", "minLength": 1}},
    "required": ["id", "value"],
    "additionalProperties": False,
}


class ContextEditor(TextModule):
    """Prunes and rewrites the records of a working context (MemAct, arXiv 2510.12635), which the bank holds.

    The model names what to drop or rewrite: ``{"prune": ["c2", "m4"], "rewrite": [{"id", "value"}]}``. Whatever it does
    not name stays, so new records are added and old ones left alone.
    """

    phases = ("update",)
    default_prompt = "edit_context"
    schema = {  # noqa: RUF012
        "type": "object",
        "properties": {"prune": _IDS, "rewrite": {"type": "array", "items": _REWRITE}},
        "required": ["prune", "rewrite"],
        "additionalProperties": False,
    }

    def parse(self, text: str, observation: Observation) -> str | None:
        """Return the edit as operations on the bank, for the environment to check; None if it is no edit."""
        edit = _find_edit(text)
        if edit is None:
            return None
        new = [candidate.id for candidate in observation.candidates]
        pruned = [{"id": name, "op": "NOOP" if name in new else "DELETE"} for name in edit["prune"]]
        rewritten = [{**change, "op": "ADD" if change.get("id") in new else "UPDATE"} for change in edit["rewrite"]]
        named = [operation.get("id") for operation in pruned + rewritten]
        kept = [{"id": name, "op": "ADD"} for name in new if name not in named]
        return to_json({"operations": pruned + rewritten + kept})

    def write(self, action: str, observation: Observation) -> str:
        """Return the operations on the bank as an edit; what they drop without naming it is pruned."""
        new = [candidate.id for candidate in observation.candidates]
        related = [memory.id for memory in observation.memories]
        operations, _ = parse_update(action, new, related)
        kept = {operation.id for operation in operations if operation.op in ("ADD", "UPDATE")}
        deleted = [operation.id for operation in operations if operation.op == "DELETE"]
        rewrite = [{"id": operation.id, "value": operation.value} for operation in operations if operation.value]
        return to_json({"prune": [*(name for name in new if name not in kept), *deleted], "rewrite": rewrite})


def _find_edit(text: str) -> dict[str, list] | None:
    """Return the first JSON object in the text that has the shape of an edit; either list may be left out."""
    decoder = json.JSONDecoder()
    for start in islice(re.finditer("{", text), _MAX_STARTS):
        try:
            found, _ = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        edit = {"prune": [], "rewrite": [], **found}
        changes = edit["rewrite"]
        shaped = found and edit.keys() == {"prune", "rewrite"} and isinstance(edit["prune"], list)
        if shaped and isinstance(changes, list) and all(isinstance(change, dict) for change in changes):
            return edit
    return None
