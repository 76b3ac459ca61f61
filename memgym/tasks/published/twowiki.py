"""2WikiMultihopQA."""

from __future__ import annotations

import json
from typing import Any

from memgym.errors import DataError
from memgym.tasks.published.documents import DocumentTask, Item, hotpot_item


class TwoWiki(DocumentTask):
    """Questions over two to four of ten Wikipedia paragraphs (Ho et al. 2020, arXiv 2011.01060).

    Takes the official file, which has HotpotQA's schema, its forms on the hub (where ``context`` and
    ``supporting_facts`` may be JSON strings), and the unified schema of the task ``hotpotqa``.
    ``Question.category`` is ``comparison``, ``inference``, ``compositional`` or ``bridge_comparison``.
    """

    name = "2wiki"
    source = "2WikiMultihopQA (Ho et al. 2020, arXiv 2011.01060)"
    layout = "2WikiMultihopQA {question, answer, context, supporting_facts} or {question, answers, paragraphs, ...}"

    def official(self, row: dict[str, Any], where: str) -> Item:
        """Return the item of an official row; its sentences need a space between them."""
        packed = [field for field in ("context", "supporting_facts") if isinstance(row.get(field), str)]
        try:
            row = row | {field: json.loads(row[field]) for field in packed}
        except ValueError as error:
            raise DataError(f"{where}: a field of {packed} is not valid JSON ({error})") from None
        return hotpot_item(row, where, between=" ")
