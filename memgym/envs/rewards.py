"""The rewards: one table per environment, from which everything that lists or weighs rewards is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from memgym.checks import check_number
from memgym.errors import ConfigError, unknown


@dataclass(frozen=True)
class Reward:
    """One component of the reward vector; its values are floats in [0, 1].

    Args:
        name: in ``info["rewards"]``.
        paid: when; in other steps it is 0.
        value: the formula, in words.
        weight: in the scalar reward, unless ``reward_weights`` says otherwise.
        final: whether it is paid at the last step as a property of the memory there, see
            :meth:`memgym.envs.base.MemoryEnv.potentials`.
    """

    name: str
    paid: str
    value: str
    weight: float = 0.0
    final: bool = False


ANSWER = Reward("answer", "on an answer", "the task's official score", weight=1.0)
FORMAT = Reward("format", "every step", "1 if the action was usable, else 0", weight=0.1)

LONGCONTEXT_REWARDS = (
    ANSWER,
    FORMAT,
    Reward(
        "memory_recall",
        "last step",
        "share of the gold facts that still hold which the memory states (half where a value that one overtook stands, "
        "too); without gold facts, share of the questions whose answer follows from it",
        final=True,
    ),
    Reward(
        "memory_precision",
        "last step",
        "`memory_recall` × (twenty words for each such fact or answer / words of the memory, at most 1)",
        final=True,
    ),
    Reward(
        "compression",
        "last step",
        "`memory_recall` − tokens of the memory / tokens of the text, at least 0: what would be kept by chance earns "
        "nothing",
        final=True,
    ),
    Reward(
        "memory_share",
        "last step",
        "tokens of the memory / tokens of the text, at most 1 (give it a negative weight)",
        final=True,
    ),
    Reward("token_cost", "every step", "action tokens / `memory_tokens`, at most 1 (give it a negative weight)"),
)
MEMORY_BANK_REWARDS = (
    ANSWER,
    FORMAT,
    Reward(
        "evidence_recall",
        "on a retrieval",
        "share of the question's evidence turns that a memory shown for the answer rests on",
    ),
    Reward(
        "freshness",
        "on a retrieval",
        "share of what the question needs that the memories shown for the answer state, 0 if one of them states a "
        "value that was overtaken or has expired; 0 without gold facts, and where the text does not tell",
    ),
    Reward(
        "citation_precision",
        "on an answer",
        "share of the cited memories that rest on evidence, 0 without citations; one of more than 256 bytes counts as "
        "several, of which one does",
    ),
    Reward(
        "operation_validity",
        "on an update",
        "share of the plan's operations that are valid, 1 for an empty plan",
    ),
    Reward(
        "memory_recall",
        "last step",
        "share of the gold facts that still hold which a record states (half where a value that one overtook stands, "
        "too); without gold facts, share of the questions whose answer follows from the bank",
        final=True,
    ),
    Reward(
        "memory_precision",
        "last step",
        "`memory_recall` × (twenty words for each such fact or answer / words of the records, at most 1)",
        final=True,
    ),
    Reward(
        "compression",
        "last step",
        "`memory_recall` − tokens of the bank, all that is kept / tokens of the sessions, at least 0: what would be "
        "kept by chance earns nothing",
        final=True,
    ),
    Reward(
        "memory_share",
        "last step",
        "tokens of the bank, all that is kept / tokens of the sessions, at most 1 (give it a negative weight)",
        final=True,
    ),
    Reward(
        "extraction_recall",
        "last step",
        "share of the gold facts which a record states at the end of the session that tells them, and still at the end "
        "of the last one in which they hold; like the next four, 0 where there is none",
        final=True,
    ),
    Reward(
        "extraction_precision",
        "last step",
        "`extraction_recall` × (twenty words for each gold fact that a record stated while it held / words of all that "
        "was ever written by ADD or UPDATE, at most 1)",
        final=True,
    ),
    Reward(
        "faithfulness",
        "last step",
        "n / gold facts that still hold × n / (n + i): n of these a record states and does not take back (as a wish, a "
        "plan, a denial), i lures does one state: planned, imagined, denied, told of others; 0 without lures",
        final=True,
    ),
    Reward(
        "update_accuracy",
        "last step",
        "share of the gold facts that another one overtook where one record alone, of at most twenty words for each "
        "fact it states, states the new value, the very one that stated the old, and still does when that ends; 0 for "
        "each whose old value stands in any record then",
        final=True,
    ),
    Reward(
        "deletion",
        "last step",
        "`memory_recall` × share of the gold facts asked to be forgotten that a record stated until then, and whose "
        "value is in none at the end of that session and each later one, but where it is told of another who has it: "
        "not in key, type, tags or glued to others",
        final=True,
    ),
    Reward("token_cost", "every step", "action tokens / `action_tokens`, at most 1 (give it a negative weight)"),
)


class ScalarReward:
    """Pays the weighted sum of the components, a Python float.

    Args:
        table: the components there are.
        weights: by name, those left out weigh 0; None for the table's own.

    Raises:
        ConfigError: a name is unknown, or a weight is no number.
    """

    def __init__(self, table: Iterable[Reward], weights: Mapping[str, float] | None):
        known = {reward.name: reward.weight for reward in table}
        if weights is None:
            weights = {name: weight for name, weight in known.items() if weight}
        elif not isinstance(weights, Mapping):
            raise ConfigError(f"'reward_weights' must be a dict such as {{'answer': 1.0}}, not {weights!r}")
        for name, weight in weights.items():
            if name not in known:
                raise unknown("reward", name, known)
            check_number(f"reward_weights[{name}]", weight)
        self.weights = {name: float(weight) for name, weight in weights.items()}

    def __call__(self, rewards: Mapping[str, float]) -> float:
        """Return what a step pays whose components are ``rewards``."""
        return math.fsum(weight * rewards[name] for name, weight in self.weights.items())


class VectorReward:
    """Pays the components themselves: float64 [n], as MO-Gymnasium takes them.

    Args:
        table: the components there are.
        names: those to pay, in their order; True for all.

    Raises:
        ConfigError: a name is unknown or given twice, or ``names`` is no list of names.
    """

    def __init__(self, table: Iterable[Reward], names: bool | Sequence[str]):
        known = [reward.name for reward in table]
        chosen = known if names is True else names
        if not isinstance(chosen, list | tuple) or not chosen:
            raise ConfigError(f"'vector_reward' must be True, False or a list such as {known[:2]}, not {names!r}")
        for name in chosen:
            if name not in known:
                raise unknown("reward", name, known)
        if len(set(chosen)) < len(chosen):
            raise ConfigError(f"'vector_reward' names a reward twice: {names!r}")
        self.names = tuple(chosen)
        self.space = gym.spaces.Box(0.0, 1.0, (len(chosen),), np.float64)

    def __call__(self, rewards: Mapping[str, float]) -> np.ndarray:
        """Return what a step pays whose components are ``rewards``."""
        return np.array([rewards[name] for name in self.names])


def final_names(*tables: Iterable[Reward]) -> tuple[str, ...]:
    """Return the names of the rewards that tell how good the final memory is, each once."""
    return tuple(dict.fromkeys(reward.name for table in tables for reward in table if reward.final))


def markdown(table: Iterable[Reward]) -> str:
    """Return the table for a documentation page."""
    lines = ["| name | paid | value | weight |", "|---|---|---|---|"]
    lines += [f"| `{r.name}` | {r.paid} | {r.value} | {r.weight:g} |" for r in table]
    return "\n".join(lines)
