"""The leaderboard table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from memgym.leaderboard.suite import SuiteEntry
from memgym.leaderboard.suites import is_other_than_ours

WIDEST = 4  # entries that fit beside each other
MOST_POLICIES = 6  # and policies, where the entries stand below each other


def leaderboard_tables(results: Sequence[dict[str, Any]]) -> list[Table]:
    """Return the tables of each suite, the best policy first; results of other entries than the suite's stand apart."""
    by_suite: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        played = [[entry[name] for name in SuiteEntry.__dataclass_fields__] for entry in result["entries"]]
        by_suite[json.dumps([result["suite"], played], sort_keys=True)].append(result)
    return [table for group in by_suite.values() for table in _suite_tables(group)]


def _suite_tables(results: list[dict[str, Any]]) -> list[Table]:
    results = sorted(results, key=lambda result: -result["summary"]["answer"]["mean"])
    entries = [entry["name"] for entry in results[0]["entries"]]
    size = MOST_POLICIES if len(entries) > WIDEST else len(results)
    return [
        _table(results[0]["suite"], entries, results[start : start + size]) for start in range(0, len(results), size)
    ]


def _table(suite: str, entries: list[str], results: list[dict[str, Any]]) -> Table:
    table = Table(
        title=f"{suite}: answer score, ± half of its 95 % interval",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    header = ["policy", "all", "±", *entries, "format", "tokens"]
    lines = [_line(entries, result, results) for result in results]
    if len(entries) > WIDEST:  # a long suite reads better with its entries below each other
        header, *lines = zip(header, *lines, strict=True)
    for i, name in enumerate(header):
        table.add_column(Text(name), justify="right" if i else "left", no_wrap=i == 0, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    notes = []
    if any(result["policy"]["privileged"] for result in results):
        notes.append("* reads the gold answers: a ceiling, not a competitor")
    played = [SuiteEntry.of(record) for record in results[0]["entries"]]
    if is_other_than_ours(suite, played, results[0]["left_out"]):
        notes.append(f"not the entries of memgym's suite {suite}: another list under its name")
    if results[0]["left_out"]:
        notes.append(f"left out, so the score is not that of the whole suite: {', '.join(results[0]['left_out'])}")
    table.caption, table.caption_justify = Text("\n".join(notes)), "left"
    return table


def _line(entries: list[str], result: dict[str, Any], results: Sequence[dict[str, Any]]) -> list[str]:
    summary = result["summary"]
    per_entry = [summary["entries"][name] for name in entries]
    return [
        policy_name(result["policy"], results),
        f"{summary['answer']['mean']:.3f}",
        f"{_half_width(summary['answer']):.3f}",
        *[f"{entry['answer']['mean']:.3f}" for entry in per_entry],
        f"{sum(entry['format'] for entry in per_entry) / len(per_entry):.2f}",
        _millions(sum(entry["tokens"] for entry in per_entry)),
    ]


def policy_name(policy: dict[str, Any], results: Sequence[dict[str, Any]]) -> str:
    """Return a policy's class name, with its module where another module has a class of that name."""
    class_name = policy["entry_point"].partition(":")[2]
    namesakes = {
        result["policy"]["entry_point"]
        for result in results
        if result["policy"]["entry_point"].endswith(f":{class_name}")
    }
    name = class_name if len(namesakes) == 1 else policy["entry_point"]
    options = ", ".join(f"{option}={value}" for option, value in policy["options"].items())
    return name + (f"({options})" if options else "") + ("*" if policy["privileged"] else "")


def _half_width(score: dict[str, float]) -> float:
    return (score["high"] - score["low"]) / 2


def _millions(tokens: int) -> str:
    return f"{tokens / 1e6:.1f}M" if tokens >= 1e6 else f"{tokens / 1e3:.0f}k"
