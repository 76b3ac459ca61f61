"""The registered environment ids: the two environments and presets for common uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym

from memgym.checks import check_choice
from memgym.errors import ConfigError, UnexpectedArgumentError, nearest

if TYPE_CHECKING:
    from memgym.envs.base import MemoryEnv

LONGCONTEXT = "memgym.envs.longcontext:LongcontextEnv"
MEMORY_BANK = "memgym.envs.memory_bank:MemoryBankEnv"

ENVIRONMENTS: dict[str, tuple[str, dict]] = {
    "memgym/Longcontext-v1": (LONGCONTEXT, {}),
    "memgym/Longcontext-8k-v1": (LONGCONTEXT, {"task": "multihop", "length": 8_000}),
    "memgym/Longcontext-32k-v1": (LONGCONTEXT, {"task": "multihop", "length": 32_000}),
    "memgym/Longcontext-128k-v1": (LONGCONTEXT, {"task": "multihop", "length": 128_000}),
    "memgym/MemoryBank-v1": (MEMORY_BANK, {}),
    "memgym/MemoryR1Manager-v1": (MEMORY_BANK, {"phases": ["extract", "update"]}),
    "memgym/RMMReranker-v1": (MEMORY_BANK, {"phases": ["retrieve"], "retrieve_k": 20, "answer_k": 5}),
}
"""Id to entry point and make-arguments."""


def register() -> None:
    """Register every id with Gymnasium."""
    for env_id, (entry_point, kwargs) in ENVIRONMENTS.items():
        gym.register(env_id, entry_point=entry_point, kwargs=kwargs)


def make(env_id: str, **kwargs: Any) -> MemoryEnv:
    """Make an environment of ours, bare: without Gymnasium's wrappers, which check what it does itself.

    Raises:
        ConfigError: the id or an argument is unknown or does not fit, or the environment is none of memgym's.
        DataError: the task's file is missing or damaged.
    """
    from memgym.envs.base import MemoryEnv
    from memgym.tasks import TASKS

    check_choice("render_mode", kwargs.get("render_mode"), (None, "ansi"))  # Gymnasium takes it for a name
    if "max_episode_steps" in kwargs:
        raise ConfigError("an episode ends with its last question: there is no 'max_episode_steps'")
    try:
        env: gym.Env = gym.make(env_id, **{"disable_env_checker": True, **kwargs})
    except UnexpectedArgumentError as error:
        raise error.__cause__ or error from None  # without what Gymnasium wraps around the message
    except gym.error.UnregisteredEnv:
        known = f"{nearest(env_id, ENVIRONMENTS)} 'memgym envs' lists the environments."
        if env_id in TASKS:
            known = f" It is a task: make memgym/Longcontext-v1 or memgym/MemoryBank-v1 with task={env_id}."
        raise ConfigError(f"unknown environment {env_id!r}.{known}") from None
    except gym.error.Error as error:
        raise ConfigError(f"{error} 'memgym envs' lists the environments.") from None
    except TypeError:  # perhaps of an argument that is ours alone
        made = _creator(env_id.rpartition(":")[2])
        if isinstance(made, type) and not issubclass(made, MemoryEnv):
            raise _none_of_ours(env_id, made) from None
        raise
    if isinstance(env, gym.wrappers.OrderEnforcing):
        env = env.env
    if not isinstance(env, MemoryEnv):
        raise _none_of_ours(env_id, env)
    return env


def env_class(env_id: str) -> type[MemoryEnv]:
    """Return the class of an environment of ours, or of one registered elsewhere.

    Raises:
        ConfigError: the id is unknown, or what it makes is no class of memgym's environments.
    """
    from memgym.envs.base import MemoryEnv

    try:
        made = _creator(env_id)
    except gym.error.Error as error:
        raise ConfigError(f"{error} 'memgym envs' lists the environments.") from None
    if not isinstance(made, type) or not issubclass(made, MemoryEnv):
        raise _none_of_ours(env_id, made)
    return made


def _creator(env_id: str) -> Any:
    """Return what makes an environment: a class, or a function."""
    point = gym.spec(env_id).entry_point
    return gym.envs.registration.load_env_creator(point) if isinstance(point, str) else point


def _none_of_ours(env_id: str, made: object) -> ConfigError:
    return ConfigError(f"{env_id!r} is no memgym environment, but {made}: 'memgym envs' lists them.")
