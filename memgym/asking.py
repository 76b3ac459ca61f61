"""How a policy is asked for the moves of many episodes at once: in one batch, in threads, or by ``await``."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from memgym.errors import ConfigError
from memgym.policy import Ask, AsyncPolicy, Move, Policy


class Asker(ABC):
    """How the policy is asked."""

    @abstractmethod
    async def move(self, ask: Ask) -> tuple[Move, float]:
        """Return the policy's move, and how many seconds it took; a failed move is raised."""

    def leave(self) -> None:
        """Tell that one worker fewer will ask."""


def make_asker(
    policy: Policy, workers: int, concurrency: int, threads: Executor, call: Callable[[Callable[[], None]], None]
) -> Asker:
    """Return the way to ask a policy.

    Args:
        policy: is asked.
        workers: episodes that are played side by side, at most.
        concurrency: calls that may be under way at once, where the policy waits on a network.
        threads: where such calls wait, if not by ``await``.
        call: has a batch asked for, by whoever waits for what is played.
    """
    if isinstance(policy, AsyncPolicy):
        return _Awaited(policy, concurrency)
    return _InThreads(policy, threads) if policy.waits else _InBatches(policy, workers, call)


class _Awaited(Asker):
    """A policy that waits by ``await``; so many calls are under way at once."""

    def __init__(self, policy: AsyncPolicy, concurrency: int):
        self._policy, self._limit = policy, asyncio.Semaphore(concurrency)

    async def move(self, ask: Ask) -> tuple[Move, float]:
        async with self._limit:
            started = time.perf_counter()
            move = await self._policy.move_async(ask)
            return move, time.perf_counter() - started


class _InThreads(Asker):
    """A policy whose calls wait on a network."""

    def __init__(self, policy: Policy, threads: Executor):
        self._policy, self._threads = policy, threads

    async def move(self, ask: Ask) -> tuple[Move, float]:
        loop = asyncio.get_running_loop()
        ((move, seconds),) = await loop.run_in_executor(self._threads, _moves, self._policy, [ask])
        return _unless_failed(move), seconds


class _InBatches(Asker):
    """A policy that computes: it is asked once all workers wait for it.

    Not by the last of them, which would ask once more after Ctrl-C, but by whoever waits for what is played.
    """

    def __init__(self, policy: Policy, workers: int, call: Callable[[Callable[[], None]], None]):
        self._policy, self._workers, self._call = policy, workers, call
        self._waiting: list[tuple[Ask, asyncio.Future[tuple[Move | Exception, float]]]] = []

    async def move(self, ask: Ask) -> tuple[Move, float]:
        answered: asyncio.Future[tuple[Move | Exception, float]] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, answered))
        self._call_when_all_wait()
        move, seconds = await answered
        return _unless_failed(move), seconds

    def leave(self) -> None:
        self._workers -= 1
        self._call_when_all_wait()

    def _call_when_all_wait(self) -> None:
        if self._waiting and len(self._waiting) >= self._workers:
            self._call(self._ask_for_all)

    def _ask_for_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        waiting.sort(key=lambda asked: (asked[0].trial, asked[0].index))
        moves = _moves(self._policy, [ask for ask, _ in waiting])
        for (_, answered), move in zip(waiting, moves, strict=True):
            answered.set_result(move)


def _moves(policy: Policy, asks: Sequence[Ask]) -> list[tuple[Move | Exception, float]]:
    """Return a policy's moves with their seconds; where a batch fails, its halves are asked, down to the culprit."""
    started = time.perf_counter()
    try:
        moves = policy.move_many(asks)
        if len(moves) != len(asks):
            raise ConfigError(f"{type(policy).__name__} gave {len(moves)} actions for {len(asks)} observations")
    except Exception as error:
        if len(asks) == 1:
            return [(error, time.perf_counter() - started)]
        half = len(asks) // 2
        return _moves(policy, asks[:half]) + _moves(policy, asks[half:])
    seconds = time.perf_counter() - started
    return [(move, seconds) for move in moves]


def _unless_failed(move: Move | Exception) -> Move:
    if isinstance(move, Exception):
        raise move
    return move
