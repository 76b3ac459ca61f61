"""RULER v2's own data files, as NeMo-Skills' scripts write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memgym.data.fields import require, texts
from memgym.episodes import Episode, Question, Section
from memgym.errors import DataError
from memgym.scoring.string_match import string_match_all, string_match_part
from memgym.tasks.published.base import FileConfig, FileTask

RULE = "rule"
"""The key in a question's metadata of how its answer is scored."""
ALL, PART, TWO_STEPS, CHOICE = "all", "part", "2steps", "multichoice"
_ANSWER = 128
"""Tokens around what is to be copied."""
_COPIED = 1_024
"""Tokens for what is to be copied first."""

_HEADER = re.compile(r"(?:(Question) (\d+): |(Document) (\d+):\n)")
_DOCUMENT = re.compile(r"Document \d+:.*?\n\n", re.DOTALL)
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_FINAL = re.compile(r"The final answer is (.+)$")
_LETTER = re.compile(r"\b[A-Z]\b")
_LABELLED = re.compile(r"answer[*_]{0,2}\s*:[\s*_]*([a-z])(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A prompt in parts: its text, what is asked, and of each numbered section the number and what it says."""

    sections: tuple[Section, ...]
    asked: str
    numbers: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    kind: str = ""


class Ruler2Jsonl(FileTask):
    """Files that NeMo-Skills' scripts for RULER v2 have written (``nemo_skills/dataset/ruler2``), one per subtask.

    Rows are ``{index, question, expected_answer, length}``; ``question`` is the whole prompt. Its questions
    (``Question 1234567: ...``) become sections ``q1``, ``q2``, ..., its documents (``Document 1234567:``) sections
    ``doc1``, ``doc2``, ..., and the line before them the section ``intro``; what stands behind them, examples
    included, is the question. A prompt without such headers, as of ``mk_niah_basic`` and ``mv_niah_basic``, is one
    section, ``context``, up to its last line, which is the question. Text and question, joined as they were, are the
    prompt. The evidence is what has the number that is asked for or expected, and for the n-th of several questions
    those before it, too; where the files do not tell, there is none.

    The official score ``answer`` is NeMo-Skills', by rules that a row tells apart:

    - a letter is expected (``mk_niah_medium`` and ``_hard``): the last boxed letter, else that behind "The final answer
      is" or "Answer:". An answer that is a letter and nothing else counts too, as where the box was taken off;
    - documents (``qa``): the best over the expected answers; copied documents are left out;
    - several steps (``mv_niah_medium``): the mean over the expected answers, in the last paragraph;
    - else the mean over the expected answers.

    An expected answer scores 1 if the prediction contains it, ignoring case, else 1 minus the word error rate, or 0 if
    that is below 0. ``contained`` stands beside it: the same without the error rate, which pays for words that any
    question has.

    The loader was tested on rows made to the schema and the prompts of the scripts, not on a file of theirs.
    """

    name = "ruler2_jsonl"
    source = "RULER v2's own files (NVIDIA NeMo-Skills, nemo_skills/dataset/ruler2)"
    layout = "RULER v2 {index, question, expected_answer, length}"
    Config = FileConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the row's ``index``, else its number."""
        return str(row.get("index", number))

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        row_id, answers = self.row_id(row, key), texts(row, "expected_answer", where)
        prompt = _parts(require(row, "question", str, where), where)
        rule = _rule(row["expected_answer"], prompt)
        question = Question(
            id=row_id,
            text=prompt.asked,
            answers=answers,
            match="all" if rule == ALL else "any",
            evidence=_evidence(prompt, answers, rule),
            metadata={RULE: rule},
        )
        return Episode(id=row_id, questions=(question,), sections=prompt.sections)

    def answer_limit(self, question: Question) -> int:
        """Return twice the size of the expected answers, with room for a sentence, and for what is copied first."""
        golds = len("".join(question.answers).encode()) // 2
        return golds + _ANSWER + (_COPIED if " and then " in question.text.rpartition("Please ")[2] else 0)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer``, the official score, and ``contained``, which pays nothing for a part of the words."""
        rule = question.metadata[RULE]
        if rule == CHOICE:
            right = float(chosen(answer) in question.answers)
            return {"answer": right, "contained": right}
        if rule == PART:
            said = _DOCUMENT.sub("", answer)
            best = max(_likeness(said, gold) for gold in question.answers)
            return {"answer": best, "contained": string_match_part(said, question.answers)}
        said = answer.rpartition("\n\n")[2] if rule == TWO_STEPS else answer
        mean = sum(_likeness(said, gold) for gold in question.answers) / len(question.answers)
        return {"answer": mean, "contained": string_match_all(said, question.answers)}


def chosen(answer: str) -> str:
    """Return the letter that an answer chooses, ``""`` if none."""
    if len(alone := answer.strip("().:*_ \n")) == 1:
        return alone.upper()
    marked = _BOXED.findall(answer) or _FINAL.findall(answer)
    if marked:
        inside = marked[-1].strip()
        letters = [inside.upper()] if len(inside) == 1 else _LETTER.findall(inside)
        if letters:
            return letters[-1]
    labelled = _LABELLED.findall(answer)
    return labelled[-1].upper() if labelled else ""


def _likeness(prediction: str, reference: str) -> float:
    """Return 1.0 if the prediction contains the reference, else 1 minus the word error rate, at least 0."""
    said, gold = prediction.lower(), reference.lower()
    if gold in said:
        return 1.0
    words = gold.split()
    return max(0.0, 1 - _distance(said.split(), words) / len(words))


def _distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many words must be put in, taken out or replaced to make one of the other (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, word in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def _parts(prompt: str, where: str) -> _Prompt:
    pieces = prompt.strip().split("\n\n")
    headed = [place for place, piece in enumerate(pieces) if _HEADER.match(piece)]
    if not headed:
        text, _, asked = prompt.strip().rpartition("\n")
        if not text.strip():
            raise DataError(f"{where}: the field 'question' is one line, where a prompt with its text is due")
        return _Prompt((Section("context", text),), asked)
    asked = "\n\n".join(pieces[headed[-1] + 1 :])
    if not asked:
        raise DataError(f"{where}: the field 'question' ends with its text; nothing is asked behind it")
    ends = [*headed[1:], headed[-1] + 1]
    passages = ["\n\n".join(pieces[start:end]) for start, end in zip(headed, ends, strict=True)]
    found = [match for passage in passages if (match := _HEADER.match(passage))]
    kind = found[0][1] or found[0][3]
    sections = [Section(f"{'q' if kind == 'Question' else 'doc'}{i}", text) for i, text in enumerate(passages, 1)]
    if headed[0]:
        sections.insert(0, Section("intro", "\n\n".join(pieces[: headed[0]])))
    numbers = tuple(match[2] or match[4] for match in found)
    bodies = tuple(passage[match.end() :] for passage, match in zip(passages, found, strict=True))
    return _Prompt(tuple(sections), asked, numbers, bodies, kind)


def _rule(expected: Any, prompt: _Prompt) -> str:
    if prompt.kind == "Document":
        return PART
    if isinstance(expected, str) and _LETTER.fullmatch(expected):
        return CHOICE
    return TWO_STEPS if prompt.kind and " and then copy " in prompt.asked else ALL


def _evidence(prompt: _Prompt, answers: tuple[str, ...], rule: str) -> tuple[str, ...]:
    ids = [section.id for section in prompt.sections if section.id not in ("intro", "context")]
    if prompt.kind == "Document":
        return tuple(name for name, number in zip(ids, prompt.numbers, strict=True) if number in answers)
    asked = re.findall(r"\bQuestion (\d+)", prompt.asked.rpartition("\n")[2])
    same = [place for place, number in enumerate(prompt.numbers) if number in asked]
    given = [place for place in same if rule == CHOICE or prompt.bodies[place] in answers]
    return tuple(ids[place] for place in same if given and place <= given[-1])
