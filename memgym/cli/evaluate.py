"""``memgym evaluate``: checks before it plays, writes as it goes, and goes on where it was stopped."""

from __future__ import annotations

import json
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from memgym.cli.bars import Bars
from memgym.cli.common import parse_settings
from memgym.cli.terminal import make_console, print_whole
from memgym.errors import ConfigError, DataError, MemgymError
from memgym.leaderboard.contexts import CONTEXTS, Context
from memgym.leaderboard.evaluate import Evaluation, EvaluationPlan, check_said, plan_envs, remaining
from memgym.leaderboard.files import Key, Recorder, Result, make_result, read_result, write_result
from memgym.leaderboard.merge import header_difference
from memgym.leaderboard.records import EpisodeRecord, Header, encode_header
from memgym.leaderboard.rounds import Round
from memgym.leaderboard.scaling import in_processes, on_ray, shard
from memgym.leaderboard.suite import Suite
from memgym.leaderboard.suites import SUITES, missing_file, present
from memgym.leaderboard.table import leaderboard_tables
from memgym.locks import file_lock
from memgym.playing import CONCURRENCY
from memgym.policy import Policy, policy_class, taken_options
from memgym.resolve import resolve_class
from memgym.shown import plain

LONGEST_NAME = 150  # bytes; file systems allow 255, and a name is longer while its file is written


class TooManyFailuresError(MemgymError, RuntimeError):
    """More episodes failed than were allowed to."""


@dataclass(frozen=True)
class RunOptions:
    """How an evaluation is carried out; none of this changes what is played.

    Args:
        out: folder of the result files.
        concurrency: episodes played side by side, in each process.
        gzip: whether the files are compressed.
        resume: go on with files that are there.
        retry_failed: play episodes again that failed.
        overwrite: begin anew where a file is there.
        max_failures: how many episodes may fail before the run ends.
        workers: processes; 0 plays in this one.
        ray: address of a Ray cluster, None for none.
        shard: which part of the episodes, of how many.
    """

    out: Path = Path("results")
    concurrency: int = CONCURRENCY
    gzip: bool = False
    resume: bool = False
    retry_failed: bool = False
    overwrite: bool = False
    max_failures: int = 10
    workers: int = 0
    ray: str | None = None
    shard: tuple[int, int] = (1, 1)


def evaluate_policies(
    policies: Sequence[str],
    suite: Suite,
    options: Mapping[str, Any],
    seed: int = 0,
    run: RunOptions = RunOptions(),
    round_: Round | None = None,
    context: Context | None = None,
) -> int:
    """Play each policy through the suite, write its result file, and print the table; return how many episodes failed.

    Args:
        policies: ``module:Class``, and behind commas options of its own: ``memagents:MemoryAgent,recipe=mine.toml``.
        suite: what is played.
        options: for those of the policies that know them.
        seed: of everything random in the policies.
        run: how.
        round_: on whose episodes, if any; the suite is that of the round.
        context: what stands before the policies in place of a memory; None: they remember.

    Raises:
        ConfigError, DataError: a policy, an environment or the folder cannot be made; before anything is played.
        TooManyFailuresError: what was played before is kept.
        SilentModelError: a served model said nothing at all; the file is kept.
    """
    console = make_console()
    suite = _without_missing(suite, console)
    evaluations = _evaluations(_plans(policies, EvaluationPlan("", suite, options, seed, round_, context)))
    _check_folder(run.out)
    paths = [run.out / _file_name(evaluation.header, run) for evaluation in evaluations]
    for evaluation, path in zip(evaluations, paths, strict=True):
        encode_header(evaluation.header, str(path))  # what could not be read again is not played
    _check_paths(paths, run)
    results: list[Result] = []
    with Bars(console) as bars:
        for evaluation, path in zip(evaluations, paths, strict=True):
            with file_lock(path):
                results.append(_play(evaluation, path, run, bars))
    print_whole(console, *leaderboard_tables(results))
    console.print("result files:", *[f"\n  {plain(path)}" for path in paths], highlight=False, soft_wrap=True)
    failed = [episode for result in results for episode in result.failed]
    if failed:
        console.print(
            f"{len(failed)} episodes failed, the first: {plain(failed[0].error)}\n"
            "--resume --retry-failed plays them again",
            highlight=False,
            soft_wrap=True,
        )
    for result in results:
        check_said(result)
    return len(failed)


def _plans(policies: Sequence[str], common: EvaluationPlan) -> list[EvaluationPlan]:
    """Return a plan for each policy, with those of the common options that its class knows, and its own."""
    plans: list[EvaluationPlan] = []
    taken: set[str] = set()
    for policy in policies:
        entry_point, *own = policy.split(",")
        address = {}
        if entry_point.startswith(("http://", "https://")):
            entry_point, address = "memgym.serving:HttpPolicy", {"url": entry_point}
        shared = taken_options(resolve_class("policy", entry_point, Policy), common.options)
        taken |= shared.keys()
        own_options = {**address, **shared, **parse_settings(own)}
        plans.append(replace(common, entry_point=entry_point, options=own_options))
    unknown = sorted(common.options.keys() - taken)
    if unknown:
        raise ConfigError(f"none of the policies takes an option {unknown[0]!r}: {', '.join(policies)}")
    return plans


def _evaluations(plans: Sequence[EvaluationPlan]) -> list[Evaluation]:
    """Prepare all plans; the environments are made once for those who see the gold and once for those who do not."""
    envs = {}
    for plan in plans:
        privileged = policy_class(plan.entry_point, **plan.options).privileged
        if privileged not in envs:
            envs[privileged] = plan_envs(plan, privileged)
    return [Evaluation(plan, envs[policy_class(plan.entry_point, **plan.options).privileged]) for plan in plans]


def _play(evaluation: Evaluation, path: Path, run: RunOptions, bars: Bars) -> Result:
    """Play what is missing of an evaluation, and append it to its file."""
    before = read_result(path) if path.exists() and run.resume else None
    if before is not None:
        _check_same(before.header, evaluation.header, path)
    keys = shard(evaluation.keys(), *run.shard)
    missing = remaining(keys, before.episodes if before else (), retry_failed=run.retry_failed)
    bar = bars.add(evaluation.plan.entry_point, len(keys), len(keys) - len(missing))
    if not (run.workers or run.ray):
        _say_costs(evaluation, missing, bars)
    with _recorder(path, evaluation.header, before, run) as recorder:
        _record(_episodes(evaluation, missing, run, bars, bar), recorder, run, lambda: bars.advance(bar))
    return read_result(path)


def _record(
    episodes: Iterator[EpisodeRecord], recorder: Recorder | _Replacing, run: RunOptions, advance: Callable[[], None]
) -> None:
    """Append episodes as they end.

    Raises:
        TooManyFailuresError: more of them failed than may.
    """
    failures = 0
    for episode in episodes:
        recorder.append(episode)
        advance()
        failures += episode.error is not None
        if failures > run.max_failures:
            raise TooManyFailuresError(
                f"{failures} episodes failed, the last: {episode.error}. What was played is kept in {recorder.path}; "
                "--resume --retry-failed goes on, --max-failures allows more"
            )


def _say_costs(evaluation: Evaluation, keys: Sequence[Key], bars: Bars) -> None:
    """Say what the policy says that its part will cost."""
    for name, env in evaluation.envs.items():
        episodes = sum(key[0] == name for key in keys)
        costs = evaluation.policy.costs(env, episodes) if episodes else ""
        if costs:
            bars.console.print(
                plain(f"{name}: {episodes} episodes, {costs}", lines=True), highlight=False, soft_wrap=True
            )


def _episodes(
    evaluation: Evaluation, keys: Sequence[Key], run: RunOptions, bars: Bars, bar: Any
) -> Iterator[EpisodeRecord]:
    """Play episodes here, in processes, or on a cluster."""
    if not keys:
        return iter(())
    if run.ray is not None:
        return on_ray(evaluation.plan, evaluation.header, keys, run.ray, run.concurrency)
    if run.workers:
        return in_processes(evaluation.plan, evaluation.header, keys, run.workers, run.concurrency)
    return evaluation.play(keys, run.concurrency, stepped=lambda: bars.step(bar))


def _recorder(path: Path, header: Header, before: Result | None, run: RunOptions) -> Recorder | _Replacing:
    if before is not None:
        return Recorder.resume(path, before)
    if run.overwrite and path.is_file():
        return _Replacing(path, header)
    return Recorder.new(path, header, overwrite=run.overwrite)


class _Replacing:
    """A recorder in whose place an old file stays until there is a record: whoever fails before has lost nothing."""

    def __init__(self, path: Path, header: Header):
        self.path, self._header = path, header
        self._opened = ExitStack()
        self._recorder: Recorder | None = None

    def append(self, episode: EpisodeRecord) -> None:
        if self._recorder is None:
            begun = make_result(self._header, [episode], str(self.path))
            write_result(begun, self.path.resolve())  # a link stays one
            self._recorder = self._opened.enter_context(Recorder.resume(self.path, begun))
        else:
            self._recorder.append(episode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()


def _check_folder(out: Path) -> None:
    """Check that files can be made in the folder, before anything is played for them."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be written: {error.strerror}") from None


def _check_paths(paths: Sequence[Path], run: RunOptions) -> None:
    """Check that no file is lost."""
    if len(set(paths)) < len(paths):
        raise ConfigError("two of the policies are the same, with the same options")
    for path in paths:
        if path.exists() and not run.resume and not run.overwrite:
            raise ConfigError(f"{path} is there already: --resume goes on with it, --overwrite begins anew")


def _check_same(before: Header, now: Header, path: Path) -> None:
    """Check that a file was begun by the same evaluation, on the same data, with the same versions of packages."""
    difference = header_difference(before, now)
    if difference:
        raise DataError(f"{path}: another evaluation began it: {difference}; --overwrite begins anew")


def _without_missing(suite: Suite, console: Console) -> Suite:
    """Say which entries lack their data file, and leave them out."""
    for entry in suite.entries:
        if missing_file(entry):
            console.print(plain(f"left out: {entry.name} (no file {missing_file(entry)}; --data names its folder)"))
    played = present(suite)
    if not played.entries:
        raise DataError(f"suite {suite.name!r}: no data file found; --data FOLDER names where they are")
    return played


def _file_name(header: Header, run: RunOptions) -> str:
    """Return a name that tells what was played.

    Where the suite's name does not tell all of it (one environment by itself, data files, entries left out), a checksum
    of the entries stands behind it; a name that would be too long is cut, and ends in its own checksum.
    """
    options = [f"{name}-{value}" for name, value in header.policy.options.items()]
    parts = [header.suite, header.policy.entry_point.replace(":", "."), *options, f"seed{header.seed}"]
    published = SUITES.get(header.suite)
    files = any("path" in entry.kwargs for entry in header.entries)
    if header.round is not None:
        parts.append(f"round-{header.round.name}")
    if header.context is not None:
        parts.append(CONTEXTS[header.context])
    if published is None or files or header.left_out:
        told = [[e.name, e.env_id, e.kwargs, e.split, e.episodes, e.trials, e.task_fingerprint] for e in header.entries]
        parts.append(f"{zlib.crc32(json.dumps(told, sort_keys=True).encode()):08x}")
    if run.shard != (1, 1):
        parts.append("shard{}of{}".format(*run.shard))
    said = ".".join(parts)
    name = re.sub(r"[^\w.-]+", "_", said)
    if len(name.encode()) > LONGEST_NAME:
        name = f"{name.encode()[:LONGEST_NAME].decode(errors='ignore')}.{zlib.crc32(said.encode()):08x}"
    return f"{name}.jsonl{'.gz' if run.gzip else ''}"
