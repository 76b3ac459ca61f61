"""Result files: their content, reading and writing, and the scores that follow from them.

A file whose name ends in ``.gz`` is gzip-compressed; no time is written into it.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import zlib
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from memgym.envs.rewards import LONGCONTEXT, MEMORY_BANK, final_names
from memgym.errors import DataError
from memgym.leaderboard.schema import check_result
from memgym.statistics import interval, resampled_means, totals

FORMAT_VERSION = 1

EntryRecord = dict[str, Any]
"""A suite entry with its environment, task fingerprint and the record of every episode."""


def package_versions() -> dict[str, str]:
    """Return the versions that a score may depend on."""
    packages = ["memgym", "gymnasium", "numpy", "bm25s"]
    with suppress(PackageNotFoundError):  # an extra: without it, nothing that was played has needed it
        version("hnswlib")
        packages.insert(3, "hnswlib")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def write_result(result: dict[str, Any], path: Path) -> None:
    """Write a result file, compressed if it is called ``….gz``; a reader never sees half of it."""
    content = json.dumps(result, indent=1).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_result(path: Path) -> dict[str, Any]:
    """Read a result file.

    Raises:
        DataError: the file is missing, damaged, no result file, or written by a newer version.
    """
    try:
        content = path.read_bytes()
        result = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path}: not a gzip file, or cut off: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a JSON file: {error}") from None
    if not isinstance(result, dict) or result.get("format") != "memgym-result":
        raise DataError(f"{path}: not a memgym result file (field 'format' is not 'memgym-result')")
    written = result.get("format_version")
    if not isinstance(written, int):
        raise DataError(f"{path}: field 'format_version' cannot be {written!r}")
    if written > FORMAT_VERSION:
        raise DataError(f"{path}: written by a newer memgym (format {written}): upgrade to read it")
    check_result(result, str(path))
    return result


def summarize(entries: Sequence[EntryRecord]) -> dict[str, Any]:
    """Return the scores of a result: per entry, and over all of them.

    ``answer`` is the mean of the official score over all questions of all episodes and trials, with a 95 % bootstrap
    interval over episodes (resampled with a fixed seed); the other numbers are means over the steps or questions to
    which they apply.
    """
    samples = {entry["name"]: resampled_means(totals(episode_answers(entry))) for entry in entries}
    means = {entry["name"]: _pooled_mean(episode_answers(entry)) for entry in entries}
    overall = np.mean([samples[name] for name in samples], axis=0)
    return {
        "answer": _with_interval(float(np.mean(list(means.values()))), overall),
        "entries": {
            entry["name"]: {
                "answer": _with_interval(means[entry["name"]], samples[entry["name"]]),
                "format": _mean([step["rewards"]["format"] for step in _steps(entry)]),
                "categories": _by_category(entry),
                "scores": _beside(entry),
                "final": _final_rewards(entry),
                "tokens": sum(step["observation_tokens"] + step["action_tokens"] for step in _steps(entry)),
            }
            for entry in entries
        },
    }


def episode_answers(entry: EntryRecord) -> list[list[float]]:
    """Return the official scores of every episode's questions; the trials of an episode count as one episode."""
    by_index: dict[int, list[float]] = defaultdict(list)
    for episode in entry["results"]:
        by_index[episode["index"]] += [
            answer["scores"]["answer"] for step in episode["steps"] for answer in step["answers"]
        ]
    return [by_index[index] for index in sorted(by_index)]


def _steps(entry: EntryRecord) -> list[dict[str, Any]]:
    return [step for episode in entry["results"] for step in episode["steps"]]


def _by_category(entry: EntryRecord) -> dict[str, float]:
    scores: dict[str, list[float]] = defaultdict(list)
    for step in _steps(entry):
        for answer in step["answers"]:
            if answer["category"]:
                scores[answer["category"]].append(answer["scores"]["answer"])
    return {category: _mean(scores[category]) for category in sorted(scores)}


def _beside(entry: EntryRecord) -> dict[str, float]:
    """Return the means of the scores that stand beside the official one."""
    scores: dict[str, list[float]] = defaultdict(list)
    for step in _steps(entry):
        for answer in step["answers"]:
            for name, value in answer["scores"].items():
                scores[name].append(value)
    return {name: _mean(scores[name]) for name in sorted(scores) if name != "answer"}


def _final_rewards(entry: EntryRecord) -> dict[str, float]:
    """Return the means of what is paid at the end of an episode."""
    last = [episode["steps"][-1]["rewards"] for episode in entry["results"]]
    return {name: _mean([rewards[name] for rewards in last]) for name in FINAL_REWARDS if name in last[0]}


FINAL_REWARDS = final_names(LONGCONTEXT, MEMORY_BANK)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _pooled_mean(groups: Sequence[Sequence[float]]) -> float:
    return _mean([value for group in groups for value in group])


def _with_interval(mean: float, samples: np.ndarray) -> dict[str, float]:
    low, high = interval(samples)
    return {"mean": mean, "low": low, "high": high}
