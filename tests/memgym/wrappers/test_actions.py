"""Observations as arrays and actions as numbers: what they hold, what they say, and that they fit everywhere."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import memgym
from memgym.errors import ConfigError
from memgym.wrappers import Features, KeepAction, PickAction, ScoreAction

PHASES = ("retrieve", "update", "extract")
EVERY = [(phase, kind) for phase in PHASES for kind in (ScoreAction, KeepAction)] + [("retrieve", PickAction)]
every = pytest.mark.parametrize(("phase", "kind"), EVERY, ids=lambda value: getattr(value, "__name__", value))


class Watched(gym.Wrapper):
    """Keeps the texts that pass."""

    def __init__(self, env: gym.Env):
        super().__init__(env)
        self.actions: list[str] = []

    def reset(self, **kwargs: Any) -> Any:
        self.text, info = self.env.reset(**kwargs)
        return self.text, info

    def step(self, action: str) -> Any:
        self.actions.append(action)
        self.text, *rest = self.env.step(action)
        return self.text, *rest


def made(phase: str, **kwargs: Any) -> gym.Env:
    return gym.make("memgym/MemoryBank-v1", phases=[phase], difficulty="easy", **kwargs)


def blocks(text: str, tag: str) -> list[memgym.Block]:
    return memgym.Observation.parse(text).all(tag)


# ------------------------------------------------------------------ features


@pytest.mark.parametrize("phase", PHASES)
def test_the_arrays_are_the_texts(phase: str) -> None:
    watched = Watched(made(phase))
    env = Features(watched, items=24)
    embed = env.embedder.embed
    arrays, info = env.reset(options={"index": 1})
    policy, seen = memgym.PhasePolicy(), 0
    while watched.text:
        seen += 1
        tag = {"retrieve": "memory", "update": "candidate", "extract": "turn"}[phase]
        shown = blocks(watched.text, tag)
        said = [f"{b.attributes['speaker']}: {b.text}" if phase == "extract" else b.text for b in shown]
        assert env.item_ids == tuple(block.id for block in shown[:24])
        assert info["items_left_out"] == max(0, len(shown) - 24)
        assert arrays["mask"].sum() == min(24, len(shown))
        np.testing.assert_array_equal(arrays["item"][: len(shown)], embed(said)[:24])
        assert not arrays["item"][len(shown) :].any()
        near = {block.id: block for tag in ("memory", "turn") for block in blocks(watched.text, tag)}
        for place, identity in enumerate(env.near_ids):
            row = arrays["near"][place]
            if not identity:
                assert not row.any()
                continue
            speaker = near[identity].attributes.get("speaker")
            text = f"{speaker}: {near[identity].text}" if speaker else near[identity].text
            np.testing.assert_array_equal(row, embed([text])[0])
        assert env.observation_space.contains(arrays)
        if phase == "retrieve":
            question = memgym.Observation.parse(watched.text).question
            np.testing.assert_array_equal(arrays["query"], embed([question])[0])
        else:
            assert not arrays["query"].any()
        arrays, *_, info = env.step(policy.act(watched.text))
    assert seen > 4
    assert not any(array.any() for array in arrays.values())
    assert env.item_ids == ()


def test_what_stands_near_is_the_most_similar() -> None:
    env = Features(made("retrieve"), items=20)
    arrays, _ = env.reset(options={"index": 0})
    shown = len(env.item_ids)
    alike = arrays["item"][:shown] @ arrays["item"][:shown].T
    np.fill_diagonal(alike, -9)
    assert env.near_ids == tuple(env.item_ids[i] for i in alike.argmax(axis=1))


def test_an_empty_bank_and_a_single_item(tmp_path: Path) -> None:
    row = {
        "sessions": [{"turns": [{"speaker": "Mira", "text": "I live in Lisbon."}]}],
        "questions": ["Where?"],
        "answers": ["Lisbon"],
    }
    for updater, ids in (("add_all", ("m1",)), ("tests.memgym.wrappers.test_actions:Forgets", ())):
        path = str(tmp_path / "rows.json")
        Path(path).write_text(json.dumps([row]))
        env = Features(gym.make("memgym/RMMReranker-v1", task="custom", path=path, updater=updater))
        arrays, _ = env.reset(options={"index": 0})
        assert env.item_ids == ids
        assert env.near_ids == ("",) * len(ids)
        assert env.observation_space.contains(arrays)


class Forgets(memgym.PhasePolicy):
    """Adds nothing."""

    def update(self, observation: memgym.Observation) -> str:
        return '{"operations": []}'


@pytest.mark.parametrize(
    "kwargs",
    [
        {"phases": ["extract", "update"]},
        {"phases": ["answer"]},
        {},
    ],
)
def test_features_are_of_one_phase(kwargs: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="features are of one phase"):
        Features(gym.make("memgym/MemoryBank-v1", **kwargs))
    with pytest.raises(ConfigError, match="features are of one phase"):
        Features(gym.make("memgym/Longcontext-v1"))


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="'items'"):
        Features(made("retrieve"), items=0)
    with pytest.raises(ConfigError, match="unknown embedder"):
        Features(made("retrieve"), embedder="hsh")
    with pytest.raises(ConfigError, match="ScoreAction goes around Features"):
        ScoreAction(made("retrieve"))
    with pytest.raises(ConfigError, match="PickAction plays retrieve, not 'update'"):
        PickAction(Features(made("update")))
    assert Features(made("retrieve"), embedder="hash:64").observation_space["query"].shape == (64,)


# ------------------------------------------------------------------ actions


@every
def test_gymnasiums_check_and_the_spec(phase: str, kind: Any) -> None:
    env = kind(Features(made(phase), items=12))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is different from the unwrapped version.*")
        check_env(env, skip_render_check=True)
    again = gym.make(env.spec)
    assert str(again) == str(env)
    one, other = env.reset(seed=5)[0], again.reset(seed=5)[0]
    assert all(np.array_equal(one[name], other[name]) for name in one)
    flat = gym.wrappers.FlattenObservation(gym.wrappers.RecordEpisodeStatistics(env))
    assert flat.observation_space.contains(flat.reset(seed=1)[0])


@every
def test_random_numbers_are_never_a_bad_action(phase: str, kind: Any) -> None:
    env = kind(Features(made(phase), items=12))
    env.action_space.seed(3)
    for index in range(4):
        env.reset(options={"index": index})
        done = False
        while not done:
            action = env.action_space.sample()
            if kind is PickAction:
                action = env.action_space.sample(env.action_masks().astype(np.int8))
            _, _, done, _, info = env.step(action)
            assert not info.get("action_error")


def test_scores_rank_the_memories() -> None:
    watched = Watched(made("retrieve"))
    env = ScoreAction(Features(watched, items=20))
    env.reset(options={"index": 0})
    ids = env.get_wrapper_attr("item_ids")
    scores = np.zeros(20, np.float32)
    scores[3], scores[1] = 1.0, 0.5
    env.step(scores)
    assert json.loads(watched.actions[0])[:3] == [ids[3], ids[1], ids[0]]


def test_decisions_keep_drop_and_replace() -> None:
    watched = Watched(made("update"))
    env = KeepAction(Features(watched, items=16))
    env.reset(options={"index": 0})
    env.step(np.ones(16, int))  # something must be there to be replaced
    shown, near = blocks(watched.text, "candidate"), env.get_wrapper_attr("near_ids")
    masks = env.action_masks().reshape(16, 3)
    assert masks[: len(shown)].all()
    assert (masks[len(shown) :] == [True, False, False]).all()
    decisions = np.zeros(16, int)
    decisions[0], decisions[1], decisions[2] = 2, 1, 2
    env.step(decisions)
    operations = json.loads(watched.actions[1])["operations"]
    assert operations[0] == {"id": near[0], "op": "UPDATE", "value": shown[0].text}
    assert operations[1] == {"id": shown[1].id, "op": "ADD"}
    again = {"id": shown[2].id, "op": "ADD"} if near[2] == near[0] else {**operations[2]}
    assert operations[2] == again
    assert len(operations) == 3


def test_whole_turns_are_extracted() -> None:
    watched = Watched(made("extract"))
    env = KeepAction(Features(watched, items=40))
    env.reset(options={"index": 0})
    turns = blocks(watched.text, "turn")
    decisions = np.zeros(40, int)
    decisions[2] = 1
    env.step(decisions)
    value = f"{turns[2].attributes['speaker']}: {turns[2].text}"
    assert json.loads(watched.actions[0]) == {"memory_list": [{"value": value, "source": [turns[2].id]}]}


def test_picks_make_one_episode_of_each_question() -> None:
    watched = Watched(gym.make("memgym/RMMReranker-v1", difficulty="easy"))
    env = PickAction(Features(watched, items=20))
    arrays, info = env.reset(options={"index": 2})
    questions = len(env.unwrapped.episode.questions)
    seen = []
    for number in range(questions):
        ids = env.get_wrapper_attr("item_ids")
        seen.append(memgym.Observation.parse(watched.text).question)
        if number % 2:  # stop after two
            arrays, reward, done, _, info = env.step(4)
            assert (reward, done, arrays["mask"][4]) == (0.0, False, 0)
            assert not env.action_masks()[4]
            env.step(0)
            arrays, reward, done, _, info = env.step(20)
            assert json.loads(watched.actions[-1]) == [ids[4], ids[0]]
        else:  # five are kept
            for place in (9, 8, 7, 6, 5):
                arrays, reward, done, _, info = env.step(place)
            assert json.loads(watched.actions[-1]) == [ids[place] for place in (9, 8, 7, 6, 5)]
        assert done
        assert reward > 0
        assert not arrays["mask"].any()
        arrays, info = env.reset()
    assert len(set(seen)) == questions
    assert info["index"] != 2 or memgym.Observation.parse(watched.text).question == seen[0]


def test_a_place_that_is_empty_or_picked_twice_is_a_bad_action() -> None:
    env = PickAction(Features(gym.make("memgym/RMMReranker-v1", difficulty="easy", retrieve_k=4), items=8))
    env.reset(options={"index": 0})
    *_, done, _, info = env.step(7)
    assert done
    assert info["action_error"]
    env.reset()
    env.step(1)
    *_, done, _, info = env.step(1)
    assert done
    assert info["action_error"]
    env.reset()
    for place in range(4):
        *_, done, _, info = env.step(place)
    assert done  # nothing is left to pick
    assert not info["action_error"]
