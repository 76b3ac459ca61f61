"""2WikiMultihopQA."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from memgym.data.fields import is_blank, require
from memgym.data.files import read_rows
from memgym.data.hub import HUB_PREFIX
from memgym.errors import DataError
from memgym.folders import locate
from memgym.tasks.published.documents import DocumentsConfig, DocumentTask, Item, hotpot_item

ALIASES = "id_aliases.json"


@dataclass(frozen=True)
class TwoWikiConfig(DocumentsConfig):
    """How the documents of a question are arranged, and what else is right.

    Args:
        aliases: path of version 1.1's ``id_aliases.json``, rows ``{Q_id, aliases[], demonyms[]}``: the other names of
            what a row's ``answer_id`` stands for are right answers, too, as in the official script of that version.
            Empty for the file of that name beside ``path``, if it is there.
    """

    aliases: str = ""


class TwoWiki(DocumentTask):
    """Questions over two to four of ten Wikipedia paragraphs (Ho et al. 2020, arXiv 2011.01060).

    Takes the official file, which has HotpotQA's schema, its forms on the hub (where ``context`` and
    ``supporting_facts`` may be JSON strings), and the unified schema of the task ``hotpotqa``.
    ``Question.category`` is ``comparison``, ``inference``, ``compositional`` or ``bridge_comparison``. Rows of version
    1.1 have an ``answer_id``, by which ``aliases`` gives further right answers.
    """

    name = "2wiki"
    source = "2WikiMultihopQA (Ho et al. 2020, arXiv 2011.01060)"
    layout = "2WikiMultihopQA {question, answer, context, supporting_facts} or {question, answers, paragraphs, ...}"
    path_options = (*DocumentTask.path_options, "aliases")
    Config = TwoWikiConfig

    def files(self) -> dict[str, str]:
        """Return the files that the task reads, the aliases beside ``path`` among them."""
        found = super().files()
        beside = locate(Path(self.config.path)).parent / ALIASES
        if not found["aliases"] and not self.config.path.startswith(HUB_PREFIX) and beside.is_file():
            found["aliases"] = str(beside)
        return found

    def official(self, row: dict[str, Any], where: str) -> Item:
        """Return the item of an official row; its sentences need a space between them."""
        packed = [field for field in ("context", "supporting_facts") if isinstance(row.get(field), str)]
        try:
            row = row | {field: json.loads(row[field]) for field in packed}
        except ValueError as error:
            raise DataError(f"{where}: a field of {packed} is not valid JSON ({error})") from None
        item = hotpot_item(row, where, between=" ")
        return replace(item, answers=tuple(dict.fromkeys(item.answers + self._aliases.get(row.get("answer_id"), ()))))

    @cached_property
    def _aliases(self) -> dict[Any, tuple[str, ...]]:
        """The other names of things, by their ids."""
        path = self.files()["aliases"]
        if not path:
            return {}
        rows = read_rows(path)
        return {
            require(row, "Q_id", str, rows.where(number)): tuple(
                name
                for field in ("aliases", "demonyms")
                for name in require(row, field, list, rows.where(number))
                if isinstance(name, str) and not is_blank(name)
            )
            for number, row in enumerate(rows)
        }
