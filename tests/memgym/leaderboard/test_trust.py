from __future__ import annotations

import pytest

from memgym.leaderboard import trust
from memgym.leaderboard.trust import STRICT, Trust, UntrustedError
from memgym.tasks import TASKS, task_class


@pytest.mark.parametrize("task", TASKS)
def test_every_argument_that_names_a_file_is_looked_up_in_the_readers_folder(task, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMGYM_DATA", str(tmp_path))
    for option in getattr(task_class(task), "path_options", ()):
        assert trust._argument(option, "/etc/passwd", STRICT) == str(tmp_path / "passwd")


@pytest.mark.parametrize("prompt", ["benchmark", "strict", "lenient", "rubric"])
def test_our_prompts_of_judges_are_no_code_of_others(prompt):
    judge = {"model": "grader", "prompt": prompt, "base_url": "http://elsewhere"}
    assert trust._argument("judge", judge, Trust(api=True)) == {"model": "grader", "prompt": prompt}
    asked = judge | {"request": {"omit": ["temperature"]}}
    assert trust._argument("judge", asked, Trust(api=True))["request"] == {"omit": ["temperature"]}
    with pytest.raises(UntrustedError):
        trust._argument("judge", judge | {"prompt": "os:environ"}, Trust(api=True))
