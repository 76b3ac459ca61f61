"""An episode that anybody's loop plays: it asks, and is answered."""

from __future__ import annotations

from typing import Any, Self

import gymnasium as gym

from memgym.playing import Game, Job, Played
from memgym.policy import Move
from memgym.steptrace.credit import returns
from memgym.steptrace.record import LEARNED, TOKENS, TraceStep, calls, trace_of


class Session:
    """An episode under way, and what was done in it so far.

    ::

        session = Session(env, index=3)
        while not session.done:
            session.step(my_policy(session.observation))
        session.returns()

    What is random in a move is to be drawn from :attr:`seed`, so that it does not matter beside what it is played.

    Args:
        env: an environment of memgym, wrapped or not; the session's own until it ends. For several at once, give each
            a :func:`memgym.playing.twin` of one: nothing is loaded twice.
        index: of the episode in the environment's split.
        trial: how often it is played before.
        seed: of everything random in the moves.
        group: episodes of one group are compared with each other.
        episode: number of the episode in the trace; each belongs to one group.

    Raises:
        ConfigError: there is no such episode.
    """

    def __init__(
        self, env: gym.Env, index: int, *, trial: int = 0, seed: int = 0, group: int = 0, episode: int = 0
    ) -> None:
        self.env = env
        self._place = {"group": group, "episode": episode}
        self._game = Game(env, Job(trial, index), seed)
        self._game.start()

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self._game.ask is None

    @property
    def observation(self) -> str:
        """What is to be answered; ``""`` at the end."""
        return "" if self._game.ask is None else self._game.ask.observation

    @property
    def seed(self) -> int:
        """The 32-bit seed of whatever is random in the next move; 0 at the end."""
        return 0 if self._game.ask is None else self._game.ask.seed

    @property
    def played(self) -> Played:
        """The episode so far, as the playing module keeps it."""
        return self._game.played

    @property
    def final_phase(self) -> str:
        """The phase that gets the final reward."""
        phases: tuple[str, ...] = self.env.get_wrapper_attr("phases")
        return phases[-1]

    @property
    def info(self) -> dict[str, Any]:
        """What the environment told of the last step; empty before the first."""
        steps = self.played.steps
        return steps[-1].info if steps else {}

    def step(self, action: str | None, *, trained: bool = True, **extra: Any) -> Self:
        """Play an action.

        Args:
            action: the text; None where there is none, which is played as a bad one.
            trained: whether the step is learned from.
            **extra: what the loop knows of it, by the names of :class:`TraceStep`: ``messages``, ``text``,
                ``response_ids``, ``log_probs``, …; whatever has another name is kept in ``extra``.

        Raises:
            ResetNeeded: the episode is over.
        """
        told = {name: extra.pop(name, None) for name in ("messages", "text")}
        row = {name: extra.pop(name) for name in (*LEARNED, *TOKENS, "inputs") if name in extra}
        row = {**row.pop("inputs", {}), **row, **({"extra": extra} if extra else {})}
        return self.play(Move(action, row=row if trained else None, **told))

    def play(self, move: Move) -> Self:
        """Play a policy's move; it is learned from if it has a row.

        Raises:
            ResetNeeded: the episode is over.
        """
        self._game.step(move)
        return self

    def trace(self) -> list[TraceStep]:
        """Return the steps so far."""
        return trace_of(self.played, final_phase=self.final_phase, **self._place)

    def calls(self) -> list[TraceStep]:
        """Return the steps that are learned from, each with what was paid up to the next one."""
        return calls(self.trace())

    def returns(self, credit: str = "episode") -> list[float]:
        """Return the reward of each step that is learned from; see :func:`memgym.steptrace.returns`."""
        return returns(self.calls(), credit)
