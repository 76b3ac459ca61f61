"""An agent loop for verl (v1 trainer): each call of the model is an output, with the context that it really had.

verl takes the score of an episode's last output, compares it with the group's, and gives the advantage to all outputs
of the episode. So the last output gets the episode's return: credit is by ``episode``; by phase, step or reward it is
lost. A file of agent loops names it::

    - name: memgym
      _target_: memagents.integrations.verl.MemgymAgentLoop
      recipe: memory_agent
      overrides: ["env.seed=3"]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from memagents.integrations.tokens import play_in_tokens
from memagents.sessions import AgentSession, outside
from memgym.errors import MissingExtraError
from memgym.playing import twin

try:
    from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput, register
except ImportError as error:
    raise MissingExtraError("the adapter to verl", "verl") from error


@register("memgym")
class MemgymAgentLoop(AgentLoopBase):
    """Plays the episode that a row's ``index`` names; ``session_id`` is how often it was played before.

    Args:
        *trainer: what verl gives every agent loop.
        recipe: path of a training recipe, or name of a built-in one: the agent and what it plays.
        overrides: ``key=value``, e.g. ``env.split=test``.
        seed: of what the agent's other modules draw.
        **others: what verl gives every agent loop.
    """

    def __init__(
        self, *trainer: Any, recipe: str = "memory_agent", overrides: Sequence[str] = (), seed: int = 0, **others: Any
    ):
        super().__init__(*trainer, **others)
        self.agent, self.env = outside(recipe, list(overrides))
        self._seed = seed

    async def run(self, sampling_params: dict[str, Any], **row: Any) -> list[AgentLoopOutput]:
        """Return an output for each call of the model that is learned from."""
        place = {"index": int(row["index"]), "trial": int(row.get("session_id", 0)), "seed": self._seed}
        session = AgentSession(self.agent, twin(self.env), **place)
        request = uuid4().hex  # all calls of an episode go to one server

        async def generate(prompt: list[int], max_tokens: int) -> tuple[list[int], list[float]]:
            longest = min(max_tokens, self.rollout_config.response_length)
            told = await self.server_manager.generate(
                request_id=request, prompt_ids=prompt, sampling_params={**sampling_params, "max_tokens": longest}
            )
            return told.token_ids[:longest], (told.log_probs or [])[:longest]

        await play_in_tokens(session, generate, self.tokenizer, **self.apply_chat_template_kwargs)
        return [self._output(call, session.returns()[-1]) for call in session.calls()]

    def _output(self, call: Any, returned: float) -> AgentLoopOutput:
        told = {"reward_extra_info": {**call.rewards, "phase": call.phase}, "turn_scores": [], "tool_rewards": []}
        return AgentLoopOutput(
            prompt_ids=call.prompt_ids,
            response_ids=call.response_ids,
            response_mask=[1] * len(call.response_ids),
            response_logprobs=call.log_probs,
            reward_score=returned,
            num_turns=2,
            metrics=AgentLoopMetrics(),
            extra_fields=told,
        )


def write_dataset(path: str | Path, indices: Iterable[int]) -> None:
    """Write the Parquet file that verl reads: a row for each episode of the environment's split."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [
        {
            "prompt": [{"role": "user", "content": f"episode {index}"}],
            "data_source": "memgym",
            "agent_name": "memgym",
            "reward_model": {"style": "rule", "ground_truth": ""},
            "extra_info": {"index": index},
        }
        for index in indices
    ]
    parquet.write_table(pa.Table.from_pylist(rows), path)
