"""Plays an evaluation in several processes, or on a Ray cluster; what is played is the same, whoever plays which part.

Served models scale by their own server, and a part of an evaluation (``--shard``) by any job queue.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import Empty
from typing import Any

from memgym.errors import ConfigError, MemgymError, MissingExtraError
from memgym.folders import DATA_FOLDER
from memgym.interrupt import unheard
from memgym.leaderboard.evaluate import Evaluation, EvaluationPlan
from memgym.leaderboard.files import Key
from memgym.leaderboard.records import EpisodeRecord, Header, decode_episode, encode

_POLL = 0.2  # seconds between looks whether the workers are alive


class WorkerError(MemgymError, RuntimeError):
    """A process that played has died; what it played before is kept."""


def shard(keys: Sequence[Key], part: int, parts: int) -> list[Key]:
    """Return part ``part`` of ``parts``, from 1 on.

    Raises:
        ConfigError: there is no such part.
    """
    if not 1 <= part <= parts:
        raise ConfigError(f"there is no shard {part}/{parts}: shards are 1/{parts} to {parts}/{parts}")
    return list(keys[part - 1 :: parts])


def in_processes(
    plan: EvaluationPlan, header: Header, keys: Sequence[Key], workers: int, concurrency: int
) -> Iterator[EpisodeRecord]:
    """Play episodes in so many processes, each with a policy and environments of its own.

    Raises:
        WorkerError: a process died.
    """
    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    tasks.cancel_join_thread()  # after Ctrl-C nobody takes what is left, and it would be waited for
    for part in _parts(keys, workers, concurrency):
        tasks.put(part)
    processes = [
        context.Process(target=_work, args=(plan, concurrency, tasks, results), daemon=True) for _ in range(workers)
    ]
    try:
        with unheard():  # Ctrl-C is for the process that writes
            for process in processes:
                tasks.put(None)
                process.start()
        for line in _received(results, processes, len(keys)):
            yield decode_episode(line, header, "a worker")
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.pid is not None:
                process.terminate()


def on_ray(
    plan: EvaluationPlan, header: Header, keys: Sequence[Key], address: str, concurrency: int
) -> Iterator[EpisodeRecord]:
    """Play episodes on a Ray cluster, with one policy for each CPU (extra ``ray``).

    The policy's module must be importable on the nodes as it is here.

    Args:
        plan: what is to be played.
        header: of the result file.
        keys: which episodes.
        address: of a running cluster, ``auto`` for the one of this machine, ``local`` for one that is started and ends.
        concurrency: how many episodes each policy plays side by side.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: there is no cluster at the address.
    """
    try:
        import ray
        from ray.util import ActorPool
    except ImportError:
        raise MissingExtraError("--ray", "ray") from None
    paths = [os.path.abspath(path) for path in sys.path]
    variables = {"PYTHONPATH": os.pathsep.join(paths)}
    if DATA_FOLDER in os.environ:
        variables[DATA_FOLDER] = os.path.abspath(os.environ[DATA_FOLDER])
    try:
        ray.init(address, runtime_env={"env_vars": variables}, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        raise ConfigError(f"--ray {address}: no cluster can be reached there ({error})") from None
    try:
        players = max(1, int(ray.cluster_resources().get("CPU", 1)))
        player = ray.remote(num_cpus=1)(_Player)
        parts = list(_parts(keys, players, concurrency))
        pool = ActorPool([player.remote(plan, concurrency) for _ in range(min(players, len(parts)))])
        for lines in pool.map_unordered(lambda actor, part: actor.play.remote(part), parts):
            for line in lines:
                yield decode_episode(line, header, "a worker")
    finally:
        ray.shutdown()


class _Player:
    """Plays parts of an evaluation in a process of its own."""

    def __init__(self, plan: EvaluationPlan, concurrency: int):
        self._evaluation, self._concurrency = Evaluation(plan), concurrency

    def play(self, keys: Sequence[Key]) -> list[bytes]:
        """Return the records of some episodes, as lines."""
        return [encode(record) for record in self._evaluation.play(keys, self._concurrency)]


def _parts(keys: Sequence[Key], players: int, concurrency: int) -> Iterator[list[Key]]:
    """Part the keys: as many at once as are played side by side, but several parts for each player."""
    size = max(1, min(concurrency, len(keys) // (4 * players)))
    for start in range(0, len(keys), size):
        yield list(keys[start : start + size])


def _work(plan: EvaluationPlan, concurrency: int, tasks: Any, results: Any) -> None:
    """Play what is asked for, until there is no more; each record is handed over as its episode ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where a start cannot be unheard
    with suppress(ImportError):
        from tqdm import tqdm

        tqdm.set_lock(threading.RLock())  # its own, which bm25s makes, is a semaphore: terminated, we would leave it
    try:
        evaluation = Evaluation(plan)
        while (keys := tasks.get()) is not None:
            for record in evaluation.play(keys, concurrency):
                results.put(encode(record))
    except Exception as error:
        results.put(f"{type(error).__name__}: {error}")


def _received(results: Any, processes: Sequence[Any], count: int) -> Iterator[bytes]:
    """Yield so many lines as they come in."""
    while count:
        try:
            line = results.get(timeout=_POLL)
        except Empty:
            dead = next((process for process in processes if process.exitcode), None)
            if dead is not None:
                raise WorkerError(f"a worker died (exit code {dead.exitcode}); --resume goes on") from None
            continue
        if isinstance(line, str):
            raise WorkerError(f"a worker failed: {line}")
        count -= 1
        yield line
