from __future__ import annotations

import numpy as np
import pytest

from memgym.checks import check_choice, check_flag, check_int, check_number
from memgym.errors import ConfigError


def test_what_fits_is_returned():
    assert check_int("n", 3, 1) == 3
    assert check_int("n", np.int64(3), 1, 3) == 3
    assert check_int("n", None, 1, optional=True) is None
    assert check_number("x", 0, 0, 1) == 0
    assert check_flag("f", False) is False
    assert check_choice("c", None, (None, "ansi")) is None


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        (check_int, (True, 0), "argument 'x' must be an int of at least 0, not True"),
        (check_int, ("3", 0), "not '3'"),
        (check_int, (2.0, 0), "not 2.0"),
        (check_int, (None, 0), "not None"),
        (check_int, (4, 1, 3), "an int from 1 to 3, not 4"),
        (check_number, (True,), "must be a number, not True"),
        (check_number, (float("nan"),), "must be a number, not nan"),
        (check_number, (float("inf"), 0), "a number of at least 0, not inf"),
        (check_number, (2, 0, 1), "a number of at least 0 and of at most 1, not 2"),
        (check_flag, ("False",), "must be True or False, not 'False'"),
        (check_flag, (1,), "not 1"),
        (check_choice, ("plian", ("plain", "boxed")), "Did you mean 'plain'"),
        (check_choice, ([], {"plain"}), r"unknown value of argument 'x': \[\]"),
    ],
)
def test_what_does_not_is_named_with_the_mend(check, arguments, message):
    with pytest.raises(ConfigError, match=message):
        check("x", *arguments)


def test_above_leaves_out_the_bound_itself():
    assert check_number("t", 0.1, 0, above=True) == 0.1
    with pytest.raises(ConfigError, match="a number above 0, not 0"):
        check_number("t", 0, 0, above=True)
