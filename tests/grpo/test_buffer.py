from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tensordict import MemoryMappedTensor

from grpo import buffer as rb
from grpo.errors import RolloutError
from grpo.prefixes import shared_prefixes, unpadded

seeds = st.integers(0, 10_000)
quick = settings(deadline=None, derandomize=True, max_examples=25)


def row(**changes):
    base = {
        "prompt_ids": [5, 6],
        "response_ids": [7, 8, 9],
        "sampler_log_prob": [-1.0, -2.0, -3.0],
        "rewards": [1.0],
        "reward": 1.0,
        "group_id": 0,
        "episode_id": 0,
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def test_rows_are_padded_left_and_right():
    buffer = rb.from_rows(
        [row(), row(prompt_ids=[1], response_ids=[2], sampler_log_prob=[-0.5], episode_id=1)], pad_id=3
    )
    assert buffer["prompt_ids"].tolist() == [[5, 6], [3, 1]]
    assert buffer["prompt_mask"].tolist() == [[True, True], [False, True]]
    assert buffer["response_ids"].tolist() == [[7, 8, 9], [2, 3, 3]]
    assert buffer["response_mask"].tolist() == [[True, True, True], [True, False, False]]
    assert buffer["sampler_log_prob"].tolist() == [[-1.0, -2.0, -3.0], [-0.5, 0.0, 0.0]]
    assert buffer["turn_id"].tolist() == [0, 0]


@quick
@given(seed=seeds)
def test_rows_come_back_as_they_went_in(rows, seed):
    given_rows = rows(seed)
    buffer = rb.from_rows(given_rows)
    for index, source in enumerate(given_rows):
        prompt, response = buffer["prompt_mask"][index], buffer["response_mask"][index]
        assert buffer["prompt_ids"][index][prompt].tolist() == source["prompt_ids"]
        assert buffer["response_ids"][index][response].tolist() == source["response_ids"]
        assert buffer["old_log_prob"][index][response].tolist() == pytest.approx(source["old_log_prob"], rel=1e-6)
        assert buffer["reward"][index].item() == source["reward"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": None}, "row 1: key 'reward'"),
        ({"surprise": 1}, "row 1: key 'surprise' is in some rows only"),
        ({"sampler_log_prob": [-1.0]}, "row 1: sampler_log_prob has 1 values for 3"),
        ({"rewards": [1.0, 2.0]}, r"row 1: key 'rewards' has shape \[2\], row 0 has \[1\]"),
        ({"rewards": ["good"]}, "row 1: key 'rewards' is not numeric"),
        ({"response_ids": [], "sampler_log_prob": []}, "row 1: response_mask is empty"),
        ({"prompt_ids": []}, "row 1: prompt_mask is empty"),
        ({"sampler_log_prob": [-1.0, float("nan"), -1.0]}, "row 1: sampler_log_prob is not finite"),
        ({"sampler_log_prob": [-1.0, 0.5, -1.0]}, "row 1: sampler_log_prob is above 0"),
        ({"reward": float("inf")}, "row 1: reward is not finite"),
        ({"finish_reason": 7}, "row 1: finish_reason is unknown"),
        ({"group_id": 0.7}, "row 1: key 'group_id' must be int64, not 0.7"),
        ({"finish_reason": 0.9}, "row 1: key 'finish_reason' must be int64"),
        ({"response_ids": [1, 2.5, 3]}, r"row 1: key 'response_ids' must be int64, not \[1, 2.5, 3\]"),
        ({"group_id": 4}, "row 1: group_id differs"),
    ],
)
def test_a_bad_row_is_named(changes, message):
    with pytest.raises(RolloutError, match=message):
        rb.from_rows([row(), row(**changes)])


def picks(**changes):
    """A row of a policy without tokens, of two action elements."""
    base = {
        "response_mask": [True, True],
        "sampler_log_prob": [-1.0, -2.0],
        "features": torch.arange(6.0).reshape(2, 3),
        "state": 4,
        "rewards": [1.0],
        "reward": 1.0,
        "group_id": 0,
        "episode_id": 0,
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def test_rows_without_tokens_are_stacked_and_padded_where_ragged():
    wide = {"response_mask": torch.tensor([True, False, True]), "sampler_log_prob": [-1.0, 0.0, -3.0]}
    buffer = rb.from_rows([picks(), picks(**wide, features=torch.ones(1, 3), state=7, episode_id=1)])
    assert buffer["response_mask"].tolist() == [[True, True, False], [True, False, True]]
    assert buffer["sampler_log_prob"].tolist() == [[-1.0, -2.0, 0.0], [-1.0, 0.0, -3.0]]
    assert buffer["features"].tolist() == [[[0, 1, 2], [3, 4, 5]], [[1, 1, 1], [0, 0, 0]]]
    assert (buffer["features"].dtype, buffer["sampler_log_prob"].dtype) == (torch.float32, torch.float32)
    assert buffer["state"].tolist() == [4, 7]
    assert buffer["turn_id"].tolist() == [0, 0]
    assert not set(rb.TOKENS) & set(buffer.keys())
    joined = rb.concatenate([rb.from_rows([picks()]), buffer], renumber=True)
    assert joined["features"].shape == (3, 2, 3)
    assert joined["response_mask"].tolist()[0] == [True, True, False]
    narrow = rb.concatenate([rb.from_rows([picks(features=torch.ones(1, 3))]), rb.from_rows([picks()])])
    assert narrow["features"].tolist()[0] == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"response_mask": None}, "row 1: key 'response_mask' is in some rows only"),
        ({"features": None}, "row 1: key 'features' is in some rows only"),
        ({"sampler_log_prob": [-1.0]}, "row 1: sampler_log_prob has 1 values for 2 of response_mask"),
        ({"sampler_log_prob": -1.0}, "row 1: key 'sampler_log_prob' is not a list"),
        ({"features": torch.ones(2, 4)}, r"row 1: key 'features' has shape \[2, 4\], row 0 has \[2, 3\]"),
        ({"features": "none"}, "row 1: key 'features' is not numeric"),
        ({"state": [1, 2]}, r"row 1: key 'state' has shape \[2\], row 0 has \[\]"),
        ({"response_mask": [False, False]}, "row 1: response_mask is empty"),
        ({"sampler_log_prob": [-1.0, 0.5]}, "row 1: sampler_log_prob is above 0"),
        ({"rewards": [1.0, 2.0]}, r"row 1: key 'rewards' has shape \[2\], row 0 has \[1\]"),
        ({"reward": float("nan")}, "row 1: reward is not finite"),
        ({"group_id": 4}, "row 1: group_id differs"),
    ],
)
def test_a_bad_row_without_tokens_is_named(changes, message):
    with pytest.raises(RolloutError, match=message):
        rb.from_rows([picks(), picks(**changes)])


def test_a_row_needs_tokens_or_a_mask_of_its_elements():
    with pytest.raises(RolloutError, match=r"row 0: key 'response_mask' is missing \(or prompt_ids and response_ids"):
        rb.from_rows([picks(response_mask=None)])
    with pytest.raises(RolloutError, match="row 0: key 'response_ids' is missing"):
        rb.from_rows([picks(prompt_ids=[1])])
    with pytest.raises(RolloutError, match="row 0: response_mask has 2 values for 3 of response_ids"):
        rb.from_rows([row(response_mask=[True, True])])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("response_mask", None, "'response_mask' is missing"),
        ("prompt_ids", None, "come together"),
        ("sampler_log_prob", torch.zeros(1, 2), r"sampler_log_prob has shape \[1, 2\], response_mask has \[1, 3\]"),
        ("response_mask", torch.ones(1, 3), "dtype"),
        ("group_id", torch.zeros(1), "group_id has dtype"),
        ("reward", torch.zeros(1, 1), "reward has shape"),
        ("response_mask", torch.tensor([[True, False, True]]), "row 0: response_mask is not padded on the right"),
        ("prompt_mask", torch.tensor([[True, False]]), "row 0: prompt_mask is not padded on the left"),
    ],
)
def test_a_bad_buffer_is_refused(key, value, message):
    buffer = rb.from_rows([row()])
    if value is None:
        del buffer[key]
    else:
        buffer[key] = value
    with pytest.raises(RolloutError, match=message):
        rb.validate(buffer)


@quick
@given(seed=seeds, bound=st.integers(1, 80), repeat=st.sampled_from([None, 0.0, 0.1, 1.0]))
def test_micro_batches_hold_every_row_once_within_the_bound(rollout, seed, bound, repeat):
    buffer = rollout(seed)
    batches = list(rb.micro_batches(buffer, bound, repeat))
    assert sorted(torch.cat(batches).tolist()) == list(range(len(buffer)))
    group, shared = map(torch.tensor, shared_prefixes(unpadded(buffer["prompt_ids"], buffer["prompt_mask"])))
    prompt, response = rb.lengths(buffer)
    if repeat is None:
        group, shared = torch.zeros_like(prompt), torch.zeros_like(prompt)
    longest = 0
    for rows in batches:
        beginnings = (len(group[rows].unique()) + len(rows) * (repeat or 0)) * int(shared[rows].max())
        cost = beginnings + len(rows) * int((prompt - shared)[rows].max() + response[rows].max())
        assert cost <= bound or len(rows) == 1
        key = prompt if repeat is None else shared
        assert key[rows].max() >= longest  # sorted by length
        longest = key[rows].max()
    again = list(rb.micro_batches(buffer, bound, repeat))
    assert all(map(torch.equal, batches, again))


def test_sharing_prompts_packs_more_rows():
    buffer = rb.from_rows([row(prompt_ids=[1] * 10, episode_id=index) for index in range(4)])
    assert len(list(rb.micro_batches(buffer, 30))) == 2
    assert len(list(rb.micro_batches(buffer, 30, repeat_cost=0.1))) == 1
    assert len(list(rb.micro_batches(buffer, 30, repeat_cost=0.5))) == 2


def test_a_group_that_fits_into_a_batch_is_not_cut():
    """Cut in two, what its prompts begin with would be computed twice."""
    rows = [
        {"prompt_ids": [group] * 10 + [number], "response_ids": [1] * 4, "rewards": [0.0], "reward": 0.0,
         "group_id": group, "episode_id": 4 * group + number}
        for group in range(3) for number in range(4)
    ]  # fmt: skip
    buffer = rb.from_rows(rows)
    # A group's cost is 10 + 4 · (1 + 4) = 30; two and a half of them would be within 78.
    assert [part.tolist() for part in rb.micro_batches(buffer, 78, 0.0)] == [[*range(8)], [*range(8, 12)]]
    assert [len(part) for part in rb.micro_batches(buffer, 24, 0.0)] == [2] * 6  # none fits: cut where it must be
    lone = rb.from_rows([*rows, {**rows[0], "prompt_ids": [9] * 6, "group_id": 9, "episode_id": 99}])
    assert sorted(map(len, rb.micro_batches(lone, 34, 0.0))) == [1, 4, 4, 4]


@quick
@given(seed=seeds)
def test_save_and_load_give_the_same_buffer(rollout, tmp_path_factory, seed):
    buffer = rollout(seed)
    path = tmp_path_factory.mktemp("buffer") / "rollout"
    rb.save_rollout(buffer, path)
    loaded = rb.load_rollout(path)
    assert isinstance(loaded["response_ids"], MemoryMappedTensor)
    assert set(loaded.keys()) == set(buffer.keys())
    assert all(torch.equal(loaded[key], buffer[key]) for key in buffer.keys())  # noqa: SIM118  a TensorDict iterates rows
    with pytest.raises(RolloutError, match="exists already"):
        rb.save_rollout(buffer, path)


@pytest.mark.parametrize("damage", ["meta.json", "torn meta.json", "prompt_ids.memmap", "reward.memmap"])
def test_loading_what_is_damaged_is_an_error(rollout, tmp_path, damage):
    path = tmp_path / "rollout"
    rb.save_rollout(rollout(0), path)
    file = path / damage.removeprefix("torn ")
    file.write_bytes(b"{" if damage == "meta.json" else file.read_bytes()[:-8])
    for _ in range(2):
        with pytest.raises(RolloutError, match="rollout is damaged: "):
            rb.load_rollout(path)


def test_loading_nothing_is_an_error(tmp_path):
    with pytest.raises(RolloutError, match="holds no saved rollout buffer"):
        rb.load_rollout(tmp_path)


@quick
@given(seed=seeds)
def test_concatenation_keeps_rows_and_pads_them_anew(rows, seed):
    first, second = rows(seed, max_length=3), rows(seed + 1, max_length=9)
    joined = rb.concatenate([rb.from_rows(first), rb.from_rows(second)], renumber=True)
    rb.validate(joined)
    for index, source in enumerate(first + second):
        assert joined["response_ids"][index][joined["response_mask"][index]].tolist() == source["response_ids"]
        assert joined["prompt_ids"][index][joined["prompt_mask"][index]].tolist() == source["prompt_ids"]
    groups = len({row["group_id"] for row in first}) + len({row["group_id"] for row in second})
    assert len(joined["group_id"].unique()) == groups


def test_concatenation_needs_equal_keys(rollout):
    with pytest.raises(RolloutError, match="buffer 1: key 'anchor'"):
        rb.concatenate([rollout(0), rollout(0).exclude("anchor")])
    one, two = (rb.from_rows([picks(rewards=[0.0] * count)]) for count in (1, 2))
    with pytest.raises(RolloutError, match=r"buffer 1: a row of key 'rewards' has shape \[2\], in buffer 0 \[1\]"):
        rb.concatenate([one, two])


def test_select_by_group_and_episode(rollout):
    buffer = rollout(3)
    part = rb.select(buffer, "group_id", [2, 0])
    assert part["group_id"].tolist() == [g for g in buffer["group_id"].tolist() if g != 1]
    assert rb.select(buffer, "episode_id", [1])["episode_id"].unique().tolist() == [1]
    with pytest.raises(RolloutError, match="no row has group_id 9"):
        rb.select(buffer, "group_id", [0, 9])


def test_trim_drops_padding_only(rollout):
    buffer = rollout(5)
    wide = rb.concatenate([buffer, rollout(6, max_length=20)])[: len(buffer)]
    assert wide["response_ids"].shape[1] > buffer["response_ids"].shape[1]
    narrow = rb.trim(wide)
    assert all(torch.equal(narrow[key], buffer[key]) for key in buffer.keys())  # noqa: SIM118


def test_statistics_count_a_trajectory_once():
    calls = [row(reward=0.25, rewards=[0.5]), row(reward=0.25, rewards=[0.5], turn_id=1), row(episode_id=1, reward=0.0)]
    figures = rb.statistics(rb.from_rows(calls), ["answer"])
    assert (figures["rows"], figures["episodes"], figures["groups"]) == (3, 2, 1)
    assert figures["reward/mean"] == 0.25
    assert figures["reward/answer/mean"] == 1.0
    assert figures["response_length/mean"] == 3
    with pytest.raises(RolloutError, match="2 reward names for 1"):
        rb.statistics(rb.from_rows(calls), ["answer", "format"])
