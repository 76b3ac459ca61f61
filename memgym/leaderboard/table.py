"""The leaderboard table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rich.table import Table


def leaderboard_tables(results: Sequence[dict[str, Any]]) -> list[Table]:
    """Return one table per suite, the best policy first."""
    by_suite: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        by_suite[result["suite"]].append(result)
    return [_suite_table(suite, group) for suite, group in by_suite.items()]


def _suite_table(suite: str, results: Sequence[dict[str, Any]]) -> Table:
    entries = [entry["name"] for entry in results[0]["entries"]]
    table = Table(title=f"{suite}: answer score, mean and 95 % interval", title_justify="left")
    table.add_column("policy", no_wrap=True)
    for name in ["all", *entries, "format", "tokens"]:
        table.add_column(name, justify="right")
    ordered = sorted(results, key=lambda result: -result["summary"]["answer"]["mean"])
    for result in ordered:
        summary = result["summary"]
        per_entry = [summary["entries"][name] for name in entries]
        table.add_row(
            _policy_name(result["policy"]),
            _score(summary["answer"]),
            *[_score(entry["answer"]) for entry in per_entry],
            f"{sum(entry['format'] for entry in per_entry) / len(per_entry):.2f}",
            f"{sum(entry['tokens'] for entry in per_entry):,}",
        )
    if any(result["policy"]["privileged"] for result in results):
        table.caption = "* reads the gold answers: a ceiling, not a competitor"
        table.caption_justify = "left"
    return table


def _policy_name(policy: dict[str, Any]) -> str:
    options = ", ".join(f"{name}={value}" for name, value in policy["options"].items())
    return policy["entry_point"] + (f"({options})" if options else "") + ("*" if policy["privileged"] else "")


def _score(score: dict[str, float]) -> str:
    return f"{score['mean']:.3f} [{score['low']:.2f}, {score['high']:.2f}]"
