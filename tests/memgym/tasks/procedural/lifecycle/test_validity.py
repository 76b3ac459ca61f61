"""The ``lifecycle`` task, judged by a solver that reads nothing but the text, the speakers and the times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache

import numpy as np

from memgym.episodes import Episode, Question, Turn
from memgym.scoring.abstention import ABSTENTION
from memgym.scoring.support import Support
from memgym.scoring.text import contains
from memgym.tasks.procedural.lifecycle import Lifecycle
from memgym.tasks.procedural.lifecycle import phrases as words
from memgym.tasks.procedural.lifecycle.questions import KINDS
from memgym.tasks.procedural.lifecycle.story import ASSISTANT
from memgym.tasks.procedural.lifecycle.topics import TOPICS
from memgym.tasks.procedural.persona.pools import MONTHS

SAMPLE = (("easy", 88), ("medium", 10), ("hard", 2))
"""Episodes of each split: 300 in all."""
SPLITS = Lifecycle.splits


@cache
def sample() -> list[tuple[Lifecycle, Episode]]:
    tasks = [(Lifecycle(difficulty=difficulty), n) for difficulty, n in SAMPLE]
    return [(task, task.episode(split, i)) for task, n in tasks for split in SPLITS for i in range(n)]


def cases(step: int = 1) -> Iterator[tuple[Lifecycle, Episode, Support, Question]]:
    """Yield every question, or each so manieth, of all episodes."""
    for number, (task, episode) in enumerate(sample()):
        support = task.support(episode)
        yield from ((task, episode, support, question) for question in episode.questions[number % step :: step])


# ---- The solver: a turn is a wording with slots; its kind says what it does to what is known ----

NAME = r"[A-Z]\w+ [A-Z][\w-]+"
NOUNS = "|".join(topic.noun for topic in TOPICS)
SLOTS = {
    **{"s": "s?", "es": "(?:es)?", "ies": "(?:y|ies)", "have": "(?:have|has)", "am": "(?:am|is)", "was": "was"},
    **{"S": rf"(?P<who>I|{NAME})", "O": rf"(?P<who>me|{NAME})", "P": rf"(?P<who>[Mm]y|{NAME}'s)"},
    **{"my": "(?:my|their)", "v": r"(?:an? )?(?P<v>[\w' -]+?)", "av": r"an? (?P<v>[\w' -]+?)", "w": r"[\w' -]+?"},
    **{"d": r"the (?P<day>\d+)\w\w of (?P<month>[A-Z]\w+)(?: (?P<year>\d{4}))?", "noun": f"(?P<noun>{NOUNS})"},
}


def wording(template: str) -> re.Pattern[str]:
    """Compile a template; its first letter may be small behind a lead."""
    literal, *rest = re.split(r"\{(\w+)\}", template)
    start = f"[{literal[0]}{literal[0].lower()}]{re.escape(literal[1:])}" if literal else ""
    slots = "".join(re.escape(part) if i % 2 else SLOTS[part] for i, part in enumerate(rest))
    first, who, later = (start + slots).partition("(?P<who>")
    return re.compile(first + who + later.replace("(?P<who>", "(?:"))


TOLD = ("plan", "dream", "loan", "update", "state")
WORDINGS = [
    *((kind, "", wording(text)) for kind in ("DENY", "CANCEL", "CORRECT", "FORGET") for text in getattr(words, kind)),
    *((kind, topic.noun, wording(text)) for topic in TOPICS for kind in TOLD for text in getattr(topic, kind)),
]
ASKED = [(topic.noun, wording(text)) for topic in TOPICS for text in topic.ask]
LEADS = sorted((*words.LEADS, *words.AGAIN), key=len, reverse=True)


def understand(turn: Turn) -> tuple[str, str, str, re.Match[str]] | None:
    """Return what a turn does, to whose and which topic, and the match."""
    if turn.speaker == ASSISTANT:
        return None
    lead = next(lead for lead in LEADS if turn.text.startswith(lead))
    text = turn.text.removeprefix(lead).strip()
    found = [(kind, noun, match) for kind, noun, pattern in WORDINGS if (match := pattern.fullmatch(text))]
    if not found:
        return None
    [(kind, noun, match)] = found  # no two wordings can be taken for each other
    who = match["who"].removesuffix("'s")
    return kind, turn.speaker if who.lower() in ("i", "me", "my") else who, noun or match["noun"], match


def solve(episode: Episode) -> dict[tuple[str, str], str]:
    """Return what holds of whom in the end, from the text alone."""
    held: dict[tuple[str, str], str] = {}
    lent: dict[tuple[str, str], tuple[date, str]] = {}
    for session in episode.sessions:
        today = date.fromisoformat(session.time[:10])
        lent = {key: loan for key, loan in lent.items() if loan[0] >= today}
        for turn in session.turns:
            heard = understand(turn)
            if heard is None:
                continue
            kind, *key, match = heard
            if kind in ("state", "update", "CORRECT"):
                held[tuple(key)] = match["v"]
            elif kind == "FORGET":
                del held[tuple(key)]
            elif kind == "loan":
                year = int(match["year"] or today.year)
                lent[tuple(key)] = (date(year, MONTHS.index(match["month"]) + 1, int(match["day"])), match["v"])
    return held | {key: value for key, (_, value) in lent.items()}


def key_of(question: Question) -> tuple[str, str]:
    frame = next(frame for frame in words.FRAMES if question.text.startswith(frame))
    asked = question.text.removeprefix(frame)
    text = asked[0].upper() + asked[1:]
    [noun] = {noun for noun, pattern in ASKED if pattern.fullmatch(text)}
    return re.search(NAME, asked)[0], noun


def test_who_reads_the_text_alone_finds_the_gold_answers() -> None:
    for task, episode in sample():
        known = solve(episode)
        for question in episode.questions:
            answer = known.get(key_of(question), ABSTENTION)
            assert task.score(question, answer)["answer"] == 1.0, (question, answer)


# ---- Evidence, facts and lures ----


def kept(episode: Episode, chosen: set[str]) -> list[str]:
    return [f"{turn.speaker}: {turn.text}" for s in episode.sessions for turn in s.turns if turn.id in chosen]


def score(task: Lifecycle, support: Support, question: Question, memory: list[str]) -> float:
    return task.score(question, ", ".join(support.answer(question, memory)) or ABSTENTION)["answer"]


def test_the_evidence_is_enough_and_nothing_else_is() -> None:
    for task, episode, support, question in cases(3):
        evidence = set(question.evidence)
        others = {identity for identity, _ in episode.passages()} - evidence
        assert score(task, support, question, kept(episode, evidence)) == 1.0, question
        if not question.answerable:
            continue
        assert score(task, support, question, ["\n".join(support.statements(question))]) == 1.0, question
        assert score(task, support, question, []) == 0.0
        assert score(task, support, question, kept(episode, others)) == 0.0, question
        assert all(score(task, support, question, kept(episode, {one})) == 1.0 for one in evidence), question


def test_old_values_lent_ones_and_forgotten_ones_beside_the_evidence_spoil_it() -> None:
    spoiled = Counter()
    for task, episode, support, question in cases(3):
        everything = {identity for identity, _ in episode.passages()}
        if question.category in ("expired", "updated", "corrected", "forgotten"):
            spoiled[question.category] += score(task, support, question, kept(episode, everything)) == 0.0
        elif question.category in ("stated", "temporary", "never"):
            assert score(task, support, question, kept(episode, everything)) == 1.0, question
    asked = Counter(question.category for *_, question in cases(3))
    assert {kind: spoiled[kind] / asked[kind] for kind in spoiled} == dict.fromkeys(spoiled, 1.0)
    assert len(spoiled) == 4


def test_each_fact_is_stated_where_it_is_said_and_each_lure_is_only_mentioned() -> None:
    for task, episode in sample():
        support, text = task.support(episode), dict(episode.passages())
        verbatim = [f"{turn.speaker}: {turn.text}" for session in episode.sessions for turn in session.turns]
        for fact, held in zip(episode.facts, support.held_by(verbatim), strict=True):
            assert fact.value in text[fact.source]
            assert any(verbatim[number].endswith(text[fact.source]) for number in held.meant)
        assert support.invented(verbatim) == 0
        claims = [f"{lure.subject}'s {lure.relation}: {lure.value}" for lure in episode.lures]
        assert support.invented(claims) == len(episode.lures)


def test_no_value_is_said_of_two_or_stands_in_another_one() -> None:
    for _, episode in sample():
        values = {fact.value for fact in (*episode.facts, *episode.lures)}
        replies = {turn.text for s in episode.sessions for turn in s.turns if turn.speaker == ASSISTANT}
        told = Counter(fact.value for fact in episode.facts)
        lures = Counter(lure.value for lure in episode.lures if lure.value not in told)
        assert {*told.values(), *lures.values()} <= {1}
        assert not [(a, b) for a in values for b in values if a != b and contains(a, b)]
        assert not [text for text in replies for value in values if contains(text, value)]


def test_kinds_come_as_often_as_their_shares_say_and_no_constant_answer_pays() -> None:
    categories = Counter(question.category for *_, question in cases())
    total = categories.total()
    assert all(abs(100 * categories[kind] / total - share) < 1 for kind, share in KINDS.items())
    constants = (ABSTENTION, *(answer for answer, _ in Counter(q.answers[0] for *_, q in cases()).most_common(20)))
    best = max(np.mean([task.score(q, answer)["answer"] for task, _, _, q in cases()]) for answer in constants)
    assert best < 0.1


def test_no_full_name_occurs_in_two_splits() -> None:
    names: dict[str, set[str]] = {}
    for _, episode in sample():
        found = set(re.findall(NAME, episode.text()))
        people = {fact.subject for fact in (*episode.facts, *episode.lures)}
        people |= {fact.value for fact in episode.facts if fact.relation in ("landlord", "doctor")}
        assert people <= found | people
        names.setdefault(episode.id.split("-")[1], set()).update(people)
    for split, own in names.items():
        assert not own & set().union(*(other for name, other in names.items() if name != split))
