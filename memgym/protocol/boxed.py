r"""The answer in a ``\boxed{}``: the last one of a text, freed of the LaTeX that models dress it in."""

from __future__ import annotations

import re

from memgym.errors import ActionError

_BOX = re.compile(r"\\boxed\s*(?=\{)")
_BARE_BOX = re.compile(r"\\boxed(?![a-zA-Z{])[ \t]*([^\n$]+)")
_FONT = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|sc|sl|md|up|normal)?|math(?:bf|it|rm|sf|tt|normal|bb|cal)|emph|underline|mbox|hbox|fbox|"
    r"boldsymbol|bm|operatorname\*?|boxed)\s*(?=\{)"
)
_NAMES = {r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textdollar{}": "$"}
_TOKEN = re.compile(
    r"(?P<kept>\\\\)"
    rf"|(?P<name>{'|'.join(map(re.escape, _NAMES))})"
    r"|\\(?P<sign>[$%&#_{}])"
    r"|(?P<space>\\(?:[,;:> ]|q?quad(?![a-zA-Z]))|(?<=\w)~(?=\w))"
    r"|(?P<comma>\{,\})"
    r"|(?P<nothing>\\!|\\(?:displaystyle|textstyle|left|right)(?![a-zA-Z])\s*)"
)
_MATH = ((r"\(", r"\)"), (r"\[", r"\]"), ("$$", "$$"), ("$", "$"))
_WRITTEN = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "{": r"\{", "}": r"\}", "$": r"\$"}


def read_boxed(text: str) -> str:
    r"""Return what stands in the last ``\boxed{}``; without one, behind the last ``\boxed`` up to a ``$`` or line end.

    Commands for fonts and spaces, escaped signs, and dollars or braces around the whole are read as LaTeX shows them.

    Raises:
        ActionError: there is none, or it is not closed.
    """
    boxes = list(_BOX.finditer(text))
    if boxes:
        begin = boxes[-1].end()
        end = _closing(text, begin, escapes=True)
        end = _closing(text, begin, escapes=False) if end < 0 else end
        if end < 0:
            raise ActionError("the last \\boxed{ is not closed")
        return _shown(text[begin + 1 : end])
    bare = list(_BARE_BOX.finditer(text))
    if not bare:
        raise ActionError("no \\boxed{} answer")
    return _shown(re.split(r"\\[)\]]", bare[-1][1])[0])


def write_boxed(text: str) -> str:
    r"""Return ``\boxed{text}``, with the signs that LaTeX would read otherwise written out."""
    plain = f"{{{text}}}"
    if _shown(text) != text.strip() or _closing(plain, 0, escapes=True) != len(plain) - 1:
        text = "".join(_WRITTEN.get(character, character) for character in text)
    return f"\\boxed{{{text}}}"


def _closing(text: str, start: int, *, escapes: bool) -> int:
    r"""Return where the brace at ``start`` is closed, or -1; with ``escapes``, ``\{`` and ``\}`` don't count."""
    depth, position = 0, start
    while position < len(text):
        if escapes and text[position] == "\\":
            position += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
        position += 1
    return -1


def _shown(text: str) -> str:
    """Return what LaTeX shows of an answer."""
    text = _unwrapped(_stripped(text))
    font = _FONT.search(text)
    while font:
        end = _closing(text, font.end(), escapes=True)
        inner = text[font.end() + 1 : end] if end > 0 else text[font.end() :]
        text = _unwrapped(_stripped(text[: font.start()] + inner + (text[end + 1 :] if end > 0 else "")))
        font = _FONT.search(text)
    return _TOKEN.sub(_token, text).strip()


def _stripped(text: str) -> str:
    r"""Return a text without white space at its ends, the command for a space (``\ ``) at its right end included."""
    return re.sub(r"(?<!\\)\\\s+$", "", text).strip()


def _token(match: re.Match[str]) -> str:
    if match["space"]:
        return " "
    if match["comma"]:
        return ","
    return match["kept"] or match["sign"] or _NAMES.get(match["name"] or "", "")


def _unwrapped(text: str) -> str:
    """Take braces and signs of mathematics off the ends, unless nothing would be left."""
    while True:
        inner = text
        if text.startswith("{") and _closing(text, 0, escapes=True) == len(text) - 1:
            inner = text[1:-1]
        for left, right in _MATH:
            if inner == text and len(text) > len(left + right) and text.startswith(left) and text.endswith(right):
                within = text[len(left) : -len(right)]
                inner = text if left in within or within.endswith("\\") else within
        inner = _stripped(inner)
        if inner in (text, ""):
            return text
        text = inner
