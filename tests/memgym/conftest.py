"""A judge server that reads the prompt as a model would, and grades by text overlap."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from memgym.scoring.text import sub_em


class Sheet(NamedTuple):
    """What a judge prompt asks."""

    rule: str
    nonce: str
    question: str
    reference: str
    candidate: str

    @classmethod
    def read(cls, messages: list[dict[str, str]]) -> Sheet:
        system, user = messages[0]["content"], messages[1]["content"]
        nonce = re.search(r"VERDICT (\w+): CORRECT", system)[1]
        rule = system.partition("When the answer is correct:\n")[2].partition("\n\n")[0]
        parts = [
            re.search(rf"<{name}-{nonce}>\n(.*?)\n</{name}-{nonce}>", user, re.DOTALL)[1]
            for name in ("question", "reference", "candidate")
        ]
        return cls(rule, nonce, *parts)

    def verdict(self, correct: bool) -> str:
        return f"VERDICT {self.nonce}: {'CORRECT' if correct else 'INCORRECT'}"

    def correct(self) -> bool:
        """Grade honestly."""
        if self.rule.startswith("The history does not tell"):
            return "don't know" in self.candidate
        lines = self.reference.splitlines()
        golds = [line.removeprefix("- ") for line in lines[1:]] or lines
        demand = all if lines[0].startswith("All") else any
        return demand(bool(sub_em(self.candidate, gold)) for gold in golds)


@pytest.fixture
def judge_server(chat_server, monkeypatch, tmp_path):
    """A chat server that grades honestly; the default cache folder lies in ``tmp_path``."""

    def grade(messages: list[dict[str, str]]) -> str:
        sheet = Sheet.read(messages)
        return f"It reads {sheet.candidate!r}.\n{sheet.verdict(sheet.correct())}"

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    chat_server.answer = grade
    chat_server.read = Sheet.read
    return chat_server
