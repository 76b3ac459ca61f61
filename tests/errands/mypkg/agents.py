"""An agent: which module plays which phase unless a recipe says otherwise."""

from __future__ import annotations

from memagents import MemoryAgent


class Porter(MemoryAgent):
    """Keeps lines with digits, and lets a model answer."""

    modules = {  # noqa: RUF012 - as its base has it
        **MemoryAgent.modules,
        "read": {"module": "mypkg.modules:Digits"},
        "answer": {"module": "Prompted"},
    }
