"""Tasks from outside: found by ``module:Class``, checked when loaded, listed beside ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from textwrap import dedent

import gymnasium as gym
import pytest

from memgym.errors import ConfigError, DataError
from memgym.leaderboard.suites import ad_hoc_suite
from memgym.tasks import TASKS, FileTask, ProceduralTask, make_task, task_class, tasks_in

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Write a package of tasks outside the repository, and return the name of its module."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, *sources: str) -> str:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "tasks.py").write_text("\n".join(map(dedent, sources)))
        return f"{name}.tasks"

    return write


def example(cls: type) -> str:
    """Return the code of the example in a class's documentation."""
    _, _, rest = cleandoc(cls.__doc__ or "").partition("::\n\n")
    lines = []
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        lines.append(line)
    return dedent("\n".join(lines))


def test_the_procedural_example_of_the_documentation_plays(package):
    code = example(ProceduralTask)
    assert len([line for line in code.splitlines() if line]) <= 15
    module = package("lamps", code)
    for env_id in ("memgym/MemoryBank-v1", "memgym/Longcontext-v1"):
        env = gym.make(env_id, task=f"{module}:Lamp", seed=3)
        _, info = env.reset(options={"index": 2})
        assert info["episode_id"] == "lamp-train-2"
    task = make_task(f"{module}:Lamp", seed=3)
    assert task.episode("train", 2) == make_task(f"{module}:Lamp", seed=3).episode("train", 2)
    assert task.episode("train", 2) != make_task(f"{module}:Lamp").episode("train", 2)
    assert task.fingerprint() != make_task(f"{module}:Lamp").fingerprint()
    question = task.episode("test", 0).questions[0]
    assert task.score(question, question.answers[0])["answer"] == 1.0


def test_the_file_example_of_the_documentation_reads(package, tmp_path):
    code = example(FileTask)
    assert len([line for line in code.splitlines() if line]) <= 15
    name = f"{package('quizzes', code)}:Quiz"
    rows = [{"id": f"r{i}", "page": "Ana lives in Lisbon.", "question": "Where?", "answer": "Lisbon"} for i in range(9)]
    path = tmp_path / "quiz.json"
    path.write_text(json.dumps(rows))
    task = make_task(name, path=str(path))
    assert [task.episode("all", i).id for i in range(9)] == [row["id"] for row in rows]
    assert sum(task.size(split) for split in ("train", "validation", "test")) == 9
    path.write_text(json.dumps([{"id": "r0"}]))
    with pytest.raises(DataError, match=r"row 0: the field 'page' is missing.*Task 'quiz' reads rows of \{id, page"):
        make_task(name, path=str(path))


LAMP = example(ProceduralTask)


def test_tasks_of_ones_own_in_a_curriculum_and_in_the_name_of_a_suite(package):
    lamp = f"{package('staged', LAMP)}:Lamp"
    curriculum = make_task("curriculum", stages=[{"task": lamp, "episodes": 2}, {"task": "whereabouts"}])
    assert curriculum.episode("train", 1).id == "lamp-train-1"
    assert curriculum.episode("train", 2).id == "whereabouts-train-0"
    suite = ad_hoc_suite("memgym/Longcontext-v1", {"task": lamp}, "test", None, 1)
    assert (suite.name, suite.entries[0].name) == (f"Longcontext-v1 task={lamp}", "lamp")


def test_our_own_tasks_keep_the_contract_under_either_name():
    for name, entry_point in TASKS.items():
        assert task_class(name) is task_class(entry_point)
        assert task_class(name).name == name
        assert task_class(name).source


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name = 'lamp'", ""), r"task 'wrong_\w+\.tasks:Lamp': 'name' must be a text, e\.g\. name = 'lamp'"),
        (("'lamp'\n", "'persona'\n"), "'name' is 'persona', which is a task of memgym: give yours another"),
        (("name = 'lamp'", "name = 3"), "'name' must be a text"),
        (("name = 'lamp'", "name = 'lamp'; source = None"), "'source' must be a text"),
        (("name = 'lamp'", "name = 'lamp'; version = 'v1'"), "'version' must be an int"),
        (("name = 'lamp'", "name = 'lamp'; splits = ['train']"), "'splits' must be a tuple of names"),
        (("name = 'lamp'", "name = 'lamp'; default_split = 'all'"), "'default_split' must be one of"),
        (("name = 'lamp'", "name = 'lamp'; Config = dict"), "'Config' must be a frozen dataclass"),
        (("name = 'lamp'", "name = 'lamp'; Config = Loose"), "'Config' must be a frozen dataclass"),
        (("name = 'lamp'", "name = 'lamp'; Config = Other"), "'Config' must derive from ProceduralConfig"),
        (("def generate", "def generat"), r"is abstract: it lacks generate\(\)"),
        (("(ProceduralTask)", ""), "is not a subclass of memgym"),
    ],
)
def test_a_class_that_breaks_the_contract_is_told_in_one_line(package, change, message, tmp_path):
    code = LAMP.replace('"lamp"', "'lamp'")
    assert change[0] in code
    configs = """
        from dataclasses import dataclass

        @dataclass
        class Loose:
            seed: int = 0

        @dataclass(frozen=True)
        class Other:
            seed: int = 0
    """
    module = package(f"wrong_{tmp_path.name}", configs, code.replace(*change))
    with pytest.raises(ConfigError, match=message) as caught:
        make_task(f"{module}:Lamp")
    assert "\n" not in str(caught.value)


def test_mistakes_that_show_only_in_use_are_told(package):
    module = package("forgetful", LAMP.replace("return Episode", "Episode"))
    with pytest.raises(ConfigError, match="task 'lamp' made None where an Episode is due"):
        make_task(f"{module}:Lamp").episode("train", 0)
    with pytest.raises(ConfigError, match=r"unknown option 'sead' of task 'lamp'\. Did you mean 'seed'"):
        make_task(f"{module}:Lamp", sead=3)


def test_an_option_that_json_cannot_write_is_told(package):
    options = """
        from dataclasses import dataclass, field
        from memgym.tasks import ProceduralConfig

        @dataclass(frozen=True)
        class Options(ProceduralConfig):
            colours: set = field(default_factory=lambda: {"red"})
    """
    module = package("sets", options, LAMP.replace('name = "lamp"', 'name = "lamp"\n    Config = Options'))
    with pytest.raises(ConfigError, match="option of task 'lamp' is not JSON-able: Object of type set"):
        make_task(f"{module}:Lamp").fingerprint()


def test_the_tasks_of_a_module(package):
    more = """
        from memgym.tasks.procedural.persona import Persona  # not theirs

        class Base(ProceduralTask):
            name = "base"

        class Bulb(Lamp):
            name = "bulb"

        class _Hidden(Lamp):
            name = "hidden"
    """
    module = package("several", LAMP, more)
    assert list(tasks_in(module)) == [f"{module}:Bulb", f"{module}:Lamp"]
    assert tasks_in("memgym.tasks.procedural.persona").keys() == {"memgym.tasks.procedural.persona:Persona"}


def test_a_package_shows_the_tasks_of_its_modules(package, tmp_path):
    package("shown", LAMP)
    with pytest.raises(ConfigError, match="module 'shown' defines no task"):
        tasks_in("shown")
    (tmp_path / "shown2").mkdir()
    (tmp_path / "shown2" / "lamps.py").write_text(LAMP)
    (tmp_path / "shown2" / "__init__.py").write_text("from shown2.lamps import Lamp\n")
    assert list(tasks_in("shown2")) == ["shown2:Lamp"]
    assert make_task("shown2:Lamp").name == "lamp"


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("no_such_module_at_all", "cannot load the tasks of module 'no_such_module_at_all': No module named"),
        ("", "cannot load the tasks of module ''"),
        (".relative", "cannot load the tasks of module '.relative'"),
        ("statistics", "module 'statistics' defines no task"),
    ],
)
def test_a_module_without_tasks_is_told(module, message):
    with pytest.raises(ConfigError, match=message):
        tasks_in(module)
