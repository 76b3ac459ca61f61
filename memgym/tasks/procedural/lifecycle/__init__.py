"""The ``lifecycle`` task: facts are born, told again, updated, corrected, lent, forbidden to keep, or never were.

Somebody talks with an assistant over many sessions about themselves, their friends and kin, and about other things.
What is asked is what holds at the end; what a memory does with each fact on the way is scored by the rewards of
:class:`memgym.envs.memory_bank.MemoryBankEnv`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memgym.checks import check_choice, check_int
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import ConfigError
from memgym.scoring.guesses import Pools
from memgym.tasks.procedural.base import ProceduralConfig, ProceduralTask
from memgym.tasks.procedural.lifecycle.questions import Asker
from memgym.tasks.procedural.lifecycle.story import Draft, Exchange, Story
from memgym.tasks.procedural.lifecycle.topics import TOPICS
from memgym.tasks.procedural.persona.answers import score
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, days_of_sessions, preset_table
from memgym.tasks.world.names import fast_random
from memgym.tokens import get_counter

DIFFICULTIES = preset_table(
    ("sessions", "requests", "people", "questions", "changes"),
    easy=(6, 2, 3, 10, 0),
    medium=(12, 4, 4, 15, 1),
    hard=(24, 10, 8, 20, 4),
)
_TOKENS_PER_SESSION = 2000
_TOKENS_PER_REQUEST = 45  # a little more than the mean, so that no round of requests overshoots
_SPARE = 2
"""People with so many topics each are left untold, at least."""


@dataclass(frozen=True)
class LifecycleConfig(ProceduralConfig):
    """The options of ``lifecycle``. None means: what the difficulty says.

    Args:
        difficulty: ``easy`` (about 1,600 tokens), ``medium`` (4,000) or ``hard`` (12,000).
        sessions: the number of conversations (default with a ``length``: at least one per 2,000 tokens).
        requests: what the user asks for besides, per session; without effect if ``length`` is given.
        people: about whom facts are told, the user among them.
        questions: questions per episode; half as many lives are told that nobody asks about.
        changes: most updates, corrections, repetitions and fancies of a fact before that which it is asked for.
        length: tokens of ``Episode.text()``, met within 2 % by adding requests; None for no target.
        counter: how tokens are counted (see :mod:`memgym.tokens`).

    Raises:
        ConfigError: an option does not fit.
    """

    difficulty: str = "easy"
    sessions: int = BY_DIFFICULTY
    requests: int = BY_DIFFICULTY
    people: int = BY_DIFFICULTY
    questions: int = BY_DIFFICULTY
    changes: int = BY_DIFFICULTY
    length: int | None = None
    counter: str = "chars"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("difficulty", self.difficulty, tuple(DIFFICULTIES))
        get_counter(self.counter)
        preset = DIFFICULTIES[self.difficulty]
        if self.length is not None:
            check_int("length", self.length, 1)
            preset = preset | {"sessions": max(preset["sessions"], self.length // _TOKENS_PER_SESSION)}
        for name, value in preset.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        check_int("sessions", self.sessions, 4)
        check_int("requests", self.requests, 0)
        check_int("people", self.people, 1, 20)
        check_int("questions", self.questions, 1, max(1, (self.people * len(TOPICS) - _SPARE) * 2 // 3))
        check_int("changes", self.changes, 0, 5)
        if self.length is not None and self.length < self.least_length():
            least = f"at least {self.least_length()} for {self.questions} questions and {self.changes} changes"
            raise ConfigError(f"argument 'length' must be {least}, not {self.length}")

    def least_length(self) -> int:
        """Return a length in tokens that holds the facts, with a good fifth to spare."""
        return 12 * self.sessions + self.questions * (170 + 60 * self.changes)


class Lifecycle(ProceduralTask):
    """What holds in the end, of facts that were told, told again, updated, corrected, lent, forbidden, or never were.

    A user talks with an assistant about the towns, jobs, cars, doctors, … of themselves and others. The category of a
    question tells how the fact that it asks for fared:

    - ``stated`` once, ``restated`` in other words, ``updated``, ``corrected`` (it never was so);
    - ``expired``: "until the 12th of May I drive a rental" has passed, so that holds again what was told before;
      ``temporary``: that day is yet to come;
    - ``called off``: something was planned, and nothing came of it;
    - ``forgotten``: the user asked not to keep it, and ``never``: it was never told, only planned, imagined, denied, or
      told of somebody else. Both want an abstention.

    Gold facts hold from the turn that tells them until the turn that overtakes them, the first one said after their
    last day, or the one that asks to forget them (``Fact.forgotten``). ``Episode.lures`` are what was planned,
    imagined, denied, or told of others. Evidence is each turn that tells the fact, or the one that asks to forget it;
    where a fact was told again, one of them is enough. Each value occurs for one fact or lure only.

    Splits are disjoint: no full name occurs in two of them.

    The score ``answer`` is 1 if the answer is the gold one, alone or among words that change nothing, or, where the
    text does not tell, if it abstains; ``f1`` is the token F1.
    """

    name = "lifecycle"
    version = 2
    source = "procedural, after the measures of HaluMem (Chen et al. 2025, arXiv 2511.03506)"
    Config = LifecycleConfig
    pools: ClassVar[Pools] = {topic.noun: topic.pool for topic in TOPICS}

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Invent the people and the lives of facts, and lay them out between requests."""
        config, draw = self.config, fast_random(rng)
        story = Story(draw, split, days_of_sessions(draw, config.sessions), config.people)
        asked = Asker(story, config.questions, config.changes).ask()
        sessions = _Layout(story, config).sessions()
        opening = [session.turns[0].id for session in sessions]
        episode_id = f"{self.name}-{split}-{index}"
        return Episode(
            id=episode_id,
            questions=tuple(
                q.question(f"{episode_id}-q{i}", sessions[-1].time, opening) for i, q in enumerate(asked, 1)
            ),
            sessions=sessions,
            facts=tuple(draft.fact(opening) for draft in story.facts),
            lures=tuple(draft.fact(opening) for draft in (*story.lures, *_of_others(story))),
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` and ``f1`` as the class describes them."""
        return score(question, answer)


def _of_others(story: Story) -> list[Draft]:
    """Return what is told of one person as if it were told of each other one of whom the same topic is told."""
    about = {(fact.subject, fact.topic): fact for fact in (*story.facts, *story.lures)}
    return [
        Draft(subject, topic, fact.value, fact.source)
        for subject, topic in about
        for fact in story.facts
        if fact.topic is topic and fact.subject != subject
    ]


class _Layout:
    """Puts what is told into sessions, between requests."""

    def __init__(self, story: Story, config: LifecycleConfig):
        self.story = story
        self.rng = story.rng
        self.config = config
        self.counter = get_counter(config.counter)
        self.used = 0

    def sessions(self) -> tuple[Session, ...]:
        """Return the finished sessions; from now on every line has its id."""
        return tuple(self._session(number) for number in range(self.config.sessions))

    def _session(self, number: int) -> Session:
        time = f"{self.story.days[number].isoformat()} {self.rng.randrange(8, 22):02d}:{self.rng.randrange(60):02d}"
        exchanges = self.story.exchanges[number]
        self._add_requests(exchanges, number, time)
        self.rng.shuffle(exchanges)
        lines = [line for exchange in exchanges for line in exchange]
        for position, line in enumerate(lines, 1):
            line.id = f"S{number + 1}:{position}"
        return Session(f"S{number + 1}", time, tuple(Turn(line.id, line.speaker, line.text) for line in lines))

    def _add_requests(self, exchanges: list[Exchange], number: int, time: str) -> None:
        """Add requests: so many, or up to the session's part of the length; one at least to an empty session."""
        if self.config.length is None:
            exchanges += [self.story.request() for _ in range(max(self.config.requests, not exchanges))]
            return
        self.used += self.counter.count(f"[{time}]\n\n") + self._tokens(exchanges)
        quota = self.config.length * (number + 1) // self.config.sessions
        while (missing := quota - self.used) > 0 or not exchanges:
            new = [self.story.request() for _ in range(max(1, missing // _TOKENS_PER_REQUEST))]
            if exchanges and len(new) == 1 and self._tokens(new) > 2 * missing:
                break
            exchanges += new
            self.used += self._tokens(new)

    def _tokens(self, exchanges: list[Exchange]) -> int:
        return self.counter.count("".join(f"{line.speaker}: {line.text}\n" for lines in exchanges for line in lines))
