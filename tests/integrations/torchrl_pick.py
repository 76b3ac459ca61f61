"""TorchRL: GymEnv and GymWrapper, a collector that gives TensorDicts, and ClipPPOLoss.

pip install '.' torchrl
python torchrl_pick.py
"""

from __future__ import annotations

import torch
from tensordict import TensorDict
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import GymEnv, GymWrapper, RewardSum, TransformedEnv
from torchrl.envs.utils import check_env_specs
from torchrl.modules import MaskedCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import memgym
from memgym.wrappers import Features, PickAction

LOG = {"task": "whereabouts", "moves": 30, "things": 10, "questions": 4}
"""Where is it now? Of the twenty memories found, the newest about the thing is wanted, and no other beside it."""


class Scores(nn.Module):
    """Scores each memory by three numbers; a last score is for the stop."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
        self.stop = nn.Parameter(torch.zeros(1))

    def forward(self, query, item, order, mask):
        scores = self.score(numbers(query, item, order, mask)).squeeze(-1)
        logits = torch.cat([scores, self.stop.expand(*scores.shape[:-1], 1)], dim=-1)
        return logits, torch.cat([mask.bool(), torch.ones_like(mask[..., :1]).bool()], dim=-1)


class Value(nn.Module):
    """What is to be expected, from the same numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.value = nn.Sequential(nn.Linear(3, 32), nn.Tanh()), nn.Linear(32, 1)

    def forward(self, query, item, order, mask):
        return self.value(self.seen(numbers(query, item, order, mask)).mean(-2))


def numbers(query, item, order, mask):
    return torch.stack([(item * query[..., None, :]).sum(-1), order, mask.float()], dim=-1)


def make() -> TransformedEnv:
    env = PickAction(Features(memgym.make("memgym/RMMReranker-v1", **LOG), items=20))
    return TransformedEnv(GymWrapper(env, categorical_action_encoding=True), RewardSum())


def main(frames: int = 12_000, seed: int = 0) -> tuple[float, float]:
    check_env_specs(GymEnv("memgym/RMMReranker-v1", **LOG))  # texts are NonTensorData
    check_env_specs(make())

    torch.manual_seed(seed)
    seen = ["query", "item", "order", "mask"]
    actor = ProbabilisticActor(
        TensorDictModule(Scores(), seen, ["logits", "action_mask"]),
        in_keys={"logits": "logits", "mask": "action_mask"},
        distribution_class=MaskedCategorical,
        return_log_prob=True,
    )
    critic = ValueOperator(Value(), in_keys=seen)
    loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01)
    advantage = GAE(gamma=1.0, lmbda=0.95, value_network=critic)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-2)

    curve = []
    collector = Collector(make(), actor, frames_per_batch=600, total_frames=frames)
    for batch in collector:
        assert isinstance(batch, TensorDict)
        ended = batch["next", "done"]
        curve.append(float(batch["next", "episode_reward"][ended].mean()))
        for _ in range(4):
            advantage(batch)
            for part in batch.reshape(-1)[torch.randperm(len(batch))].split(150):
                losses = loss(part)
                optimizer.zero_grad()
                sum(losses[name] for name in ("loss_objective", "loss_critic", "loss_entropy")).backward()
                optimizer.step()
    collector.shutdown()
    return curve[0], curve[-1]


if __name__ == "__main__":
    start, end = main()
    print(f"TorchRL: reward of a question {start:.3f} -> {end:.3f}")
