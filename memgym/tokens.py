"""Named token counters: how budgets, section sizes and episode lengths are measured.

A budget must be worth the same however a text is written, so every counter charges for each byte that is kept:

- ``chars``: one token per four bytes of UTF-8, rounded up. Constant time on plain ASCII, where a byte is a character;
  close to a BPE tokenizer on English prose, and about a token per Chinese character.
- ``words``: one token per word or mark. A word of more than twelve letters counts one per started twelve; words glued
  by underscores or capitals count as if they stood apart; each character of a script without spaces is a word; and no
  text has fewer tokens than one per six bytes, which hardly any English prose would. Linear time; closer on code.
- ``hf:PATH``: the tokens of a model, by its tokenizer file (``tokenizer.json``). Needs the extra ``tokenizer``.

The first two are the same on every machine and need no file.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from memgym.errors import ConfigError, MissingExtraError, unknown
from memgym.folders import locate
from memgym.words import UNSPACED

FILE_PREFIX = "hf:"
"""What the name of a counter by a tokenizer file begins with."""

_LETTER = rf"(?:[^\W_A-Z{UNSPACED}]|[\u0300-\u036f\u0590-\u0dff])"  # the vowels of India's scripts are marks, not \w
_WORD = re.compile(
    rf"[A-Z\d]{{2,12}}(?!{_LETTER})|[A-Z]{_LETTER}{{0,11}}|{_LETTER}{{1,12}}"  # NASA, Mira, cat, 2nd
    r"|\S|[^\S\t-\r\x1c-\x1f ]"  # a mark, a character of an unspaced script, white space that is no plain one
)


class TokenCounter(ABC):
    """Counts the tokens of a text and finds where a token budget ends."""

    digest: str = ""
    """The SHA-256 of the file that the counter is made from; ``""`` if it is a rule."""

    @abstractmethod
    def count(self, text: str) -> int:
        """Return the number of tokens in ``text``."""

    @abstractmethod
    def end(self, text: str, start: int, tokens: int) -> int:
        """Return an offset such that ``text[start:offset]`` has at most ``tokens`` tokens, the largest or nearly so."""

    def cut(self, text: str, tokens: int) -> str:
        """Return the prefix of ``text`` up to :meth:`end`."""
        return text[: self.end(text, 0, tokens)]


class CharTokenCounter(TokenCounter):
    """Four bytes of UTF-8 are one token: four plain letters, or about one Chinese character."""

    BYTES_PER_TOKEN = 4

    def count(self, text: str) -> int:
        """Return the bytes / 4, rounded up."""
        return -(-_size(text) // self.BYTES_PER_TOKEN)

    def end(self, text: str, start: int, tokens: int) -> int:
        """Return the offset four bytes per token further on; no character is split."""
        return _byte_end(text, start, self.BYTES_PER_TOKEN * tokens)


class WordTokenCounter(TokenCounter):
    """Words and marks are tokens; a long word is several, and no text is less than a sixth of its bytes."""

    BYTES_PER_TOKEN = 6

    def count(self, text: str) -> int:
        """Return the number of words and marks, at least one per six bytes."""
        return max(sum(1 for _ in _WORD.finditer(text)), -(-_size(text) // self.BYTES_PER_TOKEN))

    def end(self, text: str, start: int, tokens: int) -> int:
        """Return the offset just before the first word or mark that is too many, or where the bytes end."""
        end = _byte_end(text, start, self.BYTES_PER_TOKEN * tokens)
        too_many = next(islice(_WORD.finditer(text, start, end), tokens, None), None)
        return too_many.start() if too_many else end


class FileTokenCounter(TokenCounter):
    """The tokens of a model, without those that begin or end a text.

    Args:
        path: a tokenizer file of the package ``tokenizers``; a relative path is looked up in ``MEMGYM_DATA``, too. It
            must keep every text whole, as byte-level BPE does (GPT, Llama 3, Qwen): what a tokenizer drops or does not
            know would be free.

    Raises:
        ConfigError: the file is missing, no tokenizer file, or loses a part of some texts.
        MissingExtraError: the extra ``tokenizer`` is not installed.
    """

    _PROBE = "“Zoë’s”\u200b cat:\ttwo  spaces,\n\n𐍈 里斯本 ∎\ue000\u0301 " + "x9" * 200

    def __init__(self, path: str):
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtraError(f"the token counter '{FILE_PREFIX}{path}'", "tokenizer") from None
        try:
            content = locate(Path(path)).read_bytes()
        except OSError as error:
            raise ConfigError(f"token counter '{FILE_PREFIX}{path}': cannot read the file: {error.strerror}") from None
        try:
            self._tokenizer: Any = Tokenizer.from_buffer(content)
        except Exception as error:  # the package raises no narrower one
            raise ConfigError(f"token counter '{FILE_PREFIX}{path}': no tokenizer file ({error})") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.digest = hashlib.sha256(content).hexdigest()
        kept = self._tokenizer.decode(self._encode(self._PROBE).ids, skip_special_tokens=False)
        if kept != self._PROBE:
            raise ConfigError(
                f"token counter '{FILE_PREFIX}{path}': this tokenizer loses a part of some texts, which would cost "
                "nothing; name one that keeps every byte (byte-level BPE: GPT, Llama 3, Qwen)"
            )

    def count(self, text: str) -> int:
        """Return the number of the model's tokens."""
        return len(self._encode(text).ids)

    def end(self, text: str, start: int, tokens: int) -> int:
        """Return the offset of the first token that is too many; what stands before it is counted anew."""
        end = len(text)
        while len(offsets := self._encode(text[start:end]).offsets) > tokens:
            end = start + min(offsets[tokens][0], end - start - 1)
        return end

    def _encode(self, text: str) -> Any:
        text = text.encode("utf-8", "replace").decode()  # a lone surrogate, which the package refuses
        return self._tokenizer.encode(text, add_special_tokens=False)


COUNTERS: dict[str, TokenCounter] = {"chars": CharTokenCounter(), "words": WordTokenCounter()}


def get_counter(name: str) -> TokenCounter:
    """Return the counter called ``name``: ``chars``, ``words``, or ``hf:PATH`` of a tokenizer file.

    Raises:
        ConfigError: there is no such counter, or the file is none that can be used.
        MissingExtraError: the extra ``tokenizer`` is not installed.
    """
    if isinstance(name, str) and name in COUNTERS:
        return COUNTERS[name]
    if isinstance(name, str) and name.startswith(FILE_PREFIX):
        return _of_file(name.removeprefix(FILE_PREFIX))
    raise ConfigError(f"{unknown('token counter', name, COUNTERS)} Or {FILE_PREFIX}PATH of a tokenizer file.")


def counter_id(name: str) -> str:
    """Return what a fingerprint takes in place of a counter's name: a file's content, wherever it lies.

    Raises:
        ConfigError, MissingExtraError: as in :func:`get_counter`.
    """
    return FILE_PREFIX + get_counter(name).digest if name.startswith(FILE_PREFIX) else name


_of_file = lru_cache(FileTokenCounter)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _byte_end(text: str, start: int, size: int) -> int:
    """Return the largest offset such that ``text[start:offset]`` has at most ``size`` bytes."""
    piece = text[start : start + size]
    if piece.isascii():
        return start + len(piece)
    data = piece.encode("utf-8", "surrogatepass")
    end = min(len(data), size)
    while end < len(data) and data[end] & 0xC0 == 0x80:  # in the middle of a character
        end -= 1
    return start + len(data[:end].decode("utf-8", "surrogatepass"))
