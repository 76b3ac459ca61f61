"""The ``preference`` task, judged by a reader that knows the wording only."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.episodes import Episode
from memgym.errors import ConfigError
from memgym.scoring.phrases import contains
from memgym.tasks import make_task
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.persona.phrases import FIRST, third
from memgym.tasks.procedural.preference import LETTERS, Preference
from memgym.tasks.procedural.preference import domains as d
from memgym.tokens import get_counter

MANY = 300
OPTIONS = [
    {},
    {"difficulty": "medium", "length": 5000},
    {"noise": 0, "versions": 4, "tastes": 8, "questions": 8, "people": 4},
    {"noise": 5, "tastes": 2, "people": 2, "questions": 2, "exchanges_per_session": 1, "seed": 4},
]
NAME = r"[A-Z][a-z]+(?: [A-Z][\w-]+)?"
SLOTS = {"v": "(?P<v>.+?)", "o": ".+?", "since": ".+?"}


@cache
def episodes(option: int, split: str = "train", count: int = 20) -> list[Episode]:
    task = Preference(**OPTIONS[option])
    return [task.episode(split, index) for index in range(count)]


all_options = pytest.mark.parametrize("option", range(len(OPTIONS)))


@cache
def statements() -> dict[str, list[tuple[str, str, str, re.Pattern[str]]]]:
    """Return by occasion domain, cue and whether it is of oneself, with a pattern for the sentence that tells it."""
    found: dict[str, list[tuple[str, str, str, re.Pattern[str]]]] = {}
    for domain in d.DOMAINS:
        for occasion in domain.occasions:
            for own, forms in (("own", FIRST), ("", third("NAME"))):
                for template in (*d.STATE, *d.UPDATE):
                    for verb in domain.choose if "{c}" in template else ("",):
                        words = {slot: f"SLOT{slot}" for slot in SLOTS}
                        said = template.format(**forms, **words, w=occasion.when, c=verb.format(**forms))
                        pattern = re.escape(said).replace("NAME", f"(?P<who>{NAME})", 1).replace("NAME", NAME)
                        for slot, group in SLOTS.items():
                            pattern = pattern.replace(f"SLOT{slot}", group)
                        told = domain.name, occasion.cue, own, re.compile(pattern, re.IGNORECASE)
                        found.setdefault(occasion.when.lower(), []).append(told)
    return found


@cache
def told(speaker: str, text: str) -> tuple[str, str, str, str] | None:
    """Return first name, domain, occasion and value that a turn tells; it must not be ambiguous."""
    for lead in d.LEADS:
        text = text.removeprefix(f"{lead} ")
    found = set()
    ways = (way for when, said in statements().items() if when in text.lower() for way in said)
    for domain, cue, own, pattern in ways:
        match = pattern.fullmatch(text)
        pool = next(x.pool for x in d.DOMAINS if x.name == domain)
        if match and match["v"].lower() in map(str.lower, pool):
            who = speaker if own else match["who"]
            if own or who[0].isupper():
                found.add((who.split()[0], domain, cue, match["v"].lower()))
    assert len(found) <= 1, (text, found)
    return found.pop() if found else None


def present(episode: Episode) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    """Return by first name, domain and occasion the values that were told, in order, each with the turn's id."""
    heard: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for session in episode.sessions:
        for turn in session.turns:
            if fact := told(turn.speaker, turn.text):
                heard.setdefault(fact[:3], []).append((fact[3], turn.id))
    return heard


def solve(question: str, heard: dict[tuple[str, str, str], list[tuple[str, str]]]) -> tuple[str, list[str]]:
    """Return the letters that are right, and the turns that say so."""
    asked, *replies, how = question.splitlines()
    assert how == d.HOW
    scenes = {}
    for (first, domain, cue), values in heard.items():
        occasion = next(o for x in d.DOMAINS if x.name == domain for o in x.occasions if o.cue == cue)
        if (place := asked.find(occasion.scene.format(n=first))) >= 0:
            scenes[place] = values[-1]
    assert len(scenes) == 2
    letters = []
    for _, (value, _) in sorted(scenes.items()):
        (reply,) = [reply for reply in replies if contains(reply, value)]
        letters.append(reply[1])
    return ", ".join(letters), [source for _, (_, source) in sorted(scenes.items())]


@pytest.mark.parametrize(("option", "count"), [(0, MANY), (1, 30), (2, 30), (3, 30)])
def test_a_reader_of_the_text_agrees_with_the_gold(option: int, count: int) -> None:
    given_answers: Counter[str] = Counter()
    for episode in episodes(option, count=count):
        heard = present(episode)
        assert sum(map(len, heard.values())) == len(episode.facts)
        for question in episode.questions:
            letters, sources = solve(question.text, heard)
            assert question.answers[0] == letters
            assert list(question.evidence) == sources
            given_answers[letters] += 1
    if count == MANY:
        assert set(given_answers) == {f"{a}, {b}" for a, b in permutations(LETTERS, 2)}
        assert given_answers.most_common(1)[0][1] / given_answers.total() < 0.1


@all_options
def test_wrong_replies_are_outdated_or_another_occasions_or_somebody_elses(option: int) -> None:
    for episode in episodes(option):
        values = {fact.value: fact for fact in episode.facts}
        assert len(values) == len(episode.facts)
        for question in episode.questions:
            offers = [question.metadata[letter] for letter in LETTERS]
            assert len(set(offers)) == len(LETTERS)
            wrong = [values[offer] for offer in offers if offer not in {need.value for need in question.needs}]
            asked = {(need.subject, need.relation) for need in question.needs}
            late = [fact for fact in wrong if (fact.subject, fact.relation) in asked]
            assert all(fact.until for fact in late)
            assert late


@all_options
def test_facts_hold_until_they_are_overtaken(option: int) -> None:
    for episode in episodes(option):
        lasting = {(fact.subject.split()[0], fact.value.lower()) for fact in episode.lasting_facts() or ()}
        assert lasting == {(key[0], values[-1][0]) for key, values in present(episode).items()}


@pytest.mark.parametrize("claims", [3, 4])
def test_a_memory_of_all_replies_or_most_is_no_answer(claims: int) -> None:
    task = Preference(difficulty="medium")
    for index in range(10):
        episode = task.episode("test", index)
        support = task.support(episode)
        for question in episode.questions:
            name, cues = question.needs[0].subject, " ".join(need.cues[0] for need in question.needs)
            for offers in combinations([question.metadata[letter] for letter in LETTERS], claims):
                lines = [f"{name}: {cues} {offer}" for offer in offers]
                for memory in (lines, [f"{name}: {cues} {', '.join(offers)} {cues}"]):
                    said = ", ".join(support.answer(question, memory))
                    assert task.score(question, said)["answer"] == 0.0


def test_no_value_is_in_another_nor_in_what_else_is_said() -> None:
    pool = [value for domain in d.DOMAINS for value in domain.pool]
    assert len(set(pool)) == len(pool)
    assert not [(a, b) for domain in d.DOMAINS for a, b in permutations(domain.pool, 2) if contains(a, b)]
    for domain in d.DOMAINS:
        others = [*domain.sad, *domain.glad, *domain.ask, *domain.ask_of, *domain.reasons, *domain.choose]
        others += [text for occasion in domain.occasions for text in (occasion.when, occasion.scene)]
        others += [*d.STATE, *d.UPDATE, *d.LEADS, *d.REACTIONS, *d.SORRY, *d.PLEASED, *d.REPLIES, *d.QUESTIONS, d.HOW]
        assert not [(text, value) for text in others for value in domain.pool if contains(text, value)]
        assert all(len({o.cue for o in x.occasions}) == 3 for x in d.DOMAINS)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("{0}, {1}", (1, 1)),
        ("({0}) and ({1})", (1, 1)),
        ("First {0}, then {1}.", (1, 1)),
        ("The answer is: {0} and {1}", (1, 1)),
        ("I thought about it.\n\n{0} {1}", (1, 1)),
        ("{v0}, then {v1}", (1, 1)),
        ("How about {v0}? And later {v1}.", (1, 1)),
        ("{1}, {0}", (0, 0)),
        ("{v1}, {v0}", (0, 0)),
        ("{0}, {2}", (0, 0.5)),
        ("{0}, {1}, {2}", (0, 0)),
        ("({0}) ({1}) ({2}) ({3})", (0, 0)),
        ("{0}, {1}, {v2}", (0, 0)),
        ("{0}", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_answers_are_read_in_any_wrapping(answer: str, score: tuple[float, float]) -> None:
    task = Preference()
    for question in task.episode("test", 1).questions:
        letters = [*question.metadata["right"], *sorted(set(LETTERS) - set(question.metadata["right"]))]
        values = {f"v{i}": question.metadata[letter] for i, letter in enumerate(letters)}
        got = task.score(question, answer.format(*letters, **values))
        assert (got["answer"], got["moments"]) == score


@pytest.mark.parametrize("counter", ["chars", "words"])
@pytest.mark.parametrize(("difficulty", "length"), [("easy", 2000), ("medium", 8000), ("hard", 32_000)])
def test_the_length_is_met(difficulty: str, length: int, counter: str) -> None:
    text = Preference(difficulty=difficulty, counter=counter).episode("test", 3).text()
    assert get_counter(counter).count(text) == pytest.approx(length, rel=0.02)


@settings(max_examples=25, deadline=None)
@given(length=st.integers(2000, 6000), index=st.integers(0, 10**6), split=st.sampled_from(SPLITS))
def test_any_length_is_met(length: int, index: int, split: str) -> None:
    text = Preference(length=length).episode(split, index).text()
    assert get_counter("chars").count(text) == pytest.approx(length, rel=0.02)


def test_splits_share_no_person_and_no_question() -> None:
    found = {}
    for split in SPLITS:
        played = [e for option in (0, 2) for e in episodes(option, split)]
        found[split] = {question.text for e in played for question in e.questions}
        found[split] |= {fact.subject for e in played for fact in e.facts}
    for one, other in combinations(SPLITS, 2):
        assert not found[one] & found[other]


def test_the_same_elsewhere(same_elsewhere) -> None:
    assert same_elsewhere("preference", {"noise": 9}, "validation", 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"difficulty": "Easy"}, "'difficulty'.*Did you mean 'easy'"),
        ({"people": 1}, "'people' must be an int from 2"),
        ({"tastes": 19}, "'tastes' must be an int from 2 to 18"),
        ({"occasions": 4}, "'occasions'"),
        ({"versions": 1}, "'versions'"),
        ({"questions": 7}, "'questions' must be an int from 1 to 6"),
        ({"noise": -1}, "'noise'"),
        ({"noise": 3, "length": 900}, "'length' and 'noise' exclude"),
        ({"length": 900}, "'length'.*at least"),
        ({"people": 12, "tastes": 60, "versions": 5, "noise": 0}, "'tastes' must be fewer"),
        ({"counter": "gpt"}, "token counter 'gpt'"),
    ],
)
def test_options_that_do_not_fit(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_task("preference", **options)
