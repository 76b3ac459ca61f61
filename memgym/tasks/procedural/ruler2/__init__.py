"""The twelve tasks of RULER v2 (NVIDIA's NeMo-Skills, ``nemo_skills/dataset/ruler2``), generated at any length."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from memgym.checks import check_choice, check_int
from memgym.episodes import Episode, Question
from memgym.scoring.phrases import contains
from memgym.scoring.string_match import STRING_MATCH
from memgym.scoring.support import Support, list_limit
from memgym.tasks.procedural.base import ProceduralConfig, ProceduralTask
from memgym.tasks.procedural.ruler.parts import Subtask
from memgym.tasks.procedural.ruler.symbols import lexicon_digest
from memgym.tasks.procedural.ruler2.documents import WHICH, NumberedDocuments
from memgym.tasks.procedural.ruler2.keys import ASKS, SHARED, Needles, NumberedQuestions
from memgym.tokens import get_counter

LEVELS = ("basic", "easy", "medium", "hard")
SUBTASKS = tuple(f"{kind}_{level}" for kind in ("mk_niah", "mv_niah", "qa") for level in LEVELS)

OTHERS = "others"
"""The key in a question's metadata of what an answer must not name beside the right one, one a line."""
_SENTENCE = 32
"""Tokens of a sentence around an answer."""
_COPIED = {"mk_niah_medium": 96, "mv_niah_medium": 4 * 96, "qa_medium": 256}
"""Tokens for what is to be copied before the answer."""
_MIN_LENGTH = 1_000
_INDEX = re.compile(r"(?<!\d)\d{7}(?!\d)")


@dataclass(frozen=True)
class Ruler2Config(ProceduralConfig):
    """The options of ``ruler2``.

    Args:
        subtask: one of :data:`SUBTASKS`.
        length: tokens of the text, met within 2 %; at least 1,000.
        counter: the name of the token counter that measures ``length`` (:mod:`memgym.tokens`).

    Raises:
        ConfigError: an option does not fit.
    """

    subtask: str = "mk_niah_basic"
    length: int = 4_096
    counter: str = "chars"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("subtask", self.subtask, SUBTASKS)
        check_int("length", self.length, _MIN_LENGTH)
        get_counter(self.counter)


class Ruler2(ProceduralTask):
    """RULER v2's twelve tasks at any length; one is chosen by ``subtask``.

    | subtask | text | asked for |
    |---|---|---|
    | `mk_niah_basic` | needles with a number of 10 digits for a key each, and nothing else | the number of one key |
    | `mk_niah_easy` | questions with four options, each with a number | the question with a number, word for word |
    | `mk_niah_medium` | the same | that question, and then its right option |
    | `mk_niah_hard` | the same | its right option |
    | `mv_niah_basic` | needles, four of a key | the four numbers of one key |
    | `mv_niah_easy` | questions, four of a number | the four with a number |
    | `mv_niah_medium` | the same | the four, and then the n-th of them |
    | `mv_niah_hard` | the same | the n-th of them |
    | `qa_basic` | documents, each with a number | the number of the document that is quoted |
    | `qa_easy` | the same | the number of the document that answers a question |
    | `qa_medium` | the same | the documents that answer a question, and then its answer |
    | `qa_hard` | the same | its answer |

    The questions with four options stand where RULER v2 has MMLU's. They are invented (``items.py``) and can be solved
    from themselves alone, without knowledge: the order of words and numbers, sums, and who is the tallest or what the
    oldest by what the question says. Needles and their question are those of the task ``ruler``; documents are those of
    the task ``multihop``, in place of HotpotQA's. A question of ``qa_basic`` and ``qa_easy`` is on one document, and
    one of ``qa_medium`` and ``qa_hard`` on two. There are no examples before the question.

    Needles are cut into sections ``p1``, ``p2``, ... of 8 lines; questions are sections ``q1``, ``q2``, ...; documents
    ``doc1``, ``doc2``, ... Splits are disjoint by construction, as those of ``ruler``: numbers, keys, invented names
    and right options belong to one split.

    The official score ``answer`` is RULER's. Where all of something is to be given, it is ``string_match_all``, the
    share of it that is in the prediction, ignoring case. Else the end of the prediction counts, which is its last line
    in ``mk_niah`` and its last paragraph in the others: what was copied before is no answer. There it is
    ``string_match_part``, and it is 0 where the answer names another option, question or number of a document as well;
    RULER v2 has letters for options, of which a constant is right once in four, and lets who gives all four questions
    have given the n-th. In ``qa`` the paragraph may be no longer than a sentence around the answer: else it is a copy.
    RULER v2 also pays for a part of the words; here nothing is paid, as all questions share some words.

    The reader ``supported`` and the rewards of the memory ask for questions as they stand in the text, with their
    number. Whoever keeps a solution and not its question is not rewarded for it before the answer.
    """

    name = "ruler2"
    source = "RULER v2, all 12 tasks (NVIDIA NeMo-Skills, nemo_skills/dataset/ruler2), after Hsieh et al. 2024"
    Config = Ruler2Config

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._subtask = _subtask(self.config)

    def support(self, episode: Episode) -> Support:
        """Return what the question of an episode asks of a memory."""
        return Support(episode, self.phrases, self._subtask.running)

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode of the subtask with one question."""
        parts = self._subtask.draw(rng, split, index)
        metadata = {OTHERS: "\n".join(parts.others)} if parts.others else {}
        return parts.episode(f"{self.config.subtask}-{split}-{index}", self.config.subtask, metadata)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return RULER's score as ``answer``: of all that is given, or of what the end of it chooses."""
        if question.match == "all":
            return {"answer": STRING_MATCH["all"](answer, question.answers)}
        chosen = answer.strip().rpartition("\n" if self.config.subtask.startswith("mk") else "\n\n")[2]
        if self.config.subtask in WHICH:
            return {"answer": float(set(_INDEX.findall(chosen)) == set(question.answers))}
        if OTHERS not in question.metadata:
            brief = len(chosen.encode()) <= 4 * _room(question)  # else it is what was copied
            return {"answer": STRING_MATCH["any"](chosen, question.answers) if brief else 0.0}
        others = question.metadata[OTHERS].split("\n")
        right = contains(chosen, question.answers[0]) and not any(contains(chosen, other) for other in others)
        return {"answer": float(right)}

    def answer_limit(self, question: Question) -> int:
        """Return the limit of an answer: the answers in a sentence, each number in its own, and what is copied first.

        The score is containment, and a long answer would contain a great part of the text.
        """
        sentences = len(question.answers) if self.config.subtask.endswith("basic") else 1
        return _room(question, sentences) + _COPIED.get(self.config.subtask, 0)

    def fingerprint(self) -> str:
        """Return a hash of the config and of the word lists."""
        return self._hash(asdict(self.config), lexicon_digest())


def _room(question: Question, sentences: int = 1) -> int:
    """Return how many tokens of four bytes the answers take in so many sentences."""
    return list_limit(question) + _SENTENCE * sentences


def _subtask(config: Ruler2Config) -> Subtask:
    if config.subtask.startswith("qa"):
        return NumberedDocuments(config.subtask, config.length, config.counter)
    if config.subtask in ASKS:
        return NumberedQuestions(config.subtask, config.length, get_counter(config.counter))
    return Needles(SHARED[config.subtask[:2]], config.length, get_counter(config.counter))
