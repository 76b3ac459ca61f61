"""Write our records from anybody's loop."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium as gym

from memgym.checks import check_int
from memgym.errors import ConfigError
from memgym.leaderboard.evaluate import entry_record, package_versions, record_episode, record_step
from memgym.leaderboard.files import Recorder
from memgym.leaderboard.records import FORMAT, FORMAT_VERSION, Header, PolicyRecord
from memgym.leaderboard.suite import SuiteEntry
from memgym.playing import Job, Played, PlayedStep
from memgym.policy import Ask, Move
from memgym.steptrace import TraceWriter, trace_of


class RecordEpisode(gym.Wrapper[str, str, str, str], gym.utils.RecordConstructorArgs):
    """Plays the first episodes of a split, one after the other, and writes each as it ends to a result file.

    The file is what ``memgym evaluate`` writes: ``memgym table`` shows it, ``memgym verify`` replays it. It goes
    directly around the environment, below whatever makes arrays of its texts::

        env = RecordEpisode(gym.make("memgym/RMMReranker-v1", split="test"), "results/mine.jsonl", policy="mine")
        policy_env = PickAction(Features(env))

    ``reset`` chooses the episode: the next of ``episodes``. When all are written, ``done`` is true and further episodes
    go unrecorded. An episode that is given up in the middle is not written, and comes again at the next ``reset``.

    Args:
        env: a memgym environment, with Gymnasium's own wrappers at most.
        path: the new file, ….jsonl or ….jsonl.gz.
        policy: what the policy is called in tables.
        episodes: how many; those with the first indices.
        trace: another new file, for the step traces of the same episodes (:mod:`memgym.steptrace`), observations and
            all; ….jsonl or ….jsonl.gz.

    Raises:
        ConfigError: the file is there already or cannot be made, or an argument does not fit.
    """

    def __init__(
        self, env: gym.Env, path: str | Path, policy: str, episodes: int = 20, trace: str | Path | None = None
    ):
        gym.utils.RecordConstructorArgs.__init__(
            self, path=str(path), policy=policy, episodes=episodes, trace=None if trace is None else str(trace)
        )
        gym.Wrapper.__init__(self, env)
        if not isinstance(policy, str) or not policy.strip():
            raise ConfigError(f"'policy' must be the name of the policy, not {policy!r}")
        if env.spec is None:
            raise ConfigError("only an environment made by gym.make can be recorded: its id and arguments are written")
        bare = self.unwrapped
        if hasattr(bare, "reward_space"):
            raise ConfigError("the environment pays a vector: record its scalar reward, without 'vector_reward'")
        self._count = min(check_int("episodes", episodes, 1), bare.task.size(bare.split) or episodes)
        kwargs = {name: value for name, value in env.spec.kwargs.items() if name not in ("split", "reveal_gold")}
        entry = SuiteEntry(bare.task.name, env.spec.id, kwargs, bare.split, episodes)
        header = Header(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            suite=f"{env.spec.id.removeprefix('memgym/')} {bare.task.name}",
            left_out=[],
            policy=PolicyRecord(entry_point=f"recorded:{policy}", options={}, privileged=bare.privileged),
            seed=0,
            packages=package_versions(),
            entries=[entry_record(entry, bare)],
        )
        self._entry = entry.name
        self._trace = None if trace is None else TraceWriter(trace)
        self._recorder = Recorder.new(Path(path), header)
        self._written = 0
        self._played: Played | None = None

    @property
    def unwrapped(self) -> Any:
        """The environment below all wrappers, of memgym."""
        return self.env.unwrapped

    @property
    def done(self) -> bool:
        """Whether all episodes are written."""
        return self._written == self._count

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin the next episode; once all are written, any, as the environment would.

        Raises:
            ConfigError: ``options`` ask for another one.
        """
        if self.done:
            self._played = None
            return self.env.reset(seed=seed, options=options)
        index = self._written
        if options and options.get("index", index) != index:
            raise ConfigError(f"episode {index} is to be recorded next, not {options['index']}")
        observation, info = self.env.reset(seed=seed, options={**(options or {}), "index": index})
        self._played = Played(Job(0, index), info["episode_id"], info["phase"])
        self._ask, self._started = Ask(observation, index=index), time.perf_counter()
        self._begun = self._started
        return observation, info

    def step(self, action: str) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and note it; the last step writes the episode."""
        now = time.perf_counter()
        observation, reward, terminated, truncated, info = self.env.step(action)
        played = self._played
        if played is not None:
            written = action if isinstance(action, str) else None
            step = PlayedStep(self._ask, Move(written, row={}), reward, info, now - self._started)
            played.steps.append(step)
            played.phase = info["phase"]
            self._ask = Ask(observation, index=played.job.index, step=len(played.steps))
            self._started = time.perf_counter()
            if terminated or truncated:
                played.seconds = self._started - self._begun
                self._write(played)
                self._played = None
        return observation, reward, terminated, truncated, info

    def _write(self, played: Played) -> None:
        bare = self.unwrapped
        if self._trace is not None:
            number = self._written
            self._trace.append(trace_of(played, final_phase=bare.phases[-1], group=number, episode=number))
        records = [record_step(bare, step) for step in played.steps]
        self._recorder.append(record_episode(self._entry, replace(played, steps=records)))
        self._written += 1

    def close(self) -> None:
        """Close the files and the environment."""
        if self._trace is not None:
            self._trace.close()
        self._recorder.__exit__(None, None, None)
        self.env.close()
