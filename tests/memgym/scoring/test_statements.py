from __future__ import annotations

from dataclasses import replace

import pytest

from memgym.episodes import Fact
from memgym.scoring.statements import LONGEST, Rivals, Statements, carries

PASSAGE = "Hi Ben! I have just adopted a cat called Olive, and she sleeps. Thanks!"


@pytest.mark.parametrize(
    "text",
    [
        PASSAGE,
        "Mira: adopted cat called Olive",
        "pet: Mira's cat Olive sleeps",
        "Mira adopts cats; Olive sleeping",  # other endings
        f"{'word ' * 500}cat called Olive {'word ' * 500}",
    ],
)
def test_texts_that_carry_something(text: str) -> None:
    assert carries(text, PASSAGE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "Olive",
        "Hi Ben! Thanks!",  # said in many turns
        "I have just and she",  # stop words
        "cat " * 50,  # one word often
        f"cat {'word ' * LONGEST}called {'word ' * LONGEST}Olive",  # too far apart to be one statement
        "ca\u0336t-called-Oliv",
        "D1:1",
    ],
)
def test_texts_that_carry_nothing(text: str) -> None:
    assert not carries(text, PASSAGE)


@pytest.mark.parametrize(
    ("text", "passage", "carried"),
    [
        ("cup to abbey", "cup to abbey.", True),
        ("cup", "cup to abbey.", False),
        ("lovely", "Lovely.", True),
        ("nice", "Lovely.", False),
        ("who is it", "It is who?", True),  # stop words alone go by these
        ("米拉住在里斯本", "米拉搬到了里斯本。", True),
        ("她有一只猫", "米拉搬到了里斯本。", False),
        ("anything", "", False),
        ("", "", False),
        ("Paris lies on the Seine", "Rome is old.\nParis, the capital of France, lies on the Seine.", True),
    ],
)
def test_short_and_foreign_passages(text: str, passage: str, carried: bool) -> None:
    assert carries(text, passage) is carried


HOME = Fact("Mira Okafor", "home city", "Lisbon", "t1", names=("Mira Okafor", "Mira"), cues=("live", "home", "city"))


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Mira Okafor lives in Lisbon.", True),
        ("Mira: I live in Lisbon.", True),
        ("Mira's home: LISBON", False),  # whose name is another word
        ("home city: Mira, Lisbon", True),
        ("Mira likes Lisbon.", False),  # no cue
        ("She lives in Lisbon.", False),  # of whom?
        ("Mira lives in Lisbonne.", False),
        ("Mira Okafor Lisbon", False),
        (f"Mira {'word ' * LONGEST}lives in Lisbon", False),
        (f"Mira: {'word ' * 70}I live in Lisbon", True),  # the head of a line counts for all of it
        ("Mira lives there.\nIn Lisbon it rains.", False),
    ],
)
def test_a_fact_is_stated_by_name_cue_and_value(text: str, stated: bool) -> None:
    assert Statements([text]).state(HOME) is stated
    assert Statements(["before", text, "after"]).state(HOME) is stated


def test_a_statement_may_run_on_where_prose_calls_things_by_pronouns() -> None:
    text = "Document 3:\nPort Krelunel\nIt lies on the coast. The town received its charter in 1293."
    fact = Fact("Port Krelunel", "charter", "1293", "doc3", cues=("charter",))
    assert Statements([text], running=True).state(fact)
    assert not Statements([text]).state(fact)


def test_numbers_in_words_are_numbers() -> None:
    fact = Fact("Mira", "jumpers knitted", "three jumpers", "t1", cues=("knitted",))
    assert Statements(["Mira knitted 3 jumpers"]).state(fact)
    total = Fact("Mira", "jumpers", "7", "t1", cues=("jumpers",))
    assert Statements(["Mira knitted seven jumpers so far"]).alone(total)
    assert not Statements(["Mira jumpers 5 6 7 8"]).alone(total)


def test_what_is_told_in_two_turns_may_stand_apart() -> None:
    fact = Fact("Mira", "home city", "Lisbon", "t2", cues=("home",), apart=("explain", "short"))
    assert Statements(["Mira: let me explain about my home", "Mira: in short, it is Lisbon"]).state(fact)
    assert Statements(["Mira's home: Lisbon"]).state(replace(fact, names=("Mira's",)))
    assert not Statements(["Mira: let me explain about my home", "Mira: I saw Lisbon"]).state(fact)
    assert not Statements(["Mira: I went home", "Mira: in short, it is Lisbon"]).state(fact)
    assert not Statements(["Mira: in short, it is Lisbon"]).state(fact)
    assert not Statements(["Mira: let me explain about my home"]).state(fact)


RIVALS = Rivals({"porto": ["porto"], "port": ["port krel"], "rome": ["rome"]}, own=frozenset({"rome"}))


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Mira lives in Lisbon, Ben lives in Porto.", True),
        ("Ben lives in Porto, Mira lives in Lisbon.", True),
        ("Mira and Ben live in Porto and Lisbon.", False),  # who lives where?
        ("Mira, Ben and Ann live in Port Krel, Lisbon and Rome.", False),
        ("Mira and Ben lived in Rome and live in Lisbon.", True),  # she had it, too
        ("Lisbon is where Mira lives, Porto where Ben lives.", True),
        ("Mira: Ben lives in Porto, and I live in Lisbon.", True),  # whose line it is, is clear
    ],
)
def test_no_value_of_others_stands_between_name_and_value(text: str, stated: bool) -> None:
    assert Statements([text]).state(HOME, RIVALS) is stated


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Mira lives on the old market square of Lisbon.", True),
        ("Mira lives alone; yesterday somebody sent flowers from Lisbon.", False),
        ("lives Mira Okafor Lisbon", True),  # names do not part
        ("Mira home: yesterday somebody sent flowers, bread, tea from Lisbon", True),  # what a line is headed by
    ],
)
def test_the_word_that_tells_stands_beside_the_value(text: str, stated: bool) -> None:
    assert Statements([text]).state(HOME) is stated


def test_a_running_statement_ends_at_an_empty_line() -> None:
    fact = Fact("Port Krelunel", "charter", "1293", "doc3", cues=("charter",))
    assert not Statements(["Port Krelunel is old.\n \nIts charter is of 1293."], running=True).state(fact)
