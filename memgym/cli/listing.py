"""What ``memgym envs`` shows."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from memgym.leaderboard.suites import SUITES
from memgym.registration import ENVIRONMENTS
from memgym.tasks import TASKS, task_class, tasks_in


def listing(modules: Sequence[str] = ()) -> tuple[Table, Table, Table]:
    """Return the tables of environments, tasks and suites.

    Args:
        modules: whose tasks are listed below ours.

    Raises:
        ConfigError: a module cannot be imported, has no task, or one that does not keep the contract.
    """
    environments = _table("environments", "id", "class", "arguments")
    for env_id, (entry_point, kwargs) in ENVIRONMENTS.items():
        environments.add_row(env_id, entry_point.rpartition(":")[2], _arguments(kwargs))
    tasks = _table("tasks (task=…)", "name", "what", "source")
    found = {name: task_class(name) for name in sorted(TASKS)}
    for module in modules:
        found |= tasks_in(module)
    for name, cls in found.items():
        first_line, *_ = (inspect.cleandoc(cls.__doc__ or "") or "–").splitlines()
        tasks.add_row(*map(Text, (name, first_line, cls.source)))
    suites = _table("suites (--suite …)", "name", "what", "entries", "episodes")
    for suite in SUITES.values():
        episodes = sum(entry.episodes * entry.trials for entry in suite.entries)
        suites.add_row(suite.name, suite.description, str(len(suite.entries)), str(episodes))
    return environments, tasks, suites


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    table.columns[0].no_wrap = True
    return table


def _arguments(kwargs: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in kwargs.items())
