"""A reward: an environment with one more, under an id of its own (``mypkg.rewards:mypkg/DistinctBank-v0``)."""

from __future__ import annotations

import gymnasium as gym

from memgym.envs import MemoryBankEnv
from memgym.envs.rewards import Reward


class DistinctBank(MemoryBankEnv):
    """A bank that pays, at the end, for memories that are not there twice.

    {rewards}
    """

    rewards = (*MemoryBankEnv.rewards, Reward("distinct", "last step", "share of distinct memories", final=True))

    def potentials(self) -> dict[str, float]:
        """Add ``distinct``, in [0, 1]."""
        texts = [record.text for record in self.bank.get_all()]
        return {**super().potentials(), "distinct": len({*texts}) / max(1, len(texts))}


gym.register("mypkg/DistinctBank-v0", entry_point="mypkg.rewards:DistinctBank")
