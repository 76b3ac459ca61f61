"""Advantages against a reference in plain Python loops."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grpo.advantages import AdvantageConfig, advantages, informative_groups
from grpo.buffer import from_rows
from grpo.errors import ConfigError, RolloutError

seeds = st.integers(0, 10_000)
quick = settings(deadline=None, derandomize=True, max_examples=60)


def to_go(rows, index, reward, discount):
    """The discounted rewards of the index-th row's episode from that row on."""
    mine = rows[index]
    later = sorted(
        (row["turn_id"], reward[i]) for i, row in enumerate(rows)
        if row["episode_id"] == mine["episode_id"] and row["turn_id"] >= mine["turn_id"]
    )  # fmt: skip
    return sum(discount**k * value for k, (_, value) in enumerate(later))


def relative(value, peers, everyone, config):
    """One return against its peers' (which include it)."""
    mean = sum(peers) / len(peers)
    others = list(peers)
    others.remove(value)
    base = {"mean": mean, "leave_one_out": sum(others) / len(others) if others else value, "none": 0.0}[config.baseline]

    def std(values):
        centre = sum(values) / len(values)
        return math.sqrt(sum((v - centre) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else 0.0

    if config.scale == "none":
        return value - base
    spread = std(peers) if config.scale == "group_std" else std(everyone)
    return (value - base) / spread if spread > 1e-6 else 0.0


def outcome(rows, reward, config, discount, unit_of, peer_of):
    """Every row's advantage: its unit's return at the unit's first call, against the returns of the peers."""
    returns, peer = {}, {}
    for index, row in sorted(enumerate(rows), key=lambda item: item[1]["turn_id"]):
        unit = unit_of(index, row)
        if unit not in returns:
            returns[unit], peer[unit] = to_go(rows, index, reward, discount), peer_of(row)
    result = []
    for index, row in enumerate(rows):
        unit = unit_of(index, row)
        peers = [returns[other] for other in returns if peer[other] == peer[unit]]
        result.append(relative(returns[unit], peers, list(returns.values()), config))
    return result


def reference(rows, config, penalty):
    if config.credit == "weight":
        return [row["weight"] for row in rows]
    weights = config.reward_weights
    if config.combine == "normalise_each":
        parts = [(w, [row["rewards"][k] for row in rows], config) for k, w in enumerate(weights)]
        parts += [(1.0, penalty, replace(config, scale="none"))]
    elif weights is None:
        parts = [(1.0, [row["reward"] + p for row, p in zip(rows, penalty, strict=True)], config)]
    else:
        dot = [sum(w * r for w, r in zip(weights, row["rewards"], strict=True)) for row in rows]
        parts = [(1.0, [d + p for d, p in zip(dot, penalty, strict=True)], config)]
    total = [0.0] * len(rows)
    for weight, reward, how in parts:
        if config.credit == "phase":
            found = outcome(rows, reward, how, 1.0, lambda i, r: (r["episode_id"], r["phase_id"]),
                            lambda r: (r["group_id"], r["phase_id"]))  # fmt: skip
        else:
            found = outcome(rows, reward, how, 1.0, lambda i, r: r["episode_id"], lambda r: r["group_id"])
        if config.credit == "step":
            steps = outcome(rows, reward, how, config.discount, lambda i, r: i,
                            lambda r: (r["group_id"], r["anchor"]))  # fmt: skip
            found = [a + config.step_weight * s for a, s in zip(found, steps, strict=True)]
        total = [t + weight * a for t, a in zip(total, found, strict=True)]
    return total


def test_a_penalty_counts_by_its_coefficient_also_where_rewards_are_normalised_one_by_one(rows):
    buffer = from_rows(rows(3))
    config = AdvantageConfig(combine="normalise_each", reward_weights=(1.0, 0.5))
    plain = advantages(buffer, config)
    lengths = buffer["response_mask"].sum(1).float()
    small, large = (advantages(buffer, config, -coefficient * lengths) - plain for coefficient in (0.01, 0.1))
    assert small.abs().max() > 1e-3
    torch.testing.assert_close(large, 10 * small, rtol=1e-4, atol=1e-5)


@quick
@given(
    seed=seeds,
    baseline=st.sampled_from(["mean", "leave_one_out", "none"]),
    scale=st.sampled_from(["group_std", "batch_std", "none"]),
    credit=st.sampled_from(["episode", "phase", "step", "weight"]),
    combine=st.sampled_from(["sum", "normalise_each"]),
    weights=st.sampled_from([None, (1.0, 0.5), (0.0, 2.0)]),
)
def test_every_switch_against_the_reference(rows, seed, baseline, scale, credit, combine, weights):
    config = AdvantageConfig(
        baseline=baseline,
        scale=scale,
        credit=credit,
        combine=combine,
        reward_weights=weights or ((1.0, 1.0) if combine == "normalise_each" else None),
        step_weight=0.7,
        discount=0.9,
    )
    given_rows = rows(seed)
    penalty = [-(i % 3) / 8 for i in range(len(given_rows))]
    found = advantages(from_rows(given_rows), config, torch.tensor(penalty))
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx(reference(given_rows, config, penalty), rel=1e-5, abs=1e-5)


def episodes(returns, calls=1, group=0, start=0):
    """One group; episode i makes ``calls`` calls (or calls[i]) that pay returns[i] together."""
    rows = []
    for index, value in enumerate(returns):
        count = calls[index] if isinstance(calls, list) else calls
        rows += [
            {"prompt_ids": [1], "response_ids": [2], "rewards": [value / count], "reward": value / count,
             "group_id": group, "episode_id": start + index, "turn_id": turn}
            for turn in range(count)
        ]  # fmt: skip
    return rows


@quick
@given(
    value=st.floats(-100, 100, width=32),
    count=st.integers(1, 9),
    calls=st.integers(1, 7),
    baseline=st.sampled_from(["mean", "leave_one_out"]),
    scale=st.sampled_from(["group_std", "batch_std", "none"]),
)
def test_equal_returns_give_exactly_zero(value, count, calls, baseline, scale):
    # Different numbers of calls: the returns are equal only up to the rounding of value / calls.
    group = episodes([value] * count, [calls, *[1] * (count - 1)])
    other = episodes([0.0, 1.0], group=1, start=count)
    config = AdvantageConfig(baseline=baseline, scale=scale)
    found = advantages(from_rows(group + other), config)
    assert (found[: len(group)] == 0).all()
    assert (found[len(group) :] != 0).all()
    assert informative_groups(from_rows(group + other), found) == [1]


def test_rounding_of_telescoping_rewards_is_no_signal():
    # Potential differences that cancel: each return is 0 but for float32 rounding.
    group = []
    for episode, middle in enumerate((0.1, 0.7, 0.9)):
        for turn, reward in enumerate((middle - 0.3, 0.3 - middle + 1e-9 * episode)):
            group.append({"prompt_ids": [1], "response_ids": [2], "rewards": [reward], "reward": reward,
                          "group_id": 0, "episode_id": episode, "turn_id": turn})  # fmt: skip
    assert (advantages(from_rows(group), AdvantageConfig()) == 0).all()


def test_a_trajectory_counts_once_however_many_calls_it_makes():
    few = advantages(from_rows(episodes([0.0, 1.0, 1.0])), AdvantageConfig(scale="none"))
    many = advantages(from_rows(episodes([0.0, 1.0, 1.0], calls=[9, 1, 2])), AdvantageConfig(scale="none"))
    assert few.tolist() == pytest.approx([-2 / 3, 1 / 3, 1 / 3])
    assert many.tolist() == pytest.approx([-2 / 3] * 9 + [1 / 3] * 3)


def test_gdpo_keeps_a_component_that_the_sum_drowns():
    rows = episodes([0.0, 1.0, 0.0, 1.0])
    for row, big in zip(rows, (0.0, 100.0, 100.0, 0.0), strict=True):
        row["rewards"] = [row["reward"], big]
    summed = advantages(from_rows(rows), AdvantageConfig(reward_weights=(1.0, 1.0)))
    each = advantages(from_rows(rows), AdvantageConfig(reward_weights=(1.0, 1.0), combine="normalise_each"))
    assert summed[2] > summed[3] + 1
    assert each[2] == pytest.approx(each[3])


def test_later_phases_are_not_credited_with_earlier_rewards():
    rows = []
    for episode, (first, second) in enumerate(((1.0, 0.0), (0.0, 0.0))):
        for turn, reward in enumerate((first, second)):
            rows.append({"prompt_ids": [1], "response_ids": [2], "rewards": [reward], "reward": reward, "group_id": 0,
                         "episode_id": episode, "turn_id": turn, "phase_id": turn})  # fmt: skip
    found = advantages(from_rows(rows), AdvantageConfig(credit="phase", scale="none"))
    assert found.tolist() == [0.5, 0.0, -0.5, 0.0]


def test_settings_and_buffer_must_fit(rollout):
    with pytest.raises(ConfigError, match="needs reward_weights"):
        AdvantageConfig(combine="normalise_each")
    with pytest.raises(ConfigError, match="Did you mean 'leave_one_out'"):
        AdvantageConfig(baseline="leave_one_ou")
    with pytest.raises(RolloutError, match="rewards has 2 components, reward_weights has 3"):
        advantages(rollout(0), AdvantageConfig(reward_weights=(1.0, 1.0, 1.0)))
    for credit, key in (("step", "anchor"), ("weight", "weight")):
        with pytest.raises(RolloutError, match=f"'{key}' is missing"):
            advantages(rollout(0).exclude(key), AdvantageConfig(credit=credit))
