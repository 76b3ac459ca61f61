"""Episodes of ``persona``: the same everywhere, of the length asked for, and what the options change."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter

import pytest

from memgym.errors import ConfigError
from memgym.tasks import make_task
from memgym.tokens import COUNTERS, get_counter


def test_episodes_are_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from memgym.tasks import make_task; "
        "t = make_task('persona', difficulty='medium', seed=7); "
        "print(hashlib.sha256(repr([t.episode(s, 5) for s in t.splits]).encode()).hexdigest())"
    )
    here = make_task("persona", difficulty="medium", seed=7)
    digest = hashlib.sha256(repr([here.episode(split, 5) for split in here.splits]).encode()).hexdigest()
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert other.stdout.strip() == digest


def test_seeds_and_indices_give_different_episodes() -> None:
    texts = {
        make_task("persona", difficulty="easy", seed=seed).episode("test", i).text()
        for seed in range(3)
        for i in range(3)
    }
    assert len(texts) == 9


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize(
    ("difficulty", "length"), [("easy", 4000), ("easy", 20_000), ("medium", 9000), ("hard", 64_000)]
)
def test_lengths_are_met_within_two_percent(difficulty: str, length: int, counter: str) -> None:
    task = make_task("persona", difficulty=difficulty, length=length, counter=counter)
    for index in range(5):
        tokens = get_counter(counter).count(task.episode("train", index).text())
        assert abs(tokens / length - 1) < 0.02


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize(
    "options",
    [
        {"difficulty": "easy"},
        {"difficulty": "medium"},
        {"difficulty": "hard"},
        {"difficulty": "easy", "questions": 1, "updates": 0, "sessions": 4},
        {"difficulty": "hard", "questions": 40, "updates": 5, "sessions": 16},
    ],
)
def test_the_least_length_is_met(options: dict, counter: str) -> None:
    least = make_task("persona", **options).config.least_length()
    task = make_task("persona", **options, length=least, counter=counter)
    for index in range(20):
        assert abs(get_counter(counter).count(task.episode("train", index).text()) / least - 1) < 0.02


def test_the_knobs_matter() -> None:
    def facts(**options: float) -> int:
        task = make_task("persona", difficulty="easy", turns=40, sessions=12, **options)
        return sum(len(task.episode("train", i).facts) for i in range(5))

    assert facts(distractors=0.0) < facts(distractors=0.5) < facts(distractors=1.0)
    assert facts(updates=0) < facts(updates=2) < facts(updates=4)
    episode = make_task("persona", difficulty="medium", sessions=20, distance=12).episode("train", 0)
    evidence = [turn for question in episode.questions for turn in question.evidence]
    assert max(int(turn.removeprefix("D").split(":")[0]) for turn in evidence) <= len(episode.sessions) - 12
    assert [s.time for s in episode.sessions] == sorted(s.time for s in episode.sessions)


def test_similar_people_share_a_name_with_those_asked_about() -> None:
    def shared(similarity: float) -> float:
        episode = make_task("persona", difficulty="hard", similarity=similarity).episode("train", 0)
        subjects = list(dict.fromkeys(fact.subject for fact in episode.facts))
        firsts = Counter(subject.split()[0] for subject in subjects)
        return sum(firsts[subject.split()[0]] > 1 for subject in subjects) / len(subjects)

    assert shared(1.0) > shared(0.0) + 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"difficulty": "harder"}, "difficulty"),
        ({"sesions": 3}, "sessions"),
        ({"sessions": 5}, "'sessions' must be at least 9"),
        ({"sessions": 8.5}, "sessions"),
        ({"turns": -1}, "turns"),
        ({"people": 2}, "people"),
        ({"people": 3, "questions": 20}, "'questions' must be at most 12"),
        ({"questions": 0}, "questions"),
        ({"updates": 9}, "updates"),
        ({"distance": True}, "distance"),
        ({"hops": 4}, "hops"),
        ({"distractors": 1.5}, "distractors"),
        ({"similarity": "high"}, "similarity"),
        ({"length": 100}, "'length' must be at least"),
        ({"length": 0}, "length"),
        ({"counter": "bytes"}, "counter 'bytes'"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_options_give_one_clear_error(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_task("persona", **options)
