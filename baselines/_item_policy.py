"""The network that :mod:`baselines.masked_ppo` trains with sb3-contrib's MaskablePPO; needs the extra sb3."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from torch import Tensor, nn

from baselines.item_features import NUMBERS

KEEPS, REPLACES, LIKE_QUERY, STOP = 0.1, -2.0, 1.5, -5.0
"""Where it starts: it stores what it hears and seldom replaces, ranks as the embedder does, and hardly ever stops."""


class ItemHeads(nn.Module):
    """Linear scores of each item by itself, and a critic that sees all items, apart from them.

    Args:
        features: F, numbers that are seen of an item.
        choices: scores of an item: 1 where items are picked, else one for each decision.
        picks: whether a last score, of the stop, follows.
    """

    def __init__(self, features: int, choices: int, picks: bool):
        super().__init__()
        self.features, self.picks = features, picks
        self.scores = nn.Linear(features, choices, bias=False)
        self.stop = nn.Parameter(torch.tensor([STOP]))
        self.seen = nn.Sequential(nn.Linear(features, 64), nn.Tanh())
        self.latent_dim_pi, self.latent_dim_vf = 1, 64  # of the former nothing is made: the scores are the logits
        with torch.no_grad():
            self.scores.weight.zero_()
            if picks:
                self.scores.weight[0, NUMBERS.index("like the query")] = LIKE_QUERY
            else:
                self.scores.weight[1:, NUMBERS.index("one")] = torch.tensor([KEEPS, REPLACES])

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the actions, [N, actions], and what the critic makes of the items, [N, 64]."""
        return self.forward_actor(rows), self.forward_critic(rows)

    def forward_actor(self, rows: Tensor) -> Tensor:
        """Return the logits of the actions, [N, actions], for rows [N, places * F]."""
        scores = self.scores(rows.unflatten(1, (-1, self.features))).flatten(1)
        return torch.cat([scores, self.stop.expand(len(rows), 1)], dim=1) if self.picks else scores

    def forward_critic(self, rows: Tensor) -> Tensor:
        """Return the mean of what is seen of the items, [N, 64]."""
        return self.seen(rows.unflatten(1, (-1, self.features))).mean(1)


class ItemPolicy(MaskableActorCriticPolicy):
    """Logits straight from :class:`ItemHeads`.

    ``ortho_init`` is off, as it would set the scores anew; actor and critic share no trained extractor, as
    the critic's gradient would spoil the ranking.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, ortho_init=False, **kwargs)

    def _build_mlp_extractor(self) -> None:
        picks = isinstance(self.action_space, gym.spaces.Discrete)
        choices = 1 if picks else int(self.action_space.nvec[0])
        self.mlp_extractor = ItemHeads(self.observation_space.shape[1], choices, picks)

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)
