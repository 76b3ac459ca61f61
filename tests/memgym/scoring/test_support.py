"""Which answers follow from a memory where values change, and how good it is."""

from __future__ import annotations

import pytest

from memgym.episodes import Episode, Fact, Question, Session, Turn
from memgym.scoring.support import Support


def episode(*facts: Fact, question: Question) -> Episode:
    turns = tuple(Turn(fact.source, "Mira", f"I live in {fact.value}.") for fact in facts)
    return Episode("e", (question,), sessions=(Session("s", "", turns),), facts=facts)


OLD = Fact("Mira", "home", "Porto", "t1", until="t2", cues=("live",))
NEW = Fact("Mira", "home", "Lisbon", "t2", cues=("live",))
NOW = Question("q", "Where does Mira live?", ("Lisbon",), evidence=("t2",))
GONE = Question("q", "Where does Mira live?", ("unknown",), evidence=("t2",), answerable=False)
BEFORE = Question("q", "Where did Mira live before?", ("Porto",), evidence=("t1", "t2"))


@pytest.mark.parametrize(
    ("question", "memory", "answer"),
    [
        (NOW, ["Mira: I live in Lisbon"], ["Lisbon"]),
        (NOW, ["Mira: I live in Porto"], ["Porto"]),
        (NOW, ["Mira: I live in Porto", "Mira: I live in Lisbon"], ["Lisbon", "Porto"]),
        (NOW, ["Mira lives in Porto, Lisbon"], ["Lisbon", "Porto"]),
        (NOW, [], []),
        (BEFORE, ["Mira: I live in Porto", "Mira: I live in Lisbon"], ["Porto"]),
        (BEFORE, ["Mira: I live in Porto"], []),
        (GONE, [], []),
        (GONE, ["Mira: I live in Porto"], ["Porto"]),
    ],
)
def test_old_and_new(question: Question, memory: list[str], answer: list[str]) -> None:
    support = Support(episode(OLD, NEW, question=question))
    assert support.answer(question, memory) == answer


def test_the_quality_of_a_memory() -> None:
    support = Support(episode(OLD, NEW, question=NOW))
    alone = support.quality(["Mira: I live in Lisbon"])
    assert alone == {"memory_recall": 1.0, "memory_precision": 1.0}
    assert support.quality(["Mira: I live in Porto", "Mira: I live in Lisbon"])["memory_recall"] == 0.5
    assert support.quality([]) == {"memory_recall": 0.0, "memory_precision": 0.0}
    long = support.quality(["Mira: I live in Lisbon " + "and so on " * 100])
    assert long["memory_recall"] == 1.0
    assert long["memory_precision"] < 0.1
    assert support.quality(["Mira: I live in Porto"], heard={"t1"})["memory_recall"] == 1.0


def test_both_in_one_statement_are_both_unless_the_text_itself_says_so() -> None:
    turn = "I moved from Porto to Lisbon, so I live there."
    moved = Episode("e", (NOW,), sessions=(Session("s", "", (Turn("t2", "Mira", turn),)),), facts=(OLD, NEW))
    assert Support(moved).answer(NOW, [f"Mira: {turn}"]) == ["Lisbon"]
    assert Support(episode(OLD, NEW, question=NOW)).answer(NOW, ["Mira lives in Lisbon, Porto"]) == ["Lisbon", "Porto"]


def test_answers_that_are_told_of_each_other() -> None:
    facts = (Fact("Ann", "friend", "Ben", "t1"), Fact("Ben", "friend", "Ann", "t2"))
    question = Question("q", "Who are friends?", ("Ann", "Ben"), match="all", evidence=("t1", "t2"))
    support = Support(episode(*facts, question=question))
    assert support.answer(question, ["Ann is a friend of Ben"]) == ["Ann", "Ben"]
    assert support.answer(question, ["Ann is a friend of Cid"]) == []


FOUR = Fact("Mira", "vases", "four vases", "t1", cues=("bought",))
SIX = Fact("Mira", "vases", "six vases", "t2", cues=("bought",))
TOTAL = Fact("Mira", "number of vases", "10", "t2", cues=("vases",))
COUNT = Question("q", "How many vases has Mira bought?", ("10",), evidence=("t1", "t2"), in_one=(TOTAL,))


@pytest.mark.parametrize(
    ("memory", "follows"),
    [
        (["Mira bought four vases.", "Mira bought six vases."], True),
        (["Mira bought ten vases."], True),
        (["Mira bought four vases.", "Mira bought six vases.", "So Mira has 10 vases now."], True),
        (["Mira bought: " + " ".join(f"{n} vases" for n in range(2, 11))], False),
        ([f"Mira: {n} vases" for n in range(2, 21)], False),
    ],
)
def test_counts_are_not_guessed(memory: list[str], follows: bool) -> None:
    turns = tuple(Turn(fact.source, "Mira", f"I bought {fact.value}.") for fact in (FOUR, SIX))
    support = Support(Episode("e", (COUNT,), sessions=(Session("s", "", turns),), facts=(FOUR, SIX)))
    assert support.answer(COUNT, memory) == (["10"] if follows else [])


@pytest.mark.parametrize("told", ["three days ago", "this past Friday", "on the 18th of May"])
def test_days_are_not_guessed(told: str) -> None:
    fact = Fact("Mira", "date of event", told, "t1", cues=("quiz",))
    when = Question("q", "When did Mira win the quiz?", ("18 May 2022",), evidence=("t1",), needs=(fact,))
    support = Support(episode(fact, question=when))
    guesses = ["two days ago", "four days ago", "this past Monday", "this past Sunday"]
    guesses += ["on the 1st of May", "on the 2nd of May"]
    assert support.answer(when, [f"Mira won the quiz {told}."]) == ["18 May 2022"]
    assert support.answer(when, [f"Mira, quiz: {', '.join([told, *guesses])}"]) == []


def test_of_a_passage_the_sentence_that_tells_is_carried() -> None:
    turn = Turn("t1", "Mira", "The weather has been dreadful all week. Caroline and I adopted those kittens in spring.")
    asked = Question("q", "What did Mira adopt with Caroline?", ("two young cats",), evidence=("t1",))
    support = Support(Episode("e", (asked,), sessions=(Session("s", "", (turn,)),)))
    assert support.answer(asked, ["Mira: Caroline and I adopted those kittens in spring."]) == ["two young cats"]
    assert support.answer(asked, ["Mira: The weather has been dreadful all week."]) == []
    credit = support.evidence(asked)["t1"]
    assert credit("Caroline and I adopted those kittens")
    assert not credit("The weather has been dreadful all week.")
