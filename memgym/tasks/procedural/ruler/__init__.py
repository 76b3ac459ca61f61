"""The thirteen tasks of RULER (Hsieh et al. 2024, arXiv 2404.06654), generated at any length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from memgym.checks import check_choice, check_int
from memgym.episodes import Episode, Question
from memgym.errors import ConfigError
from memgym.scoring.string_match import STRING_MATCH
from memgym.scoring.support import FREQUENT, Support, list_limit
from memgym.tasks.procedural.base import ProceduralConfig, ProceduralTask
from memgym.tasks.procedural.ruler.niah import VARIANTS, Niah
from memgym.tasks.procedural.ruler.parts import Subtask
from memgym.tasks.procedural.ruler.qa import qa
from memgym.tasks.procedural.ruler.symbols import lexicon_digest
from memgym.tasks.procedural.ruler.vt import VariableTracking
from memgym.tasks.procedural.ruler.words import CommonWords, FrequentWords
from memgym.tokens import TokenCounter, get_counter

SUBTASKS = (*VARIANTS, "vt", "cwe", "fwe", "qa_1", "qa_2")

GENERATED = {"niah": 128, "vt": 30, "qa_1": 32, "qa_2": 32}
"""The tokens that RULER lets a model generate, by subtask; all of ``niah`` the same."""
_SENTENCE = 32
"""Tokens of a sentence around an answer."""
_MIN_LENGTH = 500
_MIN_LENGTH_OF_UUIDS = 1_000  # where every line is a needle of 30 tokens, 2 % of 500 cannot be met


@dataclass(frozen=True)
class RulerConfig(ProceduralConfig):
    """The options of ``ruler``.

    Args:
        subtask: one of :data:`SUBTASKS`.
        length: tokens of the text, met within 2 %; at least 500, and 1,000 for ``niah_multikey_3``.
        counter: the name of the token counter that measures ``length`` (:mod:`memgym.tokens`).
        path: for ``qa_1`` SQuAD's and for ``qa_2`` HotpotQA's file; None for invented documents.

    Raises:
        ConfigError: an option does not fit.
    """

    subtask: str = "niah_single_1"
    length: int = 4_096
    counter: str = "chars"
    path: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("subtask", self.subtask, SUBTASKS)
        check_int("length", self.length, _MIN_LENGTH_OF_UUIDS if self.subtask == "niah_multikey_3" else _MIN_LENGTH)
        get_counter(self.counter)
        if self.path is not None and self.subtask not in ("qa_1", "qa_2"):
            raise ConfigError(f"argument 'path' is for the subtasks qa_1 and qa_2; leave it out for {self.subtask!r}")


class Ruler(ProceduralTask):
    """RULER's thirteen tasks at any length; one is chosen by ``subtask``.

    | subtask | text | asked for |
    |---|---|---|
    | `niah_single_1` | repeated noise, one needle | the value of its key |
    | `niah_single_2`, `niah_single_3` | prose, one needle | the value of its key |
    | `niah_multikey_1` | prose, four needles of four keys | the value of one key |
    | `niah_multikey_2`, `niah_multikey_3` | needles of as many keys, and nothing else | the value of one key |
    | `niah_multivalue` | prose, four needles of one key | its four values |
    | `niah_multiquery` | prose, four needles of four keys | the values of all four |
    | `vt` | noise with "VAR A = 12345", "VAR B = VAR A", ...; four hops | the five variables with the value |
    | `cwe` | a numbered list, ten words 30 times each, the others 3 times | the ten common words |
    | `fwe` | coded words by Zipf's law with exponent 2; dots for the most frequent | the three next |
    | `qa_1`, `qa_2` | documents; one of them, or two together, tell the answer | a question on them |

    A needle reads "One of the special magic numbers for KEY is: VALUE." Keys are adjective-noun words, values numbers
    of 7 digits; in ``niah_single_3`` the value is a UUID, in ``niah_multikey_3`` both are. Words come from the package
    ``wonderwords``. Prose is generated (``prose.py``), as no essays are shipped; needles lie in it
    at depths out of 40 evenly spaced percents, and at random lines elsewhere. Below 4,096 tokens ``cwe`` repeats its
    words 6 times and once. Without ``path``, ``qa_1`` and ``qa_2`` ask about the invented documents of the task
    ``multihop``.

    Texts of lines are cut into sections ``p1``, ``p2``, ... of 8 lines; ``cwe`` and ``fwe`` are one section,
    ``context``; documents are sections ``doc1``, ``doc2``, ...

    Where the reader ``supported`` answers, and in the rewards of the memory, ``cwe`` and ``fwe`` are answered with what
    the memory itself holds most often: by its notes (``57: nylon elver``, ``nylon: 57``), or counted. What is merely
    kept of the text answers as far as its own counts do; which of the asked words stand in it does not matter.

    Splits are disjoint by construction: what is asked for belongs to one split (``symbols.py``,
    :mod:`memgym.tasks.world.names`). With ``path``, the file's questions are parted by a hash of their ids, about
    80 / 10 / 10, and a split ends with its last question.

    The official score ``answer`` is ``string_match_all``: the share of the answers that are in the prediction, ignoring
    case; for ``qa_1`` and ``qa_2`` it is ``string_match_part``: whether one of them is.
    """

    name = "ruler"
    source = "RULER, all 13 tasks (Hsieh et al. 2024, arXiv 2404.06654)"
    Config = RulerConfig

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._subtask = _subtask(self.config)

    def support(self, episode: Episode) -> Support:
        """Return what the question of an episode asks of a memory."""
        return Support(episode, self.phrases, self._subtask.running)

    def size(self, split: str) -> int | None:
        """Return the number of questions with ``path``, else None: there is always one more episode."""
        return self._subtask.size(split)

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode of the subtask with one question."""
        parts = self._subtask.draw(rng, split, index)
        metadata = {FREQUENT: str(len(parts.answers))} if self.config.subtask in ("cwe", "fwe") else {}
        return parts.episode(f"{self.config.subtask}-{split}-{index}", self.config.subtask, metadata)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return RULER's score as ``answer``."""
        return {"answer": STRING_MATCH[question.match](answer, question.answers)}

    def answer_limit(self, question: Question) -> int:
        """Return the limit of an answer: RULER's (``tokens_to_generate``), or what the answers take if that is less.

        The score is containment, and 128 tokens contain the numbers of dozens of needles. So each value that is asked
        for has room for itself and a sentence around it; frequent words have room for their list alone.
        """
        if FREQUENT in question.metadata:
            return list_limit(question)
        official = GENERATED.get(self.config.subtask, GENERATED["niah"])
        return min(official, list_limit(question) + _SENTENCE * len(question.answers))

    def fingerprint(self) -> str:
        """Return a hash of the config, of the content of the data file, and of the word lists."""
        return self._hash(asdict(self.config) | {"path": self._subtask.digest()}, lexicon_digest())


def _subtask(config: RulerConfig) -> Subtask:
    size = config.length, get_counter(config.counter)
    if config.subtask in VARIANTS:
        return Niah(VARIANTS[config.subtask], *size)
    if config.subtask in ("qa_1", "qa_2"):
        return qa(config.subtask, config.length, config.counter, config.path)
    others: dict[str, Callable[[int, TokenCounter], Subtask]] = {
        "vt": VariableTracking,
        "cwe": CommonWords,
        "fwe": FrequentWords,
    }
    return others[config.subtask](*size)
