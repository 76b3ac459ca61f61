from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from memgym import Observation, Policy
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.results import summarize
from memgym.leaderboard.suite import Suite, SuiteEntry

BANK = SuiteEntry(
    "bank", "memgym/MemoryBank-v0", {"task": "persona", "difficulty": "easy", "phases": ["retrieve"]}, episodes=3
)
LONG = SuiteEntry(
    "long", "memgym/Longcontext-v0", {"task": "multihop", "length": 1000, "section_tokens": 400}, episodes=4, trials=3
)
TINY = Suite("tiny", "for tests", (BANK, LONG))


def timeless(result: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(result)
    for entry in result["entries"]:
        del entry["seconds"]
    return result


def test_a_result_tells_everything() -> None:
    result = evaluate("baselines:Recency", TINY, options={"n": 3}, seed=5)
    assert result["policy"] == {"entry_point": "baselines:Recency", "options": {"n": 3}, "privileged": False}
    assert (result["suite"], result["seed"], result["left_out"]) == ("tiny", 5, [])
    assert set(result["packages"]) >= {"python", "memgym", "gymnasium", "numpy", "bm25s"}
    bank, long = result["entries"]
    assert [(r["trial"], r["index"]) for r in bank["results"]] == [(0, 0), (0, 1), (0, 2)]
    assert [(r["trial"], r["index"]) for r in long["results"]] == [(t, i) for t in range(3) for i in range(4)]
    env = gym.make(EnvSpec.from_json(bank["env_spec"])).unwrapped
    assert env.split == "test"
    assert env.task.fingerprint() == bank["task_fingerprint"]
    assert bank["judge"] is None
    for entry in result["entries"]:
        for episode in entry["results"]:
            env = gym.make(EnvSpec.from_json(entry["env_spec"]))
            observation, info = env.reset(options={"index": episode["index"]})
            assert info["episode_id"] == episode["episode_id"]
            for step in episode["steps"]:
                assert step["observation_tokens"] == env.unwrapped.counter.count(observation)
                assert step["action_tokens"] == env.unwrapped.counter.count(step["action"])
                assert step["phase"] == Observation.parse(observation).phase
                observation, reward, done, _, info = env.step(step["action"])
                assert (step["reward"], step["rewards"], step["answers"]) == (reward, info["rewards"], info["answers"])
            assert done


@pytest.mark.parametrize("policy", ["baselines:Random", "baselines:Lexical"])
def test_batches_progress_and_repetition_change_nothing(policy: str) -> None:
    told: dict[str, int] = defaultdict(int)

    def progress(name: str, episodes: int) -> None:
        told[name] += episodes

    one_by_one = evaluate(policy, TINY, seed=1, concurrency=1, progress=progress)
    assert told == {"bank": 3, "long": 12}
    assert timeless(evaluate(policy, TINY, seed=1, concurrency=7)) == timeless(one_by_one)


def test_trials_have_seeds_of_their_own() -> None:
    trials: dict[int, list[str]] = defaultdict(list)
    (_, long) = evaluate("baselines:Random", TINY, seed=1)["entries"]
    for episode in long["results"]:
        trials[episode["trial"]] += [step["action"] for step in episode["steps"]]
    assert len({tuple(actions) for actions in trials.values()}) == 3
    other = evaluate("baselines:Random", TINY, seed=2)["entries"][1]
    drawn = [step["action"] for episode in other["results"] for step in episode["steps"]]
    assert not set(drawn) & {action for actions in trials.values() for action in actions}


class Batches(Policy):
    """Counts how many observations come at once."""

    sizes: list[int] = []  # noqa: RUF012

    def act(self, observation: str) -> str:
        raise AssertionError("a batch was taken apart")

    def act_many(self, observations: Sequence[str]) -> list[str]:
        self.sizes.append(len(observations))
        return ["x"] * len(observations)


def test_policies_answer_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgym.leaderboard.evaluate.load_policy", lambda entry_point: Batches())
    Batches.sizes.clear()
    evaluate("x:Batches", Suite("tiny", "", (LONG,)), concurrency=3)
    assert max(Batches.sizes) == 3
    assert sum(Batches.sizes) == 3 * sum(
        len(episode["steps"]) for episode in evaluate("x:Batches", Suite("t", "", (LONG,)))["entries"][0]["results"][:4]
    )


def test_actions_that_cannot_be_written_down_are_played_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Policy):
        def act(self, observation: str) -> Any:
            return b"bytes"

    monkeypatch.setattr("memgym.leaderboard.evaluate.load_policy", lambda entry_point: Wrong())
    result = evaluate("x:Wrong", Suite("tiny", "", (LONG,)))
    assert json.loads(json.dumps(result)) == result
    steps = result["entries"][0]["results"][0]["steps"]
    assert {step["action"] for step in steps} == {None}
    assert all("must be a string" in step["action_error"] for step in steps)


def test_privileged_policies_see_gold() -> None:
    assert evaluate("baselines:Oracle", TINY)["policy"]["privileged"] is True


# ------------------------------------------------------------------ scores


def entry(*episodes: tuple[int, int, list[float]], name: str = "e") -> dict[str, Any]:
    """Return an entry whose episodes have (trial, index, answer scores), one answer per step."""
    results = []
    for trial, index, scores in episodes:
        steps = [
            {
                "rewards": {"format": 0.5, "memory_recall": score, "compression": 1.0},
                "answers": [{"category": "odd" if i % 2 else "even", "scores": {"answer": score, "f1": score / 2}}],
                "observation_tokens": 10,
                "action_tokens": 1,
            }
            for i, score in enumerate(scores)
        ]
        results.append({"trial": trial, "index": index, "steps": steps})
    return {"name": name, "results": results}


def test_the_score_is_the_mean_over_questions_and_trials() -> None:
    summary = summarize([entry((0, 0, [1, 0]), (0, 1, [0.5]), (1, 0, [0, 0]), (1, 1, [1]))])
    scores = summary["entries"]["e"]
    assert scores["answer"]["mean"] == pytest.approx(2.5 / 6)
    assert scores["categories"] == {"even": pytest.approx((1 + 0.5 + 0 + 1) / 4), "odd": 0.0}
    assert scores["scores"] == {"f1": pytest.approx(1.25 / 6)}
    assert scores["final"] == {"memory_recall": pytest.approx((0 + 0.5 + 0 + 1) / 4), "compression": 1.0}
    assert (scores["format"], scores["tokens"]) == (0.5, 66)
    assert summary["answer"] == scores["answer"]


def test_the_suite_is_the_mean_over_its_entries() -> None:
    many = entry(*((0, i, [1.0]) for i in range(9)), name="many")
    few = entry((0, 0, [0.0]), name="few")
    assert summarize([many, few])["answer"] == {"mean": 0.5, "low": 0.5, "high": 0.5}


def test_the_interval_is_a_bootstrap_over_episodes() -> None:
    """Trials and questions of an episode stand and fall together; only episodes are drawn."""
    rng = Random(0)
    scores = [[float(rng.random() < 0.3 + 0.05 * i) for _ in range(1 + i % 3)] for i in range(12)]
    episodes = [(trial, i, scores[i]) for trial in range(4) for i in range(12)]
    interval = summarize([entry(*episodes)])["entries"]["e"]["answer"]
    by_index = [[score for _, i, scores in episodes if i == index for score in scores] for index in range(12)]
    means = []
    for _ in range(4000):
        drawn = [score for _ in range(12) for score in rng.choice(by_index)]
        means.append(sum(drawn) / len(drawn))
    low, high = np.percentile(means, [2.5, 97.5])
    assert interval["low"] == pytest.approx(low, abs=0.02)
    assert interval["high"] == pytest.approx(high, abs=0.02)
    assert interval["low"] < interval["mean"] < interval["high"]
    assert summarize([entry(*episodes)])["entries"]["e"]["answer"] == interval


def test_equal_episodes_have_no_interval() -> None:
    interval = summarize([entry(*((0, i, [0.25, 0.75]) for i in range(5)))])["answer"]
    assert interval == {"mean": 0.5, "low": 0.5, "high": 0.5}
