"""Model backends: what turns messages into completions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from memagents.backends.base import Backend, Completion, Messages, Sampling, TokenBackend
from memgym.errors import ConfigError, MissingExtraError, unknown

__all__ = ["KINDS", "Backend", "Completion", "Messages", "Sampling", "TokenBackend", "make_backend"]

KINDS = {
    "transformers": ("memagents.backends.transformers_backend", "TransformersBackend.from_pretrained"),
    "vllm": ("memagents.backends.vllm_backend", "VllmBackend"),
    "openai": ("memagents.backends.openai_backend", "OpenAIBackend"),
}
"""Kinds of backend, and what makes them: a module, which is imported when it is needed, and a name in it."""


def make_backend(spec: Mapping[str, Any]) -> Backend:
    """Build the backend that a recipe's table describes.

    Args:
        spec: ``kind``, a key of :data:`KINDS`, and the arguments of what makes it, e.g.
            ``{"kind": "transformers", "model": "smollm2", "truncate": True}``.

    Raises:
        ConfigError: the kind or an option is unknown (the message lists those that exist), missing, or does not fit.
        MissingExtraError: what the kind needs is not installed.
    """
    options = dict(spec)
    kind = options.pop("kind", None)
    if kind not in KINDS:
        raise unknown("backend kind", kind, KINDS)
    make = _maker(kind)
    parameters = inspect.signature(make).parameters
    for name in options:
        if name not in parameters:
            raise unknown(f"option of a {kind} backend", name, parameters)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in options:
            raise ConfigError(f"a {kind} backend needs the argument {name!r}")
    return make(**options)


def _maker(kind: str) -> Callable[..., Backend]:
    module, path = KINDS[kind]
    try:
        made: Any = import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "transformers"):
            raise
        raise MissingExtraError(f"a {kind} backend", "train") from None
    for name in path.split("."):
        made = getattr(made, name)
    return made
