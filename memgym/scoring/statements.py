"""What a memory states, found without a model.

A **statement** is a stretch of at most 40 words, of one record or of running text. It states a fact if it has the
value, beside it a word that tells what is said, and the name of whom it is said, with no value between the two that
another has: names and numbers in a heap tell nothing. What is cut out of a long line keeps the line's head (``Mira:``,
or a record's key), which stands beside everything in the line.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
_BETWEEN = 3
"""Content words between a value and the word that tells what it is, at most."""
_BEHIND = 8
"""Words between a value and the name behind it, at most: no more than a sentence that begins with the value has."""

HEDGES = frozenset(
    """
    almost canceled cancelled considered considering could denied denies dream dreamed dreams false hypothetical
    hypothetically if imagine imagined imagines maybe might nearly neither never no nobody nor not perhaps plan
    planned planning plans possibly pretend rumor rumour suppose supposedly thinking thought toyed unless untrue wish
    wished wishes would wrong
    """.split()
)
"""Words with which one says that something is not so, or only perhaps."""
_CONTRACTED = re.compile(r"n['’]t\b", re.IGNORECASE)
_SURE = re.compile(r"\b(?:not (?:only|just)|no doubt)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rivals:
    """Values that others have.

    Args:
        values: of anybody, in the spelling of a rule, by their first words; shared by all whom they may be told of.
        own: those that are not others'.
    """

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    own: frozenset[str] = frozenset()

    def beginning(self, word: str) -> Iterator[str]:
        """Yield those whose first word is this one."""
        return (value for value in self.values.get(word, ()) if value not in self.own)


NO_RIVALS = Rivals()
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_PARAGRAPH = re.compile(r"\n\s*\n")
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
        running: whether a statement may go on over the ends of lines, as in prose that calls things by pronouns; not
            over empty lines.
    """

    def __init__(self, texts: Iterable[str], rule: str = "house", running: bool = False):
        self._rule = rule
        self._texts: list[str] = []
        self._heads: list[str] = []
        self._where: dict[str, list[int]] = defaultdict(list)
        self._owners: list[int] = []
        self._repeated: list[int] = []
        self.words = 0
        """How many words the memory has."""
        for number, text in enumerate(texts):
            self.words += count_words(spell(text, rule))
            for head, words, repeated in self._windows(text, running):
                for word in {*head, *words}:
                    self._where[word].append(len(self._texts))
                self._heads.append(f" {' '.join(head)} ")
                self._owners.append(number)
                self._repeated.append(repeated)
                self._texts.append(f" {' '.join([*head, *words])} ")
        self._stems: dict[int, frozenset[str]] = {}
        self._having: dict[str, frozenset[int]] = {}

    def state(self, fact: Fact, rivals: Rivals = NO_RIVALS) -> bool:
        """Return whether one of them states a fact."""
        return bool(self.stating(fact, rivals))

    def stating(self, fact: Fact, rivals: Rivals = NO_RIVALS) -> set[int]:
        """Return the numbers of those that state a fact; of one told in two statements, of the second.

        Args:
            fact: what is stated.
            rivals: values that others have, which must not stand between the name and the value.
        """
        valued = self.having(fact.value)
        stating = {number for number in valued if self._says(number, fact, rivals)}
        if stating or not fact.apart:
            return stating
        named = set().union(*(self.having(name) for name in fact.names or (fact.subject,)))
        if any(self._cued(number, fact.cues) and self._cued(number, fact.apart) for number in named):
            return {number for number in valued if self._cued(number, fact.apart)}
        return set()

    def having(self, phrase: str) -> frozenset[int]:
        """Return the numbers of those that have a phrase, as whole words."""
        if phrase not in self._having:  # many facts are asked for the same names and values
            words = _phrase(phrase, self._rule).split()
            rarest = min((self._where.get(word, []) for word in words), key=len, default=[])
            needle = f" {' '.join(words)} "
            self._having[phrase] = frozenset(number for number in rarest if needle in self._texts[number])
        return self._having[phrase]

    def records(self, statements: Iterable[int]) -> frozenset[int]:
        """Return the numbers of the records that some statements are of."""
        return frozenset(self._owners[number] for number in statements)

    def alone(self, fact: Fact) -> bool:
        """Return whether one states a fact whose value is its only number."""
        return any(len(_numbers(self._texts[number])) == 1 for number in self.stating(fact))

    def claiming(
        self, fact: Fact, holders: Collection[str] = (), told: Collection[str] = ()
    ) -> Iterator[tuple[int, int]]:
        """Yield where it is claimed that a fact holds: the number of a statement, and where in it the value stands.

        It is not where something nearer takes the value, or the subject: the name of another of whom the same is true,
        or a value that was told of the subject.

        Args:
            fact: what may be claimed, rightly or not.
            holders: names of those others of whom it is true.
            told: other values that were told of the subject.
        """
        names, holding, own = ([f" {_phrase(one, self._rule)} " for one in some]
                               for some in (fact.names or (fact.subject,), holders, told))  # fmt: skip
        value = f" {_phrase(fact.value, self._rule)} "
        for number in sorted(self.having(fact.value)):
            text, head = self._texts[number], self._heads[number]
            named = [name for name in names if name in text and name.strip()]
            if not named or not self._cued(number, fact.cues):
                continue
            for before, after in _around(text, value):
                begun = before.count(" ") > self._repeated[number]  # else the statement before this one has it, too
                if (not fact.cues or _beside(before, after, head, named, fact.cues)) and any(
                    name in value or _nearest(name, before, after if begun else " ", holding, own, fact.cues)
                    for name in named
                ):
                    yield number, len(before)

    def last_claims(self, fact: Fact, holders: Collection[str] = ()) -> dict[int, tuple[int, int]]:
        """Return, by the records that claim a fact, where each does so last; later places are greater."""
        return {self._owners[number]: (number, place) for number, place in self.claiming(fact, holders)}

    def beside(self, phrase: str, number: int, place: int, count: int) -> list[str]:
        """Return a phrase at its place in a statement with so many words before it, and with so many behind it."""
        text, words = self._texts[number], _phrase(phrase, self._rule).split()
        before, after = text[:place].split(), text[place:].split()
        sides = (before[-count:] + words, after[: len(words) + count])
        return [" ".join(side) for side in sides if len(side) == len(words) + count]

    def variants(self, names: Sequence[str], pattern: re.Pattern[str]) -> set[str]:
        """Return what matches a pattern in the statements that have one of some names."""
        named = set().union(*(self.having(name) for name in names))
        return {match[0] for number in named for match in pattern.finditer(self._texts[number])}

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

    def _says(self, number: int, fact: Fact, rivals: Rivals) -> bool:
        text, head = self._texts[number], self._heads[number]
        names = [f" {_phrase(name, self._rule)} " for name in fact.names or (fact.subject,)]
        value = f" {_phrase(fact.value, self._rule)} "
        named = [name for name in names if name in text]
        if not (named or "  " in names) or not self._cued(number, fact.cues):
            return False
        free = any(name in head or name in value for name in named) or "  " in names
        return any(
            (not fact.cues or _beside(before, after, head, named, fact.cues))
            and (free or any(_unrivalled(name, before, after, rivals) for name in named))
            for before, after in _around(text, value)
        )

    def _cued(self, number: int, cues: Sequence[str]) -> bool:
        return not cues or not self._stem(number).isdisjoint(_stems(tuple(cues)))

    def _stem(self, number: int) -> frozenset[str]:
        if number not in self._stems:
            self._stems[number] = frozenset(map(stem, self._texts[number].split()))
        return self._stems[number]

    def _windows(self, text: str, running: bool) -> Iterable[tuple[list[str], list[str], int]]:
        """Yield head and words of each statement of a text, and how many words the one before it has, too."""
        if running:
            for paragraph in _PARAGRAPH.split(text):
                yield from _cut([], spell(paragraph, self._rule).split(), LONGEST_RUNNING)
            return
        for line in text.splitlines():
            head, colon, rest = line.partition(": ")
            if not colon or len(head) > _HEAD:
                head, rest = "", line
            if words := spell(rest, self._rule).split():
                yield from _cut(spell(head, self._rule).split(), words, LONGEST)


def hedges(text: str) -> frozenset[str]:
    """Return the words with which a text says of something that it is not so, or only perhaps.

    ``isn't`` has a "not"; "not only" and "no doubt" deny nothing.
    """
    return HEDGES.intersection(find_words(_SURE.sub(" ", _CONTRACTED.sub(" not", text))))


def repeats(text: str, sentence: str) -> bool:
    """Return whether a text has all content words of a sentence."""
    return _content(sentence) <= _content(text)


def spell(text: str, rule: str) -> str:
    """Return a text in the spelling of a rule, numbers in digits."""
    return " ".join([_NUMBERS.get(word, word) for word in RULES[rule](text).split()])


@lru_cache(1 << 14)
def _phrase(text: str, rule: str) -> str:
    return spell(text, rule)


@lru_cache(1 << 14)
def carries(text: str, passage: str) -> bool:
    """Return whether a text carries something of a passage: three in five content words of a telling sentence.

    Sentences of fewer than four content words ("Thanks, Mel!") tell nothing, unless the passage has no others.

    Args:
        text: what is kept or shown, such as a record's.
        passage: the turn or section that it is said to rest on.
    """
    return bool(Statements([text]).carrying(passage))


def sentences_with(passage: str, phrase: str, rule: str = "house") -> list[str]:
    """Return the sentences of a passage that have a phrase."""
    needle = RULES[rule](phrase)
    return [sentence for sentence, normal in _normal_sentences(passage, rule) if f" {needle} " in normal and needle]


@lru_cache(256)  # one passage is asked for many phrases
def _normal_sentences(passage: str, rule: str) -> tuple[tuple[str, str], ...]:
    """Return the sentences of a passage, each with its normal form between spaces."""
    return tuple((sentence, f" {RULES[rule](sentence)} ") for sentence in _SENTENCE.split(passage))


def nearest_sentence(passage: str, text: str) -> str:
    """Return the sentence of a passage that shares most content words with a text, of equals the longest."""
    wanted = _content(text)
    words = {sentence: _content(sentence) for sentence in _SENTENCE.split(passage)}
    return max(words, key=lambda sentence: (len(words[sentence] & wanted), len(words[sentence])))


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


def count_words(text: str) -> int:
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


def _around(text: str, phrase: str) -> Iterator[tuple[str, str]]:
    """Yield what stands before and behind a phrase, wherever it is in a text."""
    place = text.find(phrase)
    while place >= 0:
        yield text[: place + 1], text[place + len(phrase) - 1 :]
        place = text.find(phrase, place + 1)


def _beside(before: str, after: str, head: str, names: Sequence[str], cues: Sequence[str]) -> bool:
    """Return whether one of some words stands beside the place between two texts, names left out."""
    for name in names:
        before, after = before.replace(name, " "), after.replace(name, " ")
    left = [word for word in before.split() if word not in STOP_WORDS][-_BETWEEN - 1 :]
    right = [word for word in after.split() if word not in STOP_WORDS][: _BETWEEN + 1]
    return not _stems(tuple(cues)).isdisjoint(map(stem, (*left, *right, *head.split())))


def _unrivalled(name: str, before: str, after: str, rivals: Rivals) -> bool:
    """Return whether no rival stands between a name and the place between two texts."""
    _, left, near_left = before.rpartition(name)
    near_right, right, _ = after.partition(name)
    between = [near_left] if left else []
    if right and len(near_right.split()) <= _BEHIND:
        between.append(near_right)
    return any(not _has_one(f" {part} ", rivals) for part in between)


def _nearest(
    name: str, before: str, after: str, holders: Sequence[str], own: Sequence[str], cues: Sequence[str]
) -> bool:
    """Return whether a name stands before the place between two texts, or close behind it, and nothing is nearer."""
    _, left, near_left = before.rpartition(name)
    if left and not _any(f" {near_left}", holders) and not _anew(f" {near_left}", own, cues):
        return True
    near_right, right, rest = after.partition(name)
    if not right or len(near_right.split()) > _BEHIND:
        return False
    following = f" {' '.join(rest.split()[:_BEHIND])} "  # whose own value follows, is not told by what stands before
    return not (_any(before, holders) or _any(f"{near_right} ", (*holders, *own)) or _any(following, own))


def _anew(text: str, own: Sequence[str], cues: Sequence[str]) -> bool:
    """Return whether a text tells one of some values, and behind it begins to tell the same of somebody else."""
    rests = (text.rpartition(value)[2] for value in own if value in text)
    return any(not _stems(tuple(cues)).isdisjoint(map(stem, rest.split())) for rest in rests)


def _any(text: str, phrases: Sequence[str]) -> bool:
    return any(phrase in text for phrase in phrases)


def _has_one(text: str, rivals: Rivals) -> bool:
    return any(f" {rival} " in text for word in text.split() for rival in rivals.beginning(word))


def _cut(head: list[str], words: list[str], longest: int) -> Iterable[tuple[list[str], list[str], int]]:
    """Yield stretches of at most so many words, each beginning in the middle of the one before, behind the head."""
    step = longest // 2
    for start in range(0, max(1, len(words) - longest + step), step):
        yield head, words[start : start + longest], len(head) + step if start else 0
