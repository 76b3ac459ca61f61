"""BEAM as its repository has it: folders of chats, each a row like those on the hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from memgym.data.mapping import map_content
from memgym.data.rows import Rows, sha256
from memgym.errors import DataError
from memgym.folders import locate

QUESTIONS = "probing_questions/probing_questions.json"
CHATS = ("chat_trunecated.json", "chat.json")
"""The chat's file; the first that is there, as BEAM's own script has it (and spells it)."""
_UNITS = {"": 1, "K": 1_000, "M": 1_000_000}


class ChatFolder(Rows):
    """The chats below a folder: of the benchmark, of one size of it, or of one chat.

    A chat is a folder with ``probing_questions/probing_questions.json`` and ``chat.json``, or with
    ``plan-0/chat.json``, ``plan-1/chat.json`` and so on; each file plain or .gz. Its row is ``{conversation_id, chat,
    probing_questions}``, with an id such as ``100K-1``. Chats are in the order of their sizes and numbers.

    Args:
        name: the folder, as it was given.

    Raises:
        DataError: no chat is below it.
    """

    def __init__(self, name: str):
        folder = Path(os.path.abspath(locate(Path(name))))
        super().__init__(name, str(folder))
        found = {path.parent.parent for path in (*folder.rglob(QUESTIONS), *folder.rglob(f"{QUESTIONS}.gz"))}
        self._folders = sorted(found, key=lambda chat: [*map(_natural, chat.relative_to(folder).parts)])
        if not self._folders:
            raise DataError(f"{name} holds no chat of BEAM: no folder in it has {QUESTIONS}")
        self._files = [(_chat_files(chat), _packed(chat / QUESTIONS)) for chat in self._folders]

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.source, self.name, self.digest)

    def __len__(self) -> int:
        return len(self._folders)

    def __getitem__(self, index: int) -> dict[str, Any]:
        chats, questions = self._files[index]
        read = [_read_json(path) for path in chats]
        plans = [{f"plan-{number}": chat} for number, chat in enumerate(read, 1)]
        return {
            "conversation_id": self._id(index),
            "chat": plans if len(plans) > 1 else read[0],
            "probing_questions": _read_json(questions),
        }

    @cached_property
    def nbytes(self) -> int:
        """The size of the files as they lie."""
        return sum(path.stat().st_size for chats, questions in self._files for path in (*chats, questions))

    def where(self, index: int) -> str:
        """Return how error messages call a chat: by its folder."""
        return str(Path(self.name) / self._folders[index].relative_to(self.source))

    def _id(self, index: int) -> str:
        """Return the chat's number behind its size, or its folder's name where it lies in no folder of a size."""
        *_, size, number = self._folders[index].parts
        return f"{size}-{number}" if re.fullmatch(r"\d+[KM]", size) else number

    def _digest(self) -> str:
        total = hashlib.sha256()
        for index, (chats, questions) in enumerate(self._files):
            total.update(self._id(index).encode())
            for path in (*chats, questions):
                total.update(sha256(map_content(path)).encode())
        return total.hexdigest()


def _reopen(source: str, name: str, digest: str) -> ChatFolder:
    rows = ChatFolder(source)
    if rows.digest != digest:
        raise DataError(f"{source} is not what it was when it was pickled: bring its files back, or make the task anew")
    rows.name = name
    return rows


def _chat_files(folder: Path) -> Sequence[Path]:
    for name in CHATS:
        path = _packed(folder / name)
        if path.is_file():
            return [path]
    plans = sorted(folder.glob("plan-*"), key=lambda plan: _natural(plan.name))
    found = [chat[0] for plan in plans if plan.is_dir() and (chat := _chat_files(plan))]
    if not found:
        raise DataError(f"{folder} has {QUESTIONS}, but neither chat.json nor plan-*/chat.json; fetch them")
    return found


def _packed(path: Path) -> Path:
    """Return the file, or its packed form where only that is there."""
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.is_file() and not path.is_file() else path


def _natural(name: str) -> tuple[int, str]:
    """Return a key that puts 2 before 10, and 100K before 1M."""
    match = re.search(r"(\d+)([KM]?)$", name)
    return (int(match[1]) * _UNITS[match[2]], "") if match else (0, name)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(map_content(path)[:])
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is not valid JSON ({error}); is the file cut off?") from None
