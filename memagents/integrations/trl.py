"""A ``rollout_func`` for TRL's ``GRPOTrainer``: each call of the model is a row, with the context that it really had.

TRL takes one completion for each row of its data set, and compares the rows of a prompt. So a prompt is a place, "call
k of episode i"; episodes of fewer calls leave places empty, which are masked. What TRL then computes from the rewards
are our advantages: they are handed over as rewards, with ``scale_rewards="none"``, and an empty place is paid what
brings its group's mean, which TRL subtracts, to zero. Nothing is lost with credit ``episode``, whatever the lengths;
with others, a full place loses its mean, which is zero unless calls of different phases or states share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from memagents.backends.base import Backend
from memagents.sessions import AgentSession, answer_by, open_sessions, outside
from memgym.checks import check_int
from memgym.errors import ConfigError, MissingExtraError
from memgym.steptrace import TraceStep, advantages

try:
    from datasets import Dataset
    from trl import GRPOTrainer
except ImportError as error:
    raise MissingExtraError("the adapter to TRL", "trl") from error


class Rollouts:
    """What ``GRPOTrainer`` takes as its ``rollout_func``, with the data set and the settings that go with it.

    Args:
        recipe: path of a training recipe, or name of a built-in one: the agent and what it plays.
        overrides: ``key=value``, e.g. ``env.difficulty=hard``.
        calls: the most calls of the model in an episode.
        credit: one of :data:`memgym.steptrace.CREDITS`.
        scale: what a difference from the group's mean is divided by: ``group_std``, or ``none``.
        weights: of the rewards by name, for credit ``gdpo``.
        seed: of all sampling.
    """

    def __init__(
        self,
        recipe: str,
        overrides: Sequence[str] = (),
        *,
        calls: int,
        credit: str = "episode",
        scale: str = "group_std",
        weights: dict[str, float] | None = None,
        seed: int = 0,
    ):
        self.agent, self.env = outside(recipe, overrides)
        self._calls, self._seed = check_int("calls", calls, 1), check_int("seed", seed, 0)
        self._credit: dict[str, Any] = {"credit": credit, "scale": scale, "weights": weights}
        self._backend: Backend | None = None

    def dataset(self, indices: Iterable[int]) -> Dataset:
        """Return the data set of these episodes of the environment's split."""
        return Dataset.from_dict({"prompt": [f"{index} {call}" for index in indices for call in range(self._calls)]})

    def settings(self, episodes: int, group_size: int) -> dict[str, Any]:
        """Return what ``GRPOConfig`` needs so that each rollout is so many whole episodes, each played so often."""
        return {
            "num_generations": group_size,
            "generation_batch_size": episodes * self._calls * group_size,
            "shuffle_dataset": False,
            "scale_rewards": "none",
            "reward_weights": [1.0, 0.0],
        }

    @property
    def reward_funcs(self) -> list[Any]:
        """What is learned from, and the return, which is only logged."""
        return [_advantage, _episode_return]

    def __call__(self, prompts: Sequence[str], trainer: GRPOTrainer) -> dict[str, list[Any]]:
        """Play the episodes that the prompts name, and return their calls at their places.

        Raises:
            ConfigError: the prompts are not whole episodes, or one has more calls than there are places.
        """
        places = [tuple(map(int, prompt.split())) for prompt in prompts]
        indices = list(dict.fromkeys(index for index, _ in places))
        group_size = len(places) // (len(indices) * self._calls)
        whole = [(index, call) for index in indices for call in range(self._calls) for _ in range(group_size)]
        if places != whole:
            raise ConfigError("a rollout must be whole episodes, in order: take the settings of Rollouts.settings")
        seed = np.random.SeedSequence([self._seed, trainer.state.global_step]).generate_state(1)[0]
        sessions = open_sessions(self.agent, self.env, indices, group_size=group_size, seed=int(seed))
        answer_by(self._model(trainer), sessions)
        return self._rows(sessions, group_size, trainer.processing_class.eos_token_id)

    def _model(self, trainer: GRPOTrainer) -> Backend:
        """Return our sampler of the model that is trained."""
        from memagents.backends.transformers_backend import TransformersBackend

        if trainer.use_vllm:
            raise ConfigError("set use_vllm=False: the rollouts are sampled from the trained model itself")
        model = trainer.accelerator.unwrap_model(trainer.model)
        if self._backend is None:
            self._backend = TransformersBackend(model, trainer.processing_class)
        return self._backend

    def _rows(self, sessions: Sequence[AgentSession], group_size: int, end: int) -> dict[str, list[Any]]:
        found = [session.calls() for session in sessions]
        if (most := max(map(len, found))) > self._calls:
            raise ConfigError(f"an episode has {most} calls of the model: raise 'calls' from {self._calls}")
        credit = iter(advantages([call for calls in found for call in calls], **self._credit))
        gained = [[next(credit) for _ in calls] for calls in found]
        rows: list[dict[str, Any]] = []
        for start in range(0, len(sessions), group_size):
            group = range(start, start + group_size)
            for place in range(self._calls):
                used = [gained[number][place] for number in group if place < len(found[number])]
                empty = -sum(used) / max(1, group_size - len(used))
                for number in group:
                    returned = sum(call.reward for call in found[number])
                    if place < len(found[number]):
                        rows.append(_row(found[number][place], gained[number][place], returned))
                    else:
                        rows.append(_empty_row(end, empty, returned))
        return {key: [row[key] for row in rows] for key in rows[0]}


def _row(call: TraceStep, advantage: float, returned: float) -> dict[str, Any]:
    return {
        "prompt_ids": call.prompt_ids,
        "completion_ids": call.response_ids,
        "logprobs": call.log_probs,
        "env_mask": [1] * len(call.response_ids or ()),
        "advantage": advantage,
        "episode_return": returned,
    }


def _empty_row(end: int, advantage: float, returned: float) -> dict[str, Any]:
    tokens = {"prompt_ids": [end], "completion_ids": [end], "logprobs": [0.0], "env_mask": [0]}
    return {**tokens, "advantage": advantage, "episode_return": returned}


def _advantage(advantage: list[float], **others: Any) -> list[float]:
    return advantage


def _episode_return(episode_return: list[float], **others: Any) -> list[float]:
    return episode_return
