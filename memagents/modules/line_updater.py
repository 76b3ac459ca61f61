"""Decisions about new facts, a short line each: a plan in a third of the tokens that JSON takes."""

from __future__ import annotations

import re

from memagents.modules.text import TextModule
from memgym.protocol.actions import PlannedOperation, parse_update, to_json
from memgym.protocol.observation import Observation

_LINE = re.compile(r"(\S+) (?:(ADD|NOOP|DELETE)|UPDATE (\S+))")


class LineUpdater(TextModule):
    """Asks a model for one decision per new fact, as Memory-R1's manager takes it (arXiv 2508.19828, section 3.1).

    The reply has a line for each candidate, in their order, and then one for each memory that is to go::

        c1 ADD
        c2 NOOP
        c3 UPDATE m7
        m2 DELETE

    ``c3 UPDATE m7`` puts the third fact in the place of memory ``m7``, which keeps its id. A model with little room
    decides about every fact by itself this way, and need not write again what it has read.
    """

    phases = ("update",)
    default_prompt = "update_lines"

    def parse(self, text: str, observation: Observation) -> str | None:
        """Return the decisions as operations, for the environment to check; None if a line is no decision."""
        texts = {candidate.id: candidate.text for candidate in observation.candidates}
        operations = []
        for line in filter(None, map(str.strip, text.splitlines())):
            match = _LINE.fullmatch(line)
            if not match:
                return None
            name, op, memory = match.groups()
            if not memory:
                operations.append({"id": name, "op": op})
            elif name in texts:
                operations.append({"id": memory, "op": "UPDATE", "value": texts[name]})
            else:
                return None
        return to_json({"operations": operations})

    def write(self, action: str, observation: Observation) -> str:
        """Return a plan as decisions; what goes into an UPDATE is the candidate with that very text."""
        candidates, memories = observation.candidates, observation.memories
        operations, _ = parse_update(action, [block.id for block in candidates], [block.id for block in memories])
        decisions = {block.id: f"{block.id} NOOP" for block in candidates}
        for operation in operations:
            if operation.op == "ADD":
                decisions[operation.id] = f"{operation.id} ADD"
            elif operation.op == "UPDATE" and (source := _source(operation, observation)):
                decisions[source] = f"{source} UPDATE {operation.id}"
        gone = [f"{operation.id} DELETE" for operation in operations if operation.op == "DELETE"]
        return "\n".join([*decisions.values(), *gone])


def _source(operation: PlannedOperation, observation: Observation) -> str | None:
    """Return the id of the candidate whose text, exactly, an UPDATE writes; None if it writes something else."""
    return next((block.id for block in observation.candidates if block.text == operation.value), None)
