"""Processes, shards and a cluster play the same as one process does."""

from __future__ import annotations

import pytest

from memgym.errors import ConfigError
from memgym.leaderboard.evaluate import Evaluation, EvaluationPlan
from memgym.leaderboard.files import Result, make_result
from memgym.leaderboard.scaling import WorkerError, in_processes, on_ray, shard
from memgym.leaderboard.suite import Suite, SuiteEntry
from tests.memgym.leaderboard.test_evaluate import BANK, TINY, timeless


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return Evaluation(EvaluationPlan("baselines:Random", TINY, seed=4))


@pytest.fixture(scope="module")
def alone(evaluation: Evaluation) -> Result:
    return make_result(evaluation.header, list(evaluation.play(evaluation.keys())), "alone")


def test_two_processes_play_what_one_does(evaluation: Evaluation, alone: Result) -> None:
    played = list(in_processes(evaluation.plan, evaluation.header, evaluation.keys(), workers=2, concurrency=2))
    assert timeless(make_result(evaluation.header, played, "two")) == timeless(alone)


def test_shards_are_the_whole(evaluation: Evaluation, alone: Result) -> None:
    keys = evaluation.keys()
    parts = [shard(keys, part, 3) for part in (1, 2, 3)]
    assert sorted(key for part in parts for key in part) == sorted(keys)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    played = [episode for part in reversed(parts) for episode in evaluation.play(part)]
    assert timeless(make_result(evaluation.header, played, "three")) == timeless(alone)
    with pytest.raises(ConfigError, match="there is no shard 4/3: shards are 1/3 to 3/3"):
        shard(keys, 4, 3)


def test_a_cluster_plays_what_one_process_does(evaluation: Evaluation, alone: Result) -> None:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    played = list(on_ray(evaluation.plan, evaluation.header, evaluation.keys(), "local", concurrency=4))
    assert timeless(make_result(evaluation.header, played, "cluster")) == timeless(alone)


def test_a_worker_that_dies_is_told_and_what_it_played_is_there(tmp_path, monkeypatch) -> None:
    (tmp_path / "dying_policy.py").write_text(
        "import os, memgym\n"
        "class Dying(memgym.PhasePolicy):\n"
        "    asked = 0\n"
        "    def act(self, observation):\n"
        "        type(self).asked += 1\n"
        "        if self.asked > 25:\n"
        "            os._exit(9)\n"
        "        return super().act(observation)\n"
        "class Unwilling(memgym.PhasePolicy):\n"
        "    def __init__(self):\n"
        "        raise OSError('no weights')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    suite = Suite("x", "", (SuiteEntry("bank", BANK.env_id, {**BANK.kwargs, "answer_k": 4}, episodes=9),))
    evaluation = Evaluation(EvaluationPlan("dying_policy:Dying", suite))
    played = in_processes(evaluation.plan, evaluation.header, evaluation.keys(), workers=1, concurrency=1)
    first = next(played)
    assert first.error is None
    with pytest.raises(WorkerError, match=r"a worker died \(exit code 9\); --resume goes on"):
        list(played)
    evaluation = Evaluation(EvaluationPlan("dying_policy:Unwilling", suite))
    with pytest.raises(WorkerError, match="a worker failed: OSError: no weights"):
        list(in_processes(evaluation.plan, evaluation.header, evaluation.keys(), workers=2, concurrency=1))
