"""Suites: versioned lists of what to play. A name once published never changes; a change makes a new version."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize
from zlib import crc32

from memgym.data.hub import HUB_PREFIX
from memgym.errors import ConfigError
from memgym.folders import locate
from memgym.leaderboard.suite import Suite, SuiteEntry, check_kwargs, check_suite, read_suite
from memgym.registration import make
from memgym.resolve import resolve
from memgym.shown import plain
from memgym.tasks.procedural.ruler import SUBTASKS as RULER_SUBTASKS

_JUDGED = " judge="
"""Stands between the name of a suite and the judge that scored its answers anew."""
BANK = "memgym/MemoryBank-v1"
LONG = "memgym/Longcontext-v1"
LONGEST_NAME = 300
"""So many letters of its arguments name an environment by itself; of more, their checksum stands behind these."""


def _bank(name: str, episodes: int, **kwargs: Any) -> SuiteEntry:
    return SuiteEntry(name, BANK, kwargs, episodes=episodes)


def _long(name: str, episodes: int, **kwargs: Any) -> SuiteEntry:
    return SuiteEntry(name, LONG, kwargs, episodes=episodes)


_DIFFICULTIES = ("easy", "medium", "hard")
_PERSONA = {"task": "persona", "difficulty": "easy"}
_MULTIHOP = {"task": "multihop", "difficulty": "easy", "section_tokens": 1000, "memory_tokens": 1024}
_ICL = {"task": "icl", "difficulty": "easy", "answer_tokens": 64}
_RULER_LENGTHS = {"4k": 4_096, "16k": 16_384, "64k": 65_536}
_FINDS = ["extract", "update", "retrieve"]
_READS = ["read"]
"""The phases of those who remember and find; whether the answer follows is worked out without a model."""

_QUICK = (
    _bank("persona", 20, **_PERSONA, phases=_FINDS),
    _bank("persona in 800 tokens", 20, **_PERSONA, phases=_FINDS, memory_tokens=800),
    _long("multihop", 100, **_MULTIHOP, phases=_READS),
    _bank("icl", 20, **_ICL, phases=_FINDS),
)
_CORE = (
    *(_bank(f"persona {level}", 20, task="persona", difficulty=level, phases=_FINDS) for level in _DIFFICULTIES),
    *(
        _bank(f"icl {level}", 20, task="icl", difficulty=level, answer_tokens=64, phases=_FINDS)
        for level in _DIFFICULTIES
    ),
    *(_long(f"multihop {level}", 50, task="multihop", difficulty=level, phases=_READS) for level in _DIFFICULTIES),
)
_ANSWERS = (
    # The whole way from reading to the answer, of which general rules find one in ten: this is for language models.
    *(_bank(f"persona {level}", 20, task="persona", difficulty=level) for level in _DIFFICULTIES),
    *(_bank(f"icl {level}", 20, task="icl", difficulty=level, answer_tokens=64) for level in _DIFFICULTIES),
    *(_long(f"multihop {level}", 50, task="multihop", difficulty=level) for level in _DIFFICULTIES),
    *(_long(f"conflict {level}", 50, task="conflict", difficulty=level) for level in _DIFFICULTIES),
)
_RULER = tuple(
    _long(f"{subtask} {size}", 5, task="ruler", subtask=subtask, length=length)
    for subtask in RULER_SUBTASKS
    for size, length in _RULER_LENGTHS.items()
)
_KINDS = (
    *(
        _bank(f"lifecycle {level}", 20, task="lifecycle", difficulty=level, memory_tokens=16_000, phases=_FINDS)
        for level in _DIFFICULTIES
    ),
    *(
        _bank(f"preference {level}", 20, task="preference", difficulty=level, memory_tokens=16_000, phases=_FINDS)
        for level in _DIFFICULTIES
    ),
    *(
        _long(f"trajectory {level}", 20, task="trajectory", difficulty=level, memory_tokens=2000, phases=_READS)
        for level in _DIFFICULTIES
    ),
    *(
        _long(f"{rung} {level}", 20, task=rung, difficulty=level, section_tokens=64, memory_tokens=24, phases=_READS)
        for rung in ("recall", "previously")
        for level in _DIFFICULTIES
    ),
)
_LENGTHS = {"128k": (128_000, 5), "1M": (1_000_000, 2), "10M": (10_000_000, 1)}
_FAR = {"task": "multihop", "difficulty": "easy", "questions": 5, "section_tokens": 4000, "memory_tokens": 2000}
_LASTING = {"task": "persona", "difficulty": "hard", "memory_tokens": 32_000}
_LONGEST = (
    *(
        _long(f"multihop {size}", 2 * episodes, **_FAR, length=length, phases=_READS)
        for size, (length, episodes) in _LENGTHS.items()
    ),
    *(
        _bank(f"persona {size}", episodes, **_LASTING, length=length, phases=_FINDS)
        for size, (length, episodes) in _LENGTHS.items()
    ),
)
_LOCOMO = {
    "task": "locomo",
    "path": "locomo4.json.gz",
    "categories": ["multi-hop", "temporal", "open-domain", "single-hop"],
}
_LONGMEMEVAL = {"task": "longmemeval", "path": "longmemeval_small.jsonl.gz"}
_HOTPOTQA = {"task": "hotpotqa", "path": "hotpotqa_dev.jsonl.gz", "documents": 20}
_MUSIQUE = {"task": "musique", "path": "musique_train_small.jsonl.gz"}
_REAL = (
    SuiteEntry("eval_50", LONG, {"task": "memagent", "path": "eval_50.json.gz", "phases": _READS}, "all", 128),
    SuiteEntry("eval_100", LONG, {"task": "memagent", "path": "eval_100.json.gz", "phases": _READS}, "all", 128),
    SuiteEntry("hotpotqa", LONG, {**_HOTPOTQA, "phases": _READS}, "test", 50),
    SuiteEntry("musique", LONG, {**_MUSIQUE, "phases": _READS}, "all", 50),
    # Without the adversarial questions, which a memory of nothing gets right; Memory-R1 leaves them out, too. Only as a
    # bank: no text of a thousand tokens holds what is asked for in its 150 questions, not even the ceiling's.
    SuiteEntry("locomo", BANK, {**_LOCOMO, "phases": _FINDS}, "all", 10),
    SuiteEntry("longmemeval", BANK, {**_LONGMEMEVAL, "phases": _FINDS, "answer_tokens": 1024}, "all", 12),
    SuiteEntry("longmemeval long", LONG, {**_LONGMEMEVAL, "phases": _READS, "memory_tokens": 128}, "all", 12),
)
_CHUNKS = {"section_tokens": 2500, "memory_tokens": 1024}
_MEMFACTORY = tuple(
    SuiteEntry(name, LONG, {"task": "memagent", "path": f"{name}.json.gz", **_CHUNKS}, "all", 128, trials=4)
    for name in ("eval_50", "eval_100", "eval_fwe_16384")
)
_SMALL = {"section_tokens": 256, "memory_tokens": 160}
_HOTPOT = {"task": "hotpotqa", "path": "hotpotqa_dev.jsonl.gz", "only": "eval_50.json.gz"}
_MEMFACTORY_SMALL = (
    SuiteEntry("eval_4", LONG, {**_HOTPOT, "documents": 4, **_SMALL}, "all", 128, trials=4),
    SuiteEntry("eval_8", LONG, {**_HOTPOT, "documents": 8, **_SMALL}, "all", 64, trials=4),
    SuiteEntry("fwe 1k", LONG, {"task": "ruler", "subtask": "fwe", "length": 1024, **_SMALL}, episodes=32, trials=4),
)

SUITES: dict[str, Suite] = {
    "quick-v2": Suite(
        "quick-v2", "is the answer in the memory? both environments, half a minute for a heuristic", _QUICK
    ),
    "core-v2": Suite("core-v2", "the same at three difficulties", _CORE),
    "answers-v2": Suite(
        "answers-v2", "for language models: from reading to the answer, at three difficulties", _ANSWERS
    ),
    "ruler-v1": Suite("ruler-v1", "for language models: the 13 RULER tasks at 4k, 16k and 64k tokens", _RULER),
    "kinds-v0": Suite(
        "kinds-v0",
        "what memories are for: the life of facts, tastes, an agent's log, places; at three difficulties",
        _KINDS,
    ),
    "long-v0": Suite("long-v0", "128k, 1M and 10M tokens in both environments: minutes for a heuristic", _LONGEST),
    "real-v1": Suite("real-v1", "published files in a data folder (--data): is the answer in the memory?", _REAL),
    "memfactory-v1": Suite("memfactory-v1", "Table 2 of MemFactory, avg@4: its files in a data folder", _MEMFACTORY),
    "memfactory-small-v1": Suite(
        "memfactory-small-v1",
        "the same questions among 4 and 8 documents, for a small model on a CPU; avg@4",
        _MEMFACTORY_SMALL,
    ),
}


def get_suite(name: object) -> Suite:
    """Return a suite.

    Args:
        name: of one of ours; or anyone's: the path of a TOML file (``….toml``, see
            :func:`~memgym.leaderboard.suite.read_suite`), or ``module:NAME`` of a :class:`Suite`.

    Raises:
        ConfigError: there is no such suite, something in it does not fit, or it bears the name of another one of ours.
    """
    if isinstance(name, str) and name.endswith(".toml"):
        suite, where = read_suite(Path(name)), f"suite {name}"
    else:
        suite, where = resolve("suite", name, SUITES), f"suite {name!r}"
        if not isinstance(suite, Suite):
            raise ConfigError(f"{where} is not a {Suite.__module__}.Suite, but {suite!r:.80}")
        check_suite(suite, where)
    for known, ours in SUITES.items():
        if suite.name.lower() == known.lower() and suite is not ours:
            raise ConfigError(f"{where} is called {suite.name!r} like a suite of memgym: give it another name")
    return suite


def is_other_than_ours(name: str, entries: Sequence[SuiteEntry], left_out: Collection[str]) -> bool:
    """Return whether a result under the name of a suite of ours is of other entries, or of another judge than it says.

    Args:
        name: of the suite in the result, judged anew or not; other names than ours may have any entries.
        entries: those that were played.
        left_out: names of entries that were not, as their files were missing; only those of ours with a file may be.
    """
    bare, judge = parted(name)
    if bare not in SUITES:
        return False
    if judge:
        if any(judge_label(entry.kwargs.get("judge")) != judge for entry in entries):
            return True
        entries = [_without_judge(entry) for entry in entries]
    suite = SUITES[bare]
    lacking = {entry.name for entry in suite.entries if entry.name in left_out and "path" in entry.kwargs}
    expected = [entry for entry in suite.entries if entry.name not in lacking]
    return list(entries) != expected or not lacking.issuperset(left_out)


def judged_name(name: str, judge: object) -> str:
    """Return how a suite is called whose answers a judge has scored anew."""
    return f"{name}{_JUDGED}{judge_label(judge)}"


def judge_label(judge: object) -> str:
    """Return a judge in a few words: the model, and the prompt unless it is the usual one; "" if it is none."""
    if isinstance(judge, str):
        return judge
    if not isinstance(judge, Mapping) or "model" not in judge:
        return ""
    prompt = judge.get("prompt") or "benchmark"
    return f"{judge['model']}" + ("" if prompt == "benchmark" else f" prompt={prompt}")


def parted(name: str) -> tuple[str, str]:
    """Return the suite in a name, and its judge, "" where there is none."""
    bare, _, judge = name.partition(_JUDGED)
    return (bare, judge) if judge else (name, "")


def _without_judge(entry: SuiteEntry) -> SuiteEntry:
    return replace(entry, kwargs={name: value for name, value in entry.kwargs.items() if name != "judge"})


def lookalike(name: str) -> str:
    """Return the suite of ours that a name which is none of ours could be taken for, "" if there is none.

    Case, spaces and marks do not count; a letter that is not ASCII may look like any; versions are one suite's.
    """
    name = parted(name)[0]
    letters = _letters(name)
    for ours in SUITES if name not in SUITES else ():
        if len(letters) == len(_letters(ours)) and _looks_like(letters, _letters(ours)):
            return ours
        if re.fullmatch(re.escape(ours.rpartition("-v")[0]) + r"-v[0-9]+", name):
            return ours
    return ""


def _within(name: str) -> str:
    """Return the suite of ours whose name, or what looks like it, stands somewhere in one that is none of ours."""
    letters = _letters(name)
    for ours in SUITES:
        known = _letters(ours)
        size = len(known)
        if any(_looks_like(letters[start : start + size], known) for start in range(len(letters) - size + 1)):
            return ours
    return ""


def _letters(name: str) -> list[str]:
    return [sign for sign in normalize("NFKD", name).casefold() if sign.isalnum()]


def _looks_like(letters: Sequence[str], known: Sequence[str]) -> bool:
    """Return whether letters, as many as those that are known, look like them."""
    same = [one == two for one, two in zip(letters, known, strict=True)]
    alike = all(equal or not one.isascii() for equal, one in zip(same, letters, strict=True))
    return alike and 2 * sum(same) > len(known)


def suite_title(name: str, entries: Sequence[SuiteEntry], left_out: Collection[str]) -> str:
    """Return how a result's suite is called: by a name of ours only if it is that, whatever the file says."""
    if parted(name)[0] in SUITES:
        return f"{plain(name)} (not memgym's: other entries)" if is_other_than_ours(name, entries, left_out) else name
    taken_for = lookalike(name) or _within(name)
    return f"{ascii(name)[1:-1]} (not memgym's {taken_for})" if taken_for else plain(name)


def wrongly_left_out(name: str, left_out: Collection[str]) -> list[str]:
    """Return the entries that a result of a suite of ours left out although their data files are here."""
    bare = parted(name)[0]
    entries = SUITES[bare].entries if bare in SUITES else ()
    return [entry.name for entry in entries if entry.name in left_out and not missing_file(entry)]


def ad_hoc_suite(env_id: str, kwargs: dict[str, Any], split: str | None, episodes: int | None, trials: int) -> Suite:
    """Return a suite of one entry for any environment, named after it and its arguments.

    Args:
        split: None for the task's default.
        episodes: None for the whole split, or the first 20 episodes where it has no end.

    Raises:
        ConfigError: the environment cannot be made.
    """
    check_kwargs({name: value for name, value in kwargs.items() if name != "split"})
    env = make(env_id, **{**kwargs, **({} if split is None else {"split": split})})
    size = env.task.size(env.split)
    entry = SuiteEntry(env.task.name, env_id, kwargs, env.split, episodes or size or 20, trials)
    files = getattr(env.task, "path_options", ("path",))
    settings = [f"{name}={Path(value).name if value and name in files else value}" for name, value in kwargs.items()]
    name = plain(" ".join([env_id.removeprefix("memgym/"), *settings])).strip()
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}… {crc32(name.encode()):08x}"
    return Suite(name, "", (entry,))


def present(suite: Suite) -> Suite:
    """Return the suite without the entries whose data files are missing; it notes their names."""
    lacking = tuple(entry.name for entry in suite.entries if missing_file(entry))
    entries = tuple(entry for entry in suite.entries if entry.name not in lacking)
    return replace(suite, entries=entries, left_out=(*suite.left_out, *lacking))


def missing_file(entry: SuiteEntry) -> str:
    """Return the data file that an entry lacks, ``""`` if it lacks none."""
    path = entry.kwargs.get("path")
    if not isinstance(path, str) or path.startswith(HUB_PREFIX):
        return ""  # what else is wrong with it is told when the environment is made
    return path if path and not locate(Path(path)).exists() else ""  # BEAM is a folder
