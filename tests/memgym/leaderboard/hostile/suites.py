"""What the honest files are of: a suite that stands for one of ours, one entry of which needs a data file."""

from __future__ import annotations

from memgym.leaderboard.suite import Suite, SuiteEntry

NAME = "tiny-v1"
BANK = {"task": "persona", "difficulty": "easy", "questions": 2}
DATA = "quiz.jsonl"
TINY = Suite(
    NAME,
    "stands for a suite of ours",
    (
        SuiteEntry("bank", "memgym/MemoryBank-v1", BANK, "test", 1),
        SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, "test", 2, 2),
        SuiteEntry("quiz", "memgym/Longcontext-v1", {"task": "custom", "path": DATA}, "all", 1),
    ),
)
ROW = '{"id": "q", "sections": ["Mira moved to Lisbon."], "questions": ["Where is Mira?"], "answers": ["Lisbon"]}\n'
