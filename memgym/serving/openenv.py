"""Environments over WebSockets, as OpenEnv's clients expect them (extra ``openenv``).

A session is one environment: ``reset(index=3)`` begins an episode, ``step({"text": "…"})`` plays an action. Episodes to
be compared are begun by the same index; ``reset(seed=…)`` draws one. What a client sees takes the place of what it saw
before: nothing is appended.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from memgym.checks import check_int, check_number
from memgym.errors import ConfigError, MissingExtraError
from memgym.playing import twin
from memgym.serving.limits import LONGEST_MESSAGE, Limits
from memgym.steptrace import Session

try:
    from openenv.core.env_server import Action, ConcurrencyConfig, Environment, Observation, State, create_app
    from pydantic import Field
except ImportError as error:
    raise MissingExtraError("serving an environment to OpenEnv's clients", "openenv") from error


class TextAction(Action):
    """What the agent does, as text."""

    text: str


class TextObservation(Observation):
    """What the agent sees, with what the last action was paid and what was wrong with it."""

    text: str
    phase: str
    index: int
    episode_id: str
    rewards: dict[str, float] = Field(default_factory=dict)
    error: str = ""


class ServedEnvironment(Environment):
    """A session's own twin of an environment of memgym.

    Args:
        env: the environment; nothing of it is changed.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, env: gym.Env):
        super().__init__()
        self._env = twin(env)
        self._session: Session | None = None

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, index: int | None = None
    ) -> TextObservation:
        """Begin an episode: the one with this index, else one drawn by the seed.

        Raises:
            ConfigError: there is no such episode.
        """
        if index is None:
            index = self._env.reset(seed=seed)[1]["index"]
        self._session = Session(self._env, index)
        return self._seen()

    def step(self, action: TextAction, timeout_s: float | None = None) -> TextObservation:
        """Play an action.

        Raises:
            ConfigError: no episode was begun.
            ResetNeeded: the episode is over.
        """
        self._begun().step(action.text)
        return self._seen()

    @property
    def state(self) -> State:
        """Which episode it is, and how many steps were played."""
        if self._session is None:
            return State()
        return State(episode_id=self._session.played.episode_id, step_count=len(self._session.played.steps))

    def _begun(self) -> Session:
        if self._session is None:
            raise ConfigError("no episode was begun: call reset, with an index if others are to play the same")
        return self._session

    def _seen(self) -> TextObservation:
        session = self._begun()
        played, info = session.played, session.info
        return TextObservation(
            text=session.observation,
            phase=played.phase,
            index=played.job.index,
            episode_id=played.episode_id,
            rewards=info.get("rewards", {}),
            error=info.get("action_error", ""),
            done=session.done,
            reward=float(played.steps[-1].reward) if played.steps else None,
        )


def openenv_app(env: gym.Env, sessions: int = 64, idle: float = 600.0) -> Any:
    """Return the ASGI application that serves an environment.

    Args:
        env: an environment of memgym, wrapped or not.
        sessions: how many may be open at once; who comes then is refused.
        idle: seconds after which a silent session is closed.

    Raises:
        ConfigError: the environment shows the gold, or an argument does not fit.
    """
    check_int("sessions", sessions, 1)
    check_number("idle", idle, 0, above=True)
    if getattr(env.unwrapped, "privileged", False):
        raise ConfigError("an environment with reveal_gold shows the gold answers, and no client is to see them")
    # A session may be begun by a request, too; such a one has no connection that Limits could close.
    limits = ConcurrencyConfig(max_concurrent_envs=sessions, session_timeout=idle)
    app = create_app(
        lambda: ServedEnvironment(env), TextAction, TextObservation, env_name="memgym", concurrency_config=limits
    )
    app.add_middleware(Limits, idle=idle)
    return app


def serve_openenv(
    env: gym.Env, sessions: int = 64, host: str = "127.0.0.1", port: int = 8000, idle: float = 600.0
) -> None:
    """Serve an environment until Ctrl-C; arguments as for :func:`openenv_app`.

    Args:
        env: an environment of memgym, wrapped or not.
        sessions: how many may be open at once.
        host: the address to listen at; others than loopback are open to whoever reaches this machine.
        port: the port.
        idle: seconds after which a silent session is closed.
    """
    import uvicorn

    app = openenv_app(env, sessions, idle)
    uvicorn.run(app, host=host, port=port, ws_max_size=LONGEST_MESSAGE, log_level="warning")
