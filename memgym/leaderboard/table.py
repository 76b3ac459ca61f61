"""The leaderboard table."""

from __future__ import annotations

import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from memgym.errors import unknown
from memgym.leaderboard.contexts import CONTEXTS
from memgym.leaderboard.files import Result
from memgym.leaderboard.judges import JudgeErrors, judge_errors
from memgym.leaderboard.notes import notes
from memgym.leaderboard.records import Header
from memgym.leaderboard.standing import Standing
from memgym.leaderboard.suites import suite_title
from memgym.leaderboard.summary import Mean, Summary, score_names, summarize
from memgym.shown import plain

LONGEST = 200  # letters of a policy's name with its options
WIDEST = 4  # entries that fit beside each other
MOST_POLICIES = 6  # and policies, where the entries stand below each other


class Row(NamedTuple):
    """A result with what follows from it, and what is known of it (None of one that was just played here)."""

    result: Result
    summary: Summary
    standing: Standing | None


def leaderboard_tables(
    results: Sequence[Result], score: str = "answer", standings: Sequence[Standing] | None = None
) -> list[Table]:
    """Return the tables of each suite, the best policy first; results of other entries than the suite's stand apart.

    Args:
        results: the contents of result files.
        score: any score that was recorded, see :func:`memgym.leaderboard.summary.summarize`.
        standings: of each result what is known of it; None where they were just played here.

    Raises:
        ConfigError: none of the results has the score.
    """
    known_of = [None] * len(results) if standings is None else standings
    rows = [Row(result, summarize(result, score), known) for result, known in zip(results, known_of, strict=True)]
    known = {name for result in results for entry in result.header.entries for name in score_names(result, entry.name)}
    if known and score not in known:
        raise unknown("score", score, known)
    by_suite: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_suite[what_was_played(row.result)].append(row)
    groups = by_suite.values()
    titles = group_titles([group[0].result for group in groups])
    return [table for title, group in zip(titles, groups, strict=True) for table in _suite_tables(title, group)]


def what_was_played(result: Result) -> str:
    """Return suite, round, entries and their data as a text: results with the same text stand in the same table."""
    header = result.header
    played = [[asdict(entry.suite_entry()), entry.task_fingerprint, entry.tokenizer] for entry in header.entries]
    round_ = header.round and [header.round.name, header.round.commitment]
    return json.dumps([header.suite, round_, played], sort_keys=True)


def group_titles(firsts: Sequence[Result]) -> list[str]:
    """Return what stands above groups of results: suite and round; and where that is the same, a checksum of the rest.

    Args:
        firsts: of each group one result.
    """
    titles = [_title(result.header) for result in firsts]
    often = Counter(titles)
    checksums = [zlib.crc32(what_was_played(result).encode()) for result in firsts]
    return [
        title if often[title] == 1 else f"{title} (entries and data {checksum:08x})"
        for title, checksum in zip(titles, checksums, strict=True)
    ]


def policy_names(headers: Sequence[Header]) -> list[str]:
    """Return the names of results' rows: the policy's class, its options, and what it saw in place of a memory.

    The module stands before the class where another one has a class of that name; ``*`` marks a policy that reads the
    gold answers. Where names are the same, it is added in what the results differ (seed, files that the options name,
    version of memgym); results that do not are numbered, so that each name is one row's.

    Args:
        headers: of all rows.
    """
    names = [_policy_name(header, headers) for header in headers]
    namesakes = [[other for other, named in zip(headers, names, strict=True) if named == name] for name in names]
    pairs = zip(headers, namesakes, strict=True)
    return numbered(_policy_name(header, headers, _differences(header, others)) for header, others in pairs)


def numbered(names: Iterable[str]) -> list[str]:
    """Return the names, each once: behind one that was there before stands how often it has been."""
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return told


def _policy_name(header: Header, headers: Sequence[Header], differences: Sequence[str] = ()) -> str:
    policy = header.policy
    class_name = policy.entry_point.partition(":")[2]
    entry_points = {other.policy.entry_point for other in headers}
    namesakes = {entry_point for entry_point in entry_points if entry_point.endswith(f":{class_name}")}
    name = class_name if len(namesakes) == 1 else policy.entry_point
    options = plain(", ".join(f"{option}={value}" for option, value in policy.options.items()))
    room = LONGEST - len(name)
    told = ", ".join([*filter(None, [options if len(options) <= room else f"{options[:room]}…"]), *differences])
    seen = f" [{CONTEXTS[header.context]}]" if header.context else ""
    return plain(name + (f"({told})" if told else "")) + seen + ("*" if policy.privileged else "")


def _differences(header: Header, namesakes: Sequence[Header]) -> list[str]:
    """Return what tells a result from others whose policies are called the same."""
    told = [_distinctions(other) for other in namesakes]
    return [text for name, text in _distinctions(header).items() if len({other[name] for other in told}) > 1]


def _distinctions(header: Header) -> dict[str, str]:
    options = json.dumps(header.policy.options, sort_keys=True)
    return {
        "seed": f"seed={header.seed}",
        "options": f"options {zlib.crc32(options.encode()):08x}",  # a long list is cut
        "files": f"files {plain(header.policy.fingerprint or 'none')[:8]}",
        "memgym": f"memgym {plain(header.packages.get('memgym', 'unknown'))}",
    }


def _suite_tables(title: str, rows: list[Row]) -> list[Table]:
    rows = sorted(rows, key=lambda row: -row.summary.mean.mean if row.summary.mean else float("inf"))
    names = policy_names([row.result.header for row in rows])
    size = MOST_POLICIES if len(rows[0].summary.entries) > WIDEST else len(rows)
    starts = range(0, len(rows), size)
    return [_table(title, rows[start : start + size], names[start : start + size]) for start in starts]


def _table(title: str, rows: Sequence[Row], policies: Sequence[str]) -> Table:
    entries = [entry.name for entry in rows[0].result.header.entries]
    table = Table(
        title=Text(f"{title}: {plain(rows[0].summary.score)} score, ± half of its 95 % interval"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    beside = _beside(rows)
    standings = ["known"] if rows[0].standing is not None else []
    names = ["policy", "all", "±", *map(plain, entries), *map(plain, beside), *standings]
    lines = [
        [
            policy,
            *_scores(row.summary),
            *(tell(row) for tell in beside.values()),
            *(str(row.standing) for _ in standings),
        ]
        for policy, row in zip(policies, rows, strict=True)
    ]
    turned = len(entries) > WIDEST  # a long suite reads better with its entries below each other
    if turned:
        names, *lines = (list(line) for line in zip(names, *lines, strict=True))
    for i, name in enumerate(names):  # where there is no room, names are folded, numbers never cut
        widest = max(len(line[i]) for line in lines) if i else min(20, max(len(line[0]) for line in lines))
        table.add_column(Text(name), justify="right" if i else "left", min_width=widest, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    told = notes([row.result for row in rows], [row.summary for row in rows], [row.standing for row in rows])
    table.caption, table.caption_justify = Text("\n".join(told)), "left"
    return table


def _title(header: Header) -> str:
    suite = suite_title(header.suite, [entry.suite_entry() for entry in header.entries], header.left_out)
    return suite + (f", round {plain(header.round.name)}" if header.round else "")


def _scores(summary: Summary) -> list[str]:
    half = summary.mean and summary.mean.half_width
    entries = [_three(entry.mean) for entry in summary.entries.values()]
    return [_three(summary.mean), "–" if half is None else f"{half:.3f}", *entries]


def _beside(rows: Sequence[Row]) -> dict[str, Callable[[Row], str]]:
    """Return the columns beside the scores, and what stands in them; those that would be empty are left out."""
    summaries = [row.summary for row in rows]
    errors = {id(row): judge_errors(row.result.header) for row in rows}
    columns: dict[str, Callable[[Row], str]] = {}
    if any(summary.corrected is not None for summary in summaries):
        columns["corrected"] = lambda row: _number(row.summary.corrected)
    if any(summary.rule is not None for summary in summaries):
        columns["by rule"] = lambda row: _number(row.summary.rule)
    if any(errors.values()):
        columns["false accepts"] = lambda row: _share(errors[id(row)], "accepts")
        columns["false rejects"] = lambda row: _share(errors[id(row)], "rejects")
    columns |= {
        "format": lambda row: _format(row.summary),
        "tokens": lambda row: _short(row.summary.cost.tokens_in + row.summary.cost.tokens_out),
    }
    for name in sorted({name for summary in summaries for name in summary.cost.usage}):
        columns[name] = partial(_usage, name=name)
    if any(summary.failed for summary in summaries):
        columns["failed"] = lambda row: str(row.summary.failed)
    if any(summary.missing for summary in summaries):
        columns["missing"] = lambda row: str(row.summary.missing)
    return columns


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(errors: JudgeErrors | None, kind: str) -> str:
    return "–" if errors is None else f"{getattr(errors, kind):.1%}"


def _format(summary: Summary) -> str:
    shares = [entry.format for entry in summary.entries.values() if entry.format is not None]
    return f"{sum(shares) / len(shares):.2f}" if shares else "–"


def _usage(row: Row, name: str) -> str:
    usage = row.summary.cost.usage
    return _short(usage[name]) if name in usage else "–"


def _three(mean: Mean | None) -> str:
    return _number(None if mean is None else mean.mean)


def _short(number: int) -> str:
    if number < 1e3:
        return str(number)
    return f"{number / 1e6:.1f}M" if number >= 1e6 else f"{number / 1e3:.0f}k"
