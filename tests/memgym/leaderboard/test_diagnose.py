"""Where answers are lost, on episodes made for each place."""

from __future__ import annotations

from typing import Any

import pytest

from memgym.bank import MemoryRecord
from memgym.episodes import Episode, Fact, Question, Session, Turn
from memgym.leaderboard.diagnose import LOSSES, Evidence, diagnose, tally
from memgym.leaderboard.records import EpisodeRecord
from memgym.leaderboard.trace import Change, Trace, TracedStep
from memgym.protocol.observation import Block, Observation
from memgym.scoring.support import Support

TURNS = (Turn("a", "Mira", "I moved to Lisbon."), Turn("b", "Ben", "I love cheese."), Turn("c", "Mira", "He agreed."))
ASKED = Question("q", "Where does Mira live?", ("Lisbon",), evidence=("a",))
GOOD = MemoryRecord("m1", "", "Mira moved to Lisbon.", source=("a",))
OTHER = MemoryRecord("m2", "", "Ben loves cheese.", source=("b",))


def stored(*memory: MemoryRecord, old: tuple[MemoryRecord, ...] = (), candidates: tuple[str, ...] = ()) -> TracedStep:
    changes = [Change(record, None) for record in old if record not in memory]
    changes += [Change(None, record) for record in memory if record not in old]
    shown = Observation("update", "", tuple(Block("candidate", text, {"id": "c1"}) for text in candidates))
    return TracedStep(shown, True, "", "", memory, tuple(changes))


def answered(memory: tuple[MemoryRecord, ...], kept: tuple[MemoryRecord, ...], **fields: Any) -> TracedStep:
    shown = Observation("answer", "", tuple(Block("memory", record.value, {"id": record.id}) for record in kept))
    known = {"question": ASKED, "answer": "Paris", "scores": {"answer": 0.0}}
    return TracedStep(shown, True, "", "", memory, (), **{**known, **fields})


def lost(*steps: TracedStep) -> list[str]:
    questions = tuple({step.question.id: step.question for step in steps if step.question}.values())
    episode = Episode("e", questions, sessions=(Session("s", "", TURNS),))
    record = EpisodeRecord(entry="e", trial=0, index=0, episode_id="e", steps=[])
    return [loss.place for loss in diagnose(Trace(record, episode, steps, Support(episode), False))]


@pytest.mark.parametrize(
    ("place", "steps"),
    [
        ("never extracted", (stored(OTHER), answered((OTHER,), (OTHER,)))),
        ("not stored", (stored(OTHER, candidates=("Mira moved to Lisbon.",)), answered((OTHER,), (OTHER,)))),
        ("overwritten", (stored(GOOD), stored(OTHER, old=(GOOD,)), answered((OTHER,), (OTHER,)))),
        ("not retrieved", (stored(GOOD, OTHER), answered((GOOD, OTHER), (OTHER,)))),
        ("not used", (stored(GOOD, OTHER), answered((GOOD, OTHER), (GOOD,)))),
        (
            "no abstention",
            (answered((), (), question=Question("q", "Which car?", ("unknown",), answerable=False)),),
        ),
        ("unknown", (answered((), (), question=Question("q", "Did he agree?", ("yes",), evidence=())),)),
    ],
)
def test_each_place(place: str, steps: tuple[TracedStep, ...]) -> None:
    assert lost(*steps) == [place]
    assert place in LOSSES


def test_a_right_answer_is_lost_nowhere() -> None:
    assert lost(stored(GOOD), answered((GOOD,), (GOOD,), scores={"answer": 0.5})) == []


def test_a_text_counts_by_its_lines() -> None:
    line = MemoryRecord("", "", "Mira moved to Lisbon")
    assert lost(stored(line), answered((line,), ())) == ["not used"]
    assert lost(stored(line), stored(old=(line,)), answered((), ())) == ["overwritten"]


def test_evidence_that_states_no_answer_is_held_by_what_carries_it() -> None:
    question = Question("q", "Did he agree?", ("yes",), evidence=("c",))
    evidence = Evidence(Support(Episode("e", (question,), sessions=(Session("s", "", TURNS),))), question)
    assert not evidence.held([OTHER])
    assert not evidence.held([MemoryRecord("m3", "", "consent was given", source=("c",))])
    assert evidence.held([MemoryRecord("m3", "", "Mira: He agreed.", source=("c",))])


def test_all_evidence_is_needed_where_several_turns_are() -> None:
    question = Question("q", "Who loves what, and where?", ("Lisbon", "cheese"), "all", evidence=("a", "b"))
    evidence = Evidence(Support(Episode("e", (question,), sessions=(Session("s", "", TURNS),))), question)
    assert not evidence.held([GOOD])
    assert evidence.held([GOOD, OTHER])
    assert [evidence.touches(record) for record in (GOOD, MemoryRecord("m4", "", "x", source=("c",)))] == [True, False]


def test_a_value_beside_the_one_that_overtook_it_blurs_the_evidence() -> None:
    turns = (Turn("a", "Mira", "I live in Porto."), Turn("b", "Mira", "I live in Lisbon now."))
    facts = (Fact("Mira", "lives in", "Porto", "a", until="b"), Fact("Mira", "lives in", "Lisbon", "b"))
    question = Question("q", "Where does Mira live?", ("Lisbon",), evidence=("b",))
    support = Support(Episode("e", (question,), sessions=(Session("s", "", turns),), facts=facts))
    old, new = (MemoryRecord(f"m{i}", "", f"Mira: {turn.text}", source=(turn.id,)) for i, turn in enumerate(turns))
    evidence = Evidence(support, question)
    assert evidence.held([old, new])
    assert evidence.blurred([old, new])
    assert not evidence.blurred([new])
    step = answered((old, new), (old, new), question=question)
    record = EpisodeRecord(entry="e", trial=0, index=0, episode_id="e", steps=[])
    episode = Episode("e", (question,), sessions=(Session("s", "", turns),), facts=facts)
    assert tally(diagnose(Trace(record, episode, (step,), support, False))) == {"not replaced": 1}


def test_tally_keeps_the_order_of_the_phases() -> None:
    steps = (stored(GOOD), stored(OTHER, old=(GOOD,)), answered((OTHER,), ()))
    record = EpisodeRecord(entry="e", trial=0, index=0, episode_id="e", steps=[])
    episode = Episode("e", (ASKED,), sessions=(Session("s", "", TURNS),))
    assert tally(diagnose(Trace(record, episode, steps, Support(episode), False))) == {"overwritten": 1}
