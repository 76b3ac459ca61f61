"""Ranks by paired intervals, trials, and the Pareto front."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from memgym.leaderboard.files import Result, make_result
from memgym.leaderboard.ranking import pareto, rank, trial_means, trial_values
from memgym.leaderboard.records import AnswerRecord, EntryRecord, EpisodeRecord, Header, PolicyRecord, StepRecord


def result(
    values: Callable[[int, int], float], episodes: int = 30, trials: int = 1, privileged: bool = False
) -> Result:
    entry = EntryRecord(
        name="one", env_id="memgym/Longcontext-v1", kwargs={}, split="test", episodes=episodes, trials=trials,
        env_spec="", task_fingerprint="f",
    )  # fmt: skip
    policy = PolicyRecord(entry_point="mine:Policy", options={}, privileged=privileged)
    header = Header(
        format="memgym-result", format_version=2, suite="s", left_out=[], policy=policy, seed=0, packages={},
        entries=[entry],
    )  # fmt: skip
    records = [
        EpisodeRecord(entry="one", trial=trial, index=index, episode_id="", steps=[_step(values(index, trial))])
        for trial in range(trials)
        for index in range(episodes)
    ]
    return make_result(header, records, "here")


def _step(score: float) -> StepRecord:
    answer = AnswerRecord(question_id="q", category="", answer="", scores={"answer": score})
    return StepRecord(
        phase="answer", action="", action_error="", overflow=False, reward=score, rewards={"answer": score},
        answers=[answer], observation_tokens=1, action_tokens=1,
    )  # fmt: skip


def test_ranks_go_only_as_far_as_paired_intervals_tell() -> None:
    noise = np.random.default_rng(1).random(30)
    strong = result(lambda index, trial: float(noise[index] > 0.2))
    alike = result(lambda index, trial: float(noise[index] > (0.2 if index else 2)))  # one episode differs
    weak = result(lambda index, trial: float(noise[index] > 0.9))
    ceiling = result(lambda index, trial: 1.0, privileged=True)
    places = rank([weak, strong, ceiling, alike])
    assert [place.rank for place in places] == [3, 1, None, 1]
    assert [place.ties for place in places] == [(), (3,), (), (1,)]


def test_pairs_tell_more_apart_than_their_intervals_do() -> None:
    hard = np.random.default_rng(0).random(40)
    one, other = (result(lambda index, trial, more=more: hard[index] * 0.9 + more, 40) for more in (0.0, 0.05))
    assert [place.rank for place in rank([one, other])] == [2, 1]  # a small, steady difference among large spreads


def test_only_common_episodes_are_compared_and_too_few_tell_nothing() -> None:
    good, bad = result(lambda index, trial: 1.0), result(lambda index, trial: 0.0)
    two = make_result(good.header, list(good.episodes)[:2], "here")
    assert [place.rank for place in rank([two, bad])] == [1, 1]
    assert [place.rank for place in rank([good, bad])] == [1, 2]
    none = make_result(good.header, [], "here")
    assert rank([none, bad])[0].rank is None


def test_average_and_best_of_trials() -> None:
    found = trial_means(trial_values(result(lambda index, trial: float(trial == index % 4), 8, 4), "one"))
    assert found is not None
    assert (found.average.mean, found.best.mean, found.trials) == (0.25, 1.0, 4)
    assert found.best.interval is not None
    assert found.best.interval[0] < found.best.interval[1] == 1.0
    assert trial_means({}) is None


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 0.5), (2, 0.4), (2, 0.9), None], [True, False, True, False]),
        ([(1, 0.5), (1, 0.5)], [True, True]),
        ([(1, 0.5), (1, 0.6)], [False, True]),
    ],
)
def test_the_pareto_front(points: list[tuple[float, float] | None], front: list[bool]) -> None:
    assert pareto(points) == front
