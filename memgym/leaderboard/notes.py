"""What is to be known of results that stand in one table, wherever it is shown."""

from __future__ import annotations

from collections.abc import Sequence

from memgym.leaderboard.contexts import CONTEXTS
from memgym.leaderboard.files import Result
from memgym.leaderboard.judges import judge_notes
from memgym.leaderboard.standing import Standing
from memgym.leaderboard.suites import is_other_than_ours
from memgym.leaderboard.summary import Summary
from memgym.shown import plain

_CONTEXT_NOTES = {
    "full": "the whole text stood before the policy when it answered; it kept no memory, and has no rank",
    "none": "nothing stood before the policy when it answered: what it gets without a memory; it has no rank",
}


def notes(results: Sequence[Result], summaries: Sequence[Summary], standings: Sequence[Standing | None]) -> list[str]:
    """Return what is to be known of results of the same entries, a line each.

    Args:
        results: the contents of result files.
        summaries: what follows from each.
        standings: what is known of each; None of one that was just played here.
    """
    header, told = results[0].header, []
    if Standing.claimed in standings:
        told.append("claimed: drawn from the file and not replayed here; 'memgym verify' recomputes it")
    told += _errata_notes(results) + judge_notes(results)
    if any(result.header.policy.privileged for result in results):
        told.append("* reads the gold answers: a ceiling, not a competitor")
    contexts = {result.header.context for result in results}
    told += [f"[{name}] {_CONTEXT_NOTES[context]}" for context, name in CONTEXTS.items() if context in contexts]
    if is_other_than_ours(header.suite, [entry.suite_entry() for entry in header.entries], header.left_out):
        told.append(f"not the entries of memgym's suite {header.suite}: another list under its name")
    if header.left_out:
        told.append(f"left out, so the score is not that of the whole suite: {plain(', '.join(header.left_out))}")
    if any(summary.failed or summary.missing for summary in summaries):
        told.append("episodes that failed or are missing count in no score: 'memgym evaluate --resume' plays them")
    return told


def _errata_notes(results: Sequence[Result]) -> list[str]:
    """Return by which golds answers were corrected, one line for each file of errata."""
    known = {
        (entry.name, entry.errata) for result in results for entry in result.header.entries if entry.errata is not None
    }
    return [
        f"corrected: {plain(name)} by errata {plain(errata.digest[:12])}: {errata.mended} golds mended, "
        f"{errata.dropped} dropped" + (f", {errata.elsewhere} not in the data" if errata.elsewhere else "")
        for name, errata in sorted(known, key=str)
    ]
