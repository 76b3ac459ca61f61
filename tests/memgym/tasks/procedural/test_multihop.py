"""The ``multihop`` task, judged by a reader that knows the wording but nothing of the generator's state."""

from __future__ import annotations

import json
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
from memgym.scoring.text import contains, normalize
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.multihop import Multihop
from memgym.tasks.world.phrases import FILLERS, OPENINGS, SCHEMA, STAND_INS
from memgym.tokens import get_counter

OPTIONS = [
    {"difficulty": "easy"},
    {"difficulty": "medium"},
    {"difficulty": "hard", "length": 10_000},
    {"documents": 12, "questions": 6, "hops": 4, "comparison": 0.5, "similarity": 1.0},
    {"documents": 5, "questions": 5, "hops": 4, "comparison": 0.0},
    {"documents": 5, "questions": 5, "hops": 1, "comparison": 1.0},
]
EPISODES = 60
"""Per entry of ``OPTIONS``."""


@cache
def episodes(option: int, split: str = "train") -> list[Episode]:
    task = Multihop(**OPTIONS[option])
    return [task.episode(split, index) for index in range(EPISODES)]


def all_options(test):
    return pytest.mark.parametrize("option", range(len(OPTIONS)))(test)


class Library:
    """Looks facts up in documents."""

    def __init__(self, patterns, texts):
        self._patterns = patterns
        self._pages = {}
        for text in texts:
            _, title, body = text.split("\n")
            assert title not in self._pages
            self._pages[title] = [sentence.replace(title, "§") for sentence in re.split(r"(?<=\.) ", body)]

    def lookup(self, title, kind, relation):
        found = {
            match["v"]
            for sentence in self._pages.get(title, ())
            for pattern in self._patterns[kind, relation.name]
            if (match := pattern.fullmatch(sentence))
        }
        assert len(found) <= 1, (title, relation.name, found)
        return found.pop() if found else None


@pytest.fixture(scope="module")
def patterns(stated):
    return {
        (kind, relation.name): stated(kind, relation, "|".join(("§", *STAND_INS[kind])))
        for kind, relations in SCHEMA.items()
        for relation in relations
    }


@pytest.fixture
def solve(patterns, read):
    return lambda texts, question: read(question, Library(patterns, texts).lookup)


def texts(episode, ids):
    return [section.text for section in episode.sections if section.id in ids]


@all_options
def test_the_answer_follows_from_the_evidence_alone(option, solve):
    for episode in episodes(option):
        for question in episode.questions:
            assert solve(texts(episode, question.evidence), question.text) == question.answers[0], question


@all_options
def test_each_piece_of_evidence_is_necessary(option, solve):
    for episode in episodes(option)[:20]:
        everything = [section.id for section in episode.sections]
        for question in episode.questions:
            assert solve(texts(episode, everything), question.text) == question.answers[0]
            for missing in question.evidence:
                assert solve(texts(episode, set(everything) - {missing}), question.text) is None, (question, missing)


@all_options
def test_questions_and_evidence_are_well_formed(option):
    for episode in episodes(option):
        assert [s.id for s in episode.sections] == [f"doc{i}" for i in range(1, len(episode.sections) + 1)]
        assert all(s.text.startswith(f"Document {s.id[3:]}:\n") for s in episode.sections)
        assert len({question.text for question in episode.questions}) == len(episode.questions)
        for question in episode.questions:
            assert len(set(question.evidence)) == len(question.evidence)
            if question.category == "comparison":
                assert question.answers[0] in ("yes", "no") or question.answers[0] in question.text
            else:
                assert question.answers[0].lower() not in question.text.lower()
                assert len(question.evidence) == 1 or question.category == "bridge"


def test_the_share_of_kinds_of_questions():
    asked = [
        q for index in range(400) for q in Multihop(documents=30, questions=5, hops=3).episode("test", index).questions
    ]
    shares = Counter((q.category, len(q.evidence)) for q in asked)
    assert shares["comparison", 2] / len(asked) == pytest.approx(0.2, abs=0.03)
    assert shares["bridge", 2] == pytest.approx(shares["bridge", 3], rel=0.15)
    assert sum(q.answers[0] in ("yes", "no") for q in asked) / len(asked) == pytest.approx(0.05, abs=0.02)


def test_gold_facts_are_the_chain(solve):
    for episode in episodes(3):
        by_id = {section.id: section.text for section in episode.sections}
        assert {fact.source for fact in episode.facts} == {i for q in episode.questions for i in q.evidence}
        for fact in episode.facts:
            assert by_id[fact.source].split("\n")[1] == fact.subject
            assert fact.value in by_id[fact.source]
            assert fact.until is None


@pytest.mark.parametrize("difficulty", ["easy", "medium"])
def test_no_constant_answer_pays(difficulty):
    task = Multihop(difficulty=difficulty, length=2000)
    answers = Counter(normalize(task.episode("test", i).questions[0].answers[0]) for i in range(600))
    assert answers.most_common(1)[0][1] < 0.1 * 600


def test_yes_and_no_occur_in_answers_only():
    for option in range(len(OPTIONS)):
        for episode in episodes(option)[:10]:
            assert not re.search(r"\b(yes|no)\b", episode.text(), re.IGNORECASE)


def test_distractors_share_words_with_the_evidence_as_the_similarity_says():
    def share(similarity):
        task, alike = Multihop(documents=60, similarity=similarity, comparison=0), 0
        for index in range(60):
            episode = task.episode("train", index)
            titles = [section.text.split("\n")[1] for section in episode.sections]
            first = titles[int(episode.questions[0].evidence[0][3:]) - 1]
            rare = {word for word in first.split() if len(word) > 5 and word.istitle()}
            alike += any(rare & set(title.split()) for title in titles if title != first)
        return alike / 60

    low, middle, high = map(share, (0.0, 0.5, 1.0))
    assert low < middle - 0.1 < high - 0.2


def test_distractors_do_not_give_the_answer_away(patterns):
    """A reader that skips the chain and guesses among all values of the asked relation is mostly wrong."""
    chances = []
    for episode in episodes(0):
        question = episode.questions[0]
        if question.category != "bridge":
            continue
        fact = next(fact for fact in episode.facts if fact.source == question.evidence[-1])
        library = Library(patterns, [section.text for section in episode.sections])
        titles = [section.text.split("\n")[1] for section in episode.sections]
        asked = [(k, r) for k, relations in SCHEMA.items() for r in relations if r.name == fact.relation]
        values = [value for title in titles for k, r in asked if (value := library.lookup(title, k, r))]
        chances.append(values.count(fact.value) / len(values))
    assert sum(chances) / len(chances) < 0.25


def kept(question: str, episode: Episode, tokens: int, policy: str) -> str:
    """Return what a memory of ``tokens`` words holds that keeps the latest, the likest, or all needed sentences."""
    counter = get_counter("words")
    lines = [line for section in episode.sections for line in re.split(r"(?<=\.) |\n", section.text)]
    if policy == "oracle":
        return "\n".join(texts(episode, episode.questions[0].evidence))
    ranks = range(len(lines)) if policy == "recency" else bm25(question, lines)
    held = []
    for i in sorted(range(len(lines)), key=lambda i: -ranks[i]):
        tokens -= counter.count(lines[i])
        if tokens < 0:
            break
        held.append(lines[i])
    return "\n".join(held)


def test_a_lexical_memory_beats_recency_and_stays_far_below_an_oracle():
    task = Multihop(comparison=0.0)
    found = Counter()
    for index in range(150):
        episode = task.episode("validation", index)
        question = episode.questions[0]
        for policy in ("recency", "lexical", "oracle"):
            found[policy] += contains(kept(question.text, episode, 256, policy), question.answers[0])
    assert found["recency"] + 15 < found["lexical"] < found["oracle"] - 45
    assert found["oracle"] == 150


def test_evidence_lies_anywhere_by_default_and_where_it_is_told():
    def depths(**options):
        task = Multihop(documents=40, comparison=0, **options)
        return [int(i[3:]) / 40 for n in range(200) for i in task.episode("train", n).questions[0].evidence]

    uniform = Counter(int(depth * 3.999) for depth in depths())
    assert all(abs(count - 100) < 40 for count in uniform.values())
    assert len(uniform) == 4
    assert max(depths(evidence=(0, 0.25))) <= 0.25
    assert min(depths(evidence=[0.75, 1])) > 0.75
    assert Multihop(documents=5, evidence=(0.99, 1.0)).episode("train", 0)  # the evidence needs more room: it gets it


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(500, 6000),
    counter=st.sampled_from(["chars", "words"]),
    difficulty=st.sampled_from(["easy", "medium", "hard"]),
    questions=st.integers(1, 4),
    index=st.integers(0, 10**6),
)
def test_lengths_are_met(length, counter, difficulty, questions, index):
    task = Multihop(length=length, counter=counter, difficulty=difficulty, questions=questions)
    tokens = get_counter(counter).count(task.episode("train", index).text())
    assert abs(tokens - length) <= 0.02 * length


@pytest.mark.parametrize(("difficulty", "length"), [("easy", 4_000), ("medium", 8_000), ("hard", 32_000)])
@pytest.mark.parametrize("counter", ["chars", "words"])
def test_the_difficulties_set_the_length(difficulty, length, counter):
    text = Multihop(difficulty=difficulty, counter=counter).episode("test", 3).text()
    assert get_counter(counter).count(text) == pytest.approx(length, rel=0.02)


@settings(max_examples=80, deadline=None)
@given(
    documents=st.integers(5, 14),
    hops=st.integers(1, 4),
    similarity=st.sampled_from([0.0, 0.5, 1.0]),
    comparison=st.sampled_from([0.0, 0.5, 1.0]),
    index=st.integers(0, 10**6),
)
def test_the_tightest_options_play(documents, hops, similarity, comparison, index):
    options = {"hops": hops, "similarity": similarity, "comparison": comparison}
    episode = Multihop(documents=documents, questions=documents, **options).episode("train", index)
    assert len(episode.sections) == len(episode.questions) == documents


def test_documents_have_3_to_10_sentences():
    counts = Counter(
        len(re.split(r"(?<=\.) ", section.text))
        for option in (0, 1)
        for e in episodes(option)
        for section in e.sections
    )
    assert set(counts) <= set(range(3, 11))
    assert max(counts.values()) < 0.4 * counts.total()


def test_the_same_episode_in_another_process(same_elsewhere):
    assert same_elsewhere("multihop", {"documents": 20, "questions": 4, "hops": 3}, "validation", 7)
    assert same_elsewhere("multihop", {"length": 3000, "counter": "words", "seed": 5}, "test", 123)


def test_seeds_and_indices_give_different_episodes():
    made = [Multihop(documents=6, seed=seed).episode("train", i) for seed in range(3) for i in range(20)]
    assert len({episode.text() for episode in made}) == 60


def test_splits_share_no_title_and_no_question():
    found = {}
    for split in SPLITS:
        played = [e for option in (0, 3) for e in episodes(option, split)]
        found[split] = {s.text.split("\n")[1] for e in played for s in e.sections}
        found[split] |= {question.text for e in played for question in e.questions}
    for one, other in combinations(SPLITS, 2):
        assert not found[one] & found[other]


def test_score_is_exact_match_with_f1_and_sub_em_beside_it():
    task = Multihop(documents=5, comparison=0.0)
    question = task.episode("train", 0).questions[0]
    gold = question.answers[0]
    assert task.score(question, f"The {gold.upper()}.") == {"answer": 1, "f1": 1, "sub_em": 1}
    wordy = task.score(question, f"it must be {gold}")
    assert wordy["answer"] == 0 < wordy["f1"] < wordy["sub_em"] == 1
    assert task.score(question, "") == {"answer": 0, "f1": 0, "sub_em": 0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"difficulty": "hardest"}, "'difficulty'.*Did you mean 'hard'"),
        ({"length": 499}, "'length'.*at least 500"),
        ({"documents": 4}, "'documents'.*at least 5"),
        ({"documents": 9, "length": 900}, "'length' and 'documents' exclude"),
        ({"counter": "bytes"}, "token counter 'bytes'"),
        ({"hops": 5}, "'hops'.*1 to 4"),
        ({"hops": 2.0}, "'hops'"),
        ({"similarity": 1.5}, "'similarity'"),
        ({"comparison": -1}, "'comparison'"),
        ({"evidence": 0.5}, "'evidence' must be two numbers"),
        ({"evidence": (0.5, 0.5)}, "'evidence' must run"),
        ({"evidence": ("a", 1)}, "'evidence' must be a number"),
        ({"questions": 0}, "'questions'"),
        ({"questions": 6, "documents": 5}, "'questions'.*1 to 5"),
        ({"questions": 5, "length": 500}, "'questions'.*1 to 4"),
        ({"document": 5}, "Did you mean 'documents'"),
        ({"seed": -1}, "'seed'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        Multihop(**options)


def test_options_can_be_json():
    config = Multihop(difficulty="hard", evidence=[0, 0.5]).config
    assert config.hops == 3
    assert config.evidence == (0, 0.5)
    assert json.dumps(Multihop(evidence=[0, 0.5]).fingerprint())


def test_no_sentence_states_two_relations(patterns):
    for kind, relations in SCHEMA.items():
        own = [(relation.name, text) for relation in relations for text in relation.statements]
        own += [("", text) for text in (*OPENINGS[kind], *FILLERS[kind])]
        for name, text in own:
            for subject in ("§", *STAND_INS[kind]):
                values = {
                    "s": subject,
                    "v": "Upper Velmaris",
                    "number": 7,
                    "person": "A B",
                    "town": "C",
                    "company": "D E",
                }
                sentence = text.format_map(values)
                read = [r.name for r in relations for p in patterns[kind, r.name] if p.fullmatch(sentence)]
                assert set(read) == ({name} if name else set()), sentence
