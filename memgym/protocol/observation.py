"""Observations: what an agent sees, as one string of tagged blocks.

An observation names the phase, tells the task, and shows the phase's state::

    <phase>retrieve</phase>
    <task>Order the memories ...</task>
    <question time="2023-05-08">Where does Mira live?</question>
    <memory id="m7" key="home">Mira: I moved to Lisbon.</memory>

``Observation.parse(text)`` and ``str(observation)`` are exact inverses for any Unicode content: content that looks
like one of the tags is escaped by a backslash after ``<``, which parsing takes away again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

PHASES = ("read", "extract", "update", "retrieve", "answer")
"""The phases of an episode, in the order in which they can occur."""

TAGS = ("phase", "task", "question", "budget", "time", "memory", "section", "turn", "candidate", "gold")
"""The tags of an observation. ``gold`` appears only in environments made with ``reveal_gold=True``."""

_NAMES = "|".join(TAGS)
_LOOKS_LIKE_TAG = re.compile(rf"<(\\*)(?=/?(?:{_NAMES})\b)")
_ESCAPED_TAG = re.compile(rf"<\\(\\*)(?=/?(?:{_NAMES})\b)")
_OPENING = re.compile(rf'<({_NAMES})((?: [a-z_]+="[^"]*")*)>')
_ATTRIBUTE = re.compile(r' ([a-z_]+)="([^"]*)"')
_ATTRIBUTE_NAME = re.compile(r"[a-z_]+")


class Block(NamedTuple):
    """One tagged piece of an observation.

    Args:
        tag: one of :data:`TAGS`.
        text: the content, unescaped.
        attributes: e.g. ``{"id": "m7", "key": "home"}``.
    """

    tag: str
    text: str
    attributes: Mapping[str, str] = {}

    @property
    def id(self) -> str:
        """The block's id, ``""`` if it has none."""
        return self.attributes.get("id", "")

    def __str__(self) -> str:
        text = _LOOKS_LIKE_TAG.sub(r"<\\\1", self.text) if "<" in self.text else self.text
        if not self.attributes:
            return f"<{self.tag}>{text}</{self.tag}>"
        attributes = "".join([f' {name}="{_escape_value(value)}"' for name, value in self.attributes.items()])
        return f"<{self.tag}{attributes}>{text}</{self.tag}>"


@dataclass(frozen=True, slots=True)
class Observation:
    """A parsed observation.

    Args:
        phase: one of :data:`PHASES`.
        task: what to do and in which output format; ``""`` where task texts are switched off.
        blocks: the phase's state, in order.

    Raises:
        ValueError: the phase or a tag is unknown, or an attribute has a name that cannot be written.
    """

    phase: str
    task: str = ""
    blocks: tuple[Block, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ValueError(f"unknown phase {self.phase!r}; phases are {', '.join(PHASES)}")
        for block in self.blocks:
            if block.tag not in _STATE_TAGS:
                raise ValueError(f"a block of the state cannot be tagged {block.tag!r}")
            for name in block.attributes:
                if not _ATTRIBUTE_NAME.fullmatch(name):
                    raise ValueError(f"attribute name {name!r} of <{block.tag}> must match [a-z_]+")

    def __str__(self) -> str:
        lines = [f"<phase>{self.phase}</phase>"]
        if self.task:
            lines.append(str(Block("task", self.task)))
        lines.extend([str(block) for block in self.blocks])
        return "\n".join(lines)

    @classmethod
    def parse(cls, text: str) -> Observation:
        """Read an observation back from its text.

        Raises:
            ValueError: the text is not an observation; the message tells where it stops being one.
        """
        blocks = _parse_blocks(text)
        if not blocks or blocks[0].tag != "phase":
            raise ValueError("an observation starts with <phase>")
        task = ""
        state = blocks[1:]
        if state and state[0].tag == "task":
            task = state[0].text
            state = state[1:]
        return cls(blocks[0].text, task, tuple(state))

    def without_gold(self) -> Observation:
        """Return what an agent without the privileged channel sees."""
        return Observation(self.phase, self.task, tuple(block for block in self.blocks if block.tag != "gold"))

    def all(self, tag: str) -> list[Block]:
        """Return the blocks with this tag, in order."""
        return [block for block in self.blocks if block.tag == tag]

    def first(self, tag: str) -> Block | None:
        """Return the first block with this tag, if any."""
        return next((block for block in self.blocks if block.tag == tag), None)

    @property
    def question(self) -> str:
        """The question; several questions (one text read for all of them) are joined by newlines."""
        return self._joined("question")

    @property
    def memory(self) -> str:
        """The memory as text; several records are joined by newlines, each behind its key."""
        return "\n".join(
            [
                f"{block.attributes['key']}: {block.text}" if "key" in block.attributes else block.text
                for block in self.blocks
                if block.tag == "memory"
            ]
        )

    @property
    def section(self) -> str:
        """The section of the long text to read now."""
        return self._joined("section")

    @property
    def memories(self) -> list[Block]:
        """The memory records shown: ``id``, ``key``, ``type``, ``tags`` and ``time`` are attributes."""
        return self.all("memory")

    @property
    def candidates(self) -> list[Block]:
        """The memories proposed by the extract phase, with ids ``c1``, ``c2``, …"""
        return self.all("candidate")

    @property
    def turns(self) -> list[Block]:
        """The turns of the session: ``id`` and ``speaker`` are attributes."""
        return self.all("turn")

    @property
    def time(self) -> str:
        """When the session took place or the question was asked, ``""`` if unknown."""
        session, question = self.first("time"), self.first("question")
        if session is not None:
            return session.text
        return question.attributes.get("time", "") if question else ""

    @property
    def budget(self) -> int | None:
        """How many tokens of memory there is room for, None if there is no limit."""
        block = self.first("budget")
        return int(block.attributes["tokens"]) if block else None

    def _joined(self, tag: str) -> str:
        return "\n".join([block.text for block in self.blocks if block.tag == tag])


_STATE_TAGS = frozenset(TAGS) - {"phase", "task"}


def _escape_value(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;")


def _unescape_value(value: str) -> str:
    return value.replace("&quot;", '"').replace("&amp;", "&")


def _parse_blocks(text: str) -> list[Block]:
    blocks: list[Block] = []
    position = 0
    while True:
        opening = _OPENING.match(text, position)
        if opening is None:
            raise ValueError(f"no tagged block at offset {position}: {text[position : position + 40]!r}")
        tag = opening[1]
        end = text.find(f"</{tag}>", opening.end())
        if end < 0:
            raise ValueError(f"<{tag}> at offset {position} is not closed")
        content = text[opening.end() : end]
        if "<\\" in content:
            content = _ESCAPED_TAG.sub(r"<\1", content)
        attributes = {name: _unescape_value(value) for name, value in _ATTRIBUTE.findall(opening[2])}
        blocks.append(Block(tag, content, attributes))
        position = end + len(tag) + 3
        if position == len(text):
            return blocks
        if text[position] != "\n":
            raise ValueError(f"expected a line break after </{tag}> at offset {position}")
        position += 1
