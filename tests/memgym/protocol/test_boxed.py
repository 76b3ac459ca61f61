r"""Answers in ``\boxed{}``, as models write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.errors import ActionError
from memgym.protocol.boxed import read_boxed, write_boxed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{\text{Paris}}", "Paris"),
        (r"\boxed{\textbf{Paris}}", "Paris"),
        (r"\boxed{\mathrm{Paris}}", "Paris"),
        (r"\boxed {Paris}", "Paris"),
        ("\\boxed\n{Paris}", "Paris"),
        (r"so \boxed Paris", "Paris"),
        (r"so $\boxed Paris$ it is", "Paris"),
        (r"\(\boxed Paris\) it is", "Paris"),
        (r"\boxed\text{Paris}", "Paris"),
        (r"\boxed{\$5}", "$5"),
        (r"\boxed{$5}", "$5"),
        (r"\boxed{$5$}", "5"),
        (r"\boxed{\(5\)}", "5"),
        (r"\boxed{50\%}", "50%"),
        (r"\boxed{a\_b \& c\#}", "a_b & c#"),
        (r"\boxed{ Paris\, }", "Paris"),
        (r"\boxed{\text{New York}\ }", "New York"),
        (r"\boxed{\text{New York\ }}", "New York"),
        (r"\boxed{$New\ York\ $}", "New York"),
        (r"\boxed{C:\}", "C:\\"),
        (r"\boxed{\text{New York},\ \text{NY}}", "New York, NY"),
        (r"\boxed{\text{Paris and }\textit{Rome}}", "Paris and Rome"),
        (r"\boxed{\textbf{\textit{Paris}}}", "Paris"),
        (r"\boxed{\boldsymbol{7{,}000}\;\mathrm{km}}", "7,000 km"),
        (r"\boxed{\left(1, 2\right)}", "(1, 2)"),
        (r"\boxed{New~York}", "New York"),
        (r"\boxed{~5 km}", "~5 km"),
        (r"\boxed{{Paris}}", "Paris"),
        (r"\boxed{\{1, 2\}}", "{1, 2}"),
        (r"\boxed{\{}", "{"),
        (r"\boxed{\text {Paris}}", "Paris"),
        (r"\boxed{\fbox{Paris}}", "Paris"),
        (r"\boxed{里斯本\text{。}}", "里斯本。"),
        # what is no dress stays
        (r"\boxed{C:\dir\}", "C:\\dir\\"),
        (r"\boxed{\alpha + \frac{1}{2}}", r"\alpha + \frac{1}{2}"),
        (r"\boxed{\texture}", r"\texture"),
        (r"\boxed{a \\ b}", r"a \\ b"),
        (r"\boxed{ {Lis}bon }", "{Lis}bon"),
        (r"First \boxed{Porto}, no: \boxed{\text{Lisbon}}. That is \boxed as asked", "Lisbon"),
    ],
)
def test_what_latex_shows(text: str, answer: str) -> None:
    assert read_boxed(text) == answer


@pytest.mark.parametrize(
    "text", ["Paris", r"\boxed", r"\boxed{Paris", r"\boxed{\text{Paris}", r"\boxedParis", r"\fbox{Paris}", ""]
)
def test_no_box(text: str) -> None:
    with pytest.raises(ActionError, match="boxed"):
        read_boxed(text)


def test_a_box_counts_wherever_it_stands() -> None:
    """As in MemAgent's evaluation; the last 300 characters are a rule of its training reward."""
    for box in (r"\boxed{\text{x}}", r"\boxed x" + "\n"):
        assert read_boxed(box + "and so on " * 100) == "x"


@settings(deadline=None, derandomize=True, max_examples=500)
@given(
    st.text(max_size=30) | st.lists(st.sampled_from([*"\\{}$~% ,a", "\\text", "\\(", "\\)"]), max_size=9).map("".join)
)
def test_what_is_written_is_read(text: str) -> None:
    assert read_boxed(write_boxed(text)) == text.strip()


def test_plain_answers_are_written_as_they_are() -> None:
    for text in ("Lisbon", "a {b}", "$5", "50%", "~5", "1\n2", "f(x)", "C:\\dir"):
        assert write_boxed(text) == f"\\boxed{{{text}}}"
