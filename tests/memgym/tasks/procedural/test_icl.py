"""The ``icl`` task, judged by a reader that sees which words the turns share with the question, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.episodes import Episode
from memgym.errors import ConfigError
from memgym.operators.text import bm25
from memgym.scoring.text import contains
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.icl import Icl
from memgym.tasks.procedural.icl.phrases import QUESTIONS, REQUESTS, TAILS
from memgym.tokens import get_counter

OPTIONS = [
    {"difficulty": "easy"},
    {"difficulty": "medium"},
    {"difficulty": "hard", "length": 12_000},
    {"examples": 3, "classes": 16, "words": 3, "similarity": 1.0, "noise": 1.0, "questions": 40},
    {"examples": 1, "classes": 2, "questions": 5, "turns_per_session": 1},
]
EPISODES = 40
"""Per entry of ``OPTIONS``, with several questions each."""

PLAIN_WORDS = {word for text in (*REQUESTS, *TAILS, *QUESTIONS) for word in re.findall(r"[a-z]+", text.lower())}


@cache
def episodes(option: int, split: str = "train") -> list[Episode]:
    task = Icl(**OPTIONS[option])
    return [task.episode(split, index) for index in range(EPISODES)]


def all_options(test):
    return pytest.mark.parametrize("option", range(len(OPTIONS)))(test)


def turns(episode):
    return {turn.id: turn.text for session in episode.sessions for turn in session.turns}


def cues(text):
    """Return the words that are not plain English, nor names."""
    return [word for word in re.findall(r"\b[a-z]+\b", text) if word not in PLAIN_WORDS]


def solve(lines, question):
    """Return the only label that every strange word of the question has been seen with."""
    labels = []
    for cue in cues(question):
        examples = (line.rpartition(" label: ") for line in lines if " label: " in line)
        labels.append({label for text, _, label in examples if cue in text.split() or cue in cues(text)})
    common = set.intersection(*labels)
    return common.pop() if len(common) == 1 else None


@all_options
def test_the_answer_follows_from_the_evidence_and_from_the_whole_text(option):
    for episode in episodes(option):
        lines = turns(episode)
        for question in episode.questions:
            assert len(cues(question.text)) == 2
            assert solve([lines[i] for i in question.evidence], question.text) == question.answers[0], question
        assert solve(lines.values(), episode.questions[0].text) == episode.questions[0].answers[0]


@all_options
def test_the_evidence_is_necessary(option):
    for episode in episodes(option):
        for question in episode.questions[:5]:
            rest = [text for i, text in turns(episode).items() if i not in question.evidence]
            assert solve(rest, question.text) is None


@all_options
def test_questions_and_facts_are_well_formed(option):
    config = Icl(**OPTIONS[option]).config
    for episode in episodes(option):
        lines = turns(episode)
        examples = [line for line in lines.values() if " label: " in line]
        labels = Counter(line.rpartition(" label: ")[2] for line in examples)
        assert len(labels) == config.classes
        assert max(labels.values()) - min(labels.values()) <= (0 if config.length is None else 2)
        assert all(len(session.turns) == config.turns_per_session for session in episode.sessions[:-1])
        assert [f"{f.subject} label: {f.value}" for f in episode.facts] == [
            x for x in lines.values() if " label: " in x
        ]
        assert all(lines[fact.source].startswith(fact.subject) for fact in episode.facts)
        asked = Counter(question.answers[0] for question in episode.questions)
        assert asked.total() == config.questions
        assert max(asked.values()) == -(-config.questions // config.classes)
        for question in episode.questions:
            assert question.answers[0] in labels
            assert question.answers[0] not in question.text
            utterance = question.text.partition('"')[2].rpartition('"')[0]
            assert not any(line.startswith(utterance) for line in lines.values())


def test_similar_classes_share_their_words_and_others_do_not():
    def shares(similarity):
        task = Icl(classes=16, examples=2, words=1, similarity=similarity)
        lines = turns(task.episode("train", 0)).values()
        seen = {(cue, line.rpartition(" ")[2]) for line in lines for cue in cues(line.rpartition(" label: ")[0])}
        return Counter(Counter(cue for cue, _ in seen).values())

    assert shares(0.0) == {1: 32}
    assert shares(1.0) == {4: 8}


def test_combinations_asked_are_new_where_there_are_any():
    for episode in episodes(3):
        examples = [set(cues(line)) for line in turns(episode).values() if " label: " in line]
        for question in episode.questions:
            assert not any(set(cues(question.text)) <= words for words in examples)


def test_noise_is_unlabelled():
    task = Icl(classes=10, examples=4, noise=0.5)
    lines = list(turns(task.episode("train", 0)).values())
    assert len(lines) == 60
    assert sum(" label: " in line for line in lines) == 40


def test_no_constant_answer_pays():
    for option in range(3):
        answers = Counter(q.answers[0] for episode in episodes(option) for q in episode.questions)
        assert answers.most_common(1)[0][1] < 0.1 * answers.total()
        for episode in episodes(option):
            assert len({question.answers[0] for question in episode.questions}) == len(episode.questions)


def test_a_lexical_memory_beats_recency_and_stays_below_an_oracle():
    counter, found = get_counter("words"), Counter()
    task = Icl(difficulty="hard", length=12_000)
    for index in range(5):
        episode = task.episode("validation", index)
        lines = turns(episode)
        ids = list(lines)
        for question in episode.questions:
            orders = {"recency": range(len(ids)), "lexical": bm25(question.text, list(lines.values()))}
            for policy, ranks in orders.items():
                held, tokens = [], 64
                for i in sorted(range(len(ids)), key=lambda i: -ranks[i]):
                    tokens -= counter.count(lines[ids[i]])
                    held += [lines[ids[i]]] if tokens >= 0 else []
                found[policy] += contains("\n".join(held), question.answers[0])
            found["oracle"] += contains("\n".join(lines[i] for i in question.evidence), question.answers[0])
    assert found["oracle"] == 120
    assert found["recency"] + 15 < found["lexical"] < 90


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1000, 8000),
    counter=st.sampled_from(["chars", "words"]),
    words=st.integers(1, 3),
    noise=st.sampled_from([0.0, 0.5, 1.0]),
    per_session=st.integers(1, 30),
    index=st.integers(0, 10**6),
)
def test_lengths_are_met(length, counter, words, noise, per_session, index):
    options = {"words": words, "noise": noise, "turns_per_session": per_session, "classes": length // (words * 100)}
    task = Icl(length=length, counter=counter, **options)
    tokens = get_counter(counter).count(task.episode("train", index).text())
    assert abs(tokens - length) <= 0.02 * length


@pytest.mark.parametrize(("difficulty", "length"), [("easy", 2_000), ("medium", 8_000), ("hard", 32_000)])
@pytest.mark.parametrize("counter", ["chars", "words"])
def test_the_difficulties_set_the_length(difficulty, length, counter):
    text = Icl(difficulty=difficulty, counter=counter).episode("test", 3).text()
    assert get_counter(counter).count(text) == pytest.approx(length, rel=0.02)


def test_the_same_episode_in_another_process(same_elsewhere):
    assert same_elsewhere("icl", {"examples": 3, "classes": 20}, "validation", 7)
    assert same_elsewhere("icl", {"difficulty": "medium", "counter": "words", "seed": 5}, "test", 123)


def split_of(word: str) -> str:
    """Return the only split in which an invented word can occur."""
    return SPLITS[sum(map(ord, word.lower())) % len(SPLITS)]


def test_splits_share_no_word_of_a_class_and_no_label():
    found = {}
    for split in SPLITS:
        played = [e for option in (0, 3) for e in episodes(option, split)]
        found[split] = {word for e in played for q in e.questions for word in (*cues(q.text), *q.answers)}
        assert {split_of(word) for word in found[split]} == {split}
    for one, other in combinations(SPLITS, 2):
        assert not found[one] & found[other]


def test_score_is_exact_match():
    task = Icl(examples=1)
    question = task.episode("train", 0).questions[0]
    assert task.score(question, f" {question.answers[0].upper()}.") == {"answer": 1}
    assert task.score(question, f"label {question.answers[0]}") == {"answer": 0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"difficulty": "harder"}, "'difficulty'.*Did you mean 'hard'"),
        ({"length": 499, "classes": 2}, "'length'.*at least 500"),
        ({"length": 500}, "'length'.*at least 600"),
        ({"examples": 1, "words": 2}, "'examples'.*at least 2"),
        ({"examples": 4, "length": 900}, "'length' and 'examples' exclude"),
        ({"classes": 1}, "'classes'.*2 to 500"),
        ({"words": 0}, "'words'"),
        ({"similarity": 2}, "'similarity'"),
        ({"noise": -0.1}, "'noise'"),
        ({"questions": 0}, "'questions'"),
        ({"turns_per_session": 0}, "'turns_per_session'"),
        ({"counter": "bpe"}, "token counter 'bpe'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        Icl(**options)
