"""An LLM as the judge of answers, behind any OpenAI-compatible endpoint (the ``api`` extra)."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from memgym.api import ApiError, BadReplyError, ChatClient, concurrently
from memgym.checks import check_int
from memgym.episodes import Question
from memgym.errors import ConfigError, MemgymError, unknown
from memgym.folders import cache_folder
from memgym.judging.cache import VerdictCache
from memgym.judging.forms import POINT
from memgym.judging.prompts import Case, get_prompt, make_cases
from memgym.judging.rules import MARKED


class JudgeError(MemgymError, RuntimeError):
    """A verdict could not be had. Those that could are kept: the same run, started again, goes on from there."""


class Judge:
    """Says whether answers are right, or marks them point by point, at temperature 0, and keeps what it said on disk.

    A verdict is kept under (judge, prompt hash, input hash) and never asked for again; failures are not kept.
    The API key is read from ``OPENAI_API_KEY`` only, so that no judge's description and no pickle can hold it. A copy
    has the same rules, endpoint and verdicts.

    Args:
        model: the judging model's name at the endpoint.
        prompt: ``benchmark`` (the benchmark's own rule), ``strict``, ``lenient``, ``rubric`` (each point that an answer
            is due to make counts 0, 0.5 or 1), or rules of your own: see :func:`~memgym.judging.prompts.get_prompt`.
        base_url: the endpoint; by default ``OPENAI_BASE_URL``, else OpenAI's own.
        cache_dir: folder of the kept verdicts; by default see :func:`memgym.folders.cache_folder`.
        concurrency: the most requests under way at once.
        timeout: seconds to wait for the endpoint at each try.
        retries: tries after the first one, counted apart for requests that fail and for replies without a verdict.
        deadline: seconds for a whole reply, retries of requests included.
        request: fields of the request that are left out, renamed or added, see :mod:`memgym.api.fields`; a part of
            :attr:`id`, as the verdicts may depend on them.

    Raises:
        ConfigError: an argument does not fit, or there is no API key.
        DataError: verdicts cannot be kept in ``cache_dir``.
        MissingExtraError: the ``api`` extra is not installed.
    """

    def __init__(
        self,
        model: str,
        prompt: str = "benchmark",
        base_url: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        concurrency: int = 8,
        timeout: float = 60.0,
        retries: int = 5,
        deadline: float = 600.0,
        request: Mapping[str, Any] | None = None,
    ):
        self._prompt = get_prompt(prompt)
        check_int("retries", retries, 0)
        if not isinstance(cache_dir, str | os.PathLike | None):
            raise ConfigError(f"argument 'cache_dir' must be a folder, not {cache_dir!r}")
        self.prompt = prompt
        self.prompt_hash = self._prompt.hash
        self.retries = retries
        self.client = ChatClient(
            model, base_url, None, timeout, retries, concurrency, deadline=deadline, request=request
        )
        self.cache = VerdictCache(cache_dir or cache_folder())

    @property
    def id(self) -> str:
        """The model; where the endpoint is not OpenAI's own or ``request`` is given, ``@`` and a hash of the two."""
        return self.client.id

    @property
    def marking(self) -> bool:
        """Whether it marks answers point by point."""
        return self._prompt.form is POINT

    def __repr__(self) -> str:
        return f"Judge({self.id!r}, prompt={self.prompt!r})"

    def verdict(self, question: Question, answer: str, benchmark: str) -> bool:
        """Return whether ``answer`` is right; where points are marked, whether all of them are met.

        Args:
            benchmark: the task's name; it selects the rule under the prompt ``benchmark``.

        Raises:
            JudgeError: there is no verdict to be had.
        """
        return self.score(question, answer, benchmark) == 1.0

    def score(self, question: Question, answer: str, benchmark: str) -> float:
        """Return 1.0 if ``answer`` is right, else 0.0; where points are marked, the mean of their marks.

        Raises:
            JudgeError: as in :meth:`verdict`.
        """
        return _mean(self.marks(question, answer, benchmark))

    def marks(self, question: Question, answer: str, benchmark: str) -> tuple[float, ...]:
        """Return the verdict on each point of an answer (see :func:`~memgym.judging.prompts.points`); or the one on it.

        Raises:
            JudgeError: as in :meth:`verdict`; the verdicts on other points are kept.
        """
        cases = make_cases(self._prompt, benchmark, question, answer)
        verdict_of = self._verdicts(cases)
        return tuple(verdict_of[case.digest] for case in cases)

    def scores(self, batch: Iterable[tuple[Question, str, str]]) -> list[float]:
        """Return the scores of several ``(question, answer, benchmark)``, asked for concurrently, each input once.

        Raises:
            JudgeError: one of them is not to be had. Requests under way are completed and their verdicts kept.
        """
        answers = [make_cases(self._prompt, benchmark, question, answer) for question, answer, benchmark in batch]
        verdict_of = self._verdicts(case for cases in answers for case in cases)
        return [_mean([verdict_of[case.digest] for case in cases]) for cases in answers]

    def verdicts(self, batch: Iterable[tuple[Question, str, str]]) -> list[bool]:
        """Return the verdicts on several ``(question, answer, benchmark)``, as :meth:`scores` gets them."""
        return [score == 1.0 for score in self.scores(batch)]

    def _verdicts(self, cases: Iterable[Case]) -> dict[str, float]:
        """Return the verdicts by their cases' digests; each is asked for once."""
        distinct = {case.digest: case for case in cases}
        if len(distinct) == 1:  # needs no thread
            return {digest: self._resolve(case) for digest, case in distinct.items()}
        found = concurrently(self._resolve, distinct.values(), self.client.concurrency)
        return dict(zip(distinct, found, strict=True))

    def _resolve(self, case: Case) -> float:
        key = hashlib.sha256(f"{self.id}\n{self.prompt_hash}\n{case.digest}".encode()).hexdigest()
        verdict = self.cache.get(key)
        if verdict is None:
            verdict = self._ask(case)
            self.cache.put(key, verdict)
        return float(verdict)

    def _ask(self, case: Case) -> float:
        messages = case.messages
        for _ in range(self.retries + 1):
            try:
                reply = self.client.complete(messages)
            except BadReplyError as error:
                fault = str(error)
            except ApiError as error:
                raise self._error(case, str(error)) from None
            else:
                verdict = case.verdict(reply)
                if verdict is not None:
                    return verdict
                fault = f"the reply does not end in a verdict ({case.expected}): {reply[-200:]!r}"
                messages = case.again(reply)
        raise self._error(case, f"{self.retries + 1} replies without a verdict; the last: {fault}")

    def _error(self, case: Case, fault: str) -> JudgeError:
        return JudgeError(
            f"no verdict of judge {self.id!r} on question {case.question_id!r}: {fault}. "
            f"Verdicts so far are kept in {self.cache.path}; run again to go on."
        )


def make_judge(spec: str | Mapping[str, Any], benchmark: str = "") -> Judge:
    """Create a judge from a JSON-able description: the model's name, or the arguments of :class:`Judge` by name.

    Args:
        benchmark: the task whose answers it is to judge; where the task's own rule goes point by point, the prompt
            ``benchmark`` is ``rubric``.

    Raises:
        ConfigError: the description does not fit; other errors as :class:`Judge` raises them.
    """
    if isinstance(spec, str):
        spec = {"model": spec}
    if not isinstance(spec, Mapping):
        raise ConfigError(f"a judge is the name of a model or a dict with 'model', not {spec!r}")
    if "api_key" in spec:
        raise ConfigError("a judge's description must not hold 'api_key': set OPENAI_API_KEY")
    known = list(inspect.signature(Judge).parameters)
    for name in spec:
        if name not in known:
            raise unknown("judge option", name, known)
    if "model" not in spec:
        raise ConfigError(f"a judge's description needs 'model'; it has {', '.join(spec) or 'nothing'}")
    if benchmark in MARKED and spec.get("prompt", "benchmark") == "benchmark":
        spec = {**spec, "prompt": "rubric"}
    return Judge(**spec)


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))
