"""What a task hands to an environment: immutable episodes with questions, gold answers, evidence and gold facts.

An episode holds its text either as **sections** (pieces of one long text) or as **sessions** (dialogues with speakers
and times). Both environments play both: sections become one-turn sessions, sessions are written out as one long text.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, Self

Match = Literal["any", "all"]
"""Whether any one of the gold answers is right, or all of them must be given."""
RUBRIC = "rubric"
"""The key in a question's metadata under which the points stand that an answer is due to make, one a line."""


class _Immutable:
    """What cannot change need not be copied: ``copy`` and ``deepcopy`` return the thing itself."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class Turn(_Immutable):
    """One utterance. ``id`` is unique in the episode (LoCoMo writes ``D3:12`` for turn 12 of session 3)."""

    id: str
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Session(_Immutable):
    """One conversation. ``time`` is as the source writes it, ``""`` if unknown."""

    id: str
    time: str
    turns: tuple[Turn, ...]

    def __str__(self) -> str:
        head = f"[{self.time}]\n" if self.time else ""
        return head + "\n".join(f"{turn.speaker}: {turn.text}" for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Section(_Immutable):
    """A piece of a long text, such as a document."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Fact(_Immutable):
    """A gold fact: something an ideal memory holds from ``source`` on, and drops at ``until``.

    Args:
        subject: whom or what it is about, e.g. ``Mira Okafor``.
        relation: what is said of it, e.g. ``home city``.
        value: the fact itself, as the text writes it, e.g. ``Lisbon``.
        source: id of the turn or section that states it.
        until: id of the turn or section from which it no longer holds; ``None`` if it holds to the end.
        names: by which a text may call the subject; empty: by ``subject``.
        cues: words of which a text has one that says just this of the subject, compared by their stems, such as those
            of all its wordings; empty: none is needed.
        apart: of what is told in two turns, words of which each of the two has one; the first has name and cue as well,
            the second the value.
        forgotten: whether ``until`` asks to forget it: from there on no trace of it may be kept.
    """

    subject: str
    relation: str
    value: str
    source: str
    until: str | None = None
    names: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Question(_Immutable):
    """A question with its gold answers.

    Args:
        answers: the accepted answers, as written in the source (never empty).
        match: whether ``any`` one of the answers is right, or ``all`` of them must be given.
        evidence: ids of the turns or sections from which the answer follows; empty if unknown.
        category: the benchmark's own question type.
        time: when it is asked, as the source writes it; ``""`` if unknown.
        answerable: False if the right answer is to say that the text does not tell.
        needs: what a memory must state, all of it, for the answer to follow; empty: what the evidence states.
        in_one: facts any of which says all of that in one statement, such as a sum with no other number beside it.
        metadata: what else the task's scorer needs; kept as a read-only copy.
    """

    id: str
    text: str
    answers: tuple[str, ...]
    match: Match = "any"
    evidence: tuple[str, ...] = ()
    category: str = ""
    time: str = ""
    answerable: bool = True
    needs: tuple[Fact, ...] = ()
    in_one: tuple[Fact, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("answers", "evidence"):
            if isinstance(getattr(self, name), str):  # each of its letters would count as one
                raise ValueError(f"question {self.id!r}: {name!r} must be a tuple of texts, not one text")
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return type(self), tuple((values | {"metadata": dict(self.metadata)}).values())  # a proxy has no pickle


@dataclass(frozen=True, slots=True)
class Episode(_Immutable):
    """One text with the questions asked after it. Exactly one of ``sections`` and ``sessions`` is filled.

    Args:
        facts: what an ideal memory holds, from when to when; empty if unknown.
        lures: what ``source`` mentions and nobody ever said: plans that came to nothing, wishes, what was denied, and
            what was said of somebody else. Whose memory states it has invented it.
    """

    id: str
    questions: tuple[Question, ...]
    sections: tuple[Section, ...] = ()
    sessions: tuple[Session, ...] = ()
    facts: tuple[Fact, ...] = ()
    lures: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.sections) == bool(self.sessions):
            raise ValueError(f"episode {self.id!r} must have either sections or sessions")
        if not self.questions:
            raise ValueError(f"episode {self.id!r} has no questions")
        for question in self.questions:
            if not question.answers:
                raise ValueError(f"question {question.id!r} of episode {self.id!r} has no gold answer")

    def text(self) -> str:
        """Return the whole history as one text; a single section is returned as it is, without a copy."""
        if self.sections:
            return "\n\n".join([section.text for section in self.sections])
        return "\n\n".join(str(session) for session in self.sessions)

    def dialogue(self) -> tuple[Session, ...]:
        """Return the history as sessions; a section becomes a session with one turn, spoken by ``document``."""
        if self.sessions:
            return self.sessions
        return tuple(Session(s.id, "", (Turn(s.id, "document", s.text),)) for s in self.sections)

    def passages(self) -> list[tuple[str, str]]:
        """Return id and text of every section, or of every turn: what evidence names."""
        if self.sections:
            return [(section.id, section.text) for section in self.sections]
        return [(turn.id, turn.text) for session in self.sessions for turn in session.turns]

    def lasting_facts(self) -> tuple[Fact, ...] | None:
        """Return the facts that still hold at the end; None if the task knows no facts."""
        return tuple(fact for fact in self.facts if fact.until is None) if self.facts else None

    def facts_after(self, sources: Container[str]) -> tuple[Fact, ...] | None:
        """Return the facts that hold once the turns with the ids in ``sources`` have been read; None as above."""
        held = (fact for fact in self.facts if fact.source in sources and fact.until not in sources)
        return tuple(held) if self.facts else None
