"""The ``persona`` task, judged by a solver that reads nothing but the text, the speakers and the times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import chain

import pytest

from memgym.episodes import Episode, Question, Session, Turn
from memgym.scoring.text import contains, normalize
from memgym.tasks import make_task
from memgym.tasks.procedural.persona import Persona, pools, talk
from memgym.tasks.procedural.persona import phrases as say
from memgym.tasks.procedural.persona.answers import ABSTENTIONS, canonical
from memgym.tasks.procedural.persona.matters import MATTERS
from memgym.tasks.procedural.persona.questions import CATEGORIES
from memgym.tasks.procedural.persona.relations import RELATIONS
from memgym.tasks.procedural.persona.replies import REPLIES
from memgym.tasks.procedural.persona.ties import LINKS

SPLITS = Persona.splits
SAMPLE = [(difficulty, split, i) for difficulty, n in (("easy", 80), ("medium", 17), ("hard", 3)) for split in SPLITS
          for i in range(n)]  # fmt: skip


@cache
def task(difficulty: str) -> Persona:
    return make_task("persona", difficulty=difficulty)


@cache
def sample() -> list[tuple[Persona, Episode]]:
    return [(task(difficulty), task(difficulty).episode(split, i)) for difficulty, split, i in SAMPLE]


# ---- The solver ----

NAME = r"[A-Z]\w+ [A-Z][\w-]+"
OWNER = rf"{NAME}(?:'s (?:{'|'.join(link.noun for link in LINKS)}))*"
SLOTS = {"v": r"(?P<v>[^.!?;,]+?)", "w": r"(?P<w>[^.!?;,]+?)", "q": r"(?P<q>\w+)", "n": r"(?P<n>\w+)",
         "when": r"(?P<when>[\w ]+?)",
         "did": f"(?P<did>{'|'.join(event.past for event in say.EVENTS)})",
         "do": f"(?P<do>{'|'.join(event.base for event in say.EVENTS)})",
         "past": r"(?P<past>\w+)", "base": r"(?P<base>\w+)"}  # fmt: skip
PERSONS = {"first": say.FIRST, "second": say.SECOND, "third": say.third("Subjecttoken"), "pronoun": say.PRONOUN}


def pattern(template: str, person: str, name: str = NAME, noun: str = "") -> tuple[re.Pattern[str], str]:
    """Compile a template to a regular expression; with it goes the longest word it needs, for a quick look ahead."""
    words = {slot: f"Slot{slot}token" for slot in SLOTS}
    articles = {f"a{slot}": f"ARTICLESlot{slot}token" for slot in "vw"}
    text = re.escape(say.say(template, PERSONS[person], noun=noun, **words, **articles))
    longest = max(re.findall(r"\w+", re.sub(r"ARTICLE|Slot\w+?token|Subjecttoken", " ", text)), key=len, default="")
    text = (
        text.replace("ARTICLE", "an? ").replace("Subjecttoken", f"(?P<S>{name})", 1).replace("Subjecttoken", "(?P=S)")
    )
    for slot, group in SLOTS.items():
        text = text.replace(f"Slot{slot}token", group, 1)
    return re.compile(rf"(?:^|(?<=[.!?] )){text}(?= |$)"), longest


@dataclass(frozen=True)
class Told:
    """What one turn says: ``kind`` is what it does to the value."""

    turn: str
    time: str
    subject: str
    topic: str
    kind: str
    v: str = ""
    w: str = ""


@cache
def statements() -> dict[str, list[tuple[re.Pattern[str], str, str, str]]]:
    """Return the patterns by the word that they need, each with the grammatical person, the topic and the kind."""
    found = []
    for relation in RELATIONS:
        kinds = {
            "set": relation.state + relation.update + say.UPDATE, "plan": relation.plan,
            "topic": say.TOPIC, "ask": say.ASK,
            "cancel": relation.cancel + say.CANCEL, "deny": say.DENIAL, "dispute": say.DISPUTE,
            "correct": say.CORRECTION, "revert": say.REVERT, "withdraw": say.WITHDRAWAL,
        }  # fmt: skip
        for kind, templates in kinds.items():
            found += [(*pattern(t, p, noun=relation.noun), p, relation.name, kind)
                      for t in templates for p in persons(t)]  # fmt: skip
        found += [(*pattern(t, p), p, relation.name, "claim") for t in relation.claims for p in ("second", "third")]
    for kind, templates in (("add", say.COUNT), ("trip", say.TRIP), ("event", say.EVENT)):
        found += [(*pattern(t, p), p, "", kind) for t in templates for p in persons(t)]
    by_word: dict[str, list[tuple[re.Pattern[str], str, str, str]]] = {}
    for regex, word, *rest in found:
        by_word.setdefault(word, []).append((regex, *rest))
    return by_word


def persons(template: str) -> tuple[str, ...]:
    return ("first", "third", "pronoun") if template.startswith(say.CARRIED) else ("first", "third")


VALUES = {
    kind: [pattern(template, "first")[0] for template in templates]
    for kind, templates in (("topic", say.TOPIC_VALUE), ("ask", say.ASK_VALUE))
}
NAMED = re.compile(rf"(?:^|[.!?,] |[a-z] )({NAME})\b")


@cache
def heard(text: str) -> list[tuple[str, str, str, dict[str, str]]]:
    """Return what a text says, whoever says it: grammatical person, topic, kind and slots."""
    words = dict.fromkeys(["", *re.findall(r"\w+", text)])
    patterns = chain.from_iterable(statements().get(word, ()) for word in words)
    found = ((regex.search(text), *rest) for regex, *rest in patterns)
    return [
        (person, topic, kind, before(match, text) if person == "pronoun" else match.groupdict())
        for match, person, topic, kind in found
        if match
    ]


def before(match: re.Match[str], text: str) -> dict[str, str]:
    """Return the slots of a sentence that speaks of somebody by pronoun, whom the sentence before it names."""
    names = NAMED.findall(text[: match.start()])
    return {**match.groupdict(), "S": names[-1] if names else ""}


def read(sessions: Iterable[Session]) -> Iterator[Told]:
    """Read a dialogue turn by turn."""
    for session in sessions:
        speakers = {turn.speaker for turn in session.turns}
        open_topics: dict[str, tuple[str, str, str]] = {}
        for turn in session.turns:
            if turn.speaker in open_topics:
                subject, topic, opened = open_topics.pop(turn.speaker)
                match = next(filter(None, (p.search(turn.text) for p in VALUES[opened])), None)
                if match:
                    yield Told(turn.id, session.time, subject, topic, "set", match["v"])
                    continue
            for person, topic, kind, slots in heard(turn.text):
                [partner] = speakers - {turn.speaker}
                subject = {"first": turn.speaker, "second": partner}.get(person) or slots["S"]
                if kind in ("topic", "ask"):
                    open_topics[turn.speaker if kind == "topic" else partner] = subject, topic, kind
                elif kind == "add":
                    topic = f"{slots['n']} {slots['past']}"
                    if slots["q"] in pools.NUMBERS:
                        yield Told(turn.id, session.time, subject, topic, kind, f"{slots['q']} {slots['n']}")
                elif kind == "event":
                    yield Told(turn.id, session.time, subject, "event", kind, slots["did"], slots["when"])
                else:
                    topic = topic or "country visited"
                    yield Told(turn.id, session.time, subject, topic, kind, slots.get("v") or "", slots.get("w") or "")


def values(told: Iterable[Told], subject: str, relation: str) -> list[str]:
    """Return the values of a relation in the order in which they came to hold; "" for a withdrawn one."""
    held: list[tuple[str, str]] = []
    for t in told:
        if (t.subject, t.topic) != (subject, relation):
            continue
        last_kind, last = held[-1] if held else ("", "")
        takes_back = {"deny": "claim", "dispute": "claim", "cancel": "plan"}.get(t.kind) == last_kind
        if held and (takes_back or (t.kind in ("correct", "revert") and last == t.w)):
            held.pop()
        if t.kind in ("set", "plan", "dispute", "correct", "revert"):
            held.append((t.kind, t.v))
        elif t.kind in ("claim", "withdraw"):
            held.append((t.kind, t.w))
    return [value for _, value in held]


def day_of(when: str, time: str) -> date:
    """Work out the date that ``when`` means in a session at ``time``."""
    today = date.fromisoformat(time.split()[0])
    if match := re.fullmatch(r"on the (\d+)\w\w of (\w+)", when):
        day = date(today.year, pools.MONTHS.index(match[2]) + 1, int(match[1]))
        return day if day <= today else day.replace(year=today.year - 1)
    if match := re.fullmatch(r"this past (\w+)", when):
        return next(d for n in range(1, 8) if pools.WEEKDAYS[(d := today - timedelta(n)).weekday()] == match[1])
    if match := re.fullmatch(r"(\w+) days ago", when):
        return today - timedelta(pools.NUMBERS.index(match[1]))
    return today - timedelta(
        {"today": 0, "this morning": 0, "yesterday": 1, "a week ago": 7, "two weeks ago": 14}[when]
    )


@cache
def asking() -> list[tuple[re.Pattern[str], str, str]]:
    forms = [(t, r.name, k) for r in RELATIONS for k in ("current", "former") for t in getattr(r, k)]
    forms += [
        (t, "", k) for k, ts in (("count", say.HOW_MANY), ("trips", say.TRIP_COUNT), ("time", say.WHEN)) for t in ts
    ]
    return [(pattern(t, "third", OWNER)[0], relation, kind) for t, relation, kind in forms]


@cache
def understand(question: str) -> tuple[str, str, dict[str, str]]:
    """Return the kind of a question, the relation, and whom and what it is about."""
    matches = [(kind, relation, regex.fullmatch(question)) for regex, relation, kind in asking()]
    [(kind, relation, match)] = [m for m in matches if m[2]]
    return kind, relation, match.groupdict()


def solve(question: str, told: list[Told]) -> str:
    """Answer a question from what has been read."""
    kind, relation, slots = understand(question)
    subject, *hops = slots["S"].split("'s ")
    for hop in hops:
        subject = (values(told, subject, next(link.name for link in LINKS if link.noun == hop)) or [""])[-1]
    if kind == "count":
        added = [t.v.split() for t in told if (t.subject, t.kind) == (subject, "add")]
        return str(sum(pools.NUMBERS.index(number) for number, noun in added if noun == slots["n"]))
    if kind == "trips":
        return str(len({t.v for t in told if (t.subject, t.kind) == (subject, "trip")}))
    if kind == "time":
        event = slots.get("did") or next(e.past for e in say.EVENTS if e.base == slots["do"])
        days = [day_of(t.w, t.time) for t in told if (t.subject, t.kind, t.v) == (subject, "event", event)]
        return days[0].isoformat() if days else "unknown"
    held = values(told, subject, relation)
    place_from_end = 1 if kind == "current" else 2
    return (held[-place_from_end] if len(held) >= place_from_end else "") or "unknown"


# ---- Validity ----


@cache
def readings() -> list[tuple[Persona, Episode, list[Told]]]:
    return [(task, episode, list(read(episode.sessions))) for task, episode in sample()]


def questions() -> Iterator[tuple[Persona, Episode, list[Told], Question]]:
    for owner, episode, told in readings():
        for question in episode.questions:
            yield owner, episode, told, question


def place(turn_id: str) -> tuple[int, int]:
    session, turn = turn_id.removeprefix("D").split(":")
    return int(session), int(turn)


def keep(sessions: Iterable[Session], wanted: Callable[[str], bool]) -> list[Session]:
    """Blank the turns that are not wanted, so that only ids and speakers are left of them."""
    return [
        Session(s.id, s.time, tuple(t if wanted(t.id) else Turn(t.id, t.speaker, "...") for t in s.turns))
        for s in sessions
    ]


def solved(task: Persona, question: Question, told: list[Told]) -> bool:
    return task.score(question, solve(question.text, told))["answer"] == 1


def test_the_solver_answers_every_question_from_the_whole_text() -> None:
    wrong = [(e.id, q, solve(q.text, told)) for task, e, told, q in questions() if not solved(task, q, told)]
    assert not wrong, wrong[:5]


def test_the_answers_follow_from_the_evidence_alone() -> None:
    for task, episode, _, question in questions():
        evidence = list(read(keep(episode.sessions, question.evidence.__contains__)))
        assert solved(task, question, evidence), (episode.id, question)


def test_every_turn_of_the_evidence_is_needed() -> None:
    for task, episode, told, question in questions():
        assert question.evidence or not question.answerable
        assert len(set(question.evidence)) == len(question.evidence)
        for missing in question.evidence:
            number = place(missing)[0]
            session = keep([episode.sessions[number - 1]], missing.__ne__)
            elsewhere = [t for t in told if place(t.turn)[0] != number]
            rest = sorted([*elsewhere, *read(session)], key=lambda t: place(t.turn))
            assert not solved(task, question, rest), (episode.id, question, missing)


def test_no_answer_is_in_its_question() -> None:
    for _, episode, _, question in questions():
        assert not any(contains(question.text, answer) for answer in question.answers), (episode.id, question)


def test_the_answer_stands_only_where_its_own_fact_is_told() -> None:
    for _, episode, told in readings():
        plain = {turn.id: f" {normalize(turn.text)} " for session in episode.sessions for turn in session.turns}
        for question in episode.questions:
            if question.category in ("current", "former", "multihop"):
                answer = question.answers[0]
                facts = [t for t in told if answer in (t.v, t.w)]
                assert len({(t.subject, t.topic) for t in facts}) == 1, (episode.id, question)
                written = {turn for turn, text in plain.items() if f" {normalize(answer)} " in text}
                assert written == {t.turn for t in facts}, (episode.id, question)


def test_gold_facts_are_what_the_text_tells() -> None:
    for _, episode, told in readings():
        turns = {turn.id: turn.text for session in episode.sessions for turn in session.turns}
        facts = {(f.source, f.subject, f.relation, f.value) for f in episode.facts}
        kinds = {"set", "plan", "dispute", "correct", "revert", "add", "trip", "event"}
        name = {t: f"planned {t.topic}" if t.kind == "plan" else t.topic for t in told}
        assert facts == {(t.turn, t.subject, name[t], t.v) for t in told if t.kind in kinds}
        assert all(fact.value in turns[fact.source] for fact in episode.facts)
        assert all(place(fact.source) < place(fact.until) for fact in episode.facts if fact.until)
        lasting = [
            (f.subject, f.relation) for f in episode.lasting_facts() if f.relation in {r.name for r in RELATIONS}
        ]
        assert len(set(lasting)) == len(lasting)
        for fact in episode.lasting_facts():
            if (fact.subject, fact.relation) in lasting:
                assert values(told, fact.subject, fact.relation)[-1] == fact.value


def test_no_constant_answer_scores_ten_percent() -> None:
    answers: dict[tuple[str, str], Counter[str]] = {}
    for (difficulty, split, _), (_, episode) in zip(SAMPLE, sample(), strict=True):
        counts = answers.setdefault((difficulty, split), Counter())
        counts.update(canonical(q.answers[0]) if q.answerable else "unknown" for q in episode.questions)
    for group, counts in answers.items():
        assert counts.total() >= 60
        assert counts.most_common(1)[0][1] / counts.total() < 0.1, (group, counts.most_common(3))


def test_every_category_has_its_share() -> None:
    counts = Counter(question.category for *_, question in questions())
    assert {kind: round(100 * n / counts.total()) for kind, n in counts.items()} == pytest.approx(CATEGORIES, abs=2)


def test_recent_sessions_are_not_enough() -> None:
    right = total = 0
    for task, episode, told in readings():
        late = [t for t in told if place(t.turn)[0] > len(episode.sessions) * 2 / 3]
        right += sum(solved(task, question, late) for question in episode.questions)
        total += len(episode.questions)
    assert 0.1 < right / total < 0.4


def phrases(text: str) -> set[str]:
    words = normalize(text).split()
    return {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, min(i + 5, len(words) + 1))}


def strings(thing: object) -> Iterator[str]:
    """Yield all texts in constants."""
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        for name, value in thing.items():
            yield from strings(value) if not str(name).startswith("_") else ()
    elif isinstance(thing, (tuple, list)):
        for value in thing:
            yield from strings(value)


def test_words_are_told_apart_from_names_and_values() -> None:
    names = {word.lower() for word in pools.FIRST_NAMES + pools.SURNAMES}
    found = Counter(normalize(value) for pool in (*(r.pool for r in RELATIONS), pools.COUNTRIES) for value in pool)
    assert set(found.values()) == {1}
    assert not any(names & phrases(value) for value in found)
    assert not any((phrases(value) - {value}) & found.keys() for value in found)
    templates = {name: pool for name, pool in vars(say).items() if name.isupper() and name not in ("FIRST", "SECOND")}
    chat = list(strings([vars(talk), MATTERS, REPLIES, templates]))
    chat = [variant for text in chat for variant in say.variants(text)]
    assert len(chat) > 1800
    assert not [text for text in chat if phrases(text) & {*found, *names, *ABSTENTIONS}]


def test_splits_share_no_person() -> None:
    people: dict[str, set[str]] = {split: set() for split in SPLITS}
    for (_, split, _), (_, episode) in zip(SAMPLE, sample(), strict=True):
        people[split] |= {turn.speaker for session in episode.sessions for turn in session.turns}
        people[split] |= {fact.subject for fact in episode.facts}
        people[split] |= {f.value for f in episode.facts if f.relation in {link.name for link in LINKS}}
    train, validation, test = ({part for name in people[s] for part in name.split()[1].split("-")} for s in SPLITS)
    assert train
    assert validation
    assert test
    assert not train & validation
    assert not train & test
    assert not validation & test


def test_gold_answers_score_one_and_abstaining_on_an_answerable_question_scores_zero() -> None:
    for task, _, _, question in questions():
        assert all(task.score(question, gold)["answer"] == 1 for gold in question.answers)
        assert task.score(question, "unknown")["answer"] == (not question.answerable)
