"""Tasks: one file per task or data set, holding its config, generator or loader, and scorer together.

``procedural`` tasks generate their episodes, ``published`` ones read the files of benchmarks; several procedural tasks
tell of the same invented ``world``. A task of your own needs no place here: see :class:`~memgym.tasks.base.Task`.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from memgym.errors import ConfigError
from memgym.resolve import resolve_class
from memgym.tasks.base import Task
from memgym.tasks.contract import check_class
from memgym.tasks.procedural.base import ProceduralConfig, ProceduralTask
from memgym.tasks.published.base import FileConfig, FileTask

__all__ = [
    "TASKS",
    "FileConfig",
    "FileTask",
    "ProceduralConfig",
    "ProceduralTask",
    "Task",
    "make_task",
    "task_class",
    "tasks_in",
]

TASKS: dict[str, str] = {
    "2wiki": "memgym.tasks.published.twowiki:TwoWiki",
    "ama_bench": "memgym.tasks.published.ama_bench:AmaBench",
    "beam": "memgym.tasks.published.beam:Beam",
    "conflict": "memgym.tasks.procedural.conflict:Conflict",
    "curriculum": "memgym.tasks.curriculum:Curriculum",
    "custom": "memgym.tasks.published.custom:Custom",
    "halumem": "memgym.tasks.published.halumem:HaluMem",
    "hotpotqa": "memgym.tasks.published.hotpotqa:HotpotQA",
    "icl": "memgym.tasks.procedural.icl:Icl",
    "lifecycle": "memgym.tasks.procedural.lifecycle:Lifecycle",
    "locomo": "memgym.tasks.published.locomo:LoCoMo",
    "longmemeval": "memgym.tasks.published.longmemeval:LongMemEval",
    "longmemeval_v2": "memgym.tasks.published.longmemeval_v2:LongMemEvalV2",
    "memagent": "memgym.tasks.published.memagent:MemAgent",
    "memfactory": "memgym.tasks.published.memfactory:MemFactory",
    "memoryagentbench": "memgym.tasks.published.memoryagentbench:MemoryAgentBench",
    "mrcr": "memgym.tasks.published.mrcr:Mrcr",
    "multihop": "memgym.tasks.procedural.multihop:Multihop",
    "musique": "memgym.tasks.published.musique:MuSiQue",
    "persona": "memgym.tasks.procedural.persona:Persona",
    "personamem": "memgym.tasks.published.personamem:PersonaMem",
    "preference": "memgym.tasks.procedural.preference:Preference",
    "previously": "memgym.tasks.procedural.ladder:Previously",
    "recall": "memgym.tasks.procedural.ladder:Recall",
    "ruler": "memgym.tasks.procedural.ruler:Ruler",
    "ruler2": "memgym.tasks.procedural.ruler2:Ruler2",
    "ruler2_jsonl": "memgym.tasks.published.ruler2_jsonl:Ruler2Jsonl",
    "ruler_jsonl": "memgym.tasks.published.ruler_jsonl:RulerJsonl",
    "trajectory": "memgym.tasks.procedural.trajectory:Trajectory",
    "whereabouts": "memgym.tasks.procedural.whereabouts:Whereabouts",
}
"""Task name to ``module:Class``. Modules are imported when first used."""


def task_class(name: str) -> type[Task]:
    """Return the class of a task.

    Args:
        name: of one of memgym's tasks, or anyone's as ``module:Class``.

    Raises:
        ConfigError: there is no such task, or the class does not keep the contract of :class:`Task`.
    """
    cls: type[Task] = resolve_class("task", name, Task, TASKS)
    check_class(cls, TASKS)
    return cls


def tasks_in(module: str) -> dict[str, type[Task]]:
    """Return the tasks of a module or package: name (``module:Class``) to class.

    These are the public names there of concrete subclasses of :class:`Task` that are defined in it, or in a module of
    that package.

    Raises:
        ConfigError: it cannot be imported, has no task, or one does not keep the contract.
    """
    try:
        found = vars(import_module(module))
    except (ImportError, ValueError, TypeError) as error:  # ValueError: an empty name; TypeError: a relative one
        raise ConfigError(f"cannot load the tasks of module {module!r}: {error}") from error
    classes = {
        f"{module}:{name}": thing
        for name, thing in sorted(found.items())
        if isinstance(thing, type)
        and issubclass(thing, Task)
        and not inspect.isabstract(thing)
        and f"{thing.__module__}.".startswith(f"{module}.")
        and not name.startswith("_")
    }
    if not classes:
        raise ConfigError(f"module {module!r} defines no task: no concrete subclass of memgym.tasks.Task")
    for cls in classes.values():
        check_class(cls, TASKS)
    return classes


def make_task(name: str, **options: Any) -> Task:
    """Create a task with its ``options`` (the fields of its ``Config``).

    Args:
        name: of one of memgym's tasks, or anyone's as ``module:Class``.

    Raises:
        ConfigError: the task or an option is unknown, or an option does not fit.
        DataError: a data file is missing or damaged.
    """
    return task_class(name)(**options)
