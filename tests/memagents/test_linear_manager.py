"""The linear manager: what it may do, the probability with which it does it, and that it learns."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import gymnasium as gym
import pytest
import torch
from tensordict import TensorDict

import baselines
from grpo.buffer import from_rows
from grpo.policies import TrainablePolicy
from memagents.agents import load_agent
from memagents.demonstrate import demonstrate
from memagents.modules.linear_manager import ADD, DELETE, NOOP, UPDATE, LinearManager
from memagents.training import Run
from memagents.training_recipes import read_training_recipe
from memagents.validation import gain
from memgym.errors import ConfigError
from memgym.protocol.observation import Block, Observation

NEW = ["Mira lives in Porto", "nice weather", "Ben sold the boat"]
KNOWN = ["Mira lives in Lisbon", "Ben has a boat"]


def observation(new: int = 3, known: int = 2) -> Observation:
    candidates = [Block("candidate", text, {"id": f"c{i}"}) for i, text in enumerate(NEW[:new], 1)]
    memories = [Block("memory", text, {"id": f"m{i}"}) for i, text in enumerate(KNOWN[:known], 1)]
    return Observation("update", "", (*candidates, *memories))


def randomised(seed: int = 0, **options) -> LinearManager:
    manager = LinearManager(**{"embedder": "hash:16", "candidates": 4, **options})
    generator = torch.Generator().manual_seed(seed)
    for parameter in manager.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return manager


def plan(action: str) -> list[dict]:
    return json.loads(action)["operations"]


def test_untrained_it_adds_everything() -> None:
    expected = [{"id": f"c{i}", "op": "ADD"} for i in (1, 2, 3)]
    assert plan(LinearManager().inference(observation()).action) == expected
    assert plan(LinearManager().inference(observation(known=0)).action) == expected


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (NOOP, []),
        (UPDATE, [{"id": "m1", "op": "UPDATE", "value": NEW[0]}, {"id": "m2", "op": "UPDATE", "value": NEW[2]}]),
        (DELETE, [{"id": "m1", "op": "DELETE"}, {"id": "m2", "op": "DELETE"}]),
    ],
)
def test_each_memory_is_changed_by_the_candidate_that_is_nearest_to_it(operation: int, expected: list) -> None:
    manager = LinearManager()
    manager.map.bias.data[operation] = 9.0
    manager.map.bias.data[NOOP] += 1.0  # where the operation is not possible
    assert plan(manager.inference(observation()).action) == expected


def test_log_probs_are_those_of_all_plans() -> None:
    manager = randomised(1)
    row = manager.rollout(observation(new=2), 0).row
    plans = [
        operations
        for operations in itertools.product(range(4), repeat=2)
        if all(row["possible"][place, operation] for place, operation in enumerate(operations))
    ]
    operations = torch.tensor([[*chosen, NOOP, NOOP] for chosen in plans])
    same = {key: torch.stack([row[key]] * len(plans)) for key in ("features", "possible")}
    mask = (torch.arange(4) < 2).repeat(len(plans), 1)
    batch = TensorDict({**same, "operations": operations, "response_mask": mask}, batch_size=[len(plans)])
    log_prob, entropy = manager.log_probs(batch)
    assert len(plans) > 4
    assert log_prob[:, :2].sum(1).exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    for place in range(2):
        logits = manager.map(row["features"][place])[row["possible"][place]].double()
        shares = (logits.exp() / logits.exp().sum()).tolist()
        numbers = row["possible"][place].nonzero().squeeze(-1).tolist()
        expected = dict(zip(numbers, map(math.log, shares), strict=True))
        for found, chosen in zip(log_prob[:, place].tolist(), plans, strict=True):
            assert found == pytest.approx(expected[chosen[place]], abs=1e-5)
        assert entropy[0, place].item() == pytest.approx(-sum(p * math.log(p) for p in shares), abs=1e-5)


def test_a_row_holds_what_the_policy_needs_to_say_the_same_again() -> None:
    manager = randomised(2)
    rows = []
    for number, (new, known) in enumerate(((3, 2), (1, 0), (2, 1))):
        call = manager.generate(observation(new, known), 5)
        place = {"group_id": 0, "episode_id": number, "turn_id": 0, "phase_id": 2, "policy_version": 0}
        rows.append({**call.row, **place, "rewards": [1.0, 0.0], "reward": 1.0})
    buffer = from_rows(rows)
    assert isinstance(manager, TrainablePolicy)
    assert buffer["response_mask"].sum(1).tolist() == [3, 1, 2]
    mask = buffer["response_mask"]
    log_prob, _ = manager.log_probs(buffer)
    torch.testing.assert_close(log_prob[mask], buffer["sampler_log_prob"][mask])
    narrow, _ = manager.log_probs(buffer[1:2].update({"response_mask": mask[1:2, :1]}))  # as the trainer trims it
    torch.testing.assert_close(narrow, log_prob[1:2, :1])
    log_prob[mask].sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in manager.parameters())
    assert len(manager.describe(buffer[0]).split()) == 3


def test_a_demonstration_takes_the_teachers_operations() -> None:
    actions = [{"id": "c1", "op": "NOOP"}, {"id": "m1", "op": "UPDATE", "value": "x"}, {"id": "c2", "op": "ADD"}]
    row = LinearManager(candidates=4).demonstration(observation(), json.dumps({"operations": actions}))
    assert row["operations"].tolist() == [UPDATE, ADD, NOOP, NOOP]
    assert row["response_mask"].tolist() == [True, True, True, False]


def test_candidates_beyond_the_limit_are_dropped_and_sampling_is_seeded(tmp_path: Path) -> None:
    manager = randomised(3, candidates=2)
    assert not {"c3"} & {operation["id"] for operation in plan(manager.inference(observation()).action)}

    def draw(seeds: range) -> list[str]:
        return [manager.rollout(observation(), seed).action for seed in seeds]

    assert draw(range(8)) == draw(range(8)) == draw(range(7, -1, -1))[::-1] != draw(range(8, 16))
    assert len(set(draw(range(8)))) > 1
    assert manager.generate(observation(), 3).action == manager.rollout(observation(), 3).action
    torch.save(manager.state_dict(), tmp_path / "map.pt")
    read = LinearManager("hash:16", candidates=2, weights=str(tmp_path / "map.pt"))
    assert read.inference(observation()) == manager.inference(observation())
    with pytest.raises(ConfigError, match=r"map\.weight"):
        LinearManager("hash:32", weights=str(tmp_path / "map.pt"))
    with pytest.raises(ConfigError, match="candidates"):
        LinearManager(candidates=0)


def test_it_imitates_and_plays_better_for_it(tmp_path: Path) -> None:
    recipe = ["teacher.policy=baselines:Oracle", "teacher.episodes=16", "teacher.rows=48", "iterations=15"]
    run = Run(read_training_recipe("linear_manager", [*recipe, f"out_dir={tmp_path}", "lr=0.1", "mini_batches=1",
                                                      "preset=imitation", "validate_every=15",
                                                      "validation.episodes=10"]))  # fmt: skip
    before = run.validation.scores()
    run.train()
    rise, _, _ = gain(before, run.validation.scores(), "answer")
    assert rise > 0.02


def test_demonstrations_of_the_whole_agent() -> None:
    agent = load_agent(
        {
            "agent": "MemoryR1Agent",
            "modules": {
                "read": {"module": "Operator", "name": "recent"},
                "extract": {"module": "Operator", "name": "verbatim"},
                "update": {"module": "LinearManager", "status": "trained"},
                "answer": {"module": "Operator", "name": "extractive"},
            },
        }
    )
    env = gym.make(
        "memgym/MemoryR1Manager-v1", task="persona", difficulty="easy", phases=["update"], reveal_gold=True
    ).unwrapped
    rows = demonstrate(agent, env, baselines.Oracle(), [0])
    taken = rows["operations"][rows["response_mask"]]
    assert set(taken.tolist()) == {ADD, NOOP}  # facts and small talk
