"""Every unknown name and misfit argument is one clear error, from ``gym.make`` or ``reset``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from memgym.errors import ConfigError, DataError
from memgym.registration import make

LONG, BANK = "memgym/Longcontext-v1", "memgym/MemoryBank-v1"


@pytest.mark.parametrize(
    ("env_id", "kwargs", "message"),
    [
        (LONG, {"task": "multihopp"}, r"unknown task 'multihopp'\. Did you mean 'multihop'\?"),
        (LONG, {"task": None}, "unknown task None"),
        (LONG, {"task": ["multihop"]}, "unknown task"),
        (LONG, {"split": "tset"}, r"unknown split 'tset' of task 'multihop'\. Did you mean 'test'\?"),
        (LONG, {"split": 1}, "unknown split 1 of task 'multihop'"),
        (LONG, {"phases": ["update"]}, r"unknown phase of LongcontextEnv 'update'\. Known: answer, read"),
        (BANK, {"phases": ["retreive"]}, r"unknown phase of MemoryBankEnv 'retreive'\. Did you mean 'retrieve'\?"),
        (BANK, {"phases": []}, "'phases' must be a non-empty list of phases"),
        (BANK, {"phases": "answer"}, "'phases' must be a non-empty list of phases"),
        (BANK, {"phases": 5}, "'phases' must be a non-empty list of phases"),
        (BANK, {"phases": [None]}, "unknown phase of MemoryBankEnv None"),
        (LONG, {"phases": ["answer"], "memorizer": "lexicle"}, r"memorizer 'lexicle'\. Did you mean 'lexical'\?"),
        (LONG, {"memorizer": "lexicle"}, r"unknown memorizer 'lexicle'"),  # even where the agent plays the phase
        (BANK, {"extractor": "add_all"}, r"unknown extractor 'add_all'\. Known: module:Class, nothing, verbatim"),
        (BANK, {"reader": 5}, "unknown reader 5"),
        (BANK, {"retriever": None}, "unknown retriever None"),
        (BANK, {"phases": ["answer"], "updater": "nowhere:Class"}, "cannot load policy 'nowhere:Class'"),
        (BANK, {"phases": ["answer"], "updater": "baselines:Nobody"}, "cannot load policy 'baselines:Nobody'"),
        (BANK, {"phases": ["answer"], "updater": "json:JSONDecoder"}, "not a subclass of memgym.Policy"),
        (BANK, {"phases": ["answer"], "extractor": "baselines:Oracle"}, "reads the gold answers"),
        (LONG, {"memory_tokes": 5}, r"'memory_tokes' .*Did you mean 'memory_tokens'\?"),
        (LONG, {"retrieve_k": 5}, r"an unexpected keyword argument .retrieve_k. \(with task .multihop.\)"),
        (LONG, {"task_options": {}}, "unexpected keyword argument 'task_options'"),
        (LONG, {"hops": 99}, "argument 'hops' must be an int"),
        (LONG, {"memory_tokens": 0}, "'memory_tokens' must be an int of at least 1, not 0"),
        (LONG, {"memory_tokens": None}, "'memory_tokens' must be an int of at least 1, not None"),
        (LONG, {"section_tokens": "2500"}, "'section_tokens' must be an int of at least 1 or None, not '2500'"),
        (LONG, {"section_tokens": True}, "'section_tokens' must be an int of at least 1 or None, not True"),
        (BANK, {"retrieve_k": 2.0}, "'retrieve_k' must be an int of at least 1, not 2.0"),
        (BANK, {"answer_k": -1}, "'answer_k' must be an int of at least 1"),
        (BANK, {"related_k": None}, "'related_k' must be an int of at least 1"),
        (BANK, {"memory_tokens": "all"}, "'memory_tokens' must be an int of at least 1 or None"),
        (BANK, {"action_tokens": 0}, "'action_tokens' must be an int of at least 1"),
        (BANK, {"embedder": "hsh"}, r"unknown embedder 'hsh'\. Did you mean 'hash'\?"),
        (BANK, {"embedder": 5}, "unknown embedder 5"),
        (LONG, {"answer_format": "box"}, r"'answer_format': 'box'\. Did you mean 'boxed'\?"),
        (LONG, {"answer_format": None}, "'answer_format': None"),
        (LONG, {"counter": "word"}, r"unknown token counter 'word'\. Did you mean 'words'\?"),
        (LONG, {"counter": []}, "unknown token counter"),
        (LONG, {"render_mode": "human"}, r"'render_mode': 'human'\. Known: None, ansi"),
        (LONG, {"instructions": "no"}, "'instructions' must be True or False, not 'no'"),
        (LONG, {"reveal_gold": "False"}, "'reveal_gold' must be True or False, not 'False'"),
        (LONG, {"show_question": 0}, "'show_question' must be True or False, not 0"),
        (LONG, {"reward_weights": {"answr": 1.0}}, r"unknown reward 'answr'\. Did you mean 'answer'\?"),
        (LONG, {"reward_weights": {"evidence_recall": 1.0}}, "unknown reward 'evidence_recall'"),
        (LONG, {"reward_weights": {"answer": "1"}}, r"argument 'reward_weights\[answer\]' must be a number, not '1'"),
        (LONG, {"reward_weights": {"answer": float("nan")}}, r"'reward_weights\[answer\]' must be a number, not"),
        (LONG, {"reward_weights": {"answer": True}}, r"argument 'reward_weights\[answer\]' must be a number, not True"),
        (LONG, {"reward_weights": ["answer"]}, "'reward_weights' must be a dict"),
        (LONG, {"vector_reward": "answer"}, "'vector_reward' must be True, False or a list such as"),
        (LONG, {"vector_reward": []}, "'vector_reward' must be True, False or a list"),
        (LONG, {"vector_reward": ["answr"]}, r"unknown reward 'answr'\. Did you mean 'answer'"),
        (LONG, {"vector_reward": ["answer", "answer"]}, "names a reward twice"),
        (LONG, {"vector_reward": True, "reward_weights": {"answer": 1.0}}, "exclude each other"),
        (LONG, {"judge": 5}, "a judge is the name of a model or a dict"),
    ],
)  # fmt: skip
def test_bad_make_arguments(env_id: str, kwargs: dict[str, Any], message: str) -> None:
    if "render_mode" in kwargs:
        with pytest.warns(UserWarning, match="render_mode='human'"), pytest.raises(ConfigError, match=message):
            gym.make(env_id, **kwargs)
    else:
        with pytest.raises(ConfigError, match=message):
            gym.make(env_id, **kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"max_episode_steps": 3}, "there is no 'max_episode_steps'"),
        ({"render_mode": 5}, r"'render_mode': 5\. Known: None, ansi"),
    ],
)
def test_what_gymnasium_would_take_for_itself(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(LONG, **kwargs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": -1}, "episode index -1 is out of range"),
        ({"index": 1}, "episode index 1 is out of range: split 'all' of 'custom' has 0 to 0"),
        ({"index": "0"}, "episode index must be an int, not '0'"),
        ({"index": 0.0}, "episode index must be an int, not 0.0"),
        ({"index": True}, "episode index must be an int, not True"),
        ({"indx": 0}, r"unknown reset option 'indx'\. Did you mean 'index'\?"),
        (5, "reset options must be a dict"),
        ([0], "reset options must be a dict"),
        ("index", "reset options must be a dict"),
    ],
)
@pytest.mark.parametrize("kind", ["Longcontext", "MemoryBank"])
def test_bad_reset_options(make_mira: Any, kind: str, options: Any, message: str) -> None:
    env = make_mira(kind).unwrapped
    observation, _ = env.reset(seed=1)
    with pytest.raises(ConfigError, match=message):
        env.reset(options=options)
    assert env._observe() == observation  # the episode goes on


def test_an_empty_split_is_refused(write_rows: Any) -> None:
    path = write_rows({"sections": ["x"], "questions": ["q"], "answers": ["a"]})
    made = []
    for split in ("train", "validation", "test"):  # the only row is in one of them
        try:
            made.append(gym.make(LONG, task="custom", path=path, split=split))
        except ConfigError as error:
            assert f"split '{split}' of task 'custom' is empty" in str(error)  # noqa: PT017
    assert len(made) == 1


def test_data_files_are_checked_when_the_environment_is_made(write_rows: Any) -> None:
    with pytest.raises(ConfigError, match="'path'"):
        gym.make(LONG, task="custom")
    with pytest.raises(DataError, match=r"nowhere\.json"):
        gym.make(LONG, task="custom", path="nowhere.json")
    path = write_rows({"sections": ["x"], "questions": ["q"], "answers": ["a"]}, {"sections": ["x"], "answers": ["a"]})
    with pytest.raises(DataError, match=r"rows0\.jsonl, row 1.*'questions'"):
        gym.make(BANK, task="custom", path=path)


def test_an_episode_without_a_step_for_the_agent_is_refused(make_mira: Any) -> None:
    env = make_mira("MemoryBank", phases=["update"], extractor="baselines:NoMemory")
    with pytest.raises(ConfigError, match="leave the agent nothing to play: update"):
        env.reset()


def test_stepping_without_an_episode_is_refused(make_mira: Any) -> None:
    env = make_mira("Longcontext").unwrapped
    with pytest.raises(gym.error.ResetNeeded):
        env.step("x")
    env.reset()
    done = False
    while not done:
        done = env.step("x")[2]
    with pytest.raises(gym.error.ResetNeeded, match="over"):
        env.step("x")


def test_make_names_unknown_and_foreign_ids() -> None:
    with pytest.raises(ConfigError, match="'memgym envs' lists"):
        make("memgym/MemoryBnk-v1")
    with pytest.raises(ConfigError, match="no memgym environment"):
        make("CartPole-v1")


def test_an_unknown_make_argument_is_a_type_error_as_of_python() -> None:
    """TorchRL, for one, tries an argument and tells by the wording of the TypeError that it is not taken."""
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'frameskip'"):
        gym.make(LONG, frameskip=4)
