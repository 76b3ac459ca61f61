"""MemAgent's recurrent memory."""

from __future__ import annotations

from memagents.modules.text import TextModule


class RecurrentMemory(TextModule):
    """Rewrites the whole memory after each section (MemAgent, arXiv 2507.02259, section 3).

    The model sees the question, the memory and a section; the whole reply is the new memory.
    """

    phases = ("read",)
    default_prompt = "read"
