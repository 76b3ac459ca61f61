"""What a word is, and a sentence, in any script: the house rule, wherever no benchmark's own script says what counts.

Plain ASCII is what ``\\w+`` finds in it. Beyond ASCII:

- typographic quotes, apostrophes and hyphens equal the plain ones, full-width forms and ligatures their letters, and
  an accent that is written behind its letter the letter that has it;
- Chinese, Japanese, Thai, Lao, Burmese, Khmer and other scripts without spaces between words go character by character;
- marks (the vowels of Hindi, the accents that no letter has) belong to their word, a symbol is a word of its own, other
  punctuation parts words, and characters that nobody sees are left out.

Korean, Arabic and others have spaces: there a word with a particle behind it (리스본으로) is another word than without.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

UNSPACED = (
    r"\u3005-\u3007\u3041-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"  # Chinese and Japanese
    r"\u0e00-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Thai, Lao, Burmese
    r"\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\uaa80-\uaadf\ua980-\ua9df\u1b00-\u1b7f"  # Khmer, Tai, Javanese, Balinese
)
"""Scripts without spaces between words, as the inside of a character class."""

_SLOT = re.compile(r"\{\w+\}")
_ENDINGS = ("ing", "ies", "ed", "es", "ly", "s")
STOP_WORDS = frozenset(
    """a about also am an and are as at be been being but by can could d did didn do does don for from had has have he
    her here him his how i if in is it its just ll m may me might my no not of on or our re s she should so t than that
    the their them then there these they this those to us ve was we were what when where which who whom whose why will
    with would you your""".split()
)
"""English words that say little by themselves."""

_NO_CAPITALS = r"\u0590-\u0dff\uac00-\ud7a3" + UNSPACED  # Hebrew, Arabic, India's scripts, Korean; those without spaces
_SENTENCE_END = re.compile(
    rf"(?<=[.!?])\s+(?=[\"'(\[“‘«„¿¡]?[A-Z0-9À-ÖØ-ÞΆ-ΫЀ-Я{_NO_CAPITALS}])"
    r"|(?<=[。！？｡។॥।၊။؟۔])\s*(?![。！？｡」』”’）》\s])|(?<=[。！？｡][」』”’）》])(?![。！？｡」』”’）》，、])\s*|\n+"
)

_CHARACTER = re.compile(f"([{UNSPACED}])")
_ASCII_WORD = re.compile(r"\w+")
_WORD = re.compile(r"[^\s!-/:-@\[-^`{-~]+")  # what ASCII punctuation (but _) and white space leave
_COMPATIBLE = re.compile(r"[\u3000\ufb00-\ufdff\ufe70-\ufefe\uff00-\uffef]+")  # width, ligatures; not ² nor ½
_TYPOGRAPHIC = {
    **dict.fromkeys(map(ord, "‘’‚‛ʹʻʼʽ′´ˋ＇"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″〝〞〟＂"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–−﹣－"), "-"),
}


class _Kinds(dict[int, str]):
    """Code point to what is written in its place, worked out once."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = unicodedata.category(character)
        if code < 128:
            written = character
        elif kind == "Cf" or 0xFE00 <= code <= 0xFE0F:  # unseen: joiners, directions, variants of a symbol
            written = ""
        elif kind in ("Po", "Pd", "Ps", "Pe", "Pi", "Pf", "Pc"):
            written = " "
        else:
            written = f" {character} " if kind in ("So", "Sm", "Sc") else character
        self[code] = written
        return written


_KINDS = _Kinds()


def even(text: str) -> str:
    """Return a text in one spelling: small letters, plain quotes and hyphens, letters of one width; ASCII stays.

    Beyond that nothing is lost: punctuation stays.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFC", text.translate(_TYPOGRAPHIC).casefold())
    return _COMPATIBLE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)


def spaced(text: str) -> str:
    """Return a text in one spelling (:func:`even`) whose words beyond ASCII have spaces around them.

    ASCII punctuation stays, so a plain ASCII text is only lower-cased.
    """
    text = even(text)
    return text if text.isascii() else _CHARACTER.sub(r" \1 ", text.translate(_KINDS))


def find_words(text: str) -> list[str]:
    """Return the words of a text, lower-cased."""
    return _ASCII_WORD.findall(text.lower()) if text.isascii() else _WORD.findall(spaced(text))


def is_unspaced(word: str) -> bool:
    """Return whether a word that was found is a character of a script without spaces."""
    return _CHARACTER.match(word) is not None


def has_unspaced(text: str) -> bool:
    """Return whether a text has a character of a script without spaces."""
    return not text.isascii() and _CHARACTER.search(text) is not None


@lru_cache(1 << 16)
def stem(word: str) -> str:
    """Strip one common English ending, and a final e, from all but short words."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) >= len(ending) + 3 and not word.endswith("ss"):
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@lru_cache(1024)
def content_words(*templates: str) -> tuple[str, ...]:
    """Return the words of some templates that tell what they say: no slots, no stop words, each once."""
    words = (word for template in templates for word in find_words(_SLOT.sub(" ", template)))
    return tuple(dict.fromkeys(word for word in words if word not in STOP_WORDS and len(word) > 1))


def sentences(text: str) -> list[str]:
    """Split a text at line breaks and sentence ends; Thai and Lao mark none."""
    return [part for part in (piece.strip() for piece in _SENTENCE_END.split(text)) if part]
