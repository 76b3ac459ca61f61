"""What an evaluation records, and that how it is carried out changes nothing of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

from memgym import Observation, Policy
from memgym.envs.rewards import final_names
from memgym.errors import ConfigError
from memgym.leaderboard.evaluate import Evaluation, EvaluationPlan, evaluate, remaining
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import decode_episode, encode
from memgym.leaderboard.suite import Suite, SuiteEntry

BANK = SuiteEntry(
    "bank", "memgym/MemoryBank-v1", {"task": "persona", "difficulty": "easy", "phases": ["retrieve"]}, episodes=3
)
LONG = SuiteEntry(
    "long", "memgym/Longcontext-v1", {"task": "multihop", "length": 1000, "section_tokens": 400}, episodes=4, trials=3
)
TINY = Suite("tiny", "for tests", (BANK, LONG))


def timeless(result: Result) -> list[Any]:
    """The content of a result without its seconds."""
    import msgspec

    episodes = []
    for episode in result.episodes:
        plain = msgspec.to_builtins(episode)
        del plain["seconds"]
        for step in plain["steps"]:
            del step["seconds"]
        episodes.append(plain)
    return [result.header, episodes]


def test_a_result_tells_everything() -> None:
    result = evaluate("baselines:Recency", TINY, options={"n": 3}, seed=5)
    header = result.header
    assert (header.policy.entry_point, header.policy.options, header.policy.privileged) == (
        "baselines:Recency",
        {"n": 3},
        False,
    )
    assert (header.suite, header.seed, header.left_out) == ("tiny", 5, [])
    assert set(header.packages) >= {"python", "memgym", "gymnasium", "numpy", "bm25s"}
    assert [episode.key for episode in result.of("bank")] == [("bank", 0, i) for i in range(3)]
    assert [episode.key for episode in result.of("long")] == [("long", t, i) for t in range(3) for i in range(4)]
    for entry in header.entries:
        env = gym.make(EnvSpec.from_json(entry.env_spec)).unwrapped
        assert env.split == "test"
        assert env.task.fingerprint() == entry.task_fingerprint
        assert entry.judge is None
        assert entry.final_rewards == list(final_names(env.rewards))
        for episode in result.of(entry.name):
            observation, info = env.reset(options={"index": episode.index})
            assert info["episode_id"] == episode.episode_id
            assert episode.seconds > 0
            for step in episode.steps:
                assert step.observation_tokens == env.counter.count(observation)
                assert step.action_tokens == env.counter.count(step.action)
                assert step.phase == Observation.parse(observation).phase
                assert step.seconds >= 0
                observation, reward, done, _, info = env.step(step.action)
                assert (step.reward, step.rewards) == (reward, info["rewards"])
                assert [answer.scores for answer in step.answers] == [answer["scores"] for answer in info["answers"]]
            assert done


@pytest.mark.parametrize("policy", ["baselines:Random", "baselines:Lexical"])
def test_side_by_side_and_one_by_one_are_the_same(policy: str) -> None:
    assert timeless(evaluate(policy, TINY, seed=1, concurrency=1)) == timeless(evaluate(policy, TINY, seed=1))


def test_trials_have_seeds_of_their_own() -> None:
    trials: dict[int, list[str]] = defaultdict(list)
    for episode in evaluate("baselines:Random", TINY, seed=1).of("long"):
        trials[episode.trial] += [step.action for step in episode.steps]
    assert len({tuple(actions) for actions in trials.values()}) == 3
    other = evaluate("baselines:Random", TINY, seed=2)
    drawn = {step.action for episode in other.of("long") for step in episode.steps}
    assert not drawn & {action for actions in trials.values() for action in actions}


def test_any_part_of_it_is_played_as_in_the_whole() -> None:
    evaluation = Evaluation(EvaluationPlan("baselines:Random", TINY, seed=3))
    whole = {episode.key: episode for episode in evaluation.play(evaluation.keys())}
    some = [("long", 2, 1), ("bank", 0, 2), ("long", 0, 3)]
    for part in evaluation.play(some, concurrency=2):
        assert [step.action for step in part.steps] == [step.action for step in whole[part.key].steps]
    assert sorted(part.key for part in evaluation.play(some)) == sorted(some)
    assert set(remaining(evaluation.keys(), [whole[key] for key in some])) == set(whole) - set(some)


class Odd(Policy):
    """Breaks in one episode, and writes no text in the others."""

    def act(self, observation: str) -> Any:
        if 'section number="2"' in observation:
            raise ValueError("a content filter \ud800")
        return b"bytes"


def test_a_failed_episode_is_recorded_with_its_error_and_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgym.leaderboard.evaluate.policy_class", lambda entry_point: Odd)
    monkeypatch.setattr("memgym.leaderboard.evaluate.load_policy", lambda entry_point: Odd())
    evaluation = Evaluation(EvaluationPlan("x:Odd", Suite("tiny", "", (LONG,))))
    episodes = list(evaluation.play(evaluation.keys()))
    assert {episode.error for episode in episodes} == {"ValueError: a content filter ?"}
    assert {len(episode.steps) for episode in episodes} == {1}
    assert {episode.steps[0].action for episode in episodes} == {None}
    assert all("must be a string" in episode.steps[0].action_error for episode in episodes)
    assert [decode_episode(encode(episode), evaluation.header, "x") for episode in episodes] == episodes
    assert remaining(evaluation.keys(), episodes) == []
    assert remaining(evaluation.keys(), episodes, retry_failed=True) == evaluation.keys()


def test_privileged_policies_see_gold() -> None:
    assert evaluate("baselines:Oracle", TINY).header.policy.privileged is True


def test_what_cannot_be_evaluated_is_told_before_anything_is_played() -> None:
    gym.register("tests/Class-v0", entry_point=lambda **kwargs: gym.make("memgym/Longcontext-v1", **kwargs).unwrapped)
    try:
        with pytest.raises(ConfigError, match="entry 'x': tests/Class-v0 cannot be written down: register it by"):
            Evaluation(EvaluationPlan("baselines:Lexical", Suite("x", "", (SuiteEntry("x", "tests/Class-v0"),))))
    finally:
        del gym.registry["tests/Class-v0"]
    vector = SuiteEntry("x", "memgym/Longcontext-v1", {"vector_reward": True})
    with pytest.raises(ConfigError, match="entry 'x': an evaluation records the whole vector anyway"):
        Evaluation(EvaluationPlan("baselines:Lexical", Suite("x", "", (vector,))))
    with pytest.raises(ConfigError, match="'seed' must be an int from 0 to"):
        Evaluation(EvaluationPlan("baselines:Lexical", TINY, seed=-1))
