"""The learners: what files of weights say, what they play, and that training begins as it should and goes up."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import baselines
from baselines._progress import held_out
from baselines.item_features import NUMBERS, ItemScorer, item_features, save_weights
from baselines.slate_bandit import LinearThompson
from memgym import Observation, PhasePolicy, Policy
from memgym.errors import ConfigError
from memgym.protocol.actions import parse_retrieve, parse_update
from memgym.registration import make
from memgym.statistics import difference_interval
from memgym.wrappers import Items

F = len(NUMBERS) + 512


def weights(path: Path, phase: str, stop: float = -np.inf, **numbers: list[float]) -> str:
    """Write weights of some numbers, by name, all others 0."""
    scores = np.zeros(({"retrieve": 1, "update": 3}[phase], F))
    for name, values in numbers.items():
        scores[:, NUMBERS.index(name.replace("_", " "))] = values
    save_weights(path, phase, "hash", scores, stop)
    return str(path)


def first(phase: str, **kwargs: object) -> Observation:
    env = make("memgym/MemoryBank-v1", difficulty="easy", phases=[phase], **kwargs)
    observation, _ = env.reset(options={"index": 0})
    if phase == "update":  # so that there is something to replace
        observation = env.step(PhasePolicy().act(observation))[0]
    return Observation.parse(observation)


def test_features_are_zero_where_nothing_is() -> None:
    from memgym.bank import get_embedder

    items = Items.of(first("retrieve"), get_embedder("hash"), places=30)
    rows = item_features(items.arrays)
    assert rows.shape == (30, F)
    assert rows[:20].any(axis=1).all()
    assert not rows[20:].any()
    order = [int(name[1:]) for name in items.ids]
    assert np.array_equal(np.argsort(order), np.argsort(items.arrays["order"][:20]))


def test_memories_are_ranked_by_weights_up_to_the_stop(tmp_path: Path) -> None:
    observation = first("retrieve")
    ids = [memory.id for memory in observation.memories]
    policy = ItemScorer(weights(tmp_path / "w.npz", "retrieve", order=[1.0]))
    newest = sorted(ids, key=lambda name: -int(name[1:]))
    assert parse_retrieve(policy.act(str(observation)), ids) == newest
    stopping = ItemScorer(weights(tmp_path / "s.npz", "retrieve", stop=0.7, order=[1.0]))
    assert parse_retrieve(stopping.act(str(observation)), ids) == newest[:6]
    never = ItemScorer(weights(tmp_path / "n.npz", "retrieve", stop=9.0, order=[1.0]))
    assert parse_retrieve(never.act(str(observation)), ids) == newest[:1]


def test_candidates_are_dropped_kept_or_replace(tmp_path: Path) -> None:
    observation = first("update")
    candidates, known = ([block.id for block in blocks] for blocks in (observation.candidates, observation.memories))

    def plan(**numbers: list[float]) -> list[str]:
        policy = ItemScorer(weights(tmp_path / "w.npz", "update", **numbers))
        return [operation.op for operation in parse_update(policy.act(str(observation)), candidates, known)[0]]

    assert plan(one=[1, 0, 0]) == []
    assert plan(one=[0, 1, 0]) == ["ADD"] * len(candidates)
    assert "UPDATE" in plan(one=[0, 0, 1])


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'weights': .*none\.npz' cannot be read"):
        ItemScorer(str(tmp_path / "none.npz"))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ConfigError, match=r"text\.npz' is no file of weights"):
        ItemScorer(str(tmp_path / "text.npz"))
    np.savez(tmp_path / "pickle.npz", phase="retrieve", embedder=np.array([{}]), scores=np.zeros(1), stop=0.0)
    with pytest.raises(ConfigError, match="no file of weights"):
        ItemScorer(str(tmp_path / "pickle.npz"))
    save_weights(tmp_path / "small.npz", "retrieve", "hash", np.zeros((1, 9)))
    with pytest.raises(ConfigError, match=r"small\.npz' holds scores \(1, 9\), which do not fit"):
        ItemScorer(str(tmp_path / "small.npz"))
    for name in ("api:gpt-4", "canary:make", "hash:99999999999", "minilm:cuda", "hash:8\n", ""):
        save_weights(tmp_path / "foreign.npz", "retrieve", name, np.zeros((1, F)))
        with pytest.raises(ConfigError, match=r"foreign\.npz' names the embedder .*: the option 'embedder' allows it"):
            ItemScorer(str(tmp_path / "foreign.npz"))
    one = ItemScorer.fingerprint(weights(tmp_path / "w.npz", "retrieve"))
    assert one != ItemScorer.fingerprint(weights(tmp_path / "w.npz", "retrieve", order=[1.0]))
    assert ItemScorer.fingerprint() is None


def test_an_embedder_of_others_is_named_by_the_user(tmp_path: Path) -> None:
    theirs = "memgym.bank.embedders:HashEmbedder"
    save_weights(tmp_path / "w.npz", "retrieve", theirs, np.ones((1, F)))
    with pytest.raises(ConfigError, match="the option 'embedder' allows it"):
        ItemScorer(str(tmp_path / "w.npz"), embedder="canary:make")
    assert ItemScorer(str(tmp_path / "w.npz"), embedder=theirs).retrieve(first("retrieve")).startswith("[")


def test_whatever_names_a_file_says_so() -> None:
    """Arguments of ours beside those that are declared are numbers, flags and names that are checked elsewhere."""
    plain = {"newest", "n", "embedder"}
    for cls in (getattr(baselines, name) for name in baselines.__all__):
        if issubclass(cls, Policy):
            assert set(inspect.signature(cls).parameters) - set(cls.path_options) <= plain, cls


@pytest.mark.parametrize(
    ("name", "least"), [pytest.param("MaskedPPO", 0.0, marks=pytest.mark.slow), ("SlateBandit", -0.05)]
)
def test_the_weights_that_come_with_it_beat_the_start_or_are_as_good(name: str, least: float) -> None:
    env = make("memgym/RMMReranker-v1", difficulty="medium", split="test")
    start, learned = (
        held_out(policy, env, "evidence_recall", 60) for policy in (PhasePolicy(), getattr(baselines, name)())
    )
    assert difference_interval(start, learned)[0] > least


def test_the_bandit_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=6)
    bandit = LinearThompson(np.zeros(6), np.ones(6), noise=0.3)
    for _ in range(300):
        slate = rng.normal(size=(1, 6))
        bandit.learn(slate, slate @ truth + 0.3 * rng.normal(size=1))
    np.testing.assert_allclose(bandit.mean(), truth, atol=0.1)
    draws = np.array([bandit.draw(rng) for _ in range(500)])
    np.testing.assert_allclose(draws.mean(axis=0), bandit.mean(), atol=0.01)
    assert 0.005 < draws.std(axis=0).mean() < 0.05


def test_the_bandit_trains_by_its_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "baselines", "slate-bandit", "--train-episodes", "3", "--episodes", "2"]
    done = subprocess.run([*command, "--out", tmp_path / "b.npz"], capture_output=True, text=True, check=True)
    assert not done.stderr
    assert re.search(r"evidence_recall 0\.\d+ -> 0\.\d+", done.stdout)
    assert ItemScorer(str(tmp_path / "b.npz"))


@pytest.mark.parametrize("phase", ["retrieve", "update"])
def test_ppo_starts_as_the_environment_plays(phase: str, tmp_path: Path) -> None:
    """It ranks as the search does, and adds all; with a learning rate of 0 it stays there."""
    pytest.importorskip("sb3_contrib", reason="needs the extra sb3; tox run -e integrations has it")
    from baselines.masked_ppo import PAID, train

    train(phase=phase, difficulty="easy", steps=8, lr=0.0, episodes=2, out=tmp_path / "w.npz")
    kwargs = {"answer_k": 5} if phase == "retrieve" else {"memory_tokens": 700}
    env = make("memgym/MemoryBank-v1", phases=[phase], split="validation", difficulty="easy", **kwargs)
    policies = PhasePolicy(), ItemScorer(str(tmp_path / "w.npz"))
    start, trained = (held_out(policy, env, PAID[phase], 3) for policy in policies)
    np.testing.assert_array_equal(start, trained)
