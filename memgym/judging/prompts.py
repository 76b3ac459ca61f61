"""The prompts of the LLM judge.

A prompt is a form (:mod:`memgym.judging.forms`) around a rule that says when an answer is right. Which rule applies
depends on the prompt, on the kind of question, and, for the prompt ``benchmark``, on the benchmark and its question
type. The prompt ``rubric`` asks once for each point that an answer is due to make.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from memgym.episodes import RUBRIC, Question
from memgym.errors import ConfigError, unknown
from memgym.folders import locate
from memgym.judging.forms import ANSWER, POINT, Form
from memgym.judging.rules import BENCHMARK_RULES, POINT_MET, RUBRICS, RULES
from memgym.resolve import resolve


@dataclass(frozen=True)
class Prompt:
    """A set of rules that say when an answer is right.

    Args:
        name: how it was asked for.
        rules: kind of question (``answer``, ``rubric`` or ``abstention``) to rule.
        by_benchmark: rules of certain benchmarks, in place of ``answer``: benchmark -> question type -> rule.
        form: what is judged: the answer as a whole, or point by point; there the one rule is ``point``.
    """

    name: str
    rules: Mapping[str, str]
    by_benchmark: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    form: Form = ANSWER

    def rule(self, benchmark: str, question: Question) -> str:
        """Return when an answer to ``question`` is correct, or a point of it met."""
        if self.form is POINT:
            return self.rules["point"]
        if not question.answerable:
            return self.rules["abstention"]
        if is_rubric(benchmark, question):
            return self.rules["rubric"]
        if benchmark in self.by_benchmark:
            rules = self.by_benchmark[benchmark]
            return rules.get(question.category, rules[""])
        return self.rules["answer"]

    @property
    def hash(self) -> str:
        """A hash over all the wordings that the prompt can use, in hexadecimal; its name is no part of it."""
        form = self.form
        return _digest([form.frame, form.case, form.reminder, [self.by_benchmark or None, self.rules]])


def _ours(name: str) -> Prompt:
    rules = {kind: texts[name] for kind, texts in RULES.items()}
    return Prompt(name, rules, BENCHMARK_RULES if name == "benchmark" else {})


PROMPTS = {name: _ours(name) for name in ("benchmark", "strict", "lenient")}
"""The benchmark's own rule (a generic one where it has none), and two that every benchmark has side by side."""
BY_POINTS = Prompt("rubric", {"point": POINT_MET}, form=POINT)
"""Marks each point of a question's rubric, or each of its gold answers, with 0, 0.5 or 1."""
OURS = {**PROMPTS, BY_POINTS.name: BY_POINTS}
"""Name to prompt, all that are ours."""


def get_prompt(name: str) -> Prompt:
    """Return a prompt.

    Args:
        name: ``benchmark``, ``strict``, ``lenient`` or ``rubric``; or anyone's own rules: the path of a TOML file
            (``….toml``, also looked up in the data folder), or ``module:NAME`` of a dict. They hold a text under
            ``answer`` and, for questions whose reference is a rubric or that have no answer, under ``rubric`` and
            ``abstention``; where one of these two is not given, that of ``benchmark`` holds.

    Raises:
        ConfigError: there is no such prompt, or its rules are not as described.
    """
    if isinstance(name, str) and name.endswith(".toml"):
        return _own(name, _read_toml(Path(name)))
    found = resolve("judge prompt", name, OURS)
    return found if isinstance(found, Prompt) else _own(name, found)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(locate(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"judge prompt {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # TOML, and UTF-8
        raise ConfigError(f"judge prompt {path} is no TOML file: {error}") from None


def _own(name: str, rules: Any) -> Prompt:
    if not isinstance(rules, Mapping) or "answer" not in rules:
        raise ConfigError(f"judge prompt {name!r} needs a text 'answer' that says when an answer is correct")
    for kind, text in rules.items():
        if kind not in RULES:
            raise unknown(f"rule of judge prompt {name!r}:", kind, RULES)
        if not isinstance(text, str) or not text.strip():
            raise ConfigError(f"judge prompt {name!r}: the rule {kind!r} must be a text, not {text!r:.80}")
    return Prompt(name, {**PROMPTS["benchmark"].rules, **{kind: text.strip() for kind, text in rules.items()}})


def is_rubric(benchmark: str, question: Question) -> bool:
    """Return whether the question's reference is a rubric instead of an answer."""
    return question.answerable and (benchmark, question.category) in RUBRICS


class Case(NamedTuple):
    """One answer to judge, or one point of it, ready to be sent.

    Args:
        digest: hash over the rule, the question, its reference or point and the answer, in hexadecimal.
        nonce: marks the fences and the verdict; a part of the digest.
        messages: the chat messages.
    """

    question_id: str
    digest: str
    nonce: str
    messages: tuple[dict[str, str], ...]
    form: Form = ANSWER

    def verdict(self, reply: str) -> float | None:
        """Return what ``reply`` says (see :meth:`~memgym.judging.forms.Form.read`), or None if it is not a verdict."""
        return self.form.read(reply, self.nonce)

    @property
    def expected(self) -> str:
        """The form of a verdict."""
        return self.form.expected(self.nonce)

    def again(self, reply: str) -> tuple[dict[str, str], ...]:
        """Return the messages that ask once more after a ``reply`` without verdict."""
        reminder = self.form.reminder.format(nonce=self.nonce)
        return (*self.messages, {"role": "assistant", "content": reply}, {"role": "user", "content": reminder})


def make_cases(prompt: Prompt, benchmark: str, question: Question, answer: str) -> tuple[Case, ...]:
    """Return what is asked about ``answer``: one case, or one for each point that it is due to make."""
    if prompt.form is ANSWER:
        return (make_case(prompt, benchmark, question, answer),)
    return tuple(_case(prompt, prompt.rule(benchmark, question), question, point, answer) for point in points(question))


def make_case(prompt: Prompt, benchmark: str, question: Question, answer: str) -> Case:
    """Write the messages that ask for a verdict on ``answer`` as a whole."""
    return _case(prompt, prompt.rule(benchmark, question), question, _reference(question), answer)


def points(question: Question) -> tuple[str, ...]:
    """Return what an answer is marked by: the points of the question's rubric, else the gold answers.

    Gold answers of which any one is enough are one point, and so is saying that the history does not tell.
    """
    if question.metadata.get(RUBRIC):
        return tuple(question.metadata[RUBRIC].splitlines())
    if not question.answerable:
        return (f"It makes clear that the history does not tell. ({_reference(question)})",)
    return question.answers if question.match == "all" else (_reference(question),)


def _case(prompt: Prompt, rule: str, question: Question, reference: str, answer: str) -> Case:
    asked = f"{question.text}\n(asked on {question.time})" if question.time else question.text
    digest = _digest([rule, asked, reference, answer])
    nonce = digest[:16]
    messages = prompt.form.messages(rule, nonce, question=asked, reference=reference, answer=answer)
    return Case(question.id, digest, nonce, messages, prompt.form)


def _reference(question: Question) -> str:
    if len(question.answers) == 1:
        return question.answers[0]
    head = "All of these are required:" if question.match == "all" else "Any one of these is enough:"
    return "\n".join([head, *(f"- {answer}" for answer in question.answers)])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
