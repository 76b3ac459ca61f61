"""A backend: what turns chats into completions. This one is a rule; yours may be a server or a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memagents.backends import Backend, Completion, Messages, Sampling


class Clerk(Backend):
    """Finds the door that is asked for, and replies with the number behind it.

    Args:
        unsure: the reply where it finds none.
    """

    def __init__(self, unsure: str = "I do not know."):
        self.unsure = unsure

    def chat(self, batch: Sequence[Messages], sampling: Sampling) -> list[Completion]:
        """Return one completion per chat; without tokens, as no tokens are known."""
        return [Completion(self._reply(messages[-1]["content"]), [], [], [], "stop") for messages in batch]

    def _reply(self, prompt: str) -> str:
        asked = re.search(r"the code of the (\w+) door\?", prompt)
        found = asked and re.search(rf"the {asked[1]} door is (\d+)", prompt)
        return found[1] if found else self.unsure
