"""Demonstrations: what a teacher does, as rows of the student's modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch
from typer.testing import CliRunner

import baselines
from grpo.run_folder import RunFolder
from memagents.agents import load_agent
from memagents.cli import app
from memagents.demonstrate import demonstrate
from memagents.modules import module_class
from memgym.errors import ConfigError
from memgym.policy import Policy, StochasticPolicy
from memgym.protocol.observation import Block, Observation

LONG = {"id": "memgym/Longcontext-v1", "task": "multihop", "length": 600, "section_tokens": 250}
READ_AND_ANSWER = {"read": {"status": "trained"}, "answer": {"status": "trained"}}


def make(arguments: dict[str, Any], **changes: Any) -> Any:
    arguments = {**arguments, **changes}
    return gym.make(arguments.pop("id"), **arguments).unwrapped


def student(scripted: Any, agent: str = "MemoryAgent", **modules: Any) -> Any:
    recipe = {"agent": agent, "modules": modules or READ_AND_ANSWER}
    return load_agent(recipe, backends={"main": scripted()})


def test_rows_are_the_students_prompts_and_the_teachers_actions(scripted: Any) -> None:
    agent, env = student(scripted), make(LONG, reveal_gold=True)
    rows = demonstrate(agent, env, baselines.Scribe(), [3, 4])
    backend = agent.learner.backend
    texts = [
        tuple(backend.decode(row[f"{part}_ids"][row[f"{part}_mask"]].tolist()) for part in ("prompt", "response"))
        for row in rows
    ]
    expected = []
    teacher = baselines.Scribe()
    for index in (3, 4):
        observation, done = env.reset(options={"index": index})[0], False
        while not done:
            seen, action = Observation.parse(observation), teacher.act(observation)
            module = agent.parts[seen.phase].module
            prompt = backend.decode(backend.encode(module.prompt(seen.without_gold())))
            expected.append((prompt, module.write(action, seen)))
            observation, _, done, _, _ = env.step(action)
    assert texts == expected
    assert not any("<gold" in prompt for prompt, _ in texts)
    assert "sampler_log_prob" not in rows
    assert rows["episode_id"].tolist() == sorted(rows["episode_id"].tolist())
    assert rows["reward"][-1] > 1  # the answer was right
    assert rows["turn_id"][0] == 0 < rows["turn_id"][1]


def test_only_trained_modules_learn(scripted: Any) -> None:
    rows = demonstrate(
        student(scripted, read={"status": "trained"}), make(LONG, reveal_gold=True), baselines.Scribe(), [0]
    )
    assert set(rows["phase_id"].tolist()) == {0}


@pytest.mark.parametrize("style", ["plain", "boxed", "distill", "cite"])
@pytest.mark.parametrize("form", ["plain", "boxed", "json"])
def test_what_an_answerer_writes_it_reads_back(style: str, form: str) -> None:
    memory = Block("memory", "Mira lives in Lisbon.", {"id": "m1"})
    question = Block("question", "Where does Mira live?", {"format": form})
    seen = Observation("answer", "", (question, memory))
    action = {"plain": "Lisbon", "boxed": "\\boxed{Lisbon}", "json": '{"answer": "Lisbon", "cited_ids": []}'}[form]
    answerer = module_class("Answerer")(style=style)
    assert answerer.parse(answerer.write(action, seen), seen) == action


def test_what_a_context_editor_writes_it_reads_back() -> None:
    blocks = [Block("candidate", f"new {i}", {"id": f"c{i}"}) for i in range(1, 4)]
    blocks += [Block("memory", f"old {i}", {"id": f"m{i}"}) for i in range(1, 4)]
    seen = Observation("update", "", tuple(blocks))
    plan = [
        {"id": "c1", "op": "ADD"},
        {"id": "c2", "op": "NOOP"},
        {"id": "m1", "op": "DELETE"},
        {"id": "m2", "op": "UPDATE", "value": "x"},
    ]
    editor = module_class("ContextEditor")()
    read = json.loads(editor.parse(editor.write(json.dumps({"operations": plan}), seen), seen))["operations"]
    assert {operation["id"]: operation["op"] for operation in read} == {
        "c1": "ADD", "c2": "NOOP", "c3": "NOOP", "m1": "DELETE", "m2": "UPDATE"
    }  # fmt: skip


def test_a_refused_action_is_an_error(scripted: Any) -> None:
    class Mute(Policy):
        def act(self, observation: str) -> str:
            return "" if "<phase>answer" in observation else "x"

    with pytest.raises(ConfigError, match="phase answer is refused"):
        demonstrate(student(scripted), make(LONG), Mute(), [0])


def test_a_teacher_that_draws_shows_the_same_in_an_episode_whatever_is_played_beside_it(scripted: Any) -> None:
    class Dice(StochasticPolicy):
        def act(self, observation: str, seed: int = 0) -> str:
            return str(seed)

    def said(indices: list[int], seed: int = 0) -> list[list[int]]:
        rows = demonstrate(student(scripted), make(LONG), Dice(), indices, seed)
        return [row["response_ids"][row["response_mask"]].tolist() for row in rows]

    together = said([3, 4])
    assert said([3]) + said([4]) == together
    assert len(set(map(tuple, together))) == len(together)
    assert said([3, 4], seed=1) != together


def test_nothing_to_learn_is_an_error(scripted: Any) -> None:
    agent = student(scripted, "MemoryR1Agent", update={"status": "trained"})
    with pytest.raises(ConfigError, match="no phase that a trained module plays"):
        demonstrate(agent, make(LONG), baselines.Recency(), [0])
    frozen = load_agent({"agent": "MemoryAgent"}, backends={"main": scripted()})
    with pytest.raises(ConfigError, match="trains nothing"):
        demonstrate(frozen, make(LONG), baselines.Recency(), [0])


def test_the_scribe_writes_only_what_it_has_read() -> None:
    env = make(LONG, reveal_gold=True)
    kept = 0
    for index in range(8):
        observation, done, read = env.reset(options={"index": index})[0], False, ""
        while not done:
            seen = Observation.parse(observation)
            action = baselines.Scribe().act(observation)
            if seen.phase == "read":
                read += seen.section + "\n"
                for line in action.splitlines():
                    assert all(word.rstrip(":") in read for word in line.split())
            kept += seen.phase == "read" and len(action) > 0
            observation, _, done, _, info = env.step(action)
        assert info["rewards"]["answer"] == 1
    assert kept


def test_a_language_model_imitates_by_the_command_line(model_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "imitation.toml"
    path.write_text(
        f"""
        agent = "MemoryAgent"
        [backends.tiny]
        kind = "transformers"
        model = '{model_dir}'
        [modules.read]
        status = "trained"
        max_tokens = 24
        [modules.answer]
        status = "trained"
        max_tokens = 24
        [env]
        id = "memgym/Longcontext-v1"
        task = "multihop"
        length = 500
        section_tokens = 250
        [teacher]
        episodes = 6
        rows = 8
        [train]
        out_dir = '{tmp_path / "run"}'
        iterations = 12
        lr = 2e-2
        """
    )
    result = CliRunner().invoke(app, ["train", str(path)])
    assert result.exit_code == 0, result.output
    losses = [record["loss"] for record in RunFolder(tmp_path / "run").metrics()]
    assert losses[-1] < 0.8 * losses[0]
    assert (tmp_path / "run" / "model" / "config.json").is_file()
    wrong = CliRunner().invoke(app, ["train", str(path), f"out_dir={tmp_path / 'b'}", "teacher.policy=baselines:None_"])
    assert wrong.exit_code != 0
    assert "cannot load policy" in wrong.output
    unknown = CliRunner().invoke(app, ["train", str(path), "teacher.rounds=3"])
    assert "rounds" in unknown.output
    assert "rows" in unknown.output


def test_a_reranker_imitates() -> None:
    recipe = {
        "agent": "MemoryRMMAgent",
        "modules": {
            "retrieve": {"module": "LinearReranker", "status": "trained", "picks": 3},
            **{
                phase: {"module": "Operator", "name": name}
                for phase, name in (("extract", "verbatim"), ("update", "add_all"), ("answer", "extractive"))
            },
            "read": {"module": "Operator", "name": "recent"},
        },
    }
    agent = load_agent(recipe)
    env = make({"id": "memgym/RMMReranker-v1", "task": "persona", "difficulty": "easy"}, reveal_gold=True)
    rows = demonstrate(agent, env, baselines.Oracle(), range(4))
    module = agent.learner.module
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)

    def likelihood() -> torch.Tensor:
        return module.log_probs(rows)[0][rows["response_mask"]].mean()

    before = likelihood().item()
    for _ in range(20):
        optimizer.zero_grad()
        (-likelihood()).backward()
        optimizer.step()
    assert likelihood().item() > before + 0.3
