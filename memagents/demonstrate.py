"""Demonstration: any policy of memgym plays, and an agent's trained modules get its actions as rows to imitate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from memagents.agents.base import Agent
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError
from memgym.policy import Policy
from memgym.protocol.observation import PHASES, Observation

if TYPE_CHECKING:
    from tensordict import TensorDict


def demonstrate(agent: Agent, env: MemoryEnv, teacher: Policy, indices: Sequence[int], seed: int = 0) -> TensorDict:
    """Let a teacher play episodes, all of them side by side, and return what it did as a buffer of demonstrations.

    The rows are those that :func:`memagents.collect.collect` would bring had the agent's trained modules taken the
    teacher's actions, without log-probabilities: the prompt is the module's own, the response its way to say the
    action. A privileged teacher sees the gold answers, the rows never hold them.

    Args:
        agent: at least one of its modules is trained.
        env: the environment; each episode gets a twin of it. For a privileged teacher it reveals the gold.
        teacher: plays all phases.
        indices: of the episodes, in the environment's split.
        seed: of the teacher.

    Raises:
        ConfigError: there is nothing to learn, or the teacher took an action that the environment refuses.
    """
    from grpo.buffer import from_rows

    if agent.learner is None:
        raise ConfigError(f"{agent.recipe.name} trains nothing: set status = 'trained' for a module")
    teacher.reset(seed)
    twins = [env.spawn() for _ in indices]
    observations = {
        number: twin.reset(options={"index": int(index)})[0]
        for number, (twin, index) in enumerate(zip(twins, indices, strict=True))
    }
    rows: dict[int, list[dict[str, Any]]] = {number: [] for number in observations}
    turn = 0
    while observations:
        actions = teacher.act_many(list(observations.values()))
        for (number, text), action in zip(list(observations.items()), actions, strict=True):
            seen = Observation.parse(text).without_gold()
            observations[number], reward, terminated, _, info = twins[number].step(action)
            if info["action_error"]:
                raise ConfigError(f"the teacher's action in phase {info['played']} is refused: {info['action_error']}")
            part = agent.parts[seen.phase]
            row = part.module.demonstration(seen, action, part.backend) if part.status == "trained" else None
            if row is not None:
                place = {"group_id": number, "episode_id": number, "turn_id": turn, "policy_version": 0}
                paid = {"rewards": list(info["rewards"].values()), "reward": float(reward)}
                rows[number].append({**row, **place, **paid, "phase_id": PHASES.index(seen.phase)})
            if terminated:
                del observations[number]
        turn += 1
    demonstrated = [row for episode in rows.values() for row in episode]
    if not demonstrated:
        raise ConfigError("the teacher's episodes have no phase that a trained module plays")
    return from_rows(demonstrated)
