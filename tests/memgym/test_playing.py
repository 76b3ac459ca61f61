"""The one way to play: what is played does not depend on how it is scheduled, and nobody waits without need."""

from __future__ import annotations

import asyncio
import gc
import itertools
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import pytest

import memgym
from memgym.errors import ConfigError
from memgym.playing import Job, Played, ask_seed, play
from memgym.policy import Ask, AsyncPolicy, Move, Policy, StochasticPolicy
from memgym.registration import make
from memgym.wrappers import PotentialShaping

LONG = {"task": "multihop", "difficulty": "easy", "section_tokens": 400, "memory_tokens": 64}
JOBS = [Job(trial, index) for trial in range(2) for index in range(5)]


@pytest.fixture
def env() -> gym.Env:
    return make("memgym/Longcontext-v1", **LONG)


class Drawn(StochasticPolicy):
    """Writes its seed, so that any other seed shows."""

    def act(self, observation: str, seed: int = 0) -> str:
        return f"{seed} {hash_of(observation)}"


class DrawnLater(AsyncPolicy):
    """The same, some time after it was asked; every fifth reply comes late."""

    def __init__(self) -> None:
        self.running = self.most = 0

    async def act_async(self, observation: str, seed: int = 0) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.05 if seed % 5 == 0 else 0.005)
        self.running -= 1
        return f"{seed} {hash_of(observation)}"


class DrawnInThreads(StochasticPolicy):
    """The same, waiting in its own thread."""

    waits = True

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def act(self, observation: str, seed: int = 0) -> str:
        self.threads.add(threading.get_ident())
        time.sleep(0.005)
        return f"{seed} {hash_of(observation)}"


def hash_of(text: str) -> int:
    return sum(map(ord, text)) % 10_007


def content(played: Sequence[Played]) -> dict[Job, list[Any]]:
    """What was played, without what is another every time."""
    return {
        episode.job: [episode.episode_id, *((s.ask, s.move, s.reward, s.info) for s in episode.steps)]
        for episode in played
    }


def test_what_is_played_does_not_depend_on_how_it_is_scheduled(env: gym.Env) -> None:
    one_by_one = content(list(play(Drawn(), env, JOBS, seed=3, concurrency=1)))
    assert len(one_by_one) == len(JOBS)
    for policy in (Drawn(), DrawnLater(), DrawnInThreads()):
        for concurrency in (3, 64):
            played = list(play(policy, env, reversed(JOBS), seed=3, concurrency=concurrency))
            assert content(played) == one_by_one
    assert content(list(play(Drawn(), env, JOBS, seed=4))) != one_by_one


def test_a_reply_is_seeded_by_seed_trial_episode_and_step(env: gym.Env) -> None:
    for played in play(Drawn(), env, JOBS, seed=3):
        for step, done in enumerate(played.steps):
            assert done.ask.seed == ask_seed(3, played.job.trial, played.job.index, step)
            assert (done.ask.trial, done.ask.index, done.ask.step) == (played.job.trial, played.job.index, step)
    places = list(itertools.product(range(3), repeat=4))
    assert len({ask_seed(*place) for place in places}) == len(places)


def test_batches_hold_every_episode_that_runs(env: gym.Env) -> None:
    class Batches(memgym.PhasePolicy):
        sizes: list[int] = []  # noqa: RUF012

        def act_many(self, observations: Sequence[str]) -> list[str]:
            self.sizes.append(len(observations))
            return [self.act(observation) for observation in observations]

    played = list(play(Batches(), env, JOBS, concurrency=4))
    lengths = sorted(len(episode.steps) for episode in played)
    assert sum(Batches.sizes) == sum(lengths)
    assert Batches.sizes[0] == 4
    assert len(Batches.sizes) < sum(lengths) / 3  # four at a time but for the end, when fewer are left
    assert Batches.sizes == sorted(Batches.sizes, reverse=True)


def test_what_waits_runs_side_by_side_up_to_the_limit(env: gym.Env) -> None:
    policy = DrawnLater()
    list(play(policy, env, JOBS, concurrency=4))
    assert policy.most == 4
    threads = DrawnInThreads()
    list(play(threads, env, JOBS, concurrency=4))
    assert len(threads.threads) == 4


def test_a_slow_reply_keeps_no_other_episode_waiting(env: gym.Env) -> None:
    first = JOBS[0]

    class OneIsSlow(AsyncPolicy):
        ended = asyncio.Event()

        async def act_async(self, observation: str, seed: int = 0) -> str:
            raise AssertionError("asked by move_async")

        async def move_async(self, ask: Ask) -> Move:
            if Job(ask.trial, ask.index) == first and ask.step == 0:
                await asyncio.wait_for(self.ended.wait(), 30)  # until all the others are over
            return Move("x")

    seen = []
    for played in play(OneIsSlow(), env, JOBS, concurrency=3):
        seen.append(played.job)
        if len(seen) == len(JOBS) - 1:
            OneIsSlow.ended.set()
    assert seen[-1] == first


def test_one_failure_is_one_episodes(env: gym.Env) -> None:
    class Breaks(memgym.PhasePolicy):
        def move_many(self, asks: Sequence[Ask]) -> list[Move | Exception]:
            if any((ask.index, ask.trial, ask.step) == (2, 1, 1) for ask in asks):
                raise ValueError("a prompt that is too long")
            return [Move(self.act(ask.observation)) for ask in asks]

    played = {episode.job: episode for episode in play(Breaks(), env, JOBS, concurrency=8)}
    failed = played.pop(Job(1, 2))
    assert str(failed.error) == "a prompt that is too long"
    assert (len(failed.steps), failed.phase) == (1, "read")
    assert {episode.error for episode in played.values()} == {None}
    whole = {episode.job: episode for episode in play(memgym.PhasePolicy(), env, JOBS)}
    del whole[Job(1, 2)]
    assert content(list(played.values())) == content(list(whole.values()))


def test_an_episode_that_cannot_be_started_fails_alone(env: gym.Env) -> None:
    good, bad = play(memgym.PhasePolicy(), env, [Job(0, 0), Job(0, -1)], concurrency=1)
    assert good.error is None
    assert isinstance(bad.error, ConfigError)
    assert (bad.episode_id, bad.steps) == ("", [])


def test_whoever_stops_iterating_stops_the_rest(env: gym.Env) -> None:
    class Counts(memgym.PhasePolicy):
        asked = 0

        def act(self, observation: str) -> str:
            type(self).asked += 1
            return super().act(observation)

    episodes = play(Counts(), env, (Job(0, index) for index in range(10**9)), concurrency=2)
    next(episodes)
    episodes.close()
    asked = Counts.asked
    time.sleep(0.05)
    assert Counts.asked == asked < 100


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("presses", [1, 2])
def test_after_an_interrupt_the_policy_is_asked_no_more(
    env: gym.Env,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    batch: int,
    presses: int,
) -> None:
    batches = []

    class Interrupted(Policy):
        def act(self, observation: str) -> str:
            return observation

        def act_many(self, observations: Sequence[str]) -> list[str]:
            batches.append(len(observations))
            for _ in range(presses if len(batches) == batch else 0):
                signal.raise_signal(signal.SIGINT)
            return ["short"] * len(observations)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(play(Interrupted(), env, [Job(0, index) for index in range(40)], concurrency=3))
    finally:
        signal.signal(signal.SIGINT, before)
    gc.collect()  # a task of which nobody heard would tell now
    assert len(batches) == batch
    assert "Traceback" not in capfd.readouterr().err + caplog.text


def test_it_plays_inside_of_a_running_loop(env: gym.Env) -> None:
    async def in_a_notebook() -> list[Played]:
        return list(play(Drawn(), env, JOBS, seed=3))

    assert content(asyncio.run(in_a_notebook())) == content(list(play(Drawn(), env, JOBS, seed=3)))

    async def and_stops() -> Played:
        episodes = play(Drawn(), env, (Job(0, index) for index in range(10**9)))
        return next(episodes)

    assert asyncio.run(and_stops()).error is None


def test_wrappers_come_along(env: gym.Env) -> None:
    shaped = PotentialShaping(env, "memory_recall")
    for played in play(memgym.PhasePolicy(), shaped, JOBS[:3]):
        assert all("shaping" in step.info for step in played.steps)


@pytest.mark.parametrize("action", [None, 5, b"x", "a\ud800b"])
def test_what_is_no_text_is_a_bad_action(env: gym.Env, action: Any) -> None:
    class Odd(Policy):
        def act(self, observation: str) -> Any:
            return action

    (played,) = play(Odd(), env, [Job(0, 0)])
    assert played.error is None
    assert {step.move.action for step in played.steps} == {None}
    assert all(step.info["action_error"] for step in played.steps)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"seed": -1}, "'seed'"), ({"concurrency": 0}, "'concurrency'"), ({"seed": None}, "'seed'")],
)
def test_bad_arguments_are_told_at_once(env: gym.Env, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        play(memgym.PhasePolicy(), env, JOBS, **arguments)


def test_only_environments_of_memgym_are_played() -> None:
    with pytest.raises(ConfigError, match="no memgym environment"):
        play(memgym.PhasePolicy(), gym.make("CartPole-v1"), JOBS)


def test_a_wrong_number_of_actions_is_told(env: gym.Env) -> None:
    class Forgets(memgym.PhasePolicy):
        def act_many(self, observations: Sequence[str]) -> list[str]:
            return []

    (played,) = play(Forgets(), env, [Job(0, 0)])
    assert str(played.error) == "Forgets gave 0 actions for 1 observations"


class Costly:
    """What takes long to be written out, such as a batch of tensors."""

    written = 0

    def __repr__(self) -> str:
        Costly.written += 1
        return "Costly()"


def test_an_episode_is_not_made_a_text(env: gym.Env) -> None:
    class Carrying(Policy):
        def act(self, observation: str) -> str:
            return "kept"

        def move_many(self, asks: Sequence[Ask]) -> list[Move]:
            return [Move(self.act(ask.observation), row={"memories": Costly()}) for ask in asks]

    played = list(play(Carrying(), env, [Job(0, 0), Job(0, 1)]))
    assert all(step.move.row for episode in played for step in episode.steps)
    assert [episode.error for episode in played] == [None, None]
    assert Costly.written == 0


def test_it_can_be_given_up_anywhere(env: gym.Env) -> None:
    """Even while another loop runs, or by the collector: nothing is left behind, and nothing warns."""

    async def gives_up(episodes: Any) -> None:
        episodes.close()

    episodes = play(Drawn(), env, (Job(0, index) for index in range(10**9)))
    next(episodes)
    asyncio.run(gives_up(episodes))
    for played in play(Drawn(), env, JOBS):
        inner = play(Drawn(), env, JOBS)
        assert next(inner).error is None
        del inner
        assert played.error is None
