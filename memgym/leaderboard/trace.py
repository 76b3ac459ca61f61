"""What happened to the memory in a recorded episode: a result file has the actions, a replay brings out the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memgym.bank import MemoryRecord
from memgym.envs.base import MemoryEnv
from memgym.envs.memory_bank import MemoryBankEnv
from memgym.episodes import Episode, Question
from memgym.errors import ActionError, DataError
from memgym.leaderboard.evaluate import check_played_on
from memgym.leaderboard.records import AnswerRecord, EntryRecord, EpisodeRecord, Header
from memgym.leaderboard.rounds import Round
from memgym.leaderboard.trust import Trust, replay_env
from memgym.leaderboard.verify import MAX_ITEMS
from memgym.protocol.actions import parse_answer
from memgym.protocol.observation import Observation
from memgym.scoring.support import Support


@dataclass(frozen=True)
class Change:
    """What became of one memory: ``old`` is None if it is new, ``new`` is None if it is gone."""

    old: MemoryRecord | None
    new: MemoryRecord | None

    @property
    def op(self) -> str:
        """``ADD``, ``UPDATE`` or ``DELETE``."""
        if self.old is None:
            return "ADD"
        return "UPDATE" if self.new else "DELETE"

    @property
    def id(self) -> str:
        """Of the record, ``""`` for a line of a text."""
        return next(record.id for record in (self.new, self.old) if record)


@dataclass(frozen=True)
class TracedStep:
    """One phase as it was played, by the agent or by an operator of the environment.

    Args:
        observation: what was shown, without the task text; for an operator the same, without the gold.
        by_agent: who played.
        action: what was done.
        error: what was wrong with it, ``""`` if nothing.
        memory: afterwards; of a text each line is a memory, without an id.
        changes: of the memory.
        question: that was asked, in the phases ``retrieve`` and ``answer``.
        cited: ids that the answer cites.
        answer: as it was read, None in other phases.
        scores: of the answer.
    """

    observation: Observation
    by_agent: bool
    action: str
    error: str
    memory: tuple[MemoryRecord, ...]
    changes: tuple[Change, ...]
    question: Question | None = None
    cited: tuple[str, ...] = ()
    answer: str | None = None
    scores: dict[str, float] | None = None

    @property
    def phase(self) -> str:
        """Which phase was played."""
        return self.observation.phase

    @property
    def shown(self) -> tuple[str, ...]:
        """Ids of the memories in the observation."""
        return tuple(block.attributes["id"] for block in self.observation.memories if "id" in block.attributes)


@dataclass(frozen=True)
class Trace:
    """An episode with everything that happened in it.

    Args:
        record: what was recorded of it.
        episode: with questions, evidence and gold facts.
        steps: every phase, those that operators played among them.
        support: what the episode asks of a memory.
        differs: whether a reward came out other than it was recorded: then the recording is not of this episode.
    """

    record: EpisodeRecord
    episode: Episode
    steps: tuple[TracedStep, ...]
    support: Support
    differs: bool


def unjudged_env(
    header: Header, entry: EntryRecord, trust: Trust, overrides: Mapping[str, Any], round_: Round | None = None
) -> MemoryEnv:
    """Make the environment in which an entry is traced: that of the file without its judge, as no score is made anew.

    Args:
        header: of the result.
        entry: of the header.
        trust: what the file may name beside what is memgym's own.
        overrides: make-arguments of this machine in place of the file's.
        round_: on which it was played, if on one.

    Raises:
        UntrustedError, DataError: the entry names what is not admitted, or the round is another.
        ConfigError, DataError: it cannot be made here.
    """
    check_played_on(header, round_)
    mine = {**overrides, "judge": None}
    return replay_env(entry, trust, mine, reveal_gold=header.policy.privileged, round_=round_, context=header.context)


def trace(env: MemoryEnv, record: EpisodeRecord) -> Trace:
    """Replay an episode and return what happened in it.

    Args:
        env: the entry's environment, as it was played but for a judge.
        record: the episode. Answers have the scores that it says.

    Raises:
        DataError: the recorded actions are not those of this episode.
    """
    if sum((step.action or "").count("{") for step in record.steps) > MAX_ITEMS:
        raise DataError(f"episode {record.index}: its actions have more than {MAX_ITEMS:,} items: it is not replayed")
    watched = _Watched(env.spawn())
    env = watched.env
    env.reset(options={"index": record.index})
    differs = False
    for number, step in enumerate(record.steps, 1):
        if watched.over:
            raise DataError(f"{record.entry}, episode {record.index}: step {number} comes after the episode's end")
        action: Any = step.action  # None where the policy gave no text
        watched.agent = True
        _, _, watched.over, _, info = env.step(action)
        judged = any("rule" in answer.scores for answer in step.answers)
        same = {name: value for name, value in step.rewards.items() if not (judged and name == "answer")}
        differs |= any(info["rewards"].get(name) != value for name, value in same.items())
        watched.add_scores(step.answers)
    return Trace(record, env.episode, tuple(watched.steps()), env.support, differs)


class _Watched:
    """An environment whose phases are noted as they are played."""

    def __init__(self, env: MemoryEnv):
        self.env, self.agent, self.over = env, False, False
        self._noted: list[dict[str, Any]] = []
        self._memory: tuple[MemoryRecord, ...] = ()
        self._asked = 0
        env.watcher = self._note

    def steps(self) -> Iterator[TracedStep]:
        """Yield what was noted."""
        return (TracedStep(**noted) for noted in self._noted)

    def add_scores(self, answers: Sequence[AnswerRecord]) -> None:
        """Note what the answers of a step scored.

        Raises:
            DataError: other questions were answered.
        """
        unscored = [noted for noted in self._noted if noted["observation"].phase == "answer" and "scores" not in noted]
        if [noted["question"].id for noted in unscored] != [answer.question_id for answer in answers]:
            raise DataError(f"episode {self.env.episode.id!r}: other questions are answered here than were recorded")
        for noted, answer in zip(unscored, answers, strict=True):
            noted |= {"answer": answer.answer, "scores": answer.scores}

    def _note(self, shown: Observation, action: str, error: str) -> None:
        before, self._memory = self._memory, memory_of(self.env)
        noted = {
            "observation": shown,
            "by_agent": self.agent,
            "action": action,
            "error": error,
            "memory": self._memory,
            "changes": tuple(_changes(before, self._memory)),
        }
        self.agent = False
        if shown.phase in ("retrieve", "answer"):
            noted["question"] = self.env.episode.questions[self._asked]
        if shown.phase == "answer":
            self._asked += 1
            noted["cited"] = _cited(action)
        self._noted.append(noted)


def memory_of(env: MemoryEnv) -> tuple[MemoryRecord, ...]:
    """Return the memory of an environment; of a text each line that is not blank is a memory, without an id."""
    if isinstance(env, MemoryBankEnv):
        return tuple(env.bank.get_all())
    lines = getattr(env, "memory", "").splitlines()
    return tuple(MemoryRecord("", "", line) for line in lines if line.strip())


def _changes(before: Sequence[MemoryRecord], after: Sequence[MemoryRecord]) -> Iterator[Change]:
    if before == after:
        return
    if all(record.id for record in (*before, *after)):
        old, new = ({record.id: record for record in records} for records in (before, after))
        for identity in old | new:
            if old.get(identity) != new.get(identity):
                yield Change(old.get(identity), new.get(identity))
        return
    was, now = Counter(before), Counter(after)  # a line that was moved is the same
    yield from (Change(record, None) for record in _beyond(before, now))
    yield from (Change(None, record) for record in _beyond(after, was))


def _beyond(lines: Iterable[MemoryRecord], known: Counter[MemoryRecord]) -> Iterator[MemoryRecord]:
    """Yield the lines that are there more often than is known."""
    left = Counter(known)
    for line in lines:
        if left[line]:
            left[line] -= 1
        else:
            yield line


def _cited(action: str) -> tuple[str, ...]:
    try:
        return tuple(parse_answer(action, "json").cited_ids)
    except ActionError:
        return ()
