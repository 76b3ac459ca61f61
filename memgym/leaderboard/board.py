"""A leaderboard as plain data: what a page, a Markdown table and a CSV file are drawn from."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from memgym.leaderboard.files import Result
from memgym.leaderboard.judges import JudgeErrors, judge_errors
from memgym.leaderboard.notes import notes
from memgym.leaderboard.ranking import Place, pareto, rank, trial_means, trial_values
from memgym.leaderboard.records import EntryRecord
from memgym.leaderboard.standing import Standing
from memgym.leaderboard.summary import Mean, Summary, score_names, summarize
from memgym.leaderboard.table import group_titles, policy_names, what_was_played
from memgym.shown import plain

READING = ("read", "extract")
"""The phases in which the text is read."""


@dataclass(frozen=True)
class Row:
    """A result on the board.

    Args:
        name: of the policy, with its options, see :func:`~memgym.leaderboard.table.policy_names`.
        result: the content of its file.
        known: what is known of it.
        summaries: what follows from it, by score; the official one is ``answer``.
        best: best@k of the official score over the entries; None where each episode was played once.
        place: among the others.
        front: whether none that costs as little is better.
    """

    name: str
    result: Result
    known: Standing
    summaries: dict[str, Summary]
    best: Mean | None
    place: Place
    front: bool

    @property
    def official(self) -> Summary:
        """What follows of the official score."""
        return self.summaries["answer"]

    @property
    def reference(self) -> bool:
        """Whether it is to compare with, and competes with none."""
        return self.result.header.reference

    @property
    def tokens(self) -> float | None:
        """Tokens read and written in an episode, by the environment's counter."""
        return tokens_per_episode(self.official)

    @property
    def seconds(self) -> float | None:
        """How long an episode took, where it was recorded."""
        return fmean(self.official.cost.seconds) if self.official.cost.seconds else None

    @property
    def kept(self) -> float | None:
        """The size of the memory at the end, as a share of the text; unknown where the policy has no part in it."""
        finals = [entry.final for entry in self.official.entries.values()]
        shares = [end["memory_share"] for end in finals if "memory_share" in end]
        return fmean(shares) if shares else None

    @property
    def format(self) -> float | None:
        """The share of actions that could be used."""
        shares = [entry.format for entry in self.official.entries.values() if entry.format is not None]
        return fmean(shares) if shares else None

    @property
    def judge(self) -> JudgeErrors | None:
        """The judges' errors on the same tasks; None if nothing was judged, or they were not measured here."""
        return judge_errors(self.result.header)


@dataclass(frozen=True)
class Group:
    """Results of the same entries, the best first.

    Args:
        title: the suite's name.
        notes: what is to be known of all of them.
        entries: that were played.
        contexts: how long the text of each entry is, in tokens; None where no policy read it.
        scores: the names of all that was scored, the official one first.
        rows: the results.
    """

    title: str
    notes: list[str]
    entries: list[EntryRecord]
    contexts: list[float | None]
    scores: list[str]
    rows: list[Row]

    @property
    def trials(self) -> int:
        """How often an episode was played, at most."""
        return max(entry.trials for entry in self.entries)

    @property
    def usage(self) -> list[str]:
        """The names of what served models' calls cost."""
        return sorted({name for row in self.rows for name in row.official.cost.usage})


def make_board(results: Sequence[Result], known: Sequence[Standing]) -> list[Group]:
    """Put results on a board, those of the same entries together.

    Args:
        results: the contents of result files.
        known: what is known of each.
    """
    groups: dict[str, list[tuple[Result, Standing]]] = defaultdict(list)
    for result, standing in zip(results, known, strict=True):
        groups[what_was_played(result)].append((result, standing))
    titles = group_titles([group[0][0] for group in groups.values()])
    return [
        _group(title, [result for result, _ in group], [standing for _, standing in group])
        for title, group in zip(titles, groups.values(), strict=True)
    ]


def tokens_per_episode(summary: Summary) -> float | None:
    """Return how many tokens were read and written in an episode; None if there is none."""
    episodes = sum(entry.played + entry.failed for entry in summary.entries.values())
    return (summary.cost.tokens_in + summary.cost.tokens_out) / episodes if episodes else None


def _group(title: str, results: Sequence[Result], known: Sequence[Standing]) -> Group:
    header = results[0].header
    found = {name for result in results for entry in header.entries for name in score_names(result, entry.name)}
    scores = ["answer", *sorted(found - {"answer"})]
    names = policy_names([result.header for result in results])
    summaries = [{score: summarize(result, score) for score in scores} for result in results]
    front = pareto([_cost_and_quality(result, of["answer"]) for result, of in zip(results, summaries, strict=True)])
    places = rank(results)
    rows = [
        Row(
            names[i],
            result,
            known[i],
            summaries[i],
            _best(result),
            places[i],
            front[i],
        )
        for i, result in enumerate(results)
    ]
    order = sorted(range(len(rows)), key=lambda i: -_mean(rows[i]))
    rows = [_moved(rows[i], order) for i in order]
    contexts = [_context(results, entry) for entry in header.entries]
    told = notes(results, [of["answer"] for of in summaries], known)
    return Group(title, told, list(header.entries), contexts, scores, rows)


def _moved(row: Row, order: Sequence[int]) -> Row:
    """Return a row whose ties are places in the new order."""
    ties = tuple(sorted(order.index(tie) for tie in row.place.ties))
    return replace(row, place=Place(row.place.rank, ties))


def _mean(row: Row) -> float:
    return row.official.mean.mean if row.official.mean else -1.0


def _best(result: Result) -> Mean | None:
    """Return best@k over the entries, None where nothing was played twice."""
    found = [trial_means(trial_values(result, entry.name)) for entry in result.header.entries]
    means = [one for one in found if one is not None]
    if len(means) < len(found) or max(one.trials for one in means) == 1:
        return None
    return Mean(fmean(one.best.mean for one in means), None)


def _cost_and_quality(result: Result, summary: Summary) -> tuple[float, float] | None:
    tokens = tokens_per_episode(summary)
    if tokens is None or summary.mean is None or result.header.reference:
        return None
    return tokens, summary.mean.mean


def _context(results: Iterable[Result], entry: EntryRecord) -> float | None:
    """Return how long an entry's text is: what its task was told, else what policies read of it, their median."""
    length = entry.kwargs.get("length")
    if isinstance(length, int):
        return float(length)
    read = [
        fmean(sum(step.observation_tokens for step in episode.steps if step.phase in READING) for episode in episodes)
        for episodes in (result.of(entry.name) for result in results if result.header.context is None)
        if episodes
    ]
    return median(read) or None if read else None


COLUMNS = (
    "rank",
    "policy",
    "score",
    "low",
    "high",
    "best",
    "corrected",
    "rule",
    "false accepts",
    "false rejects",
    "tokens",
    "seconds",
    "kept",
    "format",
    "known",
)
"""What the tables say of each row, before the entries."""


def cells(row: Row, group: Group) -> list[float | str | None]:
    """Return what the tables say of a row: :data:`COLUMNS`, then the mean of each entry."""
    low, high = ends(row.official.mean)
    head = [row.place.rank, row.name, value(row.official.mean), low, high, value(row.best)]
    errors = [row.judge.accepts, row.judge.rejects] if row.judge else [None, None]
    beside = [row.official.corrected, row.official.rule, *errors]
    cost = [row.tokens, row.seconds, row.kept, row.format, str(row.known)]
    return [*head, *beside, *cost, *(value(row.official.entries[entry.name].mean) for entry in group.entries)]


def value(mean: Mean | None) -> float | None:
    """Return a mean's number, None if there is none."""
    return None if mean is None else mean.mean


def ends(mean: Mean | None) -> tuple[float | None, float | None]:
    """Return the ends of a mean's interval, None if there is none."""
    return (None, None) if mean is None or mean.interval is None else mean.interval


def to_csv(groups: Sequence[Group]) -> str:
    """Return a board as CSV, one line for each result and entry; the entry ``all`` is the mean."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["suite", *COLUMNS, "entry", "entry_mean", "entry_low", "entry_high"])
    for group in groups:
        for row in group.rows:
            head = [_safe(cell) for cell in (group.title, *cells(row, group)[: len(COLUMNS)])]
            for name, mean in [("all", row.official.mean), *((n, e.mean) for n, e in row.official.entries.items())]:
                writer.writerow([*head, _safe(plain(name)), value(mean), *ends(mean)])
    return out.getvalue()


def to_markdown(groups: Sequence[Group]) -> str:
    """Return a board as Markdown, a table for each suite; columns without a value are left out."""
    parts = []
    for group in groups:
        names = [*COLUMNS, *(plain(entry.name) for entry in group.entries)]
        lines = [cells(row, group) for row in group.rows]
        filled = [i for i in range(len(names)) if any(line[i] is not None for line in lines)]
        table = [[names[i] for i in filled], ["---" if names[i] in ("policy", "known") else "--:" for i in filled]]
        table += [[_written(line[i]) for i in filled] for line in lines]
        escaped = ["| " + " | ".join(map(_markdown, line)) + " |" for line in table]
        notes = [f"- {_markdown(note)}" for note in group.notes]
        parts.append("\n".join([f"## {_markdown(group.title)}", "", *escaped, "", *notes]).rstrip())
    return "\n\n".join(parts) + "\n"


def _written(cell: float | str | None) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str | int):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3f}"


def _markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, in one line."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#&!~" else sign for sign in " ".join(text.split()))


def _safe(cell: float | str | None) -> float | str | None:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
