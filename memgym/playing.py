"""The one way to play episodes, whoever plays and whatever for.

Episodes are coroutines of one event loop. A policy that computes is asked when every running episode waits for it, in
one batch; one that waits on a network is never kept waiting by another episode; and where a step itself waits on a
network (a judge, a reader behind an API), steps run in threads. What is played does not depend on any of this: every
move is seeded by (seed, trial, episode, step).
"""

from __future__ import annotations

import asyncio
import copy
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from memgym.asking import make_asker
from memgym.checks import check_int
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError
from memgym.interrupt import held
from memgym.policy import Ask, AsyncPolicy, Move, Policy

_SURROGATE = re.compile("[\ud800-\udfff]")
CONCURRENCY = 16
"""How many episodes are played side by side unless the caller says otherwise."""
OPEN_PER_CALL = 4
"""How many episodes are open for each call that may be under way, where calls wait on a network: with as many episodes
as calls, the last ones would be waited for one call after the other, while the server has nothing to do."""


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """An episode to be played: the how-many-eth time, and its index in the split."""

    trial: int
    index: int


@dataclass(frozen=True, slots=True)
class PlayedStep:
    """One step as it was played.

    Args:
        ask: what the policy was asked.
        move: what it answered.
        reward: what the step paid.
        info: what the environment told.
        seconds: how long the policy took, alone or with its batch.
    """

    ask: Ask
    move: Move
    reward: Any
    info: dict[str, Any]
    seconds: float


@dataclass(slots=True)
class Played:
    """An episode as it was played; with an ``error``, up to where it failed.

    Args:
        job: which one.
        episode_id: ``""`` if it could not be started.
        phase: the phase at hand, ``""`` at the end.
        steps: those played, each a :class:`PlayedStep`, or what was to be kept of it.
        error: what it failed of.
        seconds: from its start to its end.
    """

    job: Job
    episode_id: str = ""
    phase: str = ""
    steps: list[Any] = field(default_factory=list)
    error: Exception | None = None
    seconds: float = 0.0


def ask_seed(seed: int, trial: int, index: int, step: int) -> int:
    """Return the 32-bit seed of one move."""
    return int(np.random.SeedSequence([seed, trial, index, step]).generate_state(1)[0])


class Game:
    """An episode while it is played, by whoever asks what comes next: it waits for nobody and runs nothing beside it.

    Args:
        env: an environment of memgym, wrapped or not; the episode's own until it ends.
        job: which episode.
        seed: of everything random in the moves.
        keep: what is kept of each step.

    Attributes:
        ask: what is to be answered next; None before the start and at the end.
        played: the episode so far.
    """

    def __init__(
        self, env: gym.Env, job: Job, seed: int = 0, keep: Callable[[PlayedStep], Any] = lambda step: step
    ) -> None:
        self._env, self._seed, self._keep = env, seed, keep
        self.played = Played(job)
        self.ask: Ask | None = None

    def start(self) -> None:
        """Begin the episode."""
        observation, info = self._env.reset(options={"index": self.played.job.index})
        self.played.episode_id, self.played.phase = info["episode_id"], info["phase"]
        self._ask_next(observation)

    def step(self, move: Move, seconds: float = 0.0) -> None:
        """Play the answer to what is asked; an action that is no Unicode text is none.

        Raises:
            ResetNeeded: nothing is asked: the episode is over, or was not started.
        """
        if self.ask is None:
            raise ResetNeeded("nothing is asked: the episode is over, or was not started")
        move = _writable(move)
        observation, reward, terminated, truncated, info = self._env.step(move.action)
        self.played.steps.append(self._keep(PlayedStep(self.ask, move, reward, info, seconds)))
        self.played.phase = info["phase"]
        self.ask = None
        if not (terminated or truncated):
            self._ask_next(observation)

    def _ask_next(self, observation: str) -> None:
        job, step = self.played.job, len(self.played.steps)
        seed = ask_seed(self._seed, job.trial, job.index, step)
        self.ask = Ask(observation, seed, job.trial, job.index, step)


def play(
    policy: Policy,
    env: gym.Env,
    jobs: Iterable[Job],
    *,
    seed: int = 0,
    concurrency: int = CONCURRENCY,
    stepped: Callable[[], None] = lambda: None,
    keep: Callable[[PlayedStep], Any] = lambda step: step,
) -> Iterator[Played]:
    """Play episodes side by side and yield each as it ends, in no certain order.

    One episode's failure is that episode's: it is yielded with its error. Whoever stops iterating stops the rest.

    Args:
        policy: plays.
        env: an environment of memgym, wrapped or not; episodes are played in twins of it (:func:`twin`).
        jobs: which episodes; taken as they are needed.
        seed: of everything random in the policy.
        concurrency: how many are played at once: episodes, or, where the policy waits on a network, its calls.
        stepped: called after each step of any episode.
        keep: what is kept of each step; by default all of it, observations, too.

    Raises:
        ConfigError: an argument does not fit.
    """
    check_int("seed", seed, 0)
    check_int("concurrency", concurrency, 1)
    if not isinstance(env.unwrapped, MemoryEnv):
        raise ConfigError(f"{env} is no memgym environment")
    if env.unwrapped.privileged and not policy.privileged:
        raise ConfigError(
            f"{type(policy).__name__} would be shown the gold answers: only a policy with privileged = True is, which "
            "marks it wherever results are shown; make the environment without reveal_gold"
        )

    def drive() -> Iterator[Played]:
        with _runner() as runner, closing(_Stage(policy, env, iter(jobs), seed, concurrency, stepped, keep)) as stage:
            stop = partial(stage.stop, runner.get_loop())
            while True:
                with held(stop):  # proceed gives nothing back: the runner would make a text of it, tensors and all
                    runner.run(stage.proceed())
                if (played := stage.ended) is None:
                    return
                yield played

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return drive()
    return _in_thread(drive)  # a notebook's loop is running already


@contextmanager
def _runner() -> Iterator[asyncio.Runner]:
    """Make an event loop that is closed wherever its user is given up: perhaps while another loop runs."""
    runner = asyncio.Runner()
    try:
        yield runner
    finally:
        closer = threading.Thread(target=runner.close)
        closer.start()
        closer.join()


def twin(env: gym.Env) -> gym.Env:
    """Return another environment on the same loaded task, in the same wrappers."""
    if isinstance(env, MemoryEnv):
        return env.spawn()
    assert isinstance(env, gym.Wrapper)
    other = copy.copy(env)
    other.env = twin(env.env)
    return other


class _Stage:
    """The episodes of one call of :func:`play`: workers take jobs one after the other, each in its own environment."""

    def __init__(
        self,
        policy: Policy,
        env: gym.Env,
        jobs: Iterator[Job],
        seed: int,
        concurrency: int,
        stepped: Callable[[], None],
        keep: Callable[[PlayedStep], Any],
    ):
        self._env, self._jobs, self._seed = env, jobs, seed
        self._stepped, self._keep = stepped, keep
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="memgym-playing")
        waits = policy.waits or isinstance(policy, AsyncPolicy)
        self._open = OPEN_PER_CALL * concurrency if waits else concurrency
        self._queue: asyncio.Queue[Played | Callable[[], None] | None] = asyncio.Queue()
        self._ask = make_asker(policy, self._open, concurrency, self._threads, self._queue.put_nowait)
        self._step_waits = isinstance(env.unwrapped, MemoryEnv) and env.unwrapped.waits
        self._work: asyncio.Task[None] | None = None
        self._stopped = False
        self.ended: Played | None = None
        """The episode that ended last; None when all have."""

    async def proceed(self) -> None:
        """Play until another episode has ended."""
        if self._work is None:
            self._work = asyncio.create_task(self._play_all())
        while callable(item := await self._queue.get()) and not self._stopped:
            item()
        if self._stopped:
            return
        assert not callable(item)
        self.ended = item
        if self.ended is None:
            await self._work  # raises what is no episode's failure

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have nothing more asked for, and :meth:`proceed` return, which runs in ``loop``; called at any moment."""
        self._stopped = True
        loop.call_soon_threadsafe(self._queue.put_nowait, None)

    def close(self) -> None:
        """Let go of the threads; a call under way goes on to its end, and nobody hears of it."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _play_all(self) -> None:
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._open):
                    workers.create_task(self._play_some())
        finally:
            self._queue.put_nowait(None)

    async def _play_some(self) -> None:
        env = None
        for job in self._jobs:
            env = env or twin(self._env)
            self._queue.put_nowait(await self._play_one(env, job))
        self._ask.leave()

    async def _play_one(self, env: gym.Env, job: Job) -> Played:
        game = Game(env, job, self._seed, self._keep)
        started = time.perf_counter()
        try:
            await self._do(game.start)
            while game.ask is not None:
                move, seconds = await self._ask.move(game.ask)
                await self._do(game.step, move, seconds)
                self._stepped()
        except Exception as error:
            game.played.error = error
        game.played.seconds = time.perf_counter() - started
        return game.played

    async def _do(self, function: Callable[..., None], *arguments: Any) -> None:
        """Go on with a game, in a thread if its environment may wait on a network."""
        if not self._step_waits:
            return function(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _writable(move: Move) -> Move:
    """Return the move; an action that is no Unicode text is none, as it can neither be read nor written down."""
    if isinstance(move.action, str) and not _SURROGATE.search(move.action):
        return move
    return replace(move, action=None)


def _in_thread(drive: Callable[[], Iterator[Played]]) -> Iterator[Played]:
    """Yield what ``drive`` yields, from a thread of its own."""
    items: queue.SimpleQueue[Played | BaseException | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def run() -> None:
        try:
            for played in drive():
                items.put(played)
                if stopped.is_set():
                    return
            items.put(None)
        except BaseException as error:
            items.put(error)

    threading.Thread(target=run, name="memgym-playing", daemon=True).start()
    try:
        while (item := items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
