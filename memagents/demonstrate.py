"""Demonstration: any policy of memgym plays, and an agent's trained modules get its actions as rows to imitate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from memagents.agents.base import Agent
from memagents.jobs import repeated
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError
from memgym.playing import Played, play
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
    jobs = repeated(indices)
    played = {episode.job: episode for episode in play(teacher, env, jobs, seed=seed, concurrency=max(1, len(jobs)))}
    rows: list[dict[str, Any]] = []
    for number, job in enumerate(jobs):
        episode = played[job]
        if episode.error is not None:
            raise episode.error
        same = {"group_id": number, "episode_id": number, "policy_version": 0}
        rows += [{**row, **same} for row in _rows(agent, episode)]
    if not rows:
        raise ConfigError("the teacher's episodes have no phase that a trained module plays")
    return from_rows(rows)


def _rows(agent: Agent, episode: Played) -> Iterator[dict[str, Any]]:
    for step in episode.steps:
        action = step.move.action
        if action is None or step.info["action_error"]:
            said = step.info["action_error"]
            raise ConfigError(f"the teacher's action in phase {step.info['played']} is refused: {said}")
        seen = Observation.parse(step.ask.observation).without_gold()
        part = agent.parts[seen.phase]
        if part.status != "trained":
            continue
        row = part.module.demonstration(seen, action, part.backend)
        if row is not None:
            paid = {"rewards": list(step.info["rewards"].values()), "reward": float(step.reward)}
            yield {**row, **paid, "turn_id": step.ask.step, "phase_id": PHASES.index(seen.phase)}
