"""Modules: each knows one phase, and any of them can stand in for another that plays the same phase."""

from __future__ import annotations

from memagents.modules.base import Call, Module, Request
from memgym.resolve import resolve_class

__all__ = ["MODULES", "Call", "Module", "Request", "module_class"]

MODULES: dict[str, str] = {
    "Answerer": "memagents.modules.answerer:Answerer",
    "ContextEditor": "memagents.modules.context_editor:ContextEditor",
    "LinearManager": "memagents.modules.linear_manager:LinearManager",
    "LinearReranker": "memagents.modules.linear_reranker:LinearReranker",
    "LineUpdater": "memagents.modules.line_updater:LineUpdater",
    "NaiveExtractor": "memagents.modules.naive:NaiveExtractor",
    "NaiveRetriever": "memagents.modules.naive:NaiveRetriever",
    "NaiveUpdater": "memagents.modules.naive:NaiveUpdater",
    "Operator": "memagents.modules.operator:Operator",
    "Prompted": "memagents.modules.prompted:Prompted",
    "RecurrentMemory": "memagents.modules.recurrent:RecurrentMemory",
    "RerankRetriever": "memagents.modules.naive:RerankRetriever",
}
"""Short name to the class, which is imported when it is first used."""


def module_class(name: str) -> type[Module]:
    """Return the module class of a short name, or of ``module:Class``, which anyone may have written.

    Raises:
        ConfigError: there is no such class, or it is no module.
    """
    cls: type[Module] = resolve_class("module", name, Module, MODULES)
    return cls
