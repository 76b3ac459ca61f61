"""Tasks that read a published data file as it is."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

from memgym.data.fields import require, texts
from memgym.data.files import digest, read_rows
from memgym.data.rows import Rows
from memgym.episodes import Episode
from memgym.errors import ConfigError, DataError
from memgym.tasks.base import SPLITS, Task
from memgym.tasks.errata import Errata, Erratum

CHECKED_BYTES = 64 << 20
"""How much of a file is checked at construction; what lies beyond is checked when its episode is made."""


@dataclass(frozen=True)
class FileConfig:
    """What every file task is told.

    Args:
        path: the data file, or ``hf:ORG/NAME:CONFIG:SPLIT`` for a data set on the Hugging Face hub.
        errata: a file that mends gold answers: rows ``{id, answers[], question?}`` by the id of the question, with an
            empty list for a gold that is dropped. Answers are then scored by both golds, as ``answer`` and
            ``corrected``; episodes stay the same.
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
    """The options that name files: the fingerprint takes their content in place of the path, but for the errata."""
    Config: ClassVar[type] = FileConfig

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.rows = self.open_rows()
        share = CHECKED_BYTES / max(self.rows.nbytes, CHECKED_BYTES)
        for number in dict.fromkeys((*range(int(share * len(self.rows))), len(self.rows) - 1)):
            self._explained(self.check, number)
        if self.config.errata:
            self.errata = self._read_errata()

    def open_rows(self) -> Rows:
        """Return the rows of the task, opened; by default those of the file ``path``."""
        return read_rows(self.config.path)

    def erratum(self, row: dict[str, Any], where: str) -> Erratum | None:
        """Return what a row of the errata says; None where it mends no answer."""
        question_id = str(require(row, "id", (str, int), where))
        answers = texts(row, "answers", where) if require(row, "answers", list, where) else ()
        return Erratum(question_id, answers, require(row, "question", str, where) if "question" in row else None)

    def asked(self, number: int) -> dict[str, str]:
        """Return the questions of row ``number``, by their ids."""
        return {question.id: question.text for question in self.load(number).questions}

    def _read_errata(self) -> Errata:
        """Read the errata, and check each against the row that it is about."""
        rows = read_rows(self.config.errata)
        numbers = {self.row_id(self.rows[number], number): number for number in self._selected}
        answers: dict[str, tuple[str, ...]] = {}
        asked: dict[int, dict[str, str]] = {}
        elsewhere = 0
        for place in range(len(rows)):
            where = rows.where(place)
            try:
                erratum = self.erratum(rows[place], where)
            except DataError as error:
                raise DataError(f"{error}. Errata have rows {{id, answers[], question?}}") from None
            if erratum is None:
                continue
            name = erratum.question_id
            number = numbers.get(name, numbers.get(name.rpartition("-q")[0]))
            if number is None:
                elsewhere += 1
                continue
            if number not in asked:
                asked[number] = self.asked(number)
            if erratum.text is not None and asked[number].get(name, erratum.text) != erratum.text:
                raise DataError(f"{where}: question {name!r} of {self.rows.name} is {asked[number][name]!r:.80}")
            if name not in asked[number]:
                raise DataError(f"{where}: {self.rows.where(number)} has no question {name!r}")
            if name in answers:
                raise DataError(f"{where}: question {name!r} is mended twice")
            answers[name] = erratum.answers
        if not answers:
            raise DataError(f"{rows.name} mends no question of {self.rows.name}: name errata of this data set")
        return Errata(answers, rows.digest, elsewhere)

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the id of row ``number``: its ``id``, else its number."""
        return str(row.get("id", number))

    def group_id(self, row: dict[str, Any], number: int) -> str:
        """Return what assigns row ``number`` to a split, the same for rows that share their text; by default its id."""
        return self.row_id(row, number)

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
            parts[split_of(self.group_id(self.rows[number], number))].append(number)
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
        options = asdict(self.config) | self.files()
        for option in self.path_options:
            if options[option]:
                options[option] = self.rows.digest if option == "path" else digest(options[option])
        del options["errata"]  # no episode depends on it
        return self._hash(options)

    def files(self) -> dict[str, str]:
        """Return the files that the task reads, by the options that name them; ``""`` for none."""
        return {option: getattr(self.config, option) for option in self.path_options}

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
