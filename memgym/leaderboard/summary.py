"""What follows from the records of a result: means with intervals, and what it cost. None of it is written down."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memgym.leaderboard.files import Result
from memgym.leaderboard.records import EntryRecord, EpisodeRecord
from memgym.statistics import average_interval, mean_interval, totals

FEWEST = 3
"""Of fewer episodes, an interval tells nothing."""


@dataclass(frozen=True)
class Mean:
    """A mean.

    Args:
        mean: itself.
        interval: the ends of its 95 % interval over episodes (:mod:`memgym.statistics`); None where an entry has fewer
            than three.
    """

    mean: float
    interval: tuple[float, float] | None

    @property
    def half_width(self) -> float | None:
        """Half the interval."""
        return None if self.interval is None else (self.interval[1] - self.interval[0]) / 2


@dataclass(frozen=True)
class Cost:
    """What some episodes cost, the failed ones with them.

    Args:
        tokens_in, tokens_out: of the observations and of the actions, by the environment's counter.
        seconds: of each episode, from its start to its end, as far as it was recorded.
        usage: what a served model's calls cost, summed up, as the server told it.
    """

    tokens_in: int
    tokens_out: int
    seconds: tuple[float, ...]
    usage: Mapping[str, int]


@dataclass(frozen=True)
class EntrySummary:
    """What follows from the episodes of an entry; means are over those that were played to the end.

    Args:
        mean: of the score that was asked for, over all that it was given for; None if it was given to none.
        format: of the reward ``format`` over all steps.
        categories: of the official score, by category of the questions.
        scores: of the scores that stand beside the official one.
        final: of what is paid at the end of an episode.
        cost: of all episodes.
        played, failed, missing: how many episodes came to their end, failed, and are not there.
    """

    mean: Mean | None
    format: float | None
    categories: Mapping[str, float]
    scores: Mapping[str, float]
    final: Mapping[str, float]
    cost: Cost
    played: int
    failed: int
    missing: int


@dataclass(frozen=True)
class Summary:
    """What follows from a result.

    Args:
        score: which score was asked for.
        mean: over the entries that have the score, each weighing the same; None if there is none, or if an entry has
            no episode that was played to the end.
        entries: by name, in their order.
        cost: of all of them.
    """

    score: str
    mean: Mean | None
    entries: Mapping[str, EntrySummary]
    cost: Cost

    @property
    def corrected(self) -> float | None:
        """The mean over the entries by their corrected golds, where errata mend them; None if ``answer`` is not shown,
        or nothing is mended."""
        return self._instead("corrected")

    @property
    def rule(self) -> float | None:
        """The mean over the entries by the tasks' own rules, where a judge's verdicts are the score; None if ``answer``
        is not shown, or nothing is judged."""
        return self._instead("rule")

    def _instead(self, name: str) -> float | None:
        """Return the mean over the entries with another score in place of the official one, where there is such."""
        scored = [entry for entry in self.entries.values() if entry.mean is not None]
        if self.score != "answer" or self.mean is None or not any(name in entry.scores for entry in scored):
            return None
        return _mean([entry.scores.get(name, entry.mean.mean) for entry in scored if entry.mean])

    @property
    def failed(self) -> int:
        """How many episodes failed."""
        return sum(entry.failed for entry in self.entries.values())

    @property
    def missing(self) -> int:
        """How many episodes are not there."""
        return sum(entry.missing for entry in self.entries.values())


def summarize(result: Result, score: str = "answer") -> Summary:
    """Return what follows from a result.

    Args:
        result: the content of a result file.
        score: any score that the questions have (``answer``, ``evidence_recall``, ``f1``, …), or the memories at the
            end of the episodes (``memory_recall``, ``memory_precision``, …).
    """
    entries = {}
    for entry in result.header.entries:
        groups = list(by_episode(result, entry.name, score).values())
        entries[entry.name] = _entry_summary(result, entry, _mean_of(groups))
    return Summary(score, _overall(list(entries.values())), entries, _cost(result.episodes))


def by_episode(result: Result, entry: str, score: str = "answer") -> dict[int, list[float]]:
    """Return a score's values by the index of the episode, of those played to the end; its trials count as one."""
    final = result.header.entry(entry).final_rewards
    values: dict[int, list[float]] = defaultdict(list)
    for episode in result.of(entry):
        values[episode.index] += [scores[score] for _, scores in scored(episode, final) if score in scores]
    return dict(sorted(values.items()))


def scored(episode: EpisodeRecord, final: Iterable[str]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Yield what has scores: each question by its id, and the memory at the end of the episode, by none.

    Args:
        episode: was played to the end.
        final: names of the rewards that are the memory's scores.
    """
    for step in episode.steps:
        for answer in step.answers:
            yield answer.question_id, answer.scores
    yield "", {name: episode.steps[-1].rewards[name] for name in final}


def score_names(result: Result, entry: str) -> set[str]:
    """Return the names of the scores that an entry's questions and memories have."""
    final = result.header.entry(entry).final_rewards
    return {name for episode in result.of(entry) for _, scores in scored(episode, final) for name in scores}


def _overall(entries: Sequence[EntrySummary]) -> Mean | None:
    means = [entry.mean for entry in entries if entry.mean is not None]
    if not means or not all(entry.played for entry in entries):
        return None
    middles, ends = [mean.mean for mean in means], [mean.interval for mean in means if mean.interval is not None]
    whole = average_interval(middles, ends) if len(ends) == len(means) else None
    return Mean(float(np.mean(middles)), whole)


def _mean_of(groups: Sequence[Sequence[float]]) -> Mean | None:
    if not any(groups):
        return None
    ends = mean_interval(totals(groups)) if len(groups) >= FEWEST else None
    return Mean(_mean([value for group in groups for value in group]), ends)


class _Sums:
    """Sums and numbers by name, whose means are asked for in the end: the values themselves need not be kept."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, name: str, value: float) -> None:
        total, number = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + value, number + 1)

    def means(self) -> dict[str, float]:
        return {name: total / number for name, (total, number) in sorted(self._sums.items())}


def _entry_summary(result: Result, entry: EntryRecord, mean: Mean | None) -> EntrySummary:
    formats, categories, scores, final = _Sums(), _Sums(), _Sums(), _Sums()
    whole = result.of(entry.name)
    for episode in whole:
        for step in episode.steps:
            if "format" in step.rewards:
                formats.add("format", step.rewards["format"])
            for answer in step.answers:
                if answer.category:
                    categories.add(answer.category, answer.scores["answer"])
                for name, value in answer.scores.items():
                    if name != "answer":
                        scores.add(name, value)
        for name in entry.final_rewards:
            final.add(name, episode.steps[-1].rewards[name])
    recorded = result.recorded(entry.name)
    return EntrySummary(
        mean=mean,
        format=formats.means().get("format"),
        categories=categories.means(),
        scores=scores.means(),
        final=final.means(),
        cost=_cost(recorded),
        played=len(whole),
        failed=len(recorded) - len(whole),
        missing=entry.count * entry.trials - len(recorded),
    )


def _cost(episodes: Iterable[EpisodeRecord]) -> Cost:
    tokens_in = tokens_out = 0
    seconds, usage = [], Counter[str]()
    for episode in episodes:
        if episode.seconds is not None:
            seconds.append(episode.seconds)
        for step in episode.steps:
            tokens_in += step.observation_tokens
            tokens_out += step.action_tokens
            usage.update(step.usage or {})
    return Cost(tokens_in, tokens_out, tuple(seconds), dict(sorted(usage.items())))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
