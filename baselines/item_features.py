"""What the learners see of each item, and a policy that scores items by it, linearly."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from memgym import Observation, PhasePolicy
from memgym.bank import CachedEmbedder, get_embedder, runs_here
from memgym.errors import ConfigError
from memgym.protocol.actions import to_json
from memgym.wrappers import Items

NUMBERS = ("one", "like the query", "near one like the query", "like the near one", "has a near one", "order", "place")
"""The first columns, in their order."""
_LIKENESS_SCALE, _EMBEDDING_SCALE = 10.0, 3.0
"""Likenesses, and the entries of a row of unit norm, differ by a few hundredths: scaled, all learn about as fast."""


def item_features(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return float32 [places, F]: :data:`NUMBERS`, then the embedding (F = 7 + dim); zeros where the mask is 0.

    Args:
        arrays: as :class:`memgym.wrappers.Features` shows them.
    """
    query, items, near = arrays["query"], arrays["item"], arrays["near"]
    places = len(items)
    numbers = [
        np.ones(places),
        _LIKENESS_SCALE * (items @ query),
        _LIKENESS_SCALE * (near @ query),
        _LIKENESS_SCALE * np.vecdot(items, near),
        near.any(axis=1),
        arrays["order"],
        np.arange(places) / 20,
    ]
    rows = np.column_stack([*numbers, _EMBEDDING_SCALE * items]) * arrays["mask"][:, None]
    return rows.astype(np.float32)


class ItemScorer(PhasePolicy):
    """Scores items linearly: ranks memories (``retrieve``), or keeps, drops and replaces by candidates (``update``).

    A file of weights is an npz archive: ``phase``, the ``embedder``'s name, ``scores`` float32 [choices, F] (one choice
    for ``retrieve``, three for ``update``), and the score ``stop`` below which no memory is ranked, but for the first.

    Args:
        weights: a file that training wrote, for its phase; None for those that come with the class. The other phases
            keep their defaults.
        embedder: the one that the file names, if that is none of memgym's, or behind an API: only who says so has it.

    Raises:
        ConfigError: the file cannot be read, or holds something else, or names such an embedder and it is not said.
    """

    path_options = ("weights",)
    shipped: ClassVar[tuple[str, ...]] = ()
    """The files in ``baselines/weights``, without their ending."""

    def __init__(self, weights: str | None = None, embedder: str | None = None):
        self._maps: dict[str, dict[str, Any]] = {}
        for content in self._files(weights):
            found = _read(content, embedder)
            self._maps[found["phase"]] = found

    @classmethod
    def _files(cls, weights: str | None) -> list[Path]:
        if weights is not None:
            return [Path(weights)]
        folder = files("baselines") / "weights"
        return [Path(str(folder / f"{name}.npz")) for name in cls.shipped]

    @classmethod
    def fingerprint(cls, weights: str | None = None, **others: Any) -> str | None:
        """Return a hash of the file of weights, if one is given."""
        return None if weights is None else hashlib.sha256(_bytes(Path(weights))).hexdigest()

    def retrieve(self, observation: Observation) -> str:
        """Rank the memories by their scores, up to the stop."""
        found = self._maps.get("retrieve")
        if found is None or not observation.memories:
            return super().retrieve(observation)
        items = Items.of(observation, found["embedder"])
        scores = item_features(items.arrays) @ found["scores"][0]
        order = np.argsort(-scores, kind="stable")
        return to_json([items.ids[place] for place in order if scores[place] >= found["stop"] or place == order[0]])

    def update(self, observation: Observation) -> str:
        """Take for each candidate the likeliest decision that there is."""
        found = self._maps.get("update")
        if found is None:
            return super().update(observation)
        items = Items.of(observation, found["embedder"])
        scores = item_features(items.arrays) @ found["scores"].T
        scores[[not near for near in items.near_ids], 2] = -np.inf
        return items.decided(scores.argmax(axis=1))


def save_weights(path: Path, phase: str, embedder: str, scores: np.ndarray, stop: float = -np.inf) -> None:
    """Write a file of weights for :class:`ItemScorer`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, phase=phase, embedder=embedder, scores=scores.astype(np.float32), stop=np.float32(stop))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"'weights': {str(path)!r} cannot be read: {error.strerror}") from None


def _read(path: Path, allowed: str | None) -> dict[str, Any]:
    _bytes(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in ("phase", "embedder", "scores", "stop")}
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise ConfigError(f"'weights': {str(path)!r} is no file of weights: {error}") from None
    name = str(found["embedder"])
    if name != allowed and not runs_here(name):
        raise ConfigError(f"'weights': {str(path)!r} names the embedder {name[:80]!r}: the option 'embedder' allows it")
    embedder = CachedEmbedder(get_embedder(name))
    phase, scores = str(found["phase"]), found["scores"]
    choices = {"retrieve": 1, "update": 3}.get(phase)
    if scores.shape != (choices, len(NUMBERS) + embedder.dim):
        raise ConfigError(f"'weights': {str(path)!r} holds scores {scores.shape}, which do not fit {phase!r}")
    return {"phase": phase, "embedder": embedder, "scores": scores, "stop": float(found["stop"])}
