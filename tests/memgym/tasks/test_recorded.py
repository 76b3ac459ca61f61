"""Episodes keep their bytes: hashes of every task's episodes, and of what both environments show of them.

A hash may change only with the task's ``version`` (the fingerprints tell the old from the new); then
``python tests/memgym/tasks/test_recorded.py`` records anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

import memgym
from memgym.tasks import TASKS, make_task

RECORDED = Path(__file__).with_name("recorded.json")
LEVELS = ("easy", "medium", "hard")

PROCEDURAL = [
    *(("persona", {"difficulty": level}) for level in LEVELS),
    *(("multihop", {"difficulty": level}) for level in LEVELS),
    ("multihop", {"length": 8_000, "seed": 3}),
    *(("conflict", {"difficulty": level}) for level in LEVELS),
    *(("icl", {"difficulty": level}) for level in LEVELS),
    *(("trajectory", {"difficulty": level}) for level in LEVELS),
    *(("preference", {"difficulty": level}) for level in LEVELS),
    ("whereabouts", {}),
    *((name, {"difficulty": level}) for name in ("recall", "previously") for level in LEVELS),
    *(("lifecycle", {"difficulty": level}) for level in LEVELS),
    ("lifecycle", {"length": 8_000, "seed": 3}),
    *(
        ("ruler", {"subtask": subtask, "length": 4096})
        for subtask in (
            "niah_single_1 niah_single_2 niah_single_3 niah_multikey_1 niah_multikey_2 niah_multikey_3 "
            "niah_multivalue niah_multiquery vt cwe fwe"
        ).split()
    ),
    *(
        ("ruler2", {"subtask": f"{kind}_{level}", "length": 4096})
        for kind in ("mk_niah", "mv_niah", "qa")
        for level in ("basic", *LEVELS)
    ),
    ("curriculum", {"stages": [{"task": "persona", "difficulty": "easy", "episodes": 3}, {"task": "whereabouts"}]}),
]
DATA = [
    ("memagent", {"path": "eval_50.json.gz"}),
    ("memagent", {"path": "eval_fwe_16384.json.gz"}),
    ("hotpotqa", {"path": "hotpotqa_dev.jsonl.gz", "documents": 20}),
    ("hotpotqa", {"path": "hotpotqa_dev.jsonl.gz", "only": "eval_50.json.gz", "documents": 4}),
    ("musique", {"path": "musique_train_small.jsonl.gz"}),
    ("locomo", {"path": "locomo4.json.gz"}),
    ("longmemeval", {"path": "longmemeval_small.jsonl.gz"}),
    ("beam", {"path": "beam"}),
    ("ruler_jsonl", {"path": "eval_fwe_16384.json.gz"}),
    ("ruler", {"subtask": "qa_2", "length": 4096, "path": "hotpotqa_dev.jsonl.gz"}),
]
SHOWN = [
    ("memgym/Longcontext-v1", {"task": "multihop", "difficulty": "easy", "answer_format": "boxed"}),
    ("memgym/Longcontext-v1", {"task": "persona", "difficulty": "easy", "show_question": False, "counter": "words"}),
    ("memgym/MemoryBank-v1", {"task": "persona", "difficulty": "easy", "answer_format": "json", "memory_tokens": 400}),
    ("memgym/MemoryBank-v1", {"task": "conflict", "difficulty": "easy", "reveal_gold": True}),
    ("memgym/MemoryBank-v1", {"task": "icl", "difficulty": "easy", "updater": "deduplicate", "reader": "extractive"}),
    ("memgym/MemoryR1Manager-v1", {}),
    ("memgym/RMMReranker-v1", {}),
]


LATER = frozenset({"forgotten", "lures"})
"""Fields of episodes that came later: left out where they are empty, as in all that was recorded before."""
LATER_REWARDS = frozenset(
    "extraction_recall extraction_precision faithfulness update_accuracy freshness deletion".split()
)
"""The rewards that came later: what was recorded before has none of them."""


def plain(value: Any) -> Any:
    if is_dataclass(value):
        known = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: plain(held) for name, held in known.items() if held or name not in LATER}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def episodes(task: str, options: dict[str, Any]) -> str:
    made = make_task(task, **options)
    sizes = {split: made.size(split) for split in made.splits}
    indices = [(split, i) for split, n in sizes.items() for i in (0, 1, 7) if n is None or i < n]
    return digest([made.fingerprint(), sizes, [plain(made.episode(split, i)) for split, i in indices]])


def shown(env_id: str, kwargs: dict[str, Any]) -> str:
    env = gym.make(env_id, disable_env_checker=True, **kwargs)
    policy = memgym.PhasePolicy()
    log: list[Any] = []
    for index in (0, 5):
        observation, info = env.reset(options={"index": index})
        log += [observation, info["episode_id"]]
        done = False
        while not done:
            action = "not JSON" if len(log) % 7 == 0 else policy.act(observation)
            observation, reward, done, _, info = env.step(action)
            rewards = {name: value for name, value in info["rewards"].items() if name not in LATER_REWARDS}
            log += [observation, reward, rewards, info["action_error"], info["answers"], info["overflow"]]
    return digest(log)


def name_of(first: str, options: dict[str, Any]) -> str:
    return f"{first} {json.dumps(options, sort_keys=True)}"


@pytest.fixture(scope="module")
def recorded() -> dict[str, str]:
    return json.loads(RECORDED.read_text())


@pytest.mark.parametrize(("task", "options"), PROCEDURAL, ids=lambda value: str(value)[:60])
def test_procedural_episodes(recorded, task, options):
    assert episodes(task, options) == recorded[name_of(task, options)]


@pytest.mark.parametrize(("task", "options"), DATA, ids=lambda value: str(value)[:60])
def test_episodes_of_files(recorded, data_dir, monkeypatch, task, options):
    monkeypatch.setenv("MEMGYM_DATA", str(data_dir))
    assert episodes(task, options) == recorded[name_of(task, options)]


@pytest.mark.parametrize(("env_id", "kwargs"), SHOWN, ids=lambda value: str(value)[:60])
def test_what_environments_show(recorded, env_id, kwargs):
    assert shown(env_id, kwargs) == recorded[name_of(env_id, kwargs)]


def test_every_task_is_recorded_here_or_has_rows_of_its_own_in_its_test():
    with_rows = {
        "2wiki",
        "ama_bench",
        "custom",
        "halumem",
        "longmemeval_v2",
        "memfactory",
        "memoryagentbench",
        "mrcr",
        "personamem",
        "ruler2_jsonl",
    }
    assert {task for task, _ in PROCEDURAL + DATA} | with_rows == set(TASKS)


if __name__ == "__main__":
    os.environ.setdefault("MEMGYM_DATA", str(Path(__file__).parents[4] / "shared" / "data"))
    hashes = {name_of(*case): episodes(*case) for case in PROCEDURAL + DATA} | {
        name_of(*case): shown(*case) for case in SHOWN
    }
    RECORDED.write_text(json.dumps(hashes, indent=1) + "\n")
