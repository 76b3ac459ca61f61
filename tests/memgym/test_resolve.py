from __future__ import annotations

import pytest

from memgym.errors import ConfigError
from memgym.policy import Policy
from memgym.resolve import check_name, resolve, resolve_class

KNOWN = {"mean": "statistics:mean", "here": len}


def test_ours_by_their_short_names_and_anyones_by_their_modules():
    import statistics

    assert resolve("function", "mean", KNOWN) is statistics.mean
    assert resolve("function", "here", KNOWN) is len
    assert resolve("function", "statistics:median", KNOWN) is statistics.median
    assert resolve("method", "pathlib:Path.exists").__name__ == "exists"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("maen", "unknown function 'maen'. Did you mean 'mean'\\?"),
        (None, "unknown function None"),
        (["mean"], r"unknown function \['mean'\]"),
        ("no_such_module_at_all:mean", "cannot load function 'no_such_module_at_all:mean' .*No module named"),
        ("statistics:meen", "unknown name in module statistics: 'meen'. Did you mean 'mean'"),
        (".relative:mean", "cannot load function"),
        (":mean", "cannot load function"),
        ("statistics:", "cannot load function"),
    ],
)
def test_what_cannot_be_found_is_named_with_the_nearest(name, message):
    with pytest.raises(ConfigError, match=message):
        resolve("function", name, KNOWN)


def test_the_form_is_checked_without_an_import():
    assert check_name("function", "no_such_module_at_all:x", KNOWN) == "no_such_module_at_all:x"
    with pytest.raises(ConfigError, match="Known: here, mean, module:Class"):
        check_name("function", "x", KNOWN)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("statistics:mean", "is not a subclass of memgym.Policy"),
        ("pathlib:Path", "is not a subclass"),
        ("memgym.policy:Policy", r"is abstract: it lacks act\(\)"),
    ],
)
def test_a_class_must_be_of_its_kind(name, message):
    with pytest.raises(ConfigError, match=message):
        resolve_class("policy", name, Policy)


def test_a_missing_extra_of_ours_is_no_wrong_name():
    with pytest.raises(ImportError, match="no_such_extra"):
        resolve("thing", "ours", {"ours": "no_such_extra:Thing"})
