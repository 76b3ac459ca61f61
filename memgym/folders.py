"""Where files of the user's are looked up, and where ours are kept."""

from __future__ import annotations

import os
from pathlib import Path

DATA_FOLDER = "MEMGYM_DATA"
"""Environment variable: the folder in which relative paths are looked up, after the working directory."""
CACHE_FOLDER = "MEMGYM_CACHE"
"""Environment variable: the folder of what is fetched or worked out once, such as models and a judge's verdicts."""


def is_path(text: str) -> bool:
    """Return whether a text can only be meant as a path, by its form."""
    folder, name = os.path.split(text)
    return bool(folder) or name.endswith((".toml", ".json"))


def locate(path: Path) -> Path:
    """Return where a file is: a relative path that leads nowhere is looked up in the data folder."""
    folder = os.environ.get(DATA_FOLDER)
    return Path(folder) / path if folder and not path.exists() else path


def cache_folder() -> Path:
    """Return the folder that ``MEMGYM_CACHE`` names, else ``memgym`` in the user's cache folder."""
    named = os.environ.get(CACHE_FOLDER)
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "memgym"
