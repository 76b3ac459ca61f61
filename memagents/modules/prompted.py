"""Zero-shot: the environment's own words are the prompt."""

from __future__ import annotations

from memagents.modules.text import TextModule
from memgym.protocol.observation import PHASES


class Prompted(TextModule):
    """Shows the model the task text and the state as the environment writes them, and hands on what it replies."""

    phases = PHASES
    default_prompt = "task"
