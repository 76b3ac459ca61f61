"""A judge server that reads the prompt as a model would, and grades by text overlap."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from memgym.scoring.text import sub_em


class Sheet(NamedTuple):
    """What a judge prompt asks: whether an answer is right by a reference, or meets a point of a rubric."""

    rule: str
    nonce: str
    question: str
    reference: str
    candidate: str
    marking: bool = False

    @classmethod
    def read(cls, messages: list[dict[str, str]]) -> Sheet:
        system, user = messages[0]["content"], messages[1]["content"]
        marking = ": MISSED" in system
        nonce = re.search(r"VERDICT (\w+): (?:CORRECT|MET)", system)[1]
        head = "When the point is met:\n" if marking else "When the answer is correct:\n"
        rule = system.partition(head)[2].partition("\n\n")[0]
        parts = [
            re.search(rf"<{name}-{nonce}>\n(.*?)\n</{name}-{nonce}>", user, re.DOTALL)[1]
            for name in ("question", "point" if marking else "reference", "candidate")
        ]
        return cls(rule, nonce, *parts, marking)

    def verdict(self, correct: float) -> str:
        verdicts = {1.0: "MET", 0.5: "PARTLY", 0.0: "MISSED"} if self.marking else {1.0: "CORRECT", 0.0: "INCORRECT"}
        return f"VERDICT {self.nonce}: {verdicts[correct]}"

    def correct(self) -> bool:
        """Grade honestly."""
        if "The history does not tell" in self.rule or "the history does not tell" in self.reference:
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

    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))
    chat_server.answer = grade
    chat_server.read = Sheet.read
    return chat_server
