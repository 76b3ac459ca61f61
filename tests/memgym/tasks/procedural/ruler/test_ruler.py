"""What holds for all thirteen tasks: lengths, determinism, splits, and that the questions are fair."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from memgym.errors import ConfigError
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ruler import SUBTASKS, Ruler
from memgym.tokens import get_counter

RULED = [subtask for subtask in SUBTASKS if not subtask.startswith("qa")]
EPISODES = 60


def shortest(subtask: str) -> int:
    return 1_000 if subtask == "niah_multikey_3" else 500


def digest() -> str:
    tasks = [Ruler(subtask=subtask, length=2_000, seed=7) for subtask in SUBTASKS]
    total = hashlib.sha256()
    for task in tasks:
        for split in SPLITS:
            total.update(f"{task.episode(split, 3)!r}{task.fingerprint()}".encode())
    return total.hexdigest()


@pytest.mark.parametrize("subtask", SUBTASKS)
@pytest.mark.parametrize("counter", ["chars", "words"])
def test_length_is_met_within_two_percent(subtask, counter):
    for length, episodes in ((shortest(subtask), 20), (4_095, 5), (4_096, 5), (30_000, 1)):
        task = Ruler(subtask=subtask, length=length, counter=counter)
        for index in range(episodes):
            tokens = get_counter(counter).count(task.episode("train", index).text())
            assert abs(tokens - length) <= 0.02 * length


@pytest.mark.parametrize("hash_seed", ["1", "13"])
def test_episodes_are_the_same_in_another_process(hash_seed):
    code = f"import runpy; print(runpy.run_path({__file__!r})['digest']())"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    other = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest()


@pytest.mark.parametrize("subtask", SUBTASKS)
def test_episodes_differ_by_split_index_and_seed(subtask):
    length = shortest(subtask)
    series = [(0, "train", 0), (0, "train", 1), (0, "validation", 0), (0, "test", 0), (1, "train", 0)]
    episodes = [Ruler(subtask=subtask, length=length, seed=seed).episode(split, i) for seed, split, i in series]
    assert len({episode.text() for episode in episodes}) == 5
    assert len({episode.questions[0].answers for episode in episodes}) == 5


@pytest.mark.parametrize("subtask", RULED)
def test_the_answer_follows_from_the_text_and_from_the_evidence_alone(subtask, solver):
    task = Ruler(subtask=subtask, length=1_000)
    for index in range(EPISODES):
        episode = task.episode(SPLITS[index % 3], index)
        (question,) = episode.questions
        evidence = "\n\n".join(s.text for s in episode.sections if s.id in question.evidence)
        for text in (episode.text(), evidence):
            assert task.score(question, solver(subtask, text, question.text)) == {"answer": 1.0}


@pytest.mark.parametrize("subtask", RULED)
def test_every_piece_of_evidence_is_needed(subtask, solver):
    task = Ruler(subtask=subtask, length=1_000)
    for index in range(EPISODES):
        episode = task.episode("test", index)
        (question,) = episode.questions
        for missing in question.evidence:
            text = "\n\n".join(s.text for s in episode.sections if s.id != missing)
            assert task.score(question, solver(subtask, text, question.text))["answer"] < 1
        rest = "\n\n".join(s.text for s in episode.sections if s.id not in question.evidence)
        assert task.score(question, rest)["answer"] == 0


@pytest.mark.parametrize("subtask", SUBTASKS)
def test_no_answer_stands_in_the_question(subtask):
    task = Ruler(subtask=subtask, length=1_000)
    for index in range(EPISODES):
        (question,) = task.episode("train", index).questions
        assert not any(answer.lower() in question.text.lower() for answer in question.answers)


@pytest.mark.parametrize("subtask", SUBTASKS)
def test_no_constant_answer_pays(subtask):
    task = Ruler(subtask=subtask, length=shortest(subtask))
    questions = [task.episode("train", index).questions[0] for index in range(200)]
    often = Counter(answer for question in questions for answer in question.answers).most_common(10)
    constants = [*(answer for answer, _ in often), " ".join(answer for answer, _ in often), "yes no 1 2 3"]
    for constant in constants:
        assert sum(task.score(question, constant)["answer"] for question in questions) / len(questions) < 0.1


@pytest.mark.parametrize("subtask", SUBTASKS)
def test_facts_and_evidence_name_sections(subtask):
    episode = Ruler(subtask=subtask, length=2_000).episode("train", 0)
    texts = {section.id: section.text for section in episode.sections}
    assert len(texts) == len(episode.sections)
    assert set(episode.questions[0].evidence) <= texts.keys()
    assert all(fact.value in texts[fact.source] for fact in episode.facts)
    if subtask not in ("cwe", "fwe", "qa_1", "qa_2"):
        assert sorted(fact.value for fact in episode.facts) == sorted(episode.questions[0].answers)


def test_score_is_the_share_of_the_answers_given():
    task = Ruler(subtask="niah_multivalue", length=500)
    (question,) = task.episode("train", 0).questions
    assert task.score(question, ", ".join(question.answers[:3]).upper()) == {"answer": 0.75}
    assert task.score(question, "") == {"answer": 0.0}
    any_one = replace(question, match="any")
    assert task.score(any_one, f"It is {question.answers[2]}.") == {"answer": 1.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subtask": "niah_single_4"}, "niah_single_3"),
        ({"length": 499}, "'length' must be an int of at least 500"),
        ({"subtask": "niah_multikey_3", "length": 999}, "at least 1000"),
        ({"length": "4k"}, "'length'"),
        ({"counter": "bytes"}, "token counter 'bytes'"),
        ({"seed": -1}, "'seed'"),
        ({"subtask": "vt", "path": "squad.json"}, "'path' is for the subtasks qa_1 and qa_2"),
        ({"lenght": 4096}, "Did you mean 'length'"),
    ],
)
def test_bad_options_are_explained(options, message):
    with pytest.raises(ConfigError, match=message):
        Ruler(**options)


def test_an_answer_has_room_for_sentences_not_for_every_needle() -> None:
    def limit(subtask: str) -> int:
        task = Ruler(subtask=subtask, length=1024)
        return task.answer_limit(task.episode("test", 0).questions[0])

    assert limit("niah_multikey_2") == 35  # a sentence and a number of seven digits
    assert limit("niah_multiquery") == 128
    assert limit("vt") == 30
    assert limit("qa_1") == 32
