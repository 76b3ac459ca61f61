"""What holds for all twelve tasks: lengths, determinism, splits, and that the questions are fair."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from memgym.errors import ConfigError
from memgym.tasks import make_task
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ruler2 import OTHERS, SUBTASKS, Ruler2
from memgym.tokens import get_counter

EPISODES = 300 // len(SUBTASKS)
"""Of each subtask."""
each_subtask = pytest.mark.parametrize("subtask", SUBTASKS)


def cases(subtask, split=None, episodes=EPISODES):
    task = Ruler2(subtask=subtask, length=1_000)
    for index in range(episodes):
        episode = task.episode(split or SPLITS[index % 3], index)
        yield task, episode, episode.questions[0]


@each_subtask
@pytest.mark.parametrize("counter", ["chars", "words"])
def test_length_is_met_within_two_percent(subtask, counter):
    for length, episodes in ((1_000, 10), (4_096, 3), (20_000, 1)):
        task = Ruler2(subtask=subtask, length=length, counter=counter)
        for index in range(episodes):
            tokens = get_counter(counter).count(task.episode("train", index).text())
            assert abs(tokens - length) <= 0.02 * length


@pytest.mark.parametrize("subtask", ["mk_niah_basic", "mv_niah_hard", "qa_easy"])
def test_episodes_are_the_same_in_another_process(subtask, same_elsewhere):
    assert same_elsewhere("ruler2", {"subtask": subtask, "length": 1_000}, "test", 5)


@each_subtask
def test_episodes_differ_by_split_index_and_seed(subtask):
    series = [(0, "train", 0), (0, "train", 1), (0, "validation", 0), (0, "test", 0), (1, "train", 0)]
    episodes = [Ruler2(subtask=subtask, length=1_000, seed=seed).episode(split, i) for seed, split, i in series]
    assert len({episode.text() for episode in episodes}) == 5
    assert len({episode.questions[0].answers for episode in episodes}) == 5


@each_subtask
def test_no_answer_of_one_split_is_one_of_another(subtask):
    answers = {split: {a for *_, question in cases(subtask, split, 30) for a in question.answers} for split in SPLITS}
    if subtask in ("qa_medium", "qa_hard"):  # years and the like: there the question names what belongs to a split
        answers = {split: {question.text for *_, question in cases(subtask, split, 30)} for split in SPLITS}
    assert not answers["train"] & answers["test"]
    assert not answers["train"] & answers["validation"]
    assert not answers["validation"] & answers["test"]


@each_subtask
def test_the_answer_follows_from_the_text_and_from_the_evidence_alone(subtask, solve):
    for task, episode, question in cases(subtask):
        evidence = "\n\n".join(s.text for s in episode.sections if s.id in question.evidence)
        for text in (episode.text(), evidence):
            assert task.score(question, solve(subtask, text, question.text)) == {"answer": 1.0}, question


@each_subtask
def test_every_piece_of_evidence_is_needed(subtask, solve):
    for task, episode, question in cases(subtask, "test"):
        for missing in question.evidence:
            text = "\n\n".join(s.text for s in episode.sections if s.id != missing)
            assert task.score(question, solve(subtask, text, question.text))["answer"] < 1
        rest = "\n\n".join(s.text for s in episode.sections if s.id not in question.evidence)
        assert task.score(question, solve(subtask, rest, question.text))["answer"] == 0


@each_subtask
def test_no_answer_stands_in_the_question(subtask):
    for *_, question in cases(subtask):
        assert not any(answer.lower() in question.text.lower() for answer in question.answers)


@each_subtask
def test_no_constant_answer_pays(subtask):
    task = Ruler2(subtask=subtask, length=1_000)
    questions = [task.episode("train", index).questions[0] for index in range(200)]
    often = [answer for answer, _ in Counter(a for q in questions for a in q.answers).most_common(10)]
    for constant in (*often, " ".join(often), "\n".join(often), "A", "B", "yes no 1 2 3", ""):
        assert sum(task.score(question, constant)["answer"] for question in questions) / len(questions) < 0.1


@each_subtask
def test_a_long_piece_of_the_text_is_no_answer(subtask):
    task, scores = Ruler2(subtask=subtask, length=4_096), []
    for index in range(15):
        episode = task.episode("test", index)
        (question,) = episode.questions
        piece = get_counter("chars").cut(episode.text(), task.answer_limit(question))
        scores.append(task.score(question, piece)["answer"])
    assert sum(scores) / len(scores) < 0.2


@each_subtask
def test_facts_and_evidence_name_sections(subtask):
    for _, episode, question in cases(subtask):
        texts = {section.id: section.text for section in episode.sections}
        assert len(texts) == len(episode.sections)
        assert set(question.evidence) <= texts.keys()
        assert {fact.source for fact in episode.facts} == set(question.evidence)
        assert all(fact.value in texts[fact.source] for fact in episode.facts)


def test_who_names_other_options_has_not_chosen():
    task = Ruler2(subtask="mk_niah_medium", length=1_000)
    for index in range(20):
        (question,) = task.episode("test", index).questions
        right, wrong = question.answers[0], question.metadata[OTHERS].split("\n")
        copied = f"A. {wrong[0]} B. {right} C. {wrong[1]} D. {wrong[2]}"
        for answer, score in (
            (right, 1.0),
            (f"{copied}\nIt is {right.upper()}.", 1.0),
            (f"{right}\n{copied}", 0.0),
            (f"{right} or {wrong[1]}", 0.0),
            (wrong[0], 0.0),
            ("B", 0.0),
            ("", 0.0),
        ):
            assert task.score(question, answer) == {"answer": score}


def test_who_copies_all_four_has_not_given_the_nth():
    task = Ruler2(subtask="mv_niah_medium", length=1_000)
    for index in range(20):
        (question,) = task.episode("test", index).questions
        four = "\n".join([*question.answers, *question.metadata[OTHERS].split("\n")])
        assert task.score(question, four) == {"answer": 0.0}
        assert task.score(question, f"{four}\n\n{question.answers[0]}") == {"answer": 1.0}


def test_who_lists_numbers_of_documents_has_found_none():
    task = Ruler2(subtask="qa_easy", length=1_000)
    episode = task.episode("test", 0)
    (question,) = episode.questions
    assert task.score(question, f"Document {question.answers[0]}.") == {"answer": 1.0}
    everything = " ".join(re.findall(r"Document (\d{7}):", episode.text()))
    assert question.answers[0] in everything
    assert task.score(question, everything) == {"answer": 0.0}


@pytest.mark.parametrize("level", ["medium", "hard"])
def test_who_copies_documents_has_answered_nothing(level):
    for task, episode, question in cases(f"qa_{level}", episodes=10):
        texts = {section.id: section.text for section in episode.sections}
        documents = [" ".join(texts[name].split()) for name in question.evidence]
        assert task.score(question, " ".join(documents)) == {"answer": 0.0}
        assert task.score(question, "\n\n".join(documents)) == {"answer": 0.0}
        assert task.score(question, "\n\n".join([*documents, f"It is {question.answers[0]}."])) == {"answer": 1.0}


@pytest.mark.parametrize("kind", ["mk", "mv"])
@pytest.mark.parametrize(
    ("level", "pattern"), [("basic", r"for ([\w-]+) is: \d{10}\."), ("hard", r"Question (\d{7}):")]
)
def test_all_lines_look_alike_and_share_their_keys(kind, level, pattern):
    shared = 1 if kind == "mk" else 4
    for index in range(5):
        episode = Ruler2(subtask=f"{kind}_niah_{level}", length=20_000).episode("train", index)
        lines = episode.text().replace("\n\n", "\n").split("\n")
        keys = Counter(re.search(pattern, line)[1] for line in lines)
        assert sum(keys.values()) == len(lines) > 200
        assert max(keys.values()) == shared
        assert sum(count == shared for count in keys.values()) >= len(keys) - 2  # those at the end of the text
        (asked,) = [key for key in keys if re.search(rf"(?<![\w-]){key}(?![\w-])", episode.questions[0].text)]
        assert keys[asked] == shared


def test_medium_and_hard_ask_the_same_of_the_same_text():
    for kind in ("mk_niah", "mv_niah", "qa"):
        medium, hard = (
            make_task("ruler2", subtask=f"{kind}_{level}", length=1_000).episode("test", 3)
            for level in ("medium", "hard")
        )
        assert medium.sections == hard.sections
        assert medium.questions[0].answers == hard.questions[0].answers


def test_an_answer_has_room_for_what_is_to_be_copied():
    for subtask in SUBTASKS:
        for task, episode, question in cases(subtask, episodes=20):
            copied = "\n".join([fact.value for fact in episode.facts]) if "niah_medium" in subtask else ""
            answer = f"{copied}\n\n{', '.join(question.answers)}"
            assert get_counter("chars").count(answer) <= task.answer_limit(question)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subtask": "mk_niah_simple"}, "mk_niah_easy"),
        ({"length": 999}, "'length' must be an int of at least 1000"),
        ({"counter": "bytes"}, "token counter 'bytes'"),
        ({"seed": -1}, "'seed'"),
        ({"path": "hotpot.json"}, "unknown option 'path' of task 'ruler2'"),
    ],
)
def test_bad_options_are_explained(options, message):
    with pytest.raises(ConfigError, match=message):
        Ruler2(**options)
