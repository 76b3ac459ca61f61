"""Small policies and collectors for the trainer's tests; as a script, a run that can be killed, resumed or spread.

``python toy.py KIND OUT_DIR FINAL_FILE [--resume] [key=value …]`` trains and saves the final parameters.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from tensordict import TensorDict
from torch import nn

from grpo.buffer import from_rows
from grpo.collector import RolloutRequest
from grpo.config import TrainerConfig, load_config
from grpo.distributed import leave, setup
from grpo.policies import TrainablePolicy
from grpo.trainer import Trainer


class Table(TrainablePolicy):
    """Picks from ``logits[state]``; rows carry ``state [N]`` and ``choice [N, 1]``."""

    def __init__(self, states: int, choices: int):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(states, choices))

    def log_probs(self, batch):
        table = self.logits[batch["state"]].log_softmax(-1)
        return table.gather(1, batch["choice"]), -(table.exp() * table).sum(1, keepdim=True)

    def pick(self, state: int, rng: np.random.Generator) -> tuple[int, float]:
        with torch.no_grad():
            log_probs = self.logits[state].log_softmax(-1)
        choice = int(rng.choice(len(log_probs), p=log_probs.double().softmax(-1).numpy()))
        return choice, float(log_probs[choice])


def picks(rows: list[dict]) -> TensorDict:
    """A buffer of calls with one action element and no tokens."""
    return from_rows([{"response_mask": [True], "rewards": [row["reward"]], **row} for row in rows])


class Bandit:
    """One state, arms that pay with probability ``means[arm]``."""

    means = (0.1, 0.3, 0.8, 0.5)

    def __init__(self, policy: Table):
        self.policy = policy

    def __call__(self, request: RolloutRequest) -> TensorDict:
        rng, rows = np.random.default_rng(request.seed), []
        for episode in range(16):
            arm, log_prob = self.policy.pick(0, rng)
            rows.append(
                {"state": 0, "choice": [arm], "sampler_log_prob": [log_prob], "group_id": episode // 8,
                 "episode_id": episode, "reward": float(rng.random() < self.means[arm])}
            )  # fmt: skip
        return picks(rows)


class Whisper:
    """Two phases: see a secret and write a symbol; see the symbol only and say the secret, which pays 1."""

    secrets = 3

    def __init__(self, policy: Table):
        self.policy = policy

    def __call__(self, request: RolloutRequest) -> TensorDict:
        rng, rows = np.random.default_rng(request.seed), []
        for episode in range(self.secrets * 8):
            secret = episode // 8
            symbol, first = self.policy.pick(secret, rng)
            said, second = self.policy.pick(self.secrets + symbol, rng)
            common = {"group_id": secret, "episode_id": episode}
            rows.append({"state": secret, "choice": [symbol], "sampler_log_prob": [first], "reward": 0.0,
                         "phase_id": 0, "turn_id": 0, **common})  # fmt: skip
            rows.append({"state": self.secrets + symbol, "choice": [said], "sampler_log_prob": [second],
                         "reward": float(said == secret), "phase_id": 1, "turn_id": 1, **common})  # fmt: skip
        return picks(rows)


def success(policy: Table, secrets: int = Whisper.secrets) -> float:
    """The exact expected reward in :class:`Whisper`."""
    p = policy.logits.detach().softmax(-1)
    return float(sum(p[s] @ p[secrets:, s] for s in range(secrets)) / secrets)


def tiny_llama(seed: int = 0) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=True)
    )  # fmt: skip


def scripted(request: RolloutRequest) -> TensorDict:
    """Five groups of four invented responses, the same whatever the number of ranks; each rank returns its groups."""
    rng, rows = np.random.default_rng([7, request.iteration]), []
    for group in range(5):
        prompt = rng.integers(0, 64, rng.integers(2, 9)).tolist()
        for member in range(4):
            length = int(rng.integers(1, 9))
            reward = float(rng.random())
            rows.append(
                {"prompt_ids": prompt, "response_ids": rng.integers(0, 64, length).tolist(), "rewards": [reward],
                 "reward": reward, "sampler_log_prob": (-4.16 + 0.1 * rng.normal(size=length)).tolist(),
                 "group_id": group, "episode_id": 4 * group + member}
            )  # fmt: skip
    edges = np.linspace(0, 5, request.world_size + 1).round().astype(int)
    low, high = list(pairwise(edges))[request.rank]
    return from_rows([row for row in rows if low <= row["group_id"] < high])


def make(kind: str, config: TrainerConfig, **kwargs) -> Trainer:
    if kind == "llama":
        from grpo.causal_lm import CausalLM

        reference = CausalLM(tiny_llama(seed=1)) if config.loss.needs_reference else None
        return Trainer(CausalLM(tiny_llama()), scripted, config, reference=reference, **kwargs)
    policy = Table(1, 4) if kind == "bandit" else Table(6, 3)
    collector = {"bandit": Bandit, "whisper": Whisper}[kind](policy)
    return Trainer(policy, collector, config, **kwargs)


def main(kind: str, out_dir: str, final: str, *rest: str) -> None:
    torch.set_num_threads(1)
    overrides = [f'out_dir="{out_dir}"', *(item for item in rest if item != "--resume")]
    world = setup("cpu")
    trainer = make(kind, load_config(None, overrides), world=world)
    trainer.train(resume="--resume" in rest)
    from grpo.checkpoints import gather_state

    state = gather_state(trainer.policy, trainer.optimizer)
    if world.rank == 0:
        torch.save(state, Path(final))
    leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
