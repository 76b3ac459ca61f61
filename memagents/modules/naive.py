"""The plain modules: one prompt per phase of the memory bank (MemFactory, arXiv 2603.29493, section 3)."""

from __future__ import annotations

from memagents.modules.operator import Operator
from memagents.modules.text import TextModule
from memgym.protocol.actions import ACTION_SCHEMAS


class NaiveExtractor(TextModule):
    """Asks a model for the memories in a session.

    With the prompt ``extract`` it looks for facts; with ``extract_topics`` for summaries of topics and the turns that
    they rest on: RMM's prospective reflection (arXiv 2503.08026, section 5).
    """

    phases = ("extract",)
    default_prompt = "extract"
    schema = ACTION_SCHEMAS["extract"]


class NaiveUpdater(TextModule):
    """Asks a model which operations the bank needs (Memory-R1's manager, arXiv 2508.19828, section 3.1).

    With the prompt ``update_merge`` a candidate is added or merged into a neighbour, as in RMM.
    """

    phases = ("update",)
    default_prompt = "update"
    schema = ACTION_SCHEMAS["update"]


class NaiveRetriever(Operator):
    """Takes the memories as the bank's search by meaning ordered them; there is nothing to train."""

    phases = ("retrieve",)

    def __init__(self) -> None:
        super().__init__("top_k")


class RerankRetriever(TextModule):
    """Asks a reasoning model which of the retrieved memories help, and in which order."""

    phases = ("retrieve",)
    default_prompt = "rerank"
    schema = ACTION_SCHEMAS["retrieve"]
