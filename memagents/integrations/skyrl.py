"""A generator for SkyRL's step-wise training: each call of the model is a row, with the context that it really had.

SkyRL takes the reward of an episode's last row, compares it with the group's, and gives the advantage to all rows of
the episode. So the last row gets the episode's return: credit is by ``episode``; by phase, step or reward it is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from memagents.integrations.tokens import play_in_tokens
from memagents.sessions import AgentSession, outside
from memgym.errors import ConfigError, MissingExtraError
from memgym.playing import twin

try:
    from skyrl.backends.skyrl_train.inference_servers.base import InferenceEngineInput
    from skyrl.train.generators.base import GeneratorInput, GeneratorInterface, GeneratorOutput
except ImportError as error:
    raise MissingExtraError("the adapter to SkyRL", "skyrl") from error


class MemgymGenerator(GeneratorInterface):
    """Plays the episodes that a batch names: ``index`` among the extras of each prompt.

    Args:
        recipe: path of a training recipe, or name of a built-in one: the agent and what it plays.
        engine: SkyRL's client of the inference engines.
        tokenizer: the model's.
        overrides: ``key=value``, e.g. ``env.split=test``.
        seed: of what the agent's other modules draw.
        **template: what the chat template takes beside the messages.
    """

    def __init__(
        self, recipe: str, engine: Any, tokenizer: Any, overrides: Sequence[str] = (), seed: int = 0, **template: Any
    ):
        self.agent, self.env = outside(recipe, overrides)
        self._engine, self._tokenizer, self._seed, self._template = engine, tokenizer, seed, template

    async def generate(self, input_batch: GeneratorInput) -> GeneratorOutput:
        """Return the calls of every episode, those of an episode together."""
        extras, names = input_batch["env_extras"], input_batch["trajectory_ids"]
        if not names or not extras or any("index" not in extra for extra in extras):
            raise ConfigError(
                "each row needs an 'index', the episode's, and trajectory_ids: set step_wise_trajectories"
            )
        places = [(extra["index"], name.repetition_id) for extra, name in zip(extras, names, strict=True)]
        sampling = input_batch["sampling_params"] or {}
        sessions = await asyncio.gather(*(self._play(index, trial, sampling) for index, trial in places))
        rows: list[dict[str, Any]] = []
        for session, name in zip(sessions, names, strict=True):
            calls = session.calls()
            for call in calls:
                last = call is calls[-1]
                rows.append(
                    {
                        "prompt_token_ids": call.prompt_ids,
                        "response_ids": call.response_ids,
                        "rewards": session.returns()[-1] if last else 0.0,
                        "loss_masks": [1] * len(call.response_ids or ()),
                        "stop_reasons": call.finish_reason,
                        "rollout_logprobs": call.log_probs,
                        "trajectory_ids": name,
                        "is_last_step": last,
                        "env_metrics": call.rewards,
                    }
                )
        output: dict[str, Any] = {key: [row[key] for row in rows] for key in rows[0]}
        if any(found is None for found in output["rollout_logprobs"]):
            output["rollout_logprobs"] = None
        returned = [session.returns()[-1] for session in sessions]
        metrics = {"memgym/return": sum(returned) / len(returned)}
        return GeneratorOutput(**output, rollout_metrics=metrics, rollout_expert_indices=None)

    async def _play(self, index: int, trial: int, sampling: dict[str, Any]) -> AgentSession:
        session = AgentSession(self.agent, twin(self.env), index=index, trial=trial, seed=self._seed)

        async def generate(prompt: list[int], max_tokens: int) -> tuple[list[int], list[float]]:
            params = {**sampling, "max_tokens": max_tokens}
            asked = InferenceEngineInput(prompt_token_ids=[prompt], sampling_params=params, session_ids=[id(session)])
            told = await self._engine.generate(asked)
            return told["response_ids"][0], (told.get("response_logprobs") or [[]])[0]

        return await play_in_tokens(session, generate, self._tokenizer, **self._template)
