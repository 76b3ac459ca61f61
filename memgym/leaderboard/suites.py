"""Suites: versioned lists of what to play. A name once published never changes; a change makes a new version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from memgym.errors import unknown
from memgym.registration import make


@dataclass(frozen=True)
class SuiteEntry:
    """Some episodes of one environment.

    Args:
        name: how the entry is called in tables.
        env_id: a registered environment id.
        kwargs: make-arguments, JSON-able.
        split: split of the task.
        episodes: how many episodes; those with the first indices are played.
        trials: how often each is played (avg@k).
    """

    name: str
    env_id: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    split: str = "test"
    episodes: int = 20
    trials: int = 1


@dataclass(frozen=True)
class Suite:
    """A named list of entries. The suite's score is the mean over its entries."""

    name: str
    entries: tuple[SuiteEntry, ...]


def _bank(name: str, episodes: int, **kwargs: Any) -> SuiteEntry:
    return SuiteEntry(name, "memgym/MemoryBank-v0", kwargs, episodes=episodes)


def _long(name: str, episodes: int, **kwargs: Any) -> SuiteEntry:
    return SuiteEntry(name, "memgym/Longcontext-v0", kwargs, episodes=episodes)


_PERSONA = {"task": "persona", "difficulty": "easy"}
_MULTIHOP = {"task": "multihop", "difficulty": "easy", "section_tokens": 1000, "memory_tokens": 256}

SUITES: dict[str, Suite] = {
    "quick-v0": Suite(
        "quick-v0",
        (
            # What is remembered and found, scored without a reader: is the gold answer in it?
            _bank("persona memory", 20, **_PERSONA, phases=["extract", "update", "retrieve"]),
            _long("multihop memory", 100, **_MULTIHOP, phases=["read"]),
            # The whole way from reading to the answer.
            _bank("persona", 20, **_PERSONA),
            _long("multihop", 100, **_MULTIHOP),
        ),
    ),
}


def get_suite(name: str) -> Suite:
    """Return the suite called ``name``.

    Raises:
        ConfigError: there is no such suite.
    """
    if name not in SUITES:
        raise unknown("suite", name, SUITES)
    return SUITES[name]


def ad_hoc_suite(env_id: str, kwargs: dict[str, Any], split: str | None, episodes: int | None, trials: int) -> Suite:
    """Return a suite of one entry for any environment, named after its task.

    Args:
        split: None for the task's default.
        episodes: None for the whole split, or the first 20 episodes where it has no end.

    Raises:
        ConfigError: the environment cannot be made.
    """
    env = make(env_id, **kwargs, **({} if split is None else {"split": split})).unwrapped
    size = env.task.size(env.split)
    entry = SuiteEntry(env.task.name, env_id, kwargs, env.split, episodes or size or 20, trials)
    return Suite(f"{env_id.removeprefix('memgym/')}-{env.task.name}", (entry,))
