"""Tasks that read a published data file as it is."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

from memgym.data.fields import require, texts
from memgym.data.files import digest, read_rows
from memgym.episodes import Episode
from memgym.errors import ConfigError, DataError
from memgym.tasks.base import SPLITS, Task

CHECKED_BYTES = 64 << 20
"""How much of a file is checked at construction; what lies beyond is checked when its episode is made."""


@dataclass(frozen=True)
class FileConfig:
    """What every file task is told.

    Args:
        path: the data file, or ``hf:ORG/NAME:CONFIG:SPLIT`` for a data set on the Hugging Face hub.
        errata: a file that mends gold answers: rows ``{id, answers[]}`` by the id of the question, without answers for
            a gold that is dropped. Answers are then scored by both, as ``answer`` and ``corrected``.
    """

    path: str
    errata: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise ConfigError(f"argument 'path' must name a data file, not {self.path!r}")


class FileTask(Task):
    """A task whose episodes are the rows of one file.

    The file is opened and indexed at construction, and its first 64 MB and its last row are checked. A published file
    is one set: split ``all`` (the default) is the whole file in its order. ``train``, ``validation`` and ``test``
    part it by a hash of the row's id, about 80 / 10 / 10, so that a row stays in its part when the file is re-ordered.

    A name and :meth:`load` make a task of a file whose rows have an ``id``, or whose rows stay in their order::

        from memgym.data.fields import require
        from memgym.episodes import Episode, Question, Section
        from memgym.tasks import FileTask

        class Quiz(FileTask):
            '''Questions on one page each.'''

            name = "quiz"
            layout = "{id, page, question, answer}"

            def load(self, key):
                row, where = self.rows[key], self.rows.where(key)
                page, asked, gold = (require(row, field, str, where) for field in ("page", "question", "answer"))
                question = Question(row["id"], asked, answers=(gold,))
                return Episode(row["id"], questions=(question,), sections=(Section("page", page),))

    Raises:
        DataError: the file is missing, empty, cut off, or not of the expected schema.
        MissingExtraError: the format needs the extra ``data``.
    """

    splits = ("all", *SPLITS)
    default_split = "all"
    layout: ClassVar[str] = ""
    """The fields that a row must have, for error messages."""
    path_options: ClassVar[tuple[str, ...]] = ("path", "errata")
    """The options that name files: the fingerprint takes their content in place of the path."""
    Config: ClassVar[type] = FileConfig

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.rows = read_rows(self.config.path)
        share = CHECKED_BYTES / max(self.rows.nbytes, CHECKED_BYTES)
        for number in dict.fromkeys((*range(int(share * len(self.rows))), len(self.rows) - 1)):
            self._explained(self.check, number)
        self._errata = self._read_errata()

    @property
    def errata(self) -> Mapping[str, tuple[str, ...]]:
        """Id of a question to its mended gold answers, none of them where the gold was dropped."""
        return self._errata

    def erratum(self, row: dict[str, Any], where: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the question of a row of the errata and its mended answers; None where the row mends none."""
        answers = require(row, "answers", list, where) if row.get("answers") else []
        return str(require(row, "id", (str, int), where)), texts(row, "answers", where) if answers else ()

    def _read_errata(self) -> dict[str, tuple[str, ...]]:
        if not self.config.errata:
            return {}
        rows = read_rows(self.config.errata)
        found = [self.erratum(row, rows.where(number)) for number, row in enumerate(rows)]
        return dict(mended for mended in found if mended is not None)

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the id of row ``number``, by which it is assigned to a split: its ``id``, else its number."""
        return str(row.get("id", number))

    @abstractmethod
    def load(self, key: Any) -> Episode:
        """Return the episode of an element of :meth:`keys`; for most tasks that is a row number."""

    def check(self, number: int) -> None:
        """Check row ``number`` against the schema; by default, by loading it."""
        self.load(number)

    def selected(self) -> Sequence[int]:
        """Return the numbers of the rows that are played; by default all."""
        return range(len(self.rows))

    @cached_property
    def _selected(self) -> Sequence[int]:
        return self.selected()

    @cached_property
    def _parts(self) -> dict[str, list[int]]:
        parts: dict[str, list[int]] = {split: [] for split in SPLITS}
        for number in self._selected:
            parts[split_of(self.row_id(self.rows[number], number))].append(number)
        return parts

    def keys(self, split: str) -> Sequence[Any]:
        """Return one key per episode of ``split``, from which :meth:`load` makes it."""
        return self._selected if split == "all" else self._explained(lambda: self._parts)[split]

    def size(self, split: str) -> int:
        """Return the number of episodes in ``split``."""
        return len(self.keys(split))

    def build(self, split: str, index: int) -> Episode:
        """Return episode ``index`` of ``split``."""
        return self._explained(self.load, self.keys(split)[index])

    def fingerprint(self) -> str:
        """Return a hash of the config and of the content of the files, wherever they lie and packed or not."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        options = asdict(self.config)
        for option in self.path_options:
            if options[option]:
                options[option] = self.rows.digest if option == "path" else digest(options[option])
        return self._hash(options)

    def _explained(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except DataError as error:
            expected = f". Task {self.name!r} reads rows of {self.layout}" if self.layout else ""
            raise DataError(f"{error}{expected}") from None


def split_of(row_id: str) -> str:
    """Return ``train`` (80 %), ``validation`` or ``test`` (10 % each) by the SHA-256 of ``row_id``."""
    tenth = int.from_bytes(hashlib.sha256(row_id.encode()).digest()[:8]) % 10
    return SPLITS[max(0, tenth - 7)]
