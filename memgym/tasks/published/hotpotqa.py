"""HotpotQA, distractor setting."""

from __future__ import annotations

from typing import Any

from memgym.tasks.published.documents import DocumentTask, Item, hotpot_item


class HotpotQA(DocumentTask):
    """Two-hop questions over ten paragraphs, two of them supporting (Yang et al. 2018, arXiv 1809.09600).

    Takes the official file, its form on the hub (``hf:hotpotqa/hotpot_qa:distractor:validation``), and the unified
    schema ``{id, question, answers[], paragraphs[{title, text}], supporting_titles[], type}``. ``Question.category`` is
    ``bridge`` or ``comparison``. See :class:`~memgym.tasks.published.documents.DocumentsConfig` for padding with
    distractors.
    """

    name = "hotpotqa"
    source = "HotpotQA, distractor setting (Yang et al. 2018, arXiv 1809.09600)"
    layout = "HotpotQA {question, answer, context, supporting_facts} or {question, answers, paragraphs, ...}"

    def official(self, row: dict[str, Any], where: str) -> Item:
        """Return the item of an official row; sentences bring their spaces with them."""
        return hotpot_item(row, where, between="")
