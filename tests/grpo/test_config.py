from __future__ import annotations

from collections import Counter

import pytest

from grpo.config import RESUMABLE, TrainerConfig, load_config
from grpo.errors import ConfigError
from grpo.options import flat_fields, flatten
from grpo.presets import PRESETS


def test_every_key_is_unique_and_has_a_line_of_help():
    keys = Counter(name for name, _, _ in flat_fields(TrainerConfig))
    assert max(keys.values()) == 1
    assert all(help for _, _, help in flat_fields(TrainerConfig))
    assert keys.keys() >= RESUMABLE


def test_files_presets_and_overrides_stack(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('preset = "dapo"\nlr = 1e-5\nclip_high = 0.3\nreward_weights = [1.0, 0.5]\n')
    config = load_config(path, ["lr=2e-5", "kl=k2"])
    assert (config.lr, config.loss.clip_high, config.loss.kl) == (2e-5, 0.3, "k2")
    assert config.dynamic_sampling
    assert config.loss.aggregation == "token_mean"
    assert config.advantage.reward_weights == (1.0, 0.5)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (["preset=dr_grpo", "aggregation=token_mean", "constant_length=none"], "constant_length"),
        (["preset=dapo", "overlong_length=none"], "overlong_length"),
        (["preset=memagent", "dual_clip=none"], "dual_clip"),
        (["reward_weights=[1.0]", "reward_weights=none"], "reward_weights"),
    ],
)
def test_what_is_optional_can_be_unset(settings, key):
    assert flatten(load_config(None, settings))[key] is None
    assert load_config(None, ["kl=none"]).loss.kl == "none"  # a choice, which is no None


def test_what_looks_like_a_date_is_a_name():
    for name in ("2026-11-28", "07:32:00", "1979-05-27T07:32:00Z"):
        assert load_config(None, [f"out_dir={name}"]).out_dir == name


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_builds(name):
    load_config(None, [f"preset={name}"])


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("learning_rat = 1", [], r"unknown setting 'learning_rat'"),
        ("clip_hihg = 1", [], r"Did you mean 'clip_high'\?"),
        ("lr = 'fast'", [], r"lr = 'fast' is not of type float"),
        ("epochs = 0", [], r"epochs = 0 must be at least 1"),
        ("epochs = 1.5", [], r"epochs = 1.5 is not of type int"),
        ("reward_weights = ['a']", [], r"reward_weights = \('a',\)"),
        ("lr = ", [], r"run.toml is not valid TOML"),
        ("", ["lr"], r"override 'lr' is not of the form key=value"),
        ("", ["preset=[]"], r"unknown preset \[\]"),
        ("", ["preset=none"], r"unknown preset 'none'"),
        ("lr = 'none'", [], r"lr = 'none' is not of type float"),
        ("", ["preset=dapoo"], r"Did you mean 'dapo'"),
        ("", ["schedule=cosin"], r"Did you mean 'cosine'"),
        ("patience = 2", [], r"patience needs validate_every"),
        ("credit = 'weight'\nkl = 'k1'\nkl_in = 'reward'", [], r"kl_in = 'reward' is taken off rewards"),
        ("credit = 'weight'", ["overlong_length=9"], r"overlong_length is taken off rewards"),
        ("best_metric = 'a'", [], r"best_metric needs validate_every"),
    ],
)
def test_mistakes_are_named(tmp_path, text, overrides, message):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path, overrides)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the config file .*none\.toml"):
        load_config(tmp_path / "none.toml")
