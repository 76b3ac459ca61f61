"""``memgym play``: a person plays an environment in the terminal."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from rich.console import Console

from memgym.cli.terminal import make_console
from memgym.operators import extractive
from memgym.operators.phase_policy import PhasePolicy
from memgym.protocol.observation import Observation
from memgym.registration import make

HELP = (
    "Type the action and end it with an empty line. /auto plays a simple default action, /state shows the state "
    "again, /quit (or Ctrl-D) ends the game."
)


def play_in_terminal(env_id: str, kwargs: dict[str, Any], index: int | None, seed: int | None) -> None:
    """Let a person play one episode, reading actions from standard input.

    Raises:
        ConfigError: the environment or an argument is unknown.
    """
    console = make_console(soft_wrap=True)
    env = make(env_id, render_mode="ansi", **kwargs)
    observation, _ = env.reset(seed=seed, options=None if index is None else {"index": index})
    console.print(HELP)
    total, done = 0.0, False
    while not done:
        console.print(env.render())
        action = _read_action(console, env, observation)
        if action is None:
            console.print(f"\nLeft before the end. Sum of rewards so far: {total:.2f}")
            return
        observation, reward, done, _, info = env.step(action)
        total += float(reward)
        for answer in info["answers"]:
            console.print(f"» answer {answer['answer']!r} scored {answer['scores']['answer']:.2f}")
    console.print(env.render())
    console.print(f"Sum of rewards: {total:.2f}")


class _Autopilot(PhasePolicy):
    """Plays the environment's own operators; answers by the extractive reader."""

    answer = staticmethod(extractive)


def _read_action(console: Console, env: gym.Env, observation: str) -> str | None:
    """Return the action that the person typed, None to leave."""
    phase = Observation.parse(observation).phase
    lines: list[str] = []
    while True:
        try:
            line = input(f"{phase}> " if not lines else "… ")
        except EOFError:
            return "\n".join(lines) if lines else None
        if line.strip() == "/quit":
            return None
        if line.strip() == "/auto":
            return _Autopilot().act(observation)
        if line.strip() == "/state":
            console.print(env.render())
        elif not line:
            return "\n".join(lines)
        else:
            lines.append(line)
