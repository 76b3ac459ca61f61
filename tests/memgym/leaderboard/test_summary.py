"""What follows from records: means, intervals over episodes, costs, and what is not there."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from memgym.envs.rewards import MEMORY_BANK_REWARDS, final_names
from memgym.leaderboard.files import Result, make_result
from memgym.leaderboard.records import AnswerRecord, EpisodeRecord, Header, StepRecord
from memgym.leaderboard.summary import Cost, Mean, by_episode, score_names, summarize
from memgym.statistics import average_interval, mean_interval, totals

Played = tuple[int, int, list[float]]


@pytest.fixture
def result_of(played: Result):
    """Return a function that makes a result of entries, whose episodes have (trial, index, answer scores)."""

    def make(*entries: list[Played], trials: int = 4, episodes: int = 12) -> Result:
        records = [
            msgspec.structs.replace(
                played.header.entries[1],
                name=f"e{number}",
                trials=trials,
                episodes=episodes,
                final_rewards=["memory_recall", "compression"],
            )
            for number in range(len(entries))
        ]
        header: Header = msgspec.structs.replace(played.header, entries=records)
        episode_records = [episode(f"e{n}", *given) for n, entry in enumerate(entries) for given in entry]
        return make_result(header, episode_records, "here")

    return make


def episode(entry: str, trial: int, index: int, scores: list[float]) -> EpisodeRecord:
    """Return an episode with one answer per step."""
    steps = [
        StepRecord(
            phase="answer",
            action="x",
            action_error="",
            overflow=False,
            reward=score,
            rewards={"format": 0.5, "memory_recall": score, "compression": 1.0},
            answers=[
                AnswerRecord(
                    question_id=f"q{i}",
                    category="odd" if i % 2 else "even",
                    answer="x",
                    scores={"answer": score, "f1": score / 2},
                )
            ],
            observation_tokens=10,
            action_tokens=1,
            seconds=0.5,
            usage={"prompt_tokens": 7} if i else None,
        )
        for i, score in enumerate(scores)
    ]
    return EpisodeRecord(entry=entry, trial=trial, index=index, episode_id=f"x{index}", steps=steps, seconds=2.0)


def test_the_score_is_the_mean_over_questions_and_trials(result_of) -> None:
    summary = summarize(result_of([(0, 0, [1, 0]), (0, 1, [0.5]), (1, 0, [0, 0]), (1, 1, [1])], trials=2, episodes=3))
    entry = summary.entries["e0"]
    assert entry.mean.mean == pytest.approx(2.5 / 6)
    assert entry.categories == {"even": pytest.approx((1 + 0.5 + 0 + 1) / 4), "odd": 0.0}
    assert entry.scores == {"f1": pytest.approx(1.25 / 6)}
    assert entry.final == {"memory_recall": pytest.approx((0 + 0.5 + 0 + 1) / 4), "compression": 1.0}
    assert entry.format == 0.5
    assert entry.cost == summary.cost == Cost(60, 6, (2.0,) * 4, {"prompt_tokens": 14})
    assert (entry.played, entry.failed, entry.missing) == (4, 0, 2)
    assert (summary.failed, summary.missing) == (0, 2)
    assert summary.mean == entry.mean


def test_the_suite_is_the_mean_over_its_entries(result_of) -> None:
    many, few = [(0, i, [1.0]) for i in range(9)], [(0, i, [0.0]) for i in range(3)]
    summary = summarize(result_of(many, few))
    ends = [entry.mean.interval for entry in summary.entries.values()]
    assert summary.mean == Mean(0.5, average_interval([1.0, 0.0], ends))


@pytest.mark.parametrize(("episodes", "told"), [(1, False), (2, False), (3, True)])
def test_an_interval_of_one_or_two_episodes_is_none(result_of, episodes: int, told: bool) -> None:
    few, many = [(0, i, [0.5]) for i in range(episodes)], [(0, i, [0.5]) for i in range(9)]
    summary = summarize(result_of(few, many))
    assert (summary.entries["e0"].mean.interval is not None) == told
    assert (summary.mean.interval is not None) == told
    assert (summary.mean.half_width is not None) == told
    assert summary.entries["e1"].mean == Mean(0.5, mean_interval(totals([[0.5]] * 9)))


def test_the_interval_is_over_episodes(result_of) -> None:
    """Trials and questions of an episode stand and fall together."""
    rng = Random(0)
    scores = [[float(rng.random() < 0.3 + 0.05 * i) for _ in range(1 + i % 3)] for i in range(12)]
    episodes = [(trial, i, scores[i]) for trial in range(4) for i in range(12)]
    mean = summarize(result_of(episodes)).entries["e0"].mean
    by_index = [[score for _, i, scores in episodes if i == index for score in scores] for index in range(12)]
    assert mean.interval == mean_interval(totals(by_index))
    assert mean.interval[0] < mean.mean < mean.interval[1]
    assert mean.half_width == pytest.approx((mean.interval[1] - mean.interval[0]) / 2)


def test_any_recorded_score_is_summarised(result_of) -> None:
    result = result_of([(0, i, [i / 4, 1.0]) for i in range(4)])
    assert score_names(result, "e0") == {"answer", "f1", "memory_recall", "compression"}
    assert summarize(result, "f1").mean.mean == pytest.approx((1.5 / 8 + 0.5) / 2)
    assert summarize(result, "memory_recall").mean.mean == 1.0
    assert by_episode(result, "e0", "memory_recall") == {i: [1.0] for i in range(4)}
    nothing = summarize(result, "bleu")
    assert nothing.mean is None
    assert nothing.entries["e0"].mean is None


def test_entries_without_the_score_are_left_out(result_of) -> None:
    with_it, without = [(0, i, [1.0]) for i in range(4)], [(0, i, [0.0]) for i in range(4)]
    result = result_of(with_it, without)
    episodes = [
        msgspec.structs.replace(
            played,
            steps=[
                msgspec.structs.replace(
                    step, answers=[msgspec.structs.replace(answer, scores={"answer": 0.0}) for answer in step.answers]
                )
                for step in played.steps
            ],
        )
        if played.entry == "e1"
        else played
        for played in result.episodes
    ]
    result = Result(result.header, tuple(episodes))
    assert summarize(result, "f1").mean.mean == 0.5
    assert summarize(result, "f1").entries["e1"].mean is None
    assert summarize(result).mean.mean == 0.5


def test_failed_episodes_count_in_no_mean_but_cost(result_of) -> None:
    result = result_of([(0, i, [float(i)]) for i in range(4)], trials=1, episodes=6)
    first, *others = result.episodes
    result = Result(result.header, (msgspec.structs.replace(first, error="ApiError: HTTP 400"), *others))
    summary = summarize(result)
    assert summary.mean.mean == 2.0
    assert (summary.failed, summary.missing) == (1, 2)
    assert summary.cost.tokens_in == 40


@pytest.mark.parametrize("error", [None, "it failed"])
def test_without_a_whole_episode_there_is_no_mean(result_of, error: str | None) -> None:
    result = result_of([(0, i, [1.0]) for i in range(4)], [])
    lost = () if error is None else (msgspec.structs.replace(episode("e1", 0, 0, []), error=error),)
    summary = summarize(Result(result.header, (*result.episodes, *lost)))
    assert summary.mean is None
    assert summary.entries["e0"].mean.mean == 1.0
    entry = summary.entries["e1"]
    assert (entry.mean, entry.format, entry.final, entry.played) == (None, None, {}, 0)
    nothing = summarize(Result(result.header, ()))
    assert nothing.mean is None
    assert nothing.missing == 2 * 4 * 12
    assert nothing.cost == Cost(0, 0, (), {})


def test_a_played_suite_has_all_of_it(played: Result) -> None:
    summary = summarize(played)
    means = [entry.mean.mean for entry in summary.entries.values()]
    assert summary.mean.mean == pytest.approx(sum(means) / 2)
    assert summary.mean.interval is None  # of one episode, and of two
    assert set(summary.entries["bank"].final) == set(final_names(MEMORY_BANK_REWARDS))
    assert [seconds > 0 for seconds in summary.cost.seconds] == [True] * 5
    assert (summary.failed, summary.missing) == (0, 0)
