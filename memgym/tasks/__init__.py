"""Tasks: one file per task or data set, holding its config, generator or loader, and scorer together."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from memgym.errors import unknown
from memgym.tasks.base import Task

TASKS: dict[str, str] = {
    "2wiki": "memgym.tasks.published.twowiki:TwoWiki",
    "conflict": "memgym.tasks.procedural.conflict:Conflict",
    "curriculum": "memgym.tasks.curriculum:Curriculum",
    "custom": "memgym.tasks.published.custom:Custom",
    "hotpotqa": "memgym.tasks.published.hotpotqa:HotpotQA",
    "icl": "memgym.tasks.procedural.icl:Icl",
    "locomo": "memgym.tasks.published.locomo:LoCoMo",
    "longmemeval": "memgym.tasks.published.longmemeval:LongMemEval",
    "memagent": "memgym.tasks.published.memagent:MemAgent",
    "memfactory": "memgym.tasks.published.memfactory:MemFactory",
    "memoryagentbench": "memgym.tasks.published.memoryagentbench:MemoryAgentBench",
    "multihop": "memgym.tasks.procedural.multihop:Multihop",
    "musique": "memgym.tasks.published.musique:MuSiQue",
    "persona": "memgym.tasks.procedural.persona:Persona",
    "ruler": "memgym.tasks.procedural.ruler:Ruler",
    "ruler_jsonl": "memgym.tasks.published.ruler_jsonl:RulerJsonl",
    "whereabouts": "memgym.tasks.procedural.whereabouts:Whereabouts",
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
