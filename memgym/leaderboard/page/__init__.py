"""The leaderboard as one HTML page that needs nothing else: no server, no network, nothing to install.

Text of a result file gets into it as text only: the template escapes it, and the script reads the rest as JSON, which
it writes with ``textContent``. The page's policy admits no script but the three that are part of it, by their hashes,
and no request.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from memgym.errors import MissingExtraError
from memgym.leaderboard.board import Group
from memgym.leaderboard.page.content import Views, content
from memgym.shown import plain

SCRIPTS = ("vendor/d3.min.js", "vendor/plot.min.js", "page.js")
"""What the page runs: Observable Plot and D3 (ISC licence, see ``vendor/``) for the charts, and its own."""


def render_page(groups: Sequence[Group], views: Views, title: str = "memgym leaderboard") -> str:
    """Return the page.

    Args:
        groups: the board, see :func:`memgym.leaderboard.board.make_board`.
        views: what was replayed for it, and learning curves.
        title: its heading.

    Raises:
        MissingExtraError: Jinja is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise MissingExtraError("--html", "board") from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"three": _three, "short": _short, "percent": _percent, "plain": plain}
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": True, "sort_keys": False, "separators": (",", ":")}
    template = environment.from_string(_part("page.html.j2"))
    scripts = [_part(name) for name in SCRIPTS]
    return template.render(
        title=title,
        groups=groups,
        seen=[_seen(views, number, group) for number, group in enumerate(groups)],
        data=content(groups, views),
        style=_part("page.css"),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        licences=[_part(f"vendor/{name}.LICENSE") for name in ("d3", "plot")],
    )


def _seen(views: Views, number: int, group: Group) -> list[float | None]:
    """Return which share of the memory the answerer saw, by row; nothing if it is known of none."""
    shares = [
        views.rows[number, place].seen if (number, place) in views.rows else None for place in range(len(group.rows))
    ]
    return [] if all(share is None for share in shares) else shares


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _three(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(value: Any) -> str:
    return "–" if value is None else f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def _short(value: Any) -> str:
    """Return a number in at most four signs, or so."""
    if value is None:
        return "–"
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.1f}{sign}"
    return f"{value:.3g}"
