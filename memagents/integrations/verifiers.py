"""A taskset, an environment and a harness for verifiers (v1): ``vf-eval memgym-verifiers`` plays an agent's episodes.

One rollout is an episode of memgym: the agent is run once for each call of its model, so that each call has a trace of
its own, with the context that it really had. ``finalize`` pays every trace by :func:`memgym.steptrace.returns`. What a
group is worth, and so any credit that compares states or rewards in it, is the trainer's: an environment sees one
episode at a time.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterator
from typing import Any, Literal

from memagents.backends.base import Completion, Messages
from memagents.sessions import AgentSession, outside, play_session
from memgym.envs.base import MemoryEnv
from memgym.errors import MemgymError, MissingExtraError
from memgym.playing import twin

try:
    import verifiers.v1 as vf
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient
    from verifiers.v1.runtimes import ProgramResult
except ImportError as error:
    raise MissingExtraError("the adapter to verifiers", "verifiers") from error

__all__ = ["MemgymEnv", "MemgymHarness", "MemgymTaskset"]


class MemgymTasksetConfig(vf.TasksetConfig):
    """Which agent plays what: a training recipe, and changes to it."""

    recipe: str = "tiny_reader"
    """Path of a training recipe, or name of a built-in one."""
    overrides: list[str] = []  # noqa: RUF012 - pydantic copies it
    """``key=value``, e.g. ``env.split=test``."""
    credit: Literal["episode", "phase", "step"] = "episode"
    """What a call is paid: the episode's return, or what its phase, or itself, was followed by."""
    first: int = 0
    """Index of the first episode in the environment's split."""


class MemgymData(vf.TaskData):
    """An episode, or one call of the model in it."""

    index: int
    max_tokens: int = 0


class MemgymTask(vf.Task[MemgymData]):
    """Nothing is scored here: the environment pays."""


class MemgymTaskset(vf.Taskset[MemgymTask, MemgymTasksetConfig]):
    """The episodes of an environment's split, in their order; a procedural task has no end of them."""

    INFINITE = True

    def load(self) -> Iterator[MemgymTask]:
        """Yield the episodes."""
        _, env = outside(self.config.recipe, self.config.overrides)
        bare: MemoryEnv = env.unwrapped  # type: ignore[assignment]
        index, size = self.config.first, bare.task.size(bare.split)
        while size is None or index < size:
            yield MemgymTask(MemgymData(index=index, prompt=""), self.config.task)
            index += 1


class MemgymHarness(vf.Harness[vf.HarnessConfig]):
    """Asks the model once, with the call's messages as they are."""

    APPENDS_SYSTEM_PROMPT = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: Any,
        trace: vf.Trace,
        runtime: Any,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: MemgymData,
    ) -> ProgramResult:
        """Make the call through verifiers' own endpoint, which records it."""
        chat: Any = [{"role": message.role, "content": message.content} for message in data.prompt or []]
        http = DefaultAsyncHttpxClient(verify=_certificates())
        async with AsyncOpenAI(base_url=endpoint, api_key=secret, max_retries=0, http_client=http) as client:
            await client.chat.completions.create(model=ctx.model, messages=chat, max_tokens=data.max_tokens)
        return ProgramResult(0, "", "")


class MemgymEnvConfig(vf.EnvConfig):
    """One seat: the model that the recipe trains."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime={"type": "subprocess"})
    """It runs nothing but a request, so no container is needed."""


class MemgymEnv(vf.Env[MemgymEnvConfig]):
    """Plays an episode, one run of the agent for each call of its model."""

    def __init__(self, config: MemgymEnvConfig):
        super().__init__(config)
        self._agent, self._env = outside(self.taskset.config.recipe, self.taskset.config.overrides)

    async def run(self, task: MemgymTask, agents: vf.Agents) -> None:
        """Play the episode and note on each trace what its call was paid."""
        session = AgentSession(self._agent, twin(self._env), index=task.data.index)
        traces: list[vf.Trace] = []

        async def ask(messages: Messages) -> Completion:
            prompt = [_message(message) for message in messages]
            call = MemgymData(index=task.data.index, prompt=prompt, max_tokens=session.sampling.max_tokens)
            trace = await agents.agent.run(MemgymTask(call))
            if not trace.ok:
                raise MemgymError(f"episode {task.data.index}: a call failed: {trace.errors[-1].message}")
            traces.append(trace)
            cut = trace.calls[-1].finish_reason == "length"
            return Completion(trace.last_reply, [], [], [], "length" if cut else "stop")

        await play_session(session, ask)
        paid = dict(
            zip((call.turn for call in session.calls()), session.returns(self.taskset.config.credit), strict=True)
        )
        asked = [step for step in session.trace() if step.text is not None and step.messages is not None]
        for trace, step in zip(traces, asked, strict=True):
            trace.agent.trainable = step.trained
            trace.info["memgym"] = {"turn": step.turn, "phase": step.phase, "paid": paid.get(step.turn)}
            trace.record_metrics({**step.rewards, "step_reward": step.reward})

    async def finalize(self, task: MemgymTask, episode: vf.Episode) -> None:
        """Pay every call that is learned from."""
        for trace in episode.traces:
            if (paid := trace.info["memgym"]["paid"]) is not None:
                trace.record_reward("return", paid)


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return what connections are checked by; to read it takes longer than a small model's call."""
    return ssl.create_default_context()


def _message(message: dict[str, str]) -> Any:
    kinds = {"system": vf.SystemMessage, "assistant": vf.AssistantMessage}
    return kinds.get(message["role"], vf.UserMessage)(content=message["content"])
