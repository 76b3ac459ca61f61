"""Replayed episodes for the page's viewer: each step with the memory as it changes, each text written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memgym.bank import MemoryRecord
from memgym.envs.base import MemoryEnv
from memgym.errors import MemgymError
from memgym.leaderboard.board import Row
from memgym.leaderboard.diagnose import Evidence, Loss, diagnose, tally
from memgym.leaderboard.records import EntryRecord
from memgym.leaderboard.rounds import Round
from memgym.leaderboard.trace import Trace, TracedStep, trace, unjudged_env
from memgym.leaderboard.trust import Trust
from memgym.shown import cut, plain

DIAGNOSED = 10
"""Of so many episodes of an entry it is told where answers were lost."""
LONGEST = 20_000
"""So many letters of a text are shown."""


class Pool:
    """Texts, each kept once: policies that played the same episode were shown the same."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def put(self, text: str) -> int:
        """Return the place of a text."""
        return self._places.setdefault(plain(cut(text, LONGEST), lines=True), len(self._places))

    @property
    def texts(self) -> list[str]:
        """All texts, by place."""
        return list(self._places)


@dataclass
class RowView:
    """What was replayed of a result.

    Args:
        trajectories: a few episodes of each entry, step by step.
        losses: how many answers were lost where, over the first episodes of each entry.
        right: how many answers were right in the same.
        seen: the share of the memory that the answerer was shown, over the same; None if there was no memory.
        replayed, differing: how many episodes were replayed, and in how many of them a reward came out differently.
        why: entries that could not be replayed, with the reason.
    """

    trajectories: list[dict[str, Any]] = field(default_factory=list)
    losses: dict[str, int] = field(default_factory=dict)
    right: int = 0
    seen: float | None = None
    replayed: int = 0
    differing: int = 0
    why: list[str] = field(default_factory=list)


def view_row(
    row: Row, pool: Pool, shown: int, trust: Trust, overrides: Mapping[str, Any], round_: Round | None = None
) -> RowView:
    """Replay the first episodes of a result.

    Args:
        row: the result.
        pool: takes the texts.
        shown: how many episodes of each entry can be stepped through.
        trust: what the file may name beside what is memgym's own.
        overrides: make-arguments of this machine in place of the file's.
        round_: on which it was played, if on one.
    """
    view = RowView()
    lost: list[Loss] = []
    shares: list[float] = []
    for number, entry in enumerate(row.result.header.entries):
        try:
            env = unjudged_env(row.result.header, entry, trust, overrides, round_)
            for traced in _traces(env, row, entry, max(shown, DIAGNOSED)):
                losses = diagnose(traced)
                lost += losses
                view.replayed += 1
                view.differing += traced.differs
                view.right += sum(step.scores is not None for step in traced.steps) - len(losses)
                shares += [share for step in traced.steps if (share := _share(step)) is not None]
                if traced.record.index < shown:
                    view.trajectories.append(_trajectory(traced, number, losses, pool))
        except MemgymError as error:
            view.why.append(plain(f"{entry.name}: {error}"))
    view.losses = tally(lost)
    view.seen = sum(shares) / len(shares) if shares else None
    return view


def _traces(env: MemoryEnv, row: Row, entry: EntryRecord, most: int) -> Iterator[Trace]:
    """Replay the first trial of an entry's first episodes."""
    first = row.result.select(lambda key, failed: key[0] == entry.name and key[1] == 0 and key[2] < most and not failed)
    return (trace(env, record) for record in first)


def _share(step: TracedStep) -> float | None:
    """Return which share of the memory an answerer was shown, in letters."""
    whole = sum(len(record.text) for record in step.memory)
    if step.phase != "answer" or not whole:
        return None
    ids = {*step.shown}
    return sum(len(record.text) for record in step.memory if not record.id or record.id in ids) / whole


def _trajectory(traced: Trace, entry: int, losses: Sequence[Loss], pool: Pool) -> dict[str, Any]:
    wanted = [Evidence(traced.support, question) for question in traced.episode.questions]
    by_question = dict(zip((question.id for question in traced.episode.questions), wanted, strict=True))
    turns = {turn for question in traced.episode.questions for turn in question.evidence}
    places = {loss.step: loss.place for loss in losses}
    touched: dict[MemoryRecord, bool] = {}

    def gold(record: MemoryRecord | None) -> bool:
        if record is None:
            return False
        if record not in touched:
            touched[record] = any(one.touches(record) for one in wanted)
        return touched[record]

    return {
        "entry": entry,
        "index": traced.record.index,
        "id": pool.put(traced.episode.id),
        "differs": traced.differs,
        "steps": [
            _step(step, pool, turns, gold, by_question, places.get(number, ""))
            for number, step in enumerate(traced.steps)
        ],
    }


def _step(
    step: TracedStep,
    pool: Pool,
    turns: set[str],
    gold: Callable[[MemoryRecord | None], bool],
    wanted: Mapping[str, Evidence],
    lost: str,
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "phase": step.phase,
        "agent": step.by_agent,
        "blocks": [
            [block.tag, pool.put(_label(block.attributes)), pool.put(block.text), block.attributes.get("id") in turns]
            for block in step.observation.blocks
            if block.tag not in ("budget", "memory" if step.phase in ("read", "answer") else "")
        ],
        "action": pool.put(step.action),
    }
    if step.error:
        told["error"] = pool.put(step.error)
    if step.changes:
        told["changes"] = [
            [change.op, change.id, _text(change.old, pool), _text(change.new, pool), int(gold(change.new))]
            for change in step.changes
        ]
        if not step.changes[0].id:  # lines of a text: their places do not follow from the changes
            told["memory"] = [["", pool.put(record.text), int(gold(record))] for record in step.memory]
    if step.question is not None:
        needed = wanted[step.question.id]
        told["relevant"] = [i for i, record in enumerate(step.memory) if needed.touches(record)]
        told["shown"] = list(step.shown)
    if step.scores is not None and step.question is not None:
        told |= {
            "question": pool.put(step.question.text),
            "gold": [pool.put(answer) for answer in step.question.answers],
            "answer": pool.put(step.answer or ""),
            "score": step.scores["answer"],
            "cited": list(step.cited),
            "lost": lost,
        }
    return told


def _text(record: MemoryRecord | None, pool: Pool) -> int:
    return -1 if record is None else pool.put(record.text)


def _label(attributes: Mapping[str, str]) -> str:
    return " · ".join(value for name, value in attributes.items() if value and name != "format")
