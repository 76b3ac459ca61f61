"""What a memory states, found without a model.

A **statement** is a stretch of at most 40 words, of one record or of running text. It states a fact if it names whom
the fact is about, has a word that tells what is said of them, and has the value: names and numbers in a heap tell
nothing. What is cut out of a long line keeps the line's head (``Mira:``, or a record's key).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from memgym.episodes import Fact
from memgym.scoring.phrases import RULES
from memgym.words import STOP_WORDS, find_words, has_unspaced, stem

LONGEST = 40
"""Words of a statement, at most."""
LONGEST_RUNNING = 100
"""The same in prose that calls things by pronouns once it has named them."""
_TELLING = 4
"""Content words of a sentence that tells something, at least."""
_WORD_BYTES = 8
"""Bytes for each word from which a text is glued rather than written; English has about six with the space."""
_HEAD = 40
"""Characters within which a head ends."""
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_COUNTED = re.compile(r"^(\d+): (.+)$", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty""".split()
    )
}


class Statements:
    """The statements of a memory.

    Args:
        texts: the memory, record by record; a memory that is one text is one of them.
        rule: by which phrases are found, a name in :data:`memgym.scoring.phrases.RULES`.
        running: whether a statement may go on over the ends of lines, as in prose that calls things by pronouns.
    """

    def __init__(self, texts: Iterable[str], rule: str = "house", running: bool = False):
        self._rule = RULES[rule]
        self._texts: list[str] = []
        self._where: dict[str, list[int]] = defaultdict(list)
        self.words = 0
        """How many words the memory has."""
        for text in texts:
            self.words += _count(self._normal(text))
            for words in self._windows(text, running):
                for word in set(words):
                    self._where[word].append(len(self._texts))
                self._texts.append(f" {' '.join(words)} ")
        self._stems: dict[int, frozenset[str]] = {}

    def state(self, fact: Fact) -> bool:
        """Return whether one of them states a fact."""
        return bool(self.stating(fact))

    def stating(self, fact: Fact) -> set[int]:
        """Return the numbers of those that state a fact; of one told in two statements, of the second."""
        valued = self.having(fact.value)
        stating = {number for number in valued if self._names(number, fact) and self._cued(number, fact.cues)}
        if stating or not fact.apart:
            return stating
        named = set().union(*(self.having(name) for name in fact.names or (fact.subject,)))
        if any(self._cued(number, fact.cues) and self._cued(number, fact.apart) for number in named):
            return {number for number in valued if self._cued(number, fact.apart)}
        return set()

    def having(self, phrase: str) -> set[int]:
        """Return the numbers of those that have a phrase, as whole words."""
        words = self._normal(phrase).split()
        if not words:
            return set()
        rarest = min((self._where.get(word, []) for word in words), key=len)
        needle = f" {' '.join(words)} "
        return {number for number in rarest if needle in self._texts[number]}

    def alone(self, fact: Fact) -> bool:
        """Return whether one states a fact whose value is its only number."""
        return any(len(_numbers(self._texts[number])) == 1 for number in self.stating(fact))

    def tell(self, sentence: str, phrase: str) -> bool:
        """Return whether one has a phrase and a third of what else a sentence says in small letters."""
        said = {stem(word) for word in _small_words(sentence)} - {stem(word) for word in find_words(phrase)}
        wanted = -(-len(said) // 3)
        return any(len(self._stem(number) & said) >= wanted for number in self.having(phrase))

    def carrying(self, passage: str) -> set[int]:
        """Return the numbers of those that carry a passage, see :func:`carries`."""
        found: set[int] = set()
        for words, least in _passages(passage):
            shared = Counter(number for word in words for number in self._by_stem.get(word, ()))
            found.update(number for number, count in shared.items() if count >= least)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = defaultdict(list)
        for number in range(len(self._texts)):
            for word in self._stem(number):
                places[word].append(number)
        return places

    def _names(self, number: int, fact: Fact) -> bool:
        named = (self._normal(name) for name in fact.names or (fact.subject,))
        return any(not name or f" {name} " in self._texts[number] for name in named)

    def _cued(self, number: int, cues: Sequence[str]) -> bool:
        return not cues or not self._stem(number).isdisjoint(_stems(tuple(cues)))

    def _stem(self, number: int) -> frozenset[str]:
        if number not in self._stems:
            self._stems[number] = frozenset(map(stem, self._texts[number].split()))
        return self._stems[number]

    def _normal(self, text: str) -> str:
        """Return a text in the spelling of the rule, numbers in digits."""
        return " ".join([_NUMBERS.get(word, word) for word in self._rule(text).split()])

    def _windows(self, text: str, running: bool) -> Iterable[list[str]]:
        if running:
            yield from _cut(self._normal(text).split(), [], LONGEST_RUNNING)
            return
        for line in text.splitlines():
            head, colon, rest = line.partition(": ")
            if not colon or len(head) > _HEAD:
                head, rest = "", line
            words = self._normal(rest).split()
            if words:
                yield from _cut(words, self._normal(head).split(), LONGEST)


@lru_cache(1 << 14)
def carries(text: str, passage: str) -> bool:
    """Return whether a text carries something of a passage: three in five content words of a telling sentence.

    Sentences of fewer than four content words ("Thanks, Mel!") tell nothing, unless the passage has no others.

    Args:
        text: what is kept or shown, such as a record's.
        passage: the turn or section that it is said to rest on.
    """
    return bool(Statements([text]).carrying(passage))


def most_frequent(text: str, count: int) -> list[str]:
    """Return the words that a memory holds most often, by its own notes (``57: word word``) or by counting it."""
    counts: Counter[str] = Counter()
    for number, words in _COUNTED.findall(text):
        for word in _WORD.findall(words.lower()):
            counts[word] += int(number)
    counts.update(_WORD.findall(_COUNTED.sub("", text).lower()))
    return [word for word, _ in counts.most_common(count)]


def sentences_with(passage: str, phrase: str, rule: str = "house") -> list[str]:
    """Return the sentences of a passage that have a phrase."""
    normal = RULES[rule]
    needle = normal(phrase)
    if not needle or needle not in normal(passage):
        return []
    return [sentence for sentence in _SENTENCE.split(passage) if f" {needle} " in f" {normal(sentence)} "]


@lru_cache(4096)
def _passages(passage: str) -> tuple[tuple[frozenset[str], int], ...]:
    """Return the content words of each telling sentence as stems, and how many of them carry it."""
    sentences = [_content(sentence) for sentence in _SENTENCE.split(passage)]
    everything = _content(passage) or frozenset(map(stem, find_words(passage)))  # stop words alone go by these
    telling = [words for words in sentences if len(words) >= _TELLING] or [everything]
    return tuple((words, -(-len(words) * 3 // 5)) for words in telling if words)


def _content(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in find_words(text) if word not in STOP_WORDS)


@lru_cache(4096)
def _stems(words: tuple[str, ...]) -> frozenset[str]:
    """Return the stems of some words and of their forms: "lives" is cut to another stem than "live"."""
    return frozenset(stem(word + ending) for word in words for ending in ("", "s", "ed", "ing"))


def _count(text: str) -> int:
    """Return how many words a text has, or the words of usual length that its bytes hold where it glues them."""
    return max(len(text.split()), -(-len(text.encode()) // _WORD_BYTES))


def _small_words(sentence: str) -> list[str]:
    """Return the content words of a sentence that it writes in small letters, all of them if it has no capitals."""
    if has_unspaced(sentence):
        return find_words(sentence)
    words = [word for word in re.findall(r"\w+", sentence) if word.lower() not in STOP_WORDS]
    return [word for word in words if word.islower()] or [word.lower() for word in words]


def _numbers(text: str) -> set[str]:
    return {word for word in text.split() if word.isdecimal()}


def _cut(words: list[str], head: list[str], longest: int) -> Iterable[list[str]]:
    """Yield stretches of at most so many words, each beginning in the middle of the one before, behind the head."""
    step = longest // 2
    for start in range(0, max(1, len(words) - longest + step), step):
        yield head + words[start : start + longest]
