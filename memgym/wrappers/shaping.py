"""Pay at every step how much better the memory became."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium as gym

from memgym.checks import check_number
from memgym.errors import ConfigError, unknown


class PotentialShaping(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """Pays at every step how much better the memory became, without moving the optimum.

    Adds ``weight · (γ Φ(s′) − Φ(s))`` to the reward, Φ being one of the environment's
    :meth:`~memgym.envs.base.MemoryEnv.potentials` and Φ of the terminal state 0 (Ng, Harada & Russell, 1999).

    Args:
        env: a memgym environment.
        potential: name of a final reward in the environment's table, e.g. ``memory_recall``.
        weight: factor on the shaping term.
        gamma: discount γ of the training.

    Raises:
        ConfigError: there is no such potential, ``weight`` or ``gamma`` is no number, or the reward is a vector.
    """

    def __init__(self, env: gym.Env, potential: str = "memory_recall", weight: float = 1.0, gamma: float = 1.0):
        gym.utils.RecordConstructorArgs.__init__(self, potential=potential, weight=weight, gamma=gamma)
        gym.Wrapper.__init__(self, env)
        if hasattr(self.unwrapped, "reward_space"):
            raise ConfigError("the environment pays a vector: shape its scalar reward, or weigh the vector yourself")
        potentials = [reward.name for reward in self.unwrapped.rewards if reward.final]
        if potential not in potentials:
            raise unknown("potential", potential, potentials)
        for name, value in (("weight", weight), ("gamma", gamma)):
            check_number(name, value)
        self._potential = potential
        self._weight = weight
        self._gamma = gamma

    @property
    def unwrapped(self) -> Any:
        """The environment below all wrappers, of memgym."""
        return self.env.unwrapped

    def reset(self, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        """Reset, and note the potential of the first state."""
        observation, info = self.env.reset(**kwargs)
        self._value = self.unwrapped.potentials()[self._potential]
        return observation, info

    def step(self, action: str) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and add the shaping term to the reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        value = 0.0 if terminated else self.unwrapped.potentials()[self._potential]
        shaping = self._weight * (self._gamma * value - self._value)
        self._value = value
        return observation, reward + shaping, terminated, truncated, {**info, "shaping": shaping}
