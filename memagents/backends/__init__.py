"""Model backends: what turns messages into completions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from memagents.arguments import check_arguments
from memagents.backends.base import Backend, Completion, Messages, Sampling, TokenBackend, TrainableBackend
from memgym.errors import ConfigError, MissingExtraError
from memgym.resolve import resolve

__all__ = [
    "KINDS",
    "Backend",
    "Completion",
    "Messages",
    "Sampling",
    "TokenBackend",
    "TrainableBackend",
    "check_backend",
    "make_backend",
]

KINDS: dict[str, str] = {
    "openai": "memagents.backends.openai_backend:OpenAIBackend",
    "transformers": "memagents.backends.transformers_backend:TransformersBackend.from_pretrained",
    "vllm": "memagents.backends.vllm_backend:VllmBackend",
}
"""Kind of backend to what makes one, which is imported when it is first used."""


def make_backend(spec: Mapping[str, Any]) -> Backend:
    """Build the backend that a recipe's table describes.

    Args:
        spec: ``kind``, a key of :data:`KINDS` or anyone's ``module:Class`` (or function), and the arguments of what
            makes it, e.g. ``{"kind": "transformers", "model": "smollm2", "truncate": True}``.

    Raises:
        ConfigError: the kind or an option is unknown (the message lists those that exist), missing, or does not fit.
        MissingExtraError: what the kind needs is not installed.
    """
    make, options = _checked(spec)
    backend = make(**options)
    if not isinstance(backend, Backend):
        raise ConfigError(f"backend kind {spec['kind']!r} makes a {type(backend).__name__}, not a memagents.Backend")
    return backend


def check_backend(spec: Mapping[str, Any]) -> None:
    """Check a recipe's table without making anything: no weights are loaded.

    Raises:
        ConfigError, MissingExtraError: as for :func:`make_backend`.
    """
    _checked(spec)


def _checked(spec: Mapping[str, Any]) -> tuple[Callable[..., Backend], dict[str, Any]]:
    # Read when PyTorch is first imported. Threads that spin while they wait take five times the time of a small model
    # where others use the same cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = dict(spec)
    kind = options.pop("kind", None)
    make = _maker(kind)
    if kind == "vllm" and "rollout_dtype" in options:
        raise ConfigError(
            "a vllm backend takes no rollout_dtype: its engine has weights of its own, whose precision is dtype"
        )
    check_arguments(make, options, f"option of a {kind} backend", f"a {kind} backend", also=["kind"])
    return make, options


def _maker(kind: object) -> Callable[..., Backend]:
    try:
        make: Any = resolve("backend kind", kind, KINDS)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "transformers"):
            raise
        raise MissingExtraError(f"a {kind} backend", "train") from None
    if not callable(make):
        raise ConfigError(f"backend kind {kind!r} is neither a class nor a function that makes a backend")
    return make
