"""Episodes of our agents in anybody's loop: the model is asked and trained elsewhere, everything else is played here.

A loop that asks many at once::

    agent, env = outside("tiny_reader")
    sessions = open_sessions(agent, env, indices=[0, 1, 2], group_size=8)
    while asking := [session for session in sessions if not session.done]:
        answer(asking, my_model([session.messages for session in asking]))  # one Completion each
    rows = [call for session in sessions for call in session.calls()]

and one that awaits each answer: ``await play_session(session, my_async_model)``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from memagents.agents.base import Agent, load_agent
from memagents.backends.base import Backend, Completion, Messages, Sampling, TrainableBackend
from memagents.jobs import repeated
from memagents.modules import Request
from memagents.recipes import read_recipe
from memagents.training_recipes import what_is_played
from memgym.errors import ConfigError
from memgym.playing import Job, twin
from memgym.protocol.observation import PHASES, Observation
from memgym.steptrace import Session

if TYPE_CHECKING:
    from torch import Tensor


class Elsewhere(TrainableBackend):
    """Stands for the model that somebody else's loop asks and trains."""

    def encode(self, messages: Messages) -> list[int]:
        """It has no tokenizer."""
        raise _not_here()

    def decode(self, token_ids: Sequence[int]) -> str:
        """It has no tokenizer."""
        raise _not_here()

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Completion]:
        """It is not asked here."""
        raise _not_here()

    def demonstrate(self, messages: Messages, text: str) -> Completion:
        """It has no tokenizer."""
        raise _not_here()

    def update_weights(self, named_tensors: Iterable[tuple[str, Tensor]]) -> None:
        """It has no weights."""
        raise _not_here()


def outside(source: str, overrides: Sequence[str] = ()) -> tuple[Agent, gym.Env[str, str]]:
    """Return the agent of a training recipe, its trained model :class:`Elsewhere`, and its environment.

    It pays what it pays there, ``[shaping]`` included.

    Args:
        source: path of a training recipe, or name of a built-in one.
        overrides: ``key=value``, as ``memagents train`` takes them; those of ``[train]`` change nothing here.

    Raises:
        ConfigError: there is no such recipe, or it trains no language model.
    """
    content, env = what_is_played(source, overrides)
    recipe = read_recipe(content)
    trained = [recipe.modules[phase] for phase in PHASES if recipe.modules.get(phase, {}).get("status") == "trained"]
    names = {table.get("backend") or next(iter(recipe.backends), "main") for table in trained}
    agent = load_agent(content, {name: Elsewhere() for name in names})
    if not any(part.status == "trained" and isinstance(part.backend, Elsewhere) for part in agent.parts.values()):
        raise ConfigError(f"{source} trains no language model, so there is nothing to ask from outside")
    return agent, env


class AgentSession(Session):
    """An episode of an agent, up to where its model is asked.

    Args:
        agent: from :func:`outside`.
        env: the session's own until it ends.
        **place: index, trial, seed, group and episode, as for :class:`memgym.steptrace.Session`.
    """

    def __init__(self, agent: Agent, env: gym.Env, **place: Any):
        super().__init__(env, **place)
        self.agent = agent
        self._request: Request | None = None

    @property
    def messages(self) -> Messages:
        """What the model is asked now; empty at the end."""
        return [] if self._request is None else self._request.messages

    @property
    def sampling(self) -> Sampling:
        """How the answer is to be sampled: the phase's longest reply, and for a frozen module its temperature."""
        return Sampling() if self._request is None else self._request.sampling

    def look(self) -> bool:
        """Note what the model is asked, if it is; return whether the agent can go on by itself."""
        self._request = None
        if self.done:
            return False
        observation = Observation.parse(self.observation)
        if not isinstance(self.agent.parts[observation.phase].backend, Elsewhere):
            return True
        asked = self.agent.request(observation, self.seed, self.final_phase)
        if isinstance(asked, tuple):
            self._request = asked[1]
        return self._request is None

    def take(self, completion: Completion) -> None:
        """Play what the model answered; :func:`advance` then goes on to what it is asked next.

        Where the chat template ends the prompt with ``<think>``, the completion's text must begin with it: a thought
        that is not closed is no action.
        """
        if self._request is None:
            raise ConfigError("the session asks nothing: it is over, or was not advanced")
        request, self._request = self._request, None
        self.play(replace(request.finish(completion), messages=request.messages).move())


def open_sessions(
    agent: Agent, env: gym.Env, indices: Sequence[int], *, group_size: int = 1, seed: int = 0
) -> list[AgentSession]:
    """Begin every episode ``group_size`` times, and play each up to where the model is asked.

    Arguments, order and numbers are those of :func:`memagents.collect.collect`.
    """
    jobs: list[Job] = repeated(indices, group_size)
    places = [
        {"index": job.index, "trial": job.trial, "seed": seed, "group": number // group_size, "episode": number}
        for number, job in enumerate(jobs)
    ]
    sessions = [AgentSession(agent, twin(env), **place) for place in places]
    advance(sessions)
    return sessions


def answer(sessions: Sequence[AgentSession], completions: Sequence[Completion]) -> None:
    """Give each session what the model answered, and play all of them up to where it is asked again."""
    for session, completion in zip(sessions, completions, strict=True):
        session.take(completion)
    advance(sessions)


def advance(sessions: Sequence[AgentSession]) -> None:
    """Let the agent play what is its own, in all sessions at once, until each asks the model or is over."""
    waiting = [session for session in sessions if session.look()]
    while waiting:
        agent, final_phase = waiting[0].agent, waiting[0].final_phase
        did = agent.play([each.observation for each in waiting], [each.seed for each in waiting], final_phase)
        for session, call in zip(waiting, did, strict=True):
            if isinstance(call, Exception):
                raise call
            session.play(call.move())
        waiting = [session for session in waiting if session.look()]


def answer_by(model: Backend, sessions: Sequence[AgentSession]) -> None:
    """Play sessions to their ends, a backend of ours in the place of the model: one call for all that wait alike."""
    while asking := [session for session in sessions if not session.done]:
        alike = [session for session in asking if session.sampling == asking[0].sampling]
        sampling = replace(alike[0].sampling, seeds=tuple(session.seed for session in alike))
        completions = model.chat([session.messages for session in alike], sampling)
        answer(alike, [model.with_opening(completion) for completion in completions])


async def play_session(session: AgentSession, ask: Callable[[Messages], Awaitable[Completion | str]]) -> AgentSession:
    """Play one episode to its end, awaiting each answer.

    Args:
        session: advanced or not.
        ask: what asks the model; a text is enough where its tokens are not known. How the answer is to be sampled is
            the session's ``sampling``.
    """
    step = _in_thread if session.env.get_wrapper_attr("waits") or session.agent.waits else _at_once
    await step(advance, [session])
    while not session.done:
        said = await ask(session.messages)
        completion = said if isinstance(said, Completion) else Completion(said, [], [], [], "stop")
        await step(answer, [session], [completion])
    return session


async def _in_thread(function: Callable[..., None], *arguments: Any) -> None:
    """Go on where a step may wait on a network: a judge, a reader or a frozen module behind an API."""
    await asyncio.to_thread(function, *arguments)


async def _at_once(function: Callable[..., None], *arguments: Any) -> None:
    function(*arguments)


def _not_here() -> ConfigError:
    return ConfigError("the trained model is elsewhere: whoever trains it asks it, with the session's messages")
