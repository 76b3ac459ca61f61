from __future__ import annotations

import pytest

from memgym.errors import DataError
from memgym.leaderboard import trust
from memgym.leaderboard.trust import STRICT, Trust, UntrustedError
from memgym.tasks import TASKS, task_class


@pytest.mark.parametrize("task", TASKS)
def test_every_argument_that_names_a_file_is_looked_up_in_the_readers_folder(task, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMGYM_DATA", str(tmp_path))
    for option in getattr(task_class(task), "path_options", ()):
        assert trust._argument(option, "/etc/passwd", STRICT) == str(tmp_path / "passwd")


@pytest.mark.parametrize("folder", [".", "hf:org", "data"])
def test_no_name_of_a_file_is_taken_for_anything_else(folder, tmp_path, monkeypatch):
    """A path from the root has no beginning that means a hub, a host or an endpoint, whatever the folder is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMGYM_DATA", folder)
    assert trust.data_file("a/api:b") == tmp_path / folder / "api:b"
    for name in ("hf:x", "a/hf:x", "a\\hf:x", "/hf:x", "hf:x/y"):
        with pytest.raises(DataError, match="is on a hub, which is not asked"):
            trust.data_file(name)


@pytest.mark.parametrize("prompt", ["benchmark", "strict", "lenient", "rubric"])
def test_our_prompts_of_judges_are_no_code_of_others(prompt):
    judge = {"model": "grader", "prompt": prompt, "base_url": "http://elsewhere"}
    assert trust._argument("judge", judge, Trust(api=True)) == {"model": "grader", "prompt": prompt}
    asked = judge | {"request": {"omit": ["temperature"]}}
    assert trust._argument("judge", asked, Trust(api=True))["request"] == {"omit": ["temperature"]}
    with pytest.raises(UntrustedError):
        trust._argument("judge", judge | {"prompt": "os:environ"}, Trust(api=True))
