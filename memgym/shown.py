"""How text that others wrote is shown: the one function through which it goes before a terminal or a page."""

from __future__ import annotations

from unicodedata import category

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of signs that steer a terminal or cannot be seen: control and format characters (those that turn
the direction of writing among them), halves of surrogate pairs, private and unassigned ones, line separators."""


def plain(text: object, *, lines: bool = False) -> str:
    """Return a text in which every sign stands for itself: what steers or cannot be seen is written as an escape.

    Colours of a terminal and signs that turn the direction of writing become letters such as ``\\x1b[31m`` and
    ``\\u202e``. Marks of HTML are left: a page writes text as text, by its template.

    Args:
        text: anyone's; what is no string is shown as ``str`` has it.
        lines: whether line ends and tabs stay.
    """
    written = str(text)
    if written.isascii() and written.isprintable():  # nearly all
        return written
    return "".join(_sign(sign, lines) for sign in written)


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many signs, and how many more there are."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more)"


def _sign(sign: str, lines: bool) -> str:
    if category(sign) not in _UNSEEN or (lines and sign in "\n\t"):
        return sign
    return sign.encode("unicode_escape").decode()
