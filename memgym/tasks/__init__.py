"""Tasks: one file per task or data set, holding its config, generator or loader, and scorer together."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from memgym.errors import unknown
from memgym.tasks.base import Task

TASKS: dict[str, str] = {
    "2wiki": "memgym.tasks.twowiki:TwoWiki",
    "conflict": "memgym.tasks.conflict:Conflict",
    "curriculum": "memgym.tasks.curriculum:Curriculum",
    "custom": "memgym.tasks.custom:Custom",
    "hotpotqa": "memgym.tasks.hotpotqa:HotpotQA",
    "icl": "memgym.tasks.icl:Icl",
    "locomo": "memgym.tasks.locomo:LoCoMo",
    "longmemeval": "memgym.tasks.longmemeval:LongMemEval",
    "memagent": "memgym.tasks.memagent:MemAgent",
    "memfactory": "memgym.tasks.memfactory:MemFactory",
    "memoryagentbench": "memgym.tasks.memoryagentbench:MemoryAgentBench",
    "multihop": "memgym.tasks.multihop:Multihop",
    "musique": "memgym.tasks.musique:MuSiQue",
    "persona": "memgym.tasks.persona:Persona",
    "ruler": "memgym.tasks.ruler:Ruler",
    "ruler_jsonl": "memgym.tasks.ruler_jsonl:RulerJsonl",
    "whereabouts": "memgym.tasks.whereabouts:Whereabouts",
}
"""Task name to ``module:Class``. Modules are imported when first used."""


def task_class(name: str) -> type[Task]:
    """Return the class of the task called ``name``.

    Raises:
        ConfigError: there is no such task.
    """
    if not isinstance(name, str) or name not in TASKS:
        raise unknown("task", name, TASKS)
    module, _, cls = TASKS[name].partition(":")
    return getattr(import_module(module), cls)


def make_task(name: str, **options: Any) -> Task:
    """Create the task called ``name`` with its ``options`` (the fields of its ``Config``).

    Raises:
        ConfigError: the task or an option is unknown, or an option does not fit.
        DataError: a data file is missing or damaged.
    """
    return task_class(name)(**options)
