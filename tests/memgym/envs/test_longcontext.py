"""The long-context environment on a small episode: the states shown, and every score computed by hand."""

from __future__ import annotations

import inspect
import json
import math
from typing import Any

import gymnasium as gym
import pytest

from memgym import Observation, PhasePolicy
from memgym.envs import LongcontextEnv
from memgym.envs.base import MemoryEnv
from memgym.operators import extractive, first, lexical, recent, supported

SECTIONS = ("Mira moved to Lisbon.", "Ben has a cat.", "The cat is called Olive.")
ROW = {
    "id": "pages",
    "sections": [{"id": f"d{i}", "text": text} for i, text in enumerate(SECTIONS)],
    "questions": ["Where is Mira?", "What is the cat called?"],
    "answers": ["Lisbon", "Olive"],
}


@pytest.fixture
def make(write_rows: Any) -> Any:
    path = write_rows(ROW)
    defaults = {"task": "custom", "path": path, "instructions": False, "section_tokens": None, "memory_tokens": 10}
    return lambda **kwargs: gym.make("memgym/Longcontext-v1", **{**defaults, **kwargs})


def test_a_whole_episode_by_hand(make: Any) -> None:
    env = make()
    observation, info = env.reset()
    assert observation == (
        "<phase>read</phase>\n<question>Where is Mira?</question>\n<question>What is the cat called?</question>\n"
        '<budget tokens="10" used="0" counter="chars"></budget>\n<memory></memory>\n'
        f'<section number="1" of="3">{SECTIONS[0]}\n\n</section>'
    )
    assert (info["phase"], info["episode_id"]) == ("read", "pages")
    observation, reward, done, truncated, info = env.step("Lisbon")
    assert (reward, done, truncated) == (0.1, False, False)
    assert info["rewards"]["token_cost"] == 0.2  # 2 of 10 tokens
    parsed = Observation.parse(observation)
    assert (parsed.memory, parsed.section) == ("Lisbon", f"{SECTIONS[1]}\n\n")
    assert parsed.first("budget").attributes["used"] == "2"
    env.step("Mira moved: Lisbon\nBen: a cat")
    observation, *_ = env.step("Mira moved: Lisbon\nBen: a cat\n\nthe end")
    assert observation == (
        '<phase>answer</phase>\n<question format="plain">Where is Mira?</question>\n'
        "<memory>Mira moved: Lisbon\nBen: a cat\n\nthe end</memory>"
    )
    _, reward, _, _, info = env.step("  lisbon! ")
    assert reward == 1.1
    assert info["answers"][0]["scores"] == {"answer": 1.0, "f1": 1.0}
    observation, reward, done, truncated, info = env.step("Tom")
    assert (observation, done, truncated) == ("", True, False)
    assert info["rewards"] == {
        "answer": 0.0,
        "format": 1.0,
        "memory_recall": 0.5,  # of the questions, as there are no gold facts: Lisbon, not Olive
        "memory_precision": 0.5,  # few words, times the recall
        "compression": 0.0,  # chance would keep as much
        "memory_share": pytest.approx(10 / 16),
        "token_cost": 0.1,
    }
    assert reward == 0.1


def test_gold_facts_count_if_they_hold_at_the_end(make_mira: Any) -> None:
    env = make_mira("Longcontext").unwrapped
    env.reset()
    env.step("Porto")  # no longer true at the end
    assert env.potentials()["memory_recall"] == 0.0
    env.reset()
    env.step("Mira: Lisbon\nBen: Olive")
    assert env.potentials()["memory_recall"] == 1.0
    env.reset()
    env.step("Mira: Lisbon\nBen: Olive\nMira: Porto")  # which of the two?
    assert env.potentials()["memory_recall"] == 0.75
    env.reset()
    env.step("Lisbon and Olive")  # whose?
    assert env.potentials()["memory_recall"] == 0.0


def test_sessions_are_one_text_with_dates(make_mira: Any) -> None:
    env = make_mira("Longcontext")
    observation, _ = env.reset()
    assert Observation.parse(observation).section == (
        "[2024-01-01]\nMira: I live in Porto.\nBen: I adopted a cat called Olive.\n\n"
        "[2024-02-01]\nMira: I moved to Lisbon.\nBen: The weather is fine."
    )


def test_an_oversized_memory_is_cut_and_flagged(make: Any) -> None:
    env = make(memory_tokens=2)
    env.reset()
    observation, _, _, _, info = env.step("123456789")
    assert info["overflow"] is True
    assert info["action_error"] == ""
    assert Observation.parse(observation).memory == "12345678"
    assert env.step("12345678")[4]["overflow"] is False
    words = make(memory_tokens=2, counter="words")
    words.reset()
    observation, *_ = words.step("one two three")
    assert Observation.parse(observation).memory == "one two "


def test_an_empty_memory_is_a_memory(make: Any) -> None:
    env = make()
    env.reset()
    env.step("old")
    observation, reward, _, _, _ = env.step("")
    assert Observation.parse(observation).memory == ""
    assert reward == 0.1


@pytest.mark.parametrize("bad", [None, 5, b"x", ["x"], "\ud800", "x" * 1_000_001], ids=repr)
def test_a_bad_memory_leaves_the_old_one(make: Any, bad: object) -> None:
    env = make()
    env.reset()
    env.step("old")
    observation, reward, _, _, info = env.step(bad)
    assert Observation.parse(observation).memory == "old"
    assert Observation.parse(observation).section == SECTIONS[2]  # the text moves on
    assert reward == 0.0
    assert info["rewards"]["format"] == 0.0
    assert info["action_error"]


@pytest.mark.parametrize(
    ("answer_format", "good", "bad"),
    [
        ("plain", " Lisbon ", " \n"),
        ("boxed", "is \\boxed{Lisbon}", "Lisbon"),
        ("json", '{"answer": "Lisbon"}', "Lisbon"),
    ],
)
def test_answer_formats(make: Any, answer_format: str, good: str, bad: str) -> None:
    env = make(answer_format=answer_format, instructions=True)
    env.reset()
    for _ in SECTIONS:
        observation, *_ = env.step("x")
    parsed = Observation.parse(observation)
    assert parsed.first("question").attributes["format"] == answer_format
    assert {"plain": "answer alone", "boxed": "\\boxed{}", "json": '"cited_ids"'}[answer_format] in parsed.task
    _, reward, _, _, info = env.step(good)
    assert (info["rewards"]["answer"], reward) == (1.0, 1.1)
    _, reward, done, _, info = env.step(bad)
    assert (info["rewards"]["answer"], info["rewards"]["format"], reward, done) == (0.0, 0.0, 0.0, True)
    assert info["answers"][0]["answer"] == ""
    assert set(info["answers"][0]["scores"].values()) == {0.0}


def test_weights_make_the_reward(make: Any) -> None:
    weights = {"answer": 1, "format": 0.3, "token_cost": -0.7, "memory_recall": 0.11, "compression": 0.2}
    env, policy = make(reward_weights=weights), PhasePolicy()
    observation, _ = env.reset()
    done = False
    while not done:
        observation, reward, done, _, info = env.step(policy.act(observation))
        assert reward == math.fsum(weight * info["rewards"][name] for name, weight in weights.items())
    silent = make(reward_weights={})
    silent.reset()
    assert silent.step("x")[1] == 0.0


class Operators(PhasePolicy):
    """Plays what the environment would, through the agent's door."""

    def __init__(self, memorizer: Any, reader: Any):
        self.read, self.answer = memorizer, reader


def episode(env: gym.Env, policy: PhasePolicy, index: int) -> tuple[str, list[Any]]:
    observation, _ = env.reset(options={"index": index})
    answers, done = [], False
    while not done:
        observation, _, done, _, info = env.step(policy.act(observation))
        assert not info["operator_errors"]
        answers += info["answers"]
    return env.unwrapped.memory, answers


@pytest.mark.parametrize("memorizer", [first, recent, lexical], ids=lambda operator: operator.__name__)
@pytest.mark.parametrize("reader", [supported, extractive], ids=lambda operator: operator.__name__)
def test_who_plays_a_phase_makes_no_difference(memorizer: Any, reader: Any) -> None:
    names = {"memorizer": memorizer.__name__, "reader": reader.__name__, "reveal_gold": reader is supported}
    sizes = {"length": 2000, "questions": 3, "section_tokens": 500, "memory_tokens": 100}
    environments = [gym.make("memgym/Longcontext-v1", **names, **sizes, phases=p) for p in (None, ["read"], ["answer"])]
    policy = Operators(memorizer, reader)
    for index in range(2):
        whole, *parts = (episode(env, policy, index) for env in environments)
        assert whole[0]
        assert parts == [whole, whole]


def test_the_question_can_be_hidden_while_reading(make: Any) -> None:
    env = make(show_question=False, instructions=True)
    observation, _ = env.reset()
    parsed = Observation.parse(observation)
    assert parsed.question == ""
    assert "Questions about the text follow" in parsed.task
    for _ in SECTIONS:
        observation, *_ = env.step("x")
    assert Observation.parse(observation).question == "Where is Mira?"


def test_the_gold_channel(make: Any) -> None:
    env = make(reveal_gold=True)
    observation, _ = env.reset()
    gold = json.loads(Observation.parse(observation).first("gold").text)
    assert [question["answers"] for question in gold["questions"]] == [["Lisbon"], ["Olive"]]
    for _ in SECTIONS:
        observation, *_ = env.step("x")
    assert json.loads(Observation.parse(observation).first("gold").text)["answers"] == ["Lisbon"]
    assert "<gold>" not in make().reset()[0]


def test_one_counter_measures_text_and_memory() -> None:
    env = gym.make("memgym/Longcontext-v1", task="multihop", length=2000, counter="words").unwrapped
    env.reset(seed=0)
    assert env.counter.count(env.episode.text()) == pytest.approx(2000, rel=0.02)


def test_rendering(make: Any) -> None:
    env = make(render_mode="ansi")
    env.reset()
    picture = env.render()
    assert all(part in picture for part in ("episode pages", "phase: read", "Where is Mira?", SECTIONS[0]))
    env.step(None)
    assert "! the last action was bad: an action must be a string, not NoneType" in env.render()
    for action in ("x", "x", "Lisbon", "Olive"):
        env.step(action)
    picture = env.render()
    assert "the episode is over" in picture
    assert "answer 1.00" in picture
    plain = make().unwrapped
    plain.reset()
    with pytest.warns(UserWarning, match="render_mode='ansi'"):
        assert plain.render() is None


def test_the_documentation_lists_every_reward_phase_and_argument() -> None:
    page = inspect.getdoc(LongcontextEnv)
    for name in (*LongcontextEnv.reward_names, *LongcontextEnv.all_phases):
        assert f"| `{name}` |" in page
    own, shared = (inspect.signature(cls).parameters.values() for cls in (LongcontextEnv, MemoryEnv))
    for parameter in (*own, *shared):
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and parameter.name != "operators":
            assert f"\n    {parameter.name}: " in page


@pytest.mark.parametrize("counter", ["chars", "words"])
@pytest.mark.parametrize("sign", ["\u200b", "\u0301", "\ue000", "\U000f1234", "\u2009", "\t", "é", "里", "_"])
def test_no_sign_makes_the_memory_larger(make: Any, counter: str, sign: str) -> None:
    env = make(counter=counter)
    env.reset()
    _, _, _, _, info = env.step(sign * 1000)
    assert info["overflow"]
    assert info["rewards"]["token_cost"] == 1.0
    assert len(env.unwrapped.memory.encode()) <= 6 * 10
    assert env.unwrapped.potentials()["compression"] <= 0.5
