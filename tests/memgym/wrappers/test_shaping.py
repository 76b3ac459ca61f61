from __future__ import annotations

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

import memgym
from baselines import Keeper
from memgym.envs import ledger
from memgym.envs.rewards import final_names
from memgym.errors import ConfigError
from memgym.wrappers import PotentialShaping

IDS = ("memgym/Longcontext-v1", "memgym/MemoryBank-v1")
PLAIN = memgym.PhasePolicy()


def play(env: gym.Env, index: int, policy: memgym.PhasePolicy = PLAIN) -> list[tuple[float, dict]]:
    observation, _ = env.reset(options={"index": index})
    steps, done = [], False
    while not done:
        observation, reward, done, _, info = env.step(policy.act(observation))
        steps.append((reward, info))
    return steps


@pytest.mark.parametrize(
    ("env_id", "potential"),
    [(env_id, name) for env_id in IDS for name in final_names(gym.make(env_id).unwrapped.rewards)],
)
def test_the_shaping_terms_telescope(env_id: str, potential: str) -> None:
    """Undiscounted, they sum to minus the first state's potential, whatever the agent does: the optimum stays."""
    lives = potential in ledger.NAMES
    env = PotentialShaping(gym.make(env_id, **({"task": "lifecycle"} if lives else {})), potential, weight=0.5)
    for index in range(3):
        shaping = [info["shaping"] for _, info in play(env, index, Keeper() if lives else PLAIN)]
        env.reset(options={"index": index})
        assert sum(shaping) == pytest.approx(-0.5 * env.unwrapped.potentials()[potential])
        assert any(shaping)


@pytest.mark.parametrize("env_id", IDS)
def test_each_term_is_the_difference_of_the_potential(env_id: str) -> None:
    env = PotentialShaping(gym.make(env_id), "memory_recall", weight=2.0, gamma=0.9)
    policy = memgym.PhasePolicy()
    observation, _ = env.reset(options={"index": 0})
    before, done = env.unwrapped.potentials()["memory_recall"], False
    while not done:
        observation, reward, done, _, info = env.step(policy.act(observation))
        after = 0.0 if done else env.unwrapped.potentials()["memory_recall"]
        assert info["shaping"] == pytest.approx(2.0 * (0.9 * after - before))
        assert type(info["shaping"]) is float
        weights = env.unwrapped.reward_weights
        paid = sum(weight * info["rewards"][name] for name, weight in weights.items())
        assert reward == pytest.approx(paid + info["shaping"])
        before = after


def test_shaping_leaves_the_rest_of_the_step_alone() -> None:
    plain, shaped = gym.make(IDS[1]), PotentialShaping(gym.make(IDS[1]))
    for (reward, info), (shaped_reward, shaped_info) in zip(play(plain, 1), play(shaped, 1), strict=True):
        assert shaped_reward == reward + shaped_info.pop("shaping")
        assert shaped_info == info


def test_a_wrapped_environment_can_be_written_down() -> None:
    spec = PotentialShaping(gym.make(IDS[0], task="multihop"), "compression", weight=0.5).spec
    again = gym.make(EnvSpec.from_json(spec.to_json()))
    assert again.spec == spec
    assert isinstance(again, PotentialShaping)


def test_a_vector_of_wrapped_environments() -> None:
    """Each sub-environment keeps its own potential, over the end of an episode too."""

    def make() -> gym.Env:
        return PotentialShaping(gym.make(IDS[0], task="multihop"))

    envs = gym.vector.SyncVectorEnv([make, make], autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)
    singles = [make(), make()]
    observations, _ = envs.reset(seed=[3, 4])
    for single, seed in zip(singles, (3, 4), strict=True):
        single.reset(seed=seed)
    for _ in range(12):
        actions = tuple(memgym.PhasePolicy().act(observation) for observation in observations)
        observations, rewards, _, _, infos = envs.step(actions)
        for i, (single, action) in enumerate(zip(singles, actions, strict=True)):
            _, reward, done, _, info = single.step(action)
            last = infos["final_info"] if done else infos
            assert (rewards[i], last["shaping"][i]) == (reward, info["shaping"])
            if done:
                single.reset()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"potential": "memory_recal"}, "unknown potential 'memory_recal'. Did you mean 'memory_recall'"),
        ({"potential": "answer"}, "unknown potential 'answer'"),
        ({"weight": "1"}, "'weight' must be a number, not '1'"),
        ({"gamma": None}, "'gamma' must be a number, not None"),
        ({"gamma": float("nan")}, "'gamma' must be a number, not nan"),
    ],
)
def test_bad_arguments_are_refused_at_construction(options: dict, message: str) -> None:
    env = gym.make(IDS[0])
    with pytest.raises(ConfigError, match=message):
        PotentialShaping(env, **options)


def test_a_vector_cannot_be_shaped() -> None:
    with pytest.raises(ConfigError, match="pays a vector"):
        PotentialShaping(gym.make(IDS[0], vector_reward=True))
