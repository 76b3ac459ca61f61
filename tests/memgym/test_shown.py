"""What steers a terminal, or cannot be seen, is written as an escape; all else stays."""

from __future__ import annotations

import pytest

from memgym.shown import plain


@pytest.mark.parametrize(
    "text", ["", "core-v2", "Mira moved to Lisbon — é, 漢字, العربية, हिन्दी, 🙂", "<b>[red]x[/red]</b>", "a\\x1bb"]
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb\nc\td\x00\x7f", r"a\rb\nc\td\x00\x7f"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("co\u200bre\ufeff\u00ad", r"co\u200bre\ufeff\xad"),
        ("\ud800", r"\ud800"),
        ("\U000e0041\ue000\u2028", r"\U000e0041\ue000\u2028"),
    ],
)
def test_what_steers_or_hides_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert plain(shown) == shown


def test_line_ends_stay_where_they_are_wanted() -> None:
    assert plain("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"
    assert plain({"x": 1}) == "{'x': 1}"
