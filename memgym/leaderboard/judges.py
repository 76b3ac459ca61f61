"""How far the judges of a result can be trusted: their errors on the same tasks, as they were measured here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from memgym.judging.check import JudgeReport
from memgym.judging.measured import kept_report
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import EntryRecord, Header, JudgeRecord
from memgym.shown import plain


@dataclass(frozen=True)
class JudgeErrors:
    """Errors of a result's judges, means over the entries that they judge, each in [0, 1].

    Args:
        accepts: the share of known-wrong answers that they accept.
        rejects: the share of known-right answers that they reject.
    """

    accepts: float
    rejects: float


def judge_errors(header: Header) -> JudgeErrors | None:
    """Return what was measured of a result's judges; None if it has none, or one that was not measured here."""
    reports = [_report(judge, task) for entry in header.entries for judge, task in _judged(entry)]
    known = [report for report in reports if report is not None]
    if not known or len(known) < len(reports):
        return None
    return JudgeErrors(fmean(one.false_accepts for one in known), fmean(one.false_rejects for one in known))


def judge_notes(results: Sequence[Result]) -> list[str]:
    """Return a line for each judge and task: its errors, or how to measure them."""
    found = {one: None for result in results for entry in result.header.entries for one in _judged(entry)}
    return [_told(judge, task, _report(judge, task)) for judge, task in found]


def _told(judge: JudgeRecord, task: str, report: JudgeReport | None) -> str:
    name = f"judge {plain(judge.id)} (prompt {plain(judge.prompt_hash[:12])}) on {plain(task)}"
    if report is None:
        return f"{name}: its errors were not measured here; 'memgym judge-check' does"
    return (
        f"{name}: accepts {report.false_accepts:.1%} of wrong answers and rejects {report.false_rejects:.1%} of right "
        f"ones, measured on {report.questions} questions"
    )


def _judged(entry: EntryRecord) -> Iterator[tuple[JudgeRecord, str]]:
    if entry.judge is not None:
        yield entry.judge, str(entry.kwargs.get("task", entry.env_id))


def _report(judge: JudgeRecord, task: str) -> JudgeReport | None:
    return kept_report(judge.id, judge.prompt_hash, task)
