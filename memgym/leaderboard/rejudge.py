"""Scores the answers of a result anew by a language model, without playing: no policy is asked, no step replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from memgym.api import concurrently
from memgym.envs.base import MemoryEnv
from memgym.envs.rewards import ScalarReward
from memgym.episodes import Question
from memgym.errors import DataError
from memgym.judging.judge import Judge, JudgeError
from memgym.leaderboard.episodes import Changed
from memgym.leaderboard.evaluate import check_played_on, spec_json
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import AnswerRecord, EntryRecord, EpisodeRecord, Header, JudgeRecord, StepRecord
from memgym.leaderboard.rounds import Round
from memgym.leaderboard.suites import judged_name
from memgym.leaderboard.trust import STRICT, Trust, replay_env

JudgeSpec = str | Mapping[str, Any]
Verdicts = Mapping[tuple[int, str, str], Mapping[str, float] | JudgeError]
"""By index of the episode, id of the question and answer: the scores that are verdicts (1.0 for a right answer, 0.0 for
a wrong one), or why there are none."""


def rejudge(
    result: Result,
    judge: JudgeSpec,
    *,
    trust: Trust = STRICT,
    overrides: Mapping[str, Any] | None = None,
    round_: Round | None = None,
    judged: Callable[[], None] = lambda: None,
) -> Result:
    """Return the result as it would have been with a judge.

    Its verdict becomes the score ``answer``, the rule's score stays beside it as ``rule``, and what a step paid is
    worked out anew. An episode of which a verdict could not be had has failed, up to that step; the same call goes on
    from there, as the other verdicts are kept. The judge is among the entries' make-arguments, so the result verifies
    like one that was played with it, and bears another name than the suite's.

    Args:
        result: content of a result file; is left as it is.
        judge: as for the make-argument ``judge``: a model, or a dict with ``model``, ``prompt``, ``base_url``, ….
        trust: what the file may name beside what is memgym's own; the judge is yours.
        overrides: make-arguments of this machine in place of the file's, such as ``path``.
        round_: on which it was played, with its seed, if on one.
        judged: called after each verdict, from several threads.

    Raises:
        UntrustedError: the file names what is not admitted, see :mod:`memgym.leaderboard.trust`.
        ConfigError, DataError: an entry's environment or the judge cannot be made, or the data or the round are others
            here.
    """
    check_played_on(result.header, round_)
    entries, changes = [], {}
    for entry in result.header.entries:
        env = _env(result.header, entry, trust, {**(overrides or {}), "judge": judge}, round_)
        entries.append(_entry(entry, env, judge))
        assert env.judge is not None
        verdicts = _verdicts(env.judge, env, result.recorded(entry.name), judged)
        changes[entry.name] = (verdicts, ScalarReward(env.rewards, env.reward_weights))
    header = msgspec.structs.replace(result.header, suite=_suite_name(result, judge), entries=entries)
    episodes = Changed(result.episodes, lambda episode: _rejudged(episode, *changes[episode.entry]))
    for _ in episodes:
        pass  # what does not fit is told here, not when they are written
    return replace(result, header=header, episodes=episodes, digest="")


def lacks_verdicts(judged: Result, result: Result, judge: JudgeSpec) -> bool:
    """Return whether a result is what :func:`rejudge` made of another by a judge when it could not have all verdicts.

    Args:
        judged: may be that.
        result: the other.
        judge: as for :func:`rejudge`.
    """
    told = [(h.policy, h.seed, h.packages, h.round, h.context) for h in (judged.header, result.header)]
    entries = [_entry_kwargs(entry, judge) for entry in result.header.entries]
    same = told[0] == told[1] and [entry.kwargs for entry in judged.header.entries] == entries
    before = {episode.key for episode in result.failed}
    lacking = (episode for episode in judged.failed if episode.key not in before)
    return same and any((episode.error or "").startswith(JudgeError.__name__) for episode in lacking)


def count_answers(result: Result) -> int:
    """Return how many different answers there are to judge."""
    return sum(len(dict.fromkeys(_keys(result.recorded(entry.name)))) for entry in result.header.entries)


def _suite_name(result: Result, judge: JudgeSpec) -> str:
    name = result.header.suite
    for entry in result.header.entries:
        name = name.removesuffix(judged_name("", entry.kwargs.get("judge")))
    return judged_name(name, judge)


def _env(
    header: Header, entry: EntryRecord, trust: Trust, overrides: Mapping[str, Any], round_: Round | None
) -> MemoryEnv:
    judged = msgspec.structs.replace(entry, kwargs={**entry.kwargs, "judge": None})
    privileged, context = header.policy.privileged, header.context
    env = replay_env(judged, trust, overrides, reveal_gold=privileged, round_=round_, context=context)
    if env.task.fingerprint() != entry.task_fingerprint:
        raise DataError(f"entry {entry.name!r}: the task or its data are not the same here (fingerprints differ)")
    return env


def _entry(entry: EntryRecord, env: MemoryEnv, judge: JudgeSpec) -> EntryRecord:
    assert env.judge is not None
    kwargs = _entry_kwargs(entry, judge)
    identity = JudgeRecord(id=env.judge.id, prompt_hash=env.judge.prompt_hash)
    return msgspec.structs.replace(entry, kwargs=kwargs, env_spec=spec_json(env, kwargs), judge=identity)


def _entry_kwargs(entry: EntryRecord, judge: JudgeSpec) -> dict[str, Any]:
    return {**entry.kwargs, "judge": judge if isinstance(judge, str) else dict(judge)}


def _verdicts(judge: Judge, env: MemoryEnv, episodes: Iterable[EpisodeRecord], judged: Callable[[], None]) -> Verdicts:
    """Ask for each different answer once, as many at a time as the judge takes."""
    keys = list(dict.fromkeys(_keys(episodes)))
    questions = _questions(env, {index for index, _, _ in keys})

    def ask(key: tuple[int, str, str]) -> Mapping[str, float] | JudgeError:
        index, question, answer = key
        if (index, question) not in questions:
            raise DataError(f"episode {index} of task {env.task.name!r} has no question {question!r}")
        asked = questions[index, question]
        mended = env.task.errata and env.task.errata.mended(asked)
        try:
            scores = {"answer": judge.score(asked, answer, env.task.name)}
            if mended:
                scores["corrected"] = judge.score(mended, answer, env.task.name)
            return scores
        except JudgeError as error:
            return error
        finally:
            judged()

    return dict(zip(keys, concurrently(ask, keys, judge.client.concurrency), strict=True))


def _keys(episodes: Iterable[EpisodeRecord]) -> Iterable[tuple[int, str, str]]:
    for episode in episodes:
        for step in episode.steps:
            for answer in step.answers:
                if answer.answer:  # without one the score is 0
                    yield episode.index, answer.question_id, answer.answer


def _questions(env: MemoryEnv, indices: Iterable[int]) -> dict[tuple[int, str], Question]:
    return {
        (index, question.id): question
        for index in sorted(indices)
        for question in env.task.episode(env.split, index).questions
    }


def _rejudged(episode: EpisodeRecord, verdicts: Verdicts, pay: ScalarReward) -> EpisodeRecord:
    steps: list[StepRecord] = []
    for step in episode.steps:
        answers = []
        for answer in step.answers:
            found = verdicts[episode.index, answer.question_id, answer.answer] if answer.answer else {"answer": 0.0}
            if isinstance(found, JudgeError):
                error = f"{type(found).__name__}: {found}"
                return msgspec.structs.replace(episode, steps=steps, error=error)
            answers.append(_answer(answer, found))
        steps.append(_step(step, answers, pay) if answers else step)
    return msgspec.structs.replace(episode, steps=steps)


def _answer(answer: AnswerRecord, verdicts: Mapping[str, float]) -> AnswerRecord:
    rule = answer.scores.get("rule", answer.scores["answer"])
    return msgspec.structs.replace(answer, scores={**answer.scores, "rule": rule, **verdicts})


def _step(step: StepRecord, answers: list[AnswerRecord], pay: ScalarReward) -> StepRecord:
    rewards = {**step.rewards, "answer": sum(answer.scores["answer"] for answer in answers) / len(answers)}
    lost = next((name for name in pay.weights if name not in rewards), None)
    if lost is not None:
        raise DataError(f"the reward {lost!r} has a weight and was not recorded: what a step pays is not known")
    return msgspec.structs.replace(step, answers=answers, rewards=rewards, reward=pay(rewards))
