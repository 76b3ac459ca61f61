"""Follow what a question asks from fact to fact: rules that know how ``multihop`` and ``conflict`` word facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from baselines.lexical import Lexical
from baselines.notes import read_notes, write_notes
from memgym import Observation
from memgym.operators.reading import write_answer
from memgym.operators.text import counter_of
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.world.phrases import SCHEMA, STAND_INS
from memgym.tasks.world.relation import Relation

_PAGE = re.compile(r"^Document \d+:\n(.*)\n", re.MULTILINE)
_NUMBERED = re.compile(r"^user: \d+\. (.+)$", re.MULTILINE)
_LONGEST = 160
"""Characters of a sentence, at most."""
_SENTENCE = re.compile(r"(?<=[.!?]) ")


class Told(NamedTuple):
    """A fact: of whom or what, the kind of thing that is, the relation and the value."""

    subject: str
    kind: str
    relation: Relation
    value: str

    def __str__(self) -> str:
        return _shortest(self.relation).format(s=self.subject, v=self.value)


class Asked(NamedTuple):
    """What a question asks: the things it names, and the relations to follow from there, each with its kind."""

    names: tuple[str, ...]
    chain: tuple[tuple[str, Relation], ...]


class Researcher(Lexical):
    """Notes the facts of the sorts that the questions ask for, those on the way from the things they name first.

    It knows in what words ``multihop`` and ``conflict`` ask and tell, not what is told: no gold. Where the text is far
    longer than the memory, it lacks what came before it could know that it mattered. Other texts are handled as in
    :class:`Lexical`.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a question is of ``multihop`` or ``conflict``."""
        return any(understood(question) for question in text.splitlines())

    def read(self, observation: Observation) -> str:
        """Note what the section tells; a sentence that is cut off goes on in the next, under its document's title."""
        asked = [found for question in _questions(observation) if (found := understood(question))]
        if not asked:
            return super().read(observation)
        lines, loose_end = read_notes(observation.memory)
        text = loose_end + observation.section
        known = [told for line in lines for told in _facts(line, "", asked)]
        known += [told for title, body in _passages(text) for told in _facts(body, title, asked)]
        loose_end = _loose_end(text)
        return write_notes(_fitting(_ordered(dict.fromkeys(known), asked), observation, loose_end), loose_end)

    def answer(self, observation: Observation) -> str:
        """Follow the chain through the notes; of two things compare what is noted of them."""
        asked = understood(observation.question)
        if asked is None:
            return super().answer(observation)
        known = [told for line in read_notes(observation.memory)[0] for told in _facts(line, "", [asked])]
        ends = [_follow(name, asked.chain, known) for name in asked.names]
        if None in ends:
            return write_answer(observation, ABSTENTION)
        if len(ends) == 1:
            return write_answer(observation, str(ends[0]))
        _, relation = asked.chain[-1]
        if _matches(relation.same, observation.question):
            return write_answer(observation, "yes" if ends[0] == ends[1] else "no")
        less = _matches(relation.less, observation.question)
        first_wins = (int(str(ends[0])) < int(str(ends[1]))) == less
        return write_answer(observation, asked.names[0 if first_wins else 1])


@cache
def understood(question: str) -> Asked | None:
    """Return what a question of these tasks asks; None if it is none."""
    for kind, relations in SCHEMA.items():
        for relation in relations:
            for template in (*relation.less, *relation.more, *relation.same):
                if match := _slotted(template).fullmatch(question):
                    return Asked((match["a"], match["b"]), ((kind, relation),))
    for kind, relations in SCHEMA.items():
        for relation in relations:
            for template in relation.asks:
                match = _slotted(template).fullmatch(question)
                if match and (found := _unfolded(match["x"], kind)):
                    return Asked(found.names, (*found.chain, (kind, relation)))
    return None


def _unfolded(phrase: str, kind: str) -> Asked | None:
    """Return what a noun phrase for a thing of a kind stands for: a name, or the end of a chain."""
    for source, relations in SCHEMA.items():
        for relation in relations:
            for noun in relation.nouns if relation.target == kind else ():
                match = _slotted(noun).fullmatch(phrase)
                if match and (found := _unfolded(match["x"], source)):
                    return Asked(found.names, (*found.chain, (source, relation)))
    return None if re.match(r"the [a-z]|\W", phrase) else Asked((phrase,), ())


def _facts(text: str, title: str, asked: Iterable[Asked]) -> Iterator[Told]:
    """Yield the facts that a text tells and a question asks for; without a title only those that name their subject."""
    wanted = tuple(dict.fromkeys(step for one in asked for step in one.chain))
    for sentence in _SENTENCE.split(text.replace("\n", " ").strip()):
        for kind, relation in wanted:
            match = next(filter(None, (pattern.fullmatch(sentence) for pattern in _statements(relation))), None)
            subject = match["s"] if match else ""
            if match and (subject := title if subject.lower() in STAND_INS[kind] else subject):
                yield Told(subject, kind, relation, match["v"])


def _passages(text: str) -> Iterator[tuple[str, str]]:
    """Yield title and body of each document; of numbered facts, which need no title, each by itself."""
    pages = [*_PAGE.finditer(text)]
    ends = [*(page.start() for page in pages[1:]), len(text)]
    yield from ((page[1], text[page.end() : end]) for page, end in zip(pages, ends, strict=False))
    yield from (("", fact) for fact in _NUMBERED.findall(text))


def _loose_end(text: str) -> str:
    """Return the last sentence, which may go on, as of a document with the title that it stands under."""
    if not _PAGE.search(text):
        return text[max(text.rfind("\n") + 1, len(text) - _LONGEST) :]
    start = max(text.rfind(". ") + 2, len(text) - _LONGEST)
    title = next((page[1] for page in reversed([*_PAGE.finditer(text)]) if page.end() <= start), None)
    return text[start:] if title is None else f"Document 0:\n{title}\n{text[start:]}"


def _ordered(known: Iterable[Told], asked: Iterable[Asked]) -> list[Told]:
    """Order facts: those that lie on a chain from a name, then the newest."""
    newest = list({told[:3]: told for told in known}.values())[::-1]  # where two disagree, the later holds
    first = [told for one in asked for name in one.names for told in _path(name, one.chain, newest)]
    return list(dict.fromkeys([*first, *newest]))


def _path(name: str, chain: Iterable[tuple[str, Relation]], known: list[Told]) -> Iterator[Told]:
    for kind, relation in chain:
        told = next((t for t in known if t[:3] == (name, kind, relation)), None)
        if told is None:
            return
        yield told
        name = told.value


def _follow(name: str, chain: tuple[tuple[str, Relation], ...], known: list[Told]) -> str | None:
    path = list(_path(name, chain, known))
    return path[-1].value if len(path) == len(chain) else None


def _fitting(facts: list[Told], observation: Observation, loose_end: str) -> list[str]:
    """Return the lines of the first facts that the budget holds, the oldest first."""
    counter = counter_of(observation)
    if observation.budget is None:
        return [str(told) for told in reversed(facts)]
    room = observation.budget - counter.count(write_notes([], loose_end)) - 1
    lines: list[str] = []
    for line in map(str, facts):
        room -= counter.count(f"{line}\n")
        if room < 0:
            break
        lines.append(line)
    return lines[::-1]


@cache
def _statements(relation: Relation) -> tuple[re.Pattern[str], ...]:
    return tuple(_slotted(template) for template in relation.statements)


@cache
def _slotted(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w)\\\}", r"(?P<\1>.+)", re.escape(template)))


def _matches(templates: Iterable[str], question: str) -> bool:
    return any(_slotted(template).fullmatch(question) for template in templates)


@cache
def _shortest(relation: Relation) -> str:
    return min(relation.statements, key=len)


def _questions(observation: Observation) -> list[str]:
    return [block.text for block in observation.all("question")]
