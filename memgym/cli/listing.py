"""What ``memgym envs`` shows."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from memgym.leaderboard.suites import SUITES
from memgym.registration import ENVIRONMENTS
from memgym.tasks import TASKS, task_class


def listing() -> Group:
    """Return the tables of environments, tasks and suites."""
    environments = _table("environments", "id", "class", "arguments")
    for env_id, (entry_point, kwargs) in ENVIRONMENTS.items():
        environments.add_row(env_id, entry_point.rpartition(":")[2], _arguments(kwargs))
    tasks = _table("tasks (task=…)", "name", "what", "source")
    for name in sorted(TASKS):
        cls = task_class(name)
        tasks.add_row(name, (cls.__doc__ or "").strip().splitlines()[0], cls.source)
    suites = _table("suites (--suite …)", "name", "what", "entries", "episodes")
    for suite in SUITES.values():
        episodes = sum(entry.episodes * entry.trials for entry in suite.entries)
        suites.add_row(suite.name, suite.description, str(len(suite.entries)), str(episodes))
    return Group(environments, tasks, suites)


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    table.columns[0].no_wrap = True
    return table


def _arguments(kwargs: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in kwargs.items())
