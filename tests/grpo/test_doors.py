"""A loss and an advantage estimator of someone else's, in a package outside ours, used in real short training."""

from __future__ import annotations

import sys

import pytest
import torch

from grpo.advantages import AdvantageConfig, advantages
from grpo.buffer import from_rows
from grpo.config import TrainerConfig, from_values, load_config
from grpo.errors import ConfigError
from grpo.losses import LossConfig, surrogate_loss
from grpo.options import flat_fields, flatten
from grpo.run_folder import RunFolder

SOURCE = '''
import torch

CALLS = []

def sigmoid_gate(log_prob, ratio, advantage, config):
    """A soft gate in the place of the clip."""
    CALLS.append(config.surrogate)
    return -torch.sigmoid(4 * (ratio - 1)) * advantage, torch.zeros_like(ratio)

def ranks(buffer, config, penalty):
    """The sign of a reward against the rollout's mean."""
    CALLS.append(config.advantage_estimator)
    reward = buffer["reward"] if penalty is None else buffer["reward"] + penalty
    return (reward - reward.mean()).sign()

def half(log_prob, ratio, advantage, config):
    return ratio * advantage

def narrow(log_prob, ratio, advantage, config):
    return ratio.mean(1), ratio.mean(1)

def nothing(buffer, config, penalty):
    return torch.full((len(buffer),), torch.nan)

def short(buffer, config, penalty):
    return buffer["reward"][1:]

CONSTANT = 3
'''


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    package = tmp_path / "outside" / "theirs"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "loss.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(package.parent))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:
        del sys.modules[name]


@pytest.mark.parametrize("settings", [{"surrogate": "theirs.loss:sigmoid_gate"},
                                      {"advantage_estimator": "theirs.loss:ranks"}])  # fmt: skip
def test_a_variant_from_outside_learns_and_resumes(toy, tmp_path, theirs, settings):
    def train(name, iterations, resume=False):
        values = {"out_dir": str(tmp_path / name), "iterations": iterations, "lr": 0.05, "epochs": 2, **settings}
        trainer = toy.make("bandit", from_values(values))  # as the table of a recipe
        trainer.train(resume)
        return trainer

    whole = train("whole", 120)
    assert whole.policy.logits.softmax(-1)[0, 2] > 0.9
    from theirs.loss import CALLS

    assert set(CALLS) == set(settings.values())
    assert flatten(whole.config).items() >= settings.items()
    train("cut", 60)
    assert torch.equal(train("cut", 120, resume=True).policy.logits, whole.policy.logits)
    assert RunFolder(tmp_path / "cut").steps == [120]


def test_both_are_named_in_a_file_and_on_the_command_line(tmp_path, theirs):
    path = tmp_path / "run.toml"
    path.write_text('preset = "dapo"\nsurrogate = "theirs.loss:sigmoid_gate"\n')
    config = load_config(path, ["advantage_estimator=theirs.loss:ranks"])
    assert config.loss.surrogate == "theirs.loss:sigmoid_gate"
    assert config.advantage.advantage_estimator == "theirs.loss:ranks"
    assert load_config(path, ["surrogate=cispo"]).loss.surrogate == "cispo"
    lines = {name: help for name, _, help in flat_fields(TrainerConfig)}
    assert lines["surrogate"].endswith("(clip, cispo, reinforce, module:function)")
    assert lines["advantage_estimator"].endswith("(relative, module:function)")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("surrogate=cisp", r"unknown surrogate 'cisp'. Did you mean 'cispo'\? Known: .*module:function"),
        ("surrogate=theirs.loss:sigmoid_gat", "function in theirs.loss: 'sigmoid_gat'. Did you mean 'sigmoid_gate'"),
        ("surrogate=theirs.loss:CONSTANT", "function in theirs.loss: 'CONSTANT'"),
        ("surrogate=theirs.los:half", "cannot load surrogate 'theirs.los:half' .*No module named 'theirs.los'"),
        ("surrogate=.loss:half", "cannot load surrogate '.loss:half'"),
        ("surrogate=:half", "cannot load surrogate ':half'"),
        ("surrogate=3", "surrogate = 3 is not of type str"),
        ("advantage_estimator=relativ", "unknown advantage_estimator 'relativ'. Did you mean 'relative'"),
    ],
)
def test_a_name_that_names_nothing_is_found_before_training(theirs, setting, message):
    with pytest.raises(ConfigError, match=message):
        load_config(None, [setting])


def test_what_returns_something_else_is_named(theirs):
    ones = torch.ones(2, 3)
    for name in ("half", "narrow"):
        with pytest.raises(ConfigError, match=rf"surrogate = 'theirs.loss:{name}' must return .* both \[2, 3\]"):
            surrogate_loss(ones, ones, ones, LossConfig(surrogate=f"theirs.loss:{name}"))
    row = {"response_mask": [True], "rewards": [1.0], "reward": 1.0, "group_id": 0}
    buffer = from_rows([{**row, "episode_id": number} for number in range(2)])
    for name in ("nothing", "short"):
        with pytest.raises(ConfigError, match=f"'theirs.loss:{name}' must return 2 finite numbers"):
            advantages(buffer, AdvantageConfig(advantage_estimator=f"theirs.loss:{name}"))
