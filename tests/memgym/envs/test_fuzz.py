"""Ten thousand bad and good actions per phase: no exception, and what is refused changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import gymnasium as gym
import pytest

from memgym.protocol.actions import MAX_ACTION_CHARS

ACTIONS = 10_000
SESSIONS = QUESTIONS = 1_000
RECORDS = 12

WRONG_TYPES = (None, 5, 1.5, True, b"bytes", [], ["m1"], {"answer": "x"}, ("x",), object(), float("nan"), {1, 2})
HUGE = (
    "x" * (MAX_ACTION_CHARS + 1),
    "[" * 100_000,
    "]" * 100_000,
    '{"operations": ' * 20_000,
    '{"memory_list": ' + "[" * 100_000,
    '{"answer": {"answer": ' * 10_000,
    "[" + "9" * 100_000 + "]",
    '["' + "m" * 200_000 + '"]',
    json.dumps([f"m{i}" for i in range(20_000)]),
    json.dumps({"operations": [{"id": "c1", "op": "ADD"}] * 5_000}),
    json.dumps({"answer": "x" * 100_000}),
    "```json\n" * 20_000,
    "\\boxed{" * 20_000,
)
JUNK = (
    None, True, 0, -1, 10**400, 1e308, float("nan"), float("inf"), "", " ", "\x00", "\ud800", "m1", "m99", "c1", "ADD",
    "\\", '"', "</memory>", [], [[]], ["m1"], ["m1", "m1"], ["\udfff"], {}, {"id": "m1"}, {"value": "x"}, [None],
)  # fmt: skip


class Fuzzer:
    """Draws actions: a good one, or one spoilt in one of many ways."""

    def __init__(self, seed: int, good: Callable[[Random], Any]):
        self.random = Random(seed)
        self.good = good

    def draw(self) -> object:
        kind = self.random.random()
        if kind < 0.05:
            return self.random.choice(WRONG_TYPES)
        if kind < 0.06:
            return self.random.choice(HUGE)
        if kind < 0.15:
            return self._text(self.random.randrange(40))
        action = self.good(self.random)
        if isinstance(action, str):
            return self._broken(action) if kind < 0.6 else action
        if kind < 0.6:
            action = self._spoilt(action)
        text = json.dumps(action, ensure_ascii=self.random.random() < 0.5)
        if kind < 0.3:
            text = self._broken(text)
        return f"So:\n```json\n{text}\n```" if kind > 0.9 else text

    def _text(self, length: int) -> str:
        ranges = ((32, 127), (0, 32), (0x80, 0x2FF), (0xD800, 0xE000), (0x1F600, 0x1F650))
        return "".join(chr(self.random.randrange(*self.random.choice(ranges))) for _ in range(length))

    def _broken(self, text: str) -> str:
        start = self.random.randrange(len(text) + 1)
        end = self.random.choice((start, start + 1, start + 5, len(text)))
        return text[:start] + self._text(self.random.randrange(3)) + text[end:]

    def _spoilt(self, action: Any) -> Any:
        """Change, add, repeat or drop one place, however deep."""
        places = [(action, key) for key in (action if isinstance(action, dict) else range(len(action)))]
        for container, key in places:  # grows while it is walked through
            inner = container[key]
            if isinstance(inner, dict | list):
                places += [(inner, k) for k in (inner if isinstance(inner, dict) else range(len(inner)))]
        if not places:
            return self.random.choice(JUNK)
        container, key = self.random.choice(places)
        what = self.random.randrange(4)
        if what == 0:
            del container[key]
        elif what == 1 and isinstance(container, list):
            container.append(container[key])
        elif what == 2 and isinstance(container, dict):
            container[self.random.choice(("extra", "id", "value", "\ud800"))] = self.random.choice(JUNK)
        else:
            container[key] = self.random.choice(JUNK)
        return action


GOOD: dict[str, Callable[[Random], Any]] = {
    "read": lambda random: "note " * random.randrange(5),
    "extract": lambda random: {
        "memory_list": [
            {"key": "k", "value": "v", "memory_type": "t", "tags": ["a"], "source": ["t0"]}
            for _ in range(random.randrange(3))
        ]
    },
    "update": lambda random: {
        "operations": [
            {"id": "c1", "op": random.choice(("ADD", "NOOP", "NONE"))},
            {"id": "c2", "op": "noop", "key": "k", "value": "v"},
            {"id": "m3", "op": random.choice(("UPDATE", "NOOP")), "key": "pet", "value": "a cat"},
        ]
    },
    "retrieve": lambda random: [f"m{i}" for i in random.sample(range(1, RECORDS + 1), random.randrange(6))],
    "plain": lambda random: "Lisbon",
    "boxed": lambda random: "so \\boxed{Lisbon}",
    "json": lambda random: {"answer": "Lisbon", "cited_ids": random.sample(["m1", "m2", "m99"], 2)},
}

State = Callable[[gym.Env], Any]


def _memory(env: Any) -> Any:
    return env.memory


def _bank(env: Any) -> Any:
    return env.bank.get_all()


def check(env: Any, phase: str, action: object, state: State) -> bool:
    """Play one action and check what holds for all of them; return whether it was accepted."""
    assert env._phase == phase
    before = state(env)
    _, reward, _, truncated, info = env.step(action)
    rewards = info["rewards"]
    assert info["played"] == phase
    assert tuple(rewards) == env.reward_names
    assert all(type(value) is float and 0 <= value <= 1 for value in rewards.values())
    assert type(reward) is float
    assert truncated is False
    accepted = info["action_error"] == ""
    assert rewards["format"] == float(accepted)
    if not isinstance(action, str):
        assert not accepted
    if not accepted:
        assert state(env) == before
        assert len(info["action_error"]) < 1000
        assert not any(answer["answer"] for answer in info["answers"])
    return accepted


def count(results: list[bool]) -> None:
    """Check that both kinds of action came up, so that the run shows something."""
    tally = Counter(results)
    assert tally[True] + tally[False] == ACTIONS
    assert min(tally.values()) > ACTIONS // 10


@pytest.fixture
def long_path(write_rows: Callable[..., str]) -> str:
    """One episode with a thousand short sessions and as many questions."""
    sessions = [
        {"id": f"s{i}", "turns": [{"id": f"t{i}", "speaker": "Ann", "text": f"fact {i}"}]} for i in range(SESSIONS)
    ]
    asked = [f"What is fact {i}?" for i in range(QUESTIONS)]
    return write_rows(
        {"sessions": sessions, "questions": asked, "answers": ["Lisbon"] * QUESTIONS, "evidence": [["t1"]] * QUESTIONS}
    )


def fill(env: Any) -> None:
    """Give the bank some records, so that there is something to spoil."""
    values = [{"value": f"fact {i}", "key": "k"} for i in range(RECORDS)]
    env.step(json.dumps({"memory_list": values}))
    env.step(json.dumps({"operations": [{"id": f"c{i}", "op": "ADD"} for i in range(1, RECORDS + 1)]}))
    assert len(env.bank) == RECORDS


def test_read(long_path: str) -> None:
    sizes = {"section_tokens": None, "memory_tokens": 64, "show_question": False}
    env = gym.make("memgym/Longcontext-v1", task="custom", path=long_path, **sizes).unwrapped
    fuzzer, results = Fuzzer(1, GOOD["read"]), []
    while len(results) < ACTIONS:
        env.reset()
        while env._phase == "read" and len(results) < ACTIONS:
            results.append(check(env, "read", fuzzer.draw(), _memory))
            assert env.counter.count(env.memory) <= 64
    tally = Counter(results)
    assert tally[False] > 500  # any text is a memory: only wrong types, surrogates and the over-long are refused
    assert tally[True] > 5_000


def bank_env(path: str, **kwargs: Any) -> Any:
    return gym.make("memgym/MemoryBank-v1", task="custom", path=path, instructions=False, **kwargs).unwrapped


def test_extract(long_path: str) -> None:
    env, fuzzer, results = bank_env(long_path), Fuzzer(2, GOOD["extract"]), []
    while len(results) < ACTIONS:
        env.reset()
        fill(env)
        while env._ended < SESSIONS and len(results) < ACTIONS:
            results.append(check(env, "extract", fuzzer.draw(), _bank))
            if env._phase == "update":
                env.step('{"operations": []}')
    count(results)


def test_update(long_path: str) -> None:
    env, fuzzer, results = bank_env(long_path, related_k=RECORDS), Fuzzer(3, GOOD["update"]), []
    while len(results) < ACTIONS:
        env.reset()
        fill(env)
        while env._ended < SESSIONS and len(env.bank) < 2 * RECORDS and len(results) < ACTIONS:
            env.step('{"memory_list": [{"value": "v"}, {"value": "w"}]}')
            results.append(check(env, "update", fuzzer.draw(), _bank))
            validity = env._last_info["rewards"]["operation_validity"]
            assert validity == 1.0 if results[-1] else validity < 1.0
    count(results)


@pytest.mark.parametrize(
    ("phase", "answer_format"),
    [
        ("retrieve", "plain"),
        ("answer", "plain"),
        pytest.param("answer", "boxed", marks=pytest.mark.slow),
        pytest.param("answer", "json", marks=pytest.mark.slow),
    ],
)
def test_retrieve_and_answer(long_path: str, phase: str, answer_format: str) -> None:
    env = bank_env(long_path, answer_format=answer_format, retrieve_k=RECORDS)
    good = GOOD["retrieve" if phase == "retrieve" else answer_format]
    fuzzer, results = Fuzzer(4, good), []
    while len(results) < ACTIONS:
        env.reset()
        fill(env)
        env._ended = SESSIONS  # on to the questions
        env._phase = env._next_question()
        while env._phase is not None and len(results) < ACTIONS:
            if phase == "retrieve":
                results.append(check(env, "retrieve", fuzzer.draw(), _bank))
                assert len(env._protocol.shown) <= env.answer_k
                env.step("Lisbon")
            else:
                env.step('["m1", "m2"]')
                results.append(check(env, "answer", fuzzer.draw(), _bank))
    count(results)
