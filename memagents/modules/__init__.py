"""Modules: each knows one phase, and any of them can stand in for another that plays the same phase."""

from __future__ import annotations

from importlib import import_module

from memagents.modules.base import Call, Module, Request
from memgym.errors import ConfigError, unknown

__all__ = ["MODULES", "Call", "Module", "Request", "module_class"]

MODULES: dict[str, str] = {
    "Answerer": "memagents.modules.answerer",
    "ContextEditor": "memagents.modules.context_editor",
    "LinearManager": "memagents.modules.linear_manager",
    "LinearReranker": "memagents.modules.linear_reranker",
    "NaiveExtractor": "memagents.modules.naive",
    "NaiveRetriever": "memagents.modules.naive",
    "NaiveUpdater": "memagents.modules.naive",
    "Operator": "memagents.modules.operator",
    "Prompted": "memagents.modules.prompted",
    "RecurrentMemory": "memagents.modules.recurrent",
    "RerankRetriever": "memagents.modules.naive",
}
"""Class name to where it is defined; imported when first used. A recipe may also name ``package.module:Class``."""


def module_class(name: str) -> type[Module]:
    """Return the module class called ``name``.

    Raises:
        ConfigError: there is no such module, or ``package.module:Class`` cannot be imported or is none.
    """
    if not isinstance(name, str) or (name not in MODULES and ":" not in name):
        raise unknown("module", name, [*MODULES, "package.module:Class"])
    path, _, cls_name = name.partition(":") if ":" in name else (MODULES[name], "", name)
    try:
        cls = getattr(import_module(path), cls_name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:  # TypeError: a relative name
        if name in MODULES:
            raise
        raise ConfigError(f"cannot load module {name!r} (package.module:Class): {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, Module)):
        raise ConfigError(f"{name!r} is not a subclass of memagents.modules.Module")
    return cls
