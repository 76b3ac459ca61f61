"""``trajectory``: the log of an agent at work on services, and questions on what it did and found, at any length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from memgym.checks import check_int, check_number
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import ConfigError
from memgym.scoring.abstention import abstains
from memgym.scoring.phrases import exact_match, f1, plain
from memgym.scoring.support import Support
from memgym.scoring.text import best_over
from memgym.tasks.procedural.base import ProceduralTask
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, SizedConfig, preset_table
from memgym.tasks.procedural.trajectory import phrases as say
from memgym.tasks.procedural.trajectory.claims import Claims
from memgym.tasks.procedural.trajectory.questions import ask
from memgym.tasks.procedural.trajectory.services import Namer, Numbers, Service, Step
from memgym.tasks.world.names import fast_random
from memgym.tokens import get_counter

AGENT, ENVIRONMENT, OPERATOR = "agent", "environment", "operator"
"""Who speaks: who acts, what answers, and who told the agent what to do."""
_ASKED_PER_SERVICE = 5
_TOKENS_PER_SERVICE = 2_000
"""More than all that is told of a service."""
_TOKENS_PER_SESSION = 1_200
_SESSIONS = 6
"""At least."""
_LIVE = 24
"""Stories of other teams that are told at once."""
_NUMBERED = re.compile(r"^\s*\d{1,3}[.)](?=\s)", re.MULTILINE)
_ITEMS = re.compile(r"\s*(?:[,;\n]|\band\b)\s*(?:and\b)?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class TrajectoryConfig(SizedConfig):
    """The options of ``trajectory``. None means: what the difficulty says.

    Args:
        noise: steps that no question is about; instead of ``length``.
        services: services that the agent looks after, and is asked about. Easy 2, medium 4, hard 8.
        questions: questions per episode, at most five per service. Easy 10, medium 15, hard 20.
        changes: how often the settings of a service are changed once each has its first value. Easy 2, medium 4,
            hard 8.
        decoys: how many steps, per step that does something, only look as if they did (changes refused, fixes vetoed,
            jobs not started), 0 to 1. Easy 0.2, medium 0.4, hard 0.6.
        others: the share of the noise that tells the same kinds of things about other teams' services, 0 to 1. Easy
            0.3, medium 0.5, hard 0.7.
        similarity: the share of those services that are named almost like one of the agent's, 0 to 1. Easy 0, medium
            0.1, hard 0.3.

    Raises:
        ConfigError: an option does not fit.
    """

    PRESETS = preset_table(
        ("length", "services", "questions", "changes", "decoys", "others", "similarity"),
        easy=(6_000, 2, 10, 2, 0.2, 0.3, 0.0),
        medium=(24_000, 4, 15, 4, 0.4, 0.5, 0.1),
        hard=(80_000, 8, 20, 8, 0.6, 0.7, 0.3),
    )
    SIZE = "noise"

    noise: int | None = None
    services: int = BY_DIFFICULTY
    questions: int = BY_DIFFICULTY
    changes: int = BY_DIFFICULTY
    decoys: float = BY_DIFFICULTY
    others: float = BY_DIFFICULTY
    similarity: float = BY_DIFFICULTY

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("services", self.services, 1, 50)
        check_int("questions", self.questions, 1)
        check_int("changes", self.changes, 0, 20)
        for name in ("decoys", "others", "similarity"):
            check_number(name, getattr(self, name), 0, 1)
        if self.questions > _ASKED_PER_SERVICE * self.services:
            most = f"at most {_ASKED_PER_SERVICE * self.services} for {self.services} services"
            raise ConfigError(f"argument 'questions' must be {most}, not {self.questions}")
        if self.length is None:
            check_int("noise", self.noise, 0)
        else:
            check_int("length", self.length, self.services * (_TOKENS_PER_SERVICE + 100 * self.changes))


class Trajectory(ProceduralTask):
    """What did an agent do and find, over many sessions of work on services?

    Each step is two turns, ``41:action`` (a thought, a command) and ``41:observation`` (what came back). The agent
    changes settings and rolls back, deploys, runs maintenance jobs, and tries fixes for tickets; some of it is refused,
    fails, or is only planned. The first turn says which services are the agent's; steps about those of other teams, and
    steps that tell nothing, lie between. Questions ask, by category:

    - ``state``: the value of a setting in the end. A rollback names a revision; what the setting was then was told when
      it was set.
    - ``cause``: the root cause of a failed deploy. The failure names a reference; its cause is told earlier or later.
    - ``order``: which job came right after, or before, another.
    - ``count``: how many deploys there were, or failed.
    - ``tried``: which fixes were tried for a ticket, all of them.
    - ``unanswerable``: what was tried where nothing was, or the root cause of a failure of which that is not told.

    Evidence are the observations from which the answer follows: no other tells it, and without one of them it does not
    follow. Gold facts are about the agent's services and hold until something overtakes them; one that a rollback
    brings back counts as if it had held in between.

    Splits are disjoint by construction: every question names a service, and the invented word in its name occurs in no
    other split (:mod:`memgym.tasks.world.names`).

    The official score ``answer`` is the exact match of the answer by the house rule; of ``tried``, 1 if just the fixes
    that were tried are listed, between commas or in lines; where nothing is told, 1 if the answer abstains. ``f1``
    stands beside: over words, of ``tried`` over fixes.

    The reader ``supported`` lists whatever a memory states to have been tried, and takes for guesses what it states in
    many versions (:class:`memgym.tasks.procedural.trajectory.claims.Claims`).
    """

    name = "trajectory"
    version = 2
    source = "procedural, in the shape of AMA-Bench (Zhao et al. 2026, arXiv 2602.22769)"
    Config = TrajectoryConfig

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode of sessions of work, with gold facts and evidence."""
        draw, config = fast_random(rng), self.config
        numbers, namer = Numbers(draw), Namer(draw, split, config.similarity)
        made = [Service(namer.mine(), draw, numbers, config.changes, config.decoys) for _ in range(config.services)]
        told = [story() for service in made for story in service.stories()]
        asked = ask(draw, made, config.questions)
        sessions = tuple(_Layout(draw, config, namer, numbers).sessions([s.name for s in made], told))
        episode_id = f"{self.name}-{split}-{index}"
        return Episode(
            id=episode_id,
            questions=tuple(one.question(f"{episode_id}-q{i}") for i, one in enumerate(asked, 1)),
            sessions=sessions,
            facts=tuple(draft.fact() for service in made for draft in service.facts),
        )

    def support(self, episode: Episode) -> Support:
        """Return what the questions and facts of an episode ask of a memory."""
        return Claims(episode, self.phrases, self.running)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` and ``f1`` as the class describes them."""
        if not question.answerable:
            right = float(abstains(answer, question.text))
            return {"answer": right, "f1": right}
        if question.match == "all":
            given, due = set(items(answer)), {plain(gold) for gold in question.answers}
            return {"answer": float(given == due), "f1": 2 * len(given & due) / (len(given) + len(due))}
        return {
            "answer": best_over(exact_match, answer, question.answers),
            "f1": best_over(f1, answer, question.answers),
        }


def items(answer: str) -> list[str]:
    """Return what an answer lists, between commas, semicolons, lines or ``and``, in the house rule's spelling."""
    return list(filter(None, (plain(item) for item in _ITEMS.split(_NUMBERED.sub("", answer)))))


class _Layout:
    """Lays stories out over sessions, between noise; each story keeps its order."""

    def __init__(self, draw: Random, config: TrajectoryConfig, namer: Namer, numbers: Numbers):
        self._draw, self._config, self._namer, self._numbers = draw, config, namer, numbers
        self._counter = get_counter(config.counter)
        self._steps = config.noise or 0
        self._elsewhere: list[list[Step]] = []
        self._number = 0
        self._minute = draw.randrange(10_000)

    def sessions(self, mine: list[str], stories: list[list[Step]]) -> Iterator[Session]:
        """Yield the sessions; each step has its number once it is yielded."""
        placed = sorted(
            ((place, step) for story in stories for place, step in zip(self._places(story), story, strict=True)),
            key=lambda pair: pair[0],
        )
        number = self._how_many(len(placed))
        brief = Turn("brief", OPERATOR, say.BRIEF.format(mine=", ".join(mine)))
        used, taken = 0, 0
        for i in range(number):
            end = taken
            while end < len(placed) and placed[end][0] * number < i + 1:
                end += 1
            steps = [step for _, step in placed[taken:end]]
            taken = end
            head = [brief] if i == 0 else []
            session = self._session(i, number, head, steps, used)
            used += self._counter.count(f"{session}\n\n")
            yield session

    def _places(self, story: list[Step]) -> list[float]:
        return sorted(self._draw.random() for _ in story)

    def _how_many(self, told: int) -> int:
        if self._config.length is None:
            return max(_SESSIONS, (told + self._steps) // 16)
        return max(_SESSIONS, self._config.length // _TOKENS_PER_SESSION)

    def _session(self, i: int, number: int, head: list[Turn], steps: list[Step], used: int) -> Session:
        self._minute += self._draw.randrange(100, 2_000)
        day, minute = divmod(self._minute, 1440)
        time = f"day {day + 1}, {minute // 60:02d}:{minute % 60:02d}"
        fixed = self._counter.count("".join([f"[{time}]\n", *(f"{t.speaker}: {t.text}\n" for t in head)]))
        noise = list(self._noise(i, number, used + fixed + sum(map(self._size, steps))))
        mixed = steps + noise
        order = sorted(self._draw.sample(range(len(mixed)), len(steps)))
        laid: list[Step] = noise
        for place, step in zip(order, steps, strict=True):
            laid.insert(place, step)
        turns = head
        for step in laid:
            self._number += 1
            step.number = self._number
            turns.append(Turn(f"{step.number}:action", AGENT, step.action))
            turns.append(Turn(step.id, ENVIRONMENT, step.observation))
        return Session(f"S{i + 1}", time, tuple(turns))

    def _noise(self, i: int, number: int, used: int) -> Iterator[Step]:
        """Yield the noise of a session: its part of all, or what takes it up to its part of the length."""
        length = self._config.length
        if length is None:
            steps = self._steps * (i + 1) // number - self._steps * i // number
            yield from (self._any() for _ in range(steps))
            return
        missing = length * (i + 1) // number - used
        while missing > 0:
            step = self._any()
            size = self._size(step)
            if size > 2 * missing:
                return
            missing -= size
            yield step

    def _size(self, step: Step) -> int:
        return self._counter.count(f"{AGENT}: {step.action}\n{ENVIRONMENT}: {step.observation}\n")

    def _any(self) -> Step:
        """Return the next step of a story of another team, or one that tells nothing."""
        if self._draw.random() >= self._config.others:
            return self._chatter()
        if len(self._elsewhere) < _LIVE:
            other = Service(self._namer.other(), self._draw, self._numbers, self._config.changes, self._config.decoys)
            self._elsewhere += [story()[::-1] for story in other.stories()]
        story = self._draw.randrange(len(self._elsewhere))
        step = self._elsewhere[story].pop()
        if not self._elsewhere[story]:
            del self._elsewhere[story]
        return step

    def _chatter(self) -> Step:
        random = self._draw.random
        action, observation = self._draw.choice(say.CHATTER)
        words = {
            "w": self._draw.choice(say.WORDS),
            "a": int(random() * 900) + 100,
            "b": int(random() * 90) + 10,
            "d": int(random() * 9) + 1,
            "p": int(random() * 90) + 5,
            "l": "abcdefgh"[int(random() * 8)],
            "h": f"{int(random() * 16**7):07x}",
        }
        return Step(action.format(**words), observation.format(**words))
