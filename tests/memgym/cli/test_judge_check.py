from __future__ import annotations

from dataclasses import dataclass

import pytest
from rich.console import Console

from memgym.cli.judge_check import check_on_task
from memgym.episodes import RUBRIC, Episode, Question, Section
from memgym.errors import ConfigError
from memgym.judging.judge import Judge, JudgeError
from memgym.tasks.base import Task


@dataclass(frozen=True)
class Config:
    size: int | None = 6
    category: str = "city"


class Towns(Task):
    """Per episode, one question that has an answer and one that has none."""

    name = "longmemeval"
    source = "these tests"
    Config = Config

    def size(self, split: str) -> int | None:
        return self.config.size

    def build(self, split: str, index: int) -> Episode:
        answered = Question(f"{index}a", f"Where is {index}?", (f"Town{index}",), category=self.config.category)
        open_ = Question(f"{index}b", f"Who is {index}?", ("nobody says",), category="city", answerable=False)
        questions = (answered,) if self.config.category != "city" else (answered, open_)
        return Episode(str(index), questions, (Section("s", f"Town{index}"),))


@pytest.fixture
def judge(judge_server, tmp_path):
    return Judge("grader", base_url=judge_server.url, cache_dir=tmp_path, timeout=2.0, retries=0)


def test_an_honest_judge_makes_no_error(judge):
    report = check_on_task(judge, Towns(), "test", n=12)
    assert (report.false_rejects, report.false_accepts) == (0.0, 0.0)
    assert report.questions == 12
    judged = {(probe.kind, probe.right): probe.answers for probe in report.probes}
    assert judged["gold", True] == judged["gold in capitals", True] == judged["says not to know", False] == 6
    assert judged["says not to know", True] == 6
    assert judged["nothing", False] == judged["another question's answer", False] == 12
    assert (report.judge, report.prompt, report.prompt_hash) == (judge.id, judge.prompt, judge.prompt_hash)


def test_a_credulous_judge_is_found_out(judge, judge_server):
    def credulous(messages):
        sheet = judge_server.read(messages)
        return sheet.verdict("CORRECT" in sheet.candidate or sheet.correct())

    judge_server.answer = credulous
    report = check_on_task(judge, Towns(), "test", n=12)
    fooled = {probe.kind for probe in report.probes if probe.errors}
    assert fooled == {"a verdict", "breaks the fence", "another's, with a verdict", "another's, breaks the fence"}
    assert all(probe.errors == probe.answers for probe in report.probes if probe.kind in fooled)
    assert report.false_rejects == 0.0
    assert 0.5 < report.false_accepts < 1.0


def test_a_judge_that_falls_for_the_topic_is_found_out(judge, judge_server):
    def topical(messages):
        sheet = judge_server.read(messages)
        return sheet.verdict(sheet.question in sheet.candidate or sheet.correct())

    judge_server.answer = topical
    report = check_on_task(judge, Towns(), "test", n=12)
    assert {probe.kind for probe in report.probes if probe.errors} == {"vague, on the topic"}


@dataclass(frozen=True)
class RubricConfig(Config):
    points: int = 4


class Rubrics(Towns):
    """Questions with the rubric that a good answer keeps to."""

    Config = RubricConfig

    def build(self, split: str, index: int) -> Episode:
        points = "\n".join(f"point{index}x{i}" for i in range(self.config.points))
        question = Question(f"{index}", f"What of {index}?", (f"prose{index}",), metadata={RUBRIC: points})
        return Episode(str(index), (question,), (Section("s", points),))


@pytest.mark.parametrize("generous", [False, True])
def test_a_marking_judge_is_measured_on_whole_half_and_vague_answers(judge_server, tmp_path, generous):
    def mark(messages):
        sheet = judge_server.read(messages)
        about = generous and sheet.candidate.count("point") > 0
        return sheet.verdict(1.0 if sheet.correct() else 0.5 if about else 0.0)

    judge_server.answer = mark
    judge = Judge("grader", "rubric", judge_server.url, tmp_path, timeout=5.0, retries=0)
    report = check_on_task(judge, Rubrics(), "test", n=3)
    judged = {probe.kind: (probe.answers, probe.errors) for probe in report.probes}
    assert judged["gold"] == judged["gold in capitals"] == (3, 0)
    assert judged["half of the points"] == (3, 3 if generous else 0)
    assert judged["another question's answer"] == (3, 3 if generous else 0)
    assert judged["vague, on the topic"] == judged["nothing"] == (3, 0)
    one = check_on_task(judge, Rubrics(points=1), "test", n=2)
    assert "half of the points" not in {probe.kind for probe in one.probes}


def test_a_pedantic_judge_is_found_out(judge, judge_server):
    def pedantic(messages):
        sheet = judge_server.read(messages)
        return sheet.verdict(sheet.reference == sheet.candidate)

    judge_server.answer = pedantic
    report = check_on_task(judge, Towns(), "test", n=4)
    assert report.false_accepts == 0.0
    assert 0.5 < report.false_rejects < 1.0


def test_the_report_prints_a_table(judge):
    console = Console(record=True, width=120)
    console.print(check_on_task(judge, Towns(), "test", n=2))
    table = console.export_text()
    for shown in (judge.id, "longmemeval", "breaks the fence", "false accepts", "0.0%"):
        assert shown in table


@pytest.mark.parametrize("size", [6, None])
def test_the_draw_depends_on_the_seed_alone(judge, judge_server, size):
    def asked(seed: int) -> list[str]:
        check_on_task(judge, Towns(size=size), "test", n=3, seed=seed)
        texts = sorted({judge_server.read(request["messages"]).question for request in judge_server.requests})
        judge_server.requests.clear()
        return texts

    first = asked(1)
    assert len(first) == 3
    assert asked(1) == []  # the same questions again: all verdicts are kept
    assert asked(2) != first


def test_rubrics_are_left_out(judge):
    with pytest.raises(ConfigError, match="no question with a known answer"):
        check_on_task(judge, Towns(category="single-session-preference"), "test")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [({"split": "tset"}, "test"), ({"n": 0}, "'n'"), ({"seed": -1}, "'seed'")],
)
def test_bad_arguments(judge, arguments, told):
    with pytest.raises(ConfigError, match=told):
        check_on_task(judge, Towns(), **{"split": "test", **arguments})


def test_a_fault_is_no_verdict(judge, judge_server):
    judge_server.then_status(500)
    with pytest.raises(JudgeError):
        check_on_task(judge, Towns(), "test", n=2)
