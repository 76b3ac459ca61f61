"""Scoring answers of ``persona``: what may be written in many ways, and what stands around it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from random import Random

import pytest

from memgym.episodes import Question
from memgym.tasks import make_task
from memgym.tasks.procedural.persona.answers import ABSTENTIONS, canonical, number_word, same
from memgym.tasks.procedural.persona.pools import MONTHS, TIMES, WEEKDAYS
from memgym.tasks.procedural.persona.relations import RELATIONS
from memgym.words import stem

TASK = make_task("persona", difficulty="easy")
WHEN = "On what date did Mira Okafor pass the driving test? Give day, month and year."
HOW_MANY = "How many concerts did Mira Okafor attend in total?"
WHERE = "In which city is Mira Okafor's home?"
DENTIST = "At what time is Mira Okafor's dentist appointment?"
BIRTHDAY = "What is the date of Mira Okafor's birthday?"


@pytest.mark.parametrize(
    ("gold", "question", "right", "wrong"),
    [
        (
            "18 November 2022", WHEN,
            "Friday, 18 November 2022 | 18 Nov 2022 | 2022-11-18 | on the 18th of November 2022 | Nov. 18, 2022 | "
            "18. November 2022 | 18.11.2022 | 18/11/2022 | 11/18/2022 | 2022/11/18 | 18-Nov-2022 | Fri 18 Nov 2022 | "
            "the eighteenth of November 2022 | November the 18th, 2022 | It was on 18 November 2022. | "
            "Mira Okafor passed the driving test on 18 November 2022 | 2022 November 18 | 2022-11-18 (Friday) | "
            "**18 November 2022** | 18 November 2022 (2022-11-18) | November eighteenth 2022",
            "18 November | 18 November 2021 | Thursday, 18 November 2022 | 18 November 2022 or 19 November 2022 | "
            "17 or 18 November 2022 | 10 to 18 November 2022 | not 18 November 2022 | before 18 November 2022 | "
            "around 18 November 2022 | November 2022 | 18 November 2022, 19 November 2022 | 2022-18-11 | "
            "17-18 November 2022 | week of 18 November 2022",
        ),
        ("5 June 2022", WHEN, "2022-06-05 | 5.6.2022 | 5 June 2022", "5/6/2022 | 6/5/2022"),
        (
            "12", HOW_MANY,
            "a total of 12 | 12 in total | twelve of them | 12 concerts | 12. | 12.0 | a dozen | exactly 12 | "
            "She attended 12 concerts in total | 12 (twelve) | Total: 12 | 12 altogether | The answer is 12",
            "12 or 13 | between 10 and 14 | 10-12 | at least 12 | about 12 | more than 12 | 12+ | ~12 | 1, 2 | 1-2 | "
            "1.2 | 120 | two dozen | 2 | not 12 | almost 12 | 3+4+5=12 | 12 concerts and 3 films | up to 12 | maybe 12",
        ),
        ("21", HOW_MANY, "twenty-one | Twenty one", "20 | 20 1 | 2 1 | one"),
        (
            "Lisbon", WHERE,
            "in Lisbon | lisbon. | It is Lisbon | Mira Okafor's home is in Lisbon | the city of Lisbon | “Lisbon”",
            "Lisbon or Oslo | Oslo | not Lisbon | Lisbon, Oslo | near Lisbon | maybe Lisbon | previously Lisbon | "
            "Mira Okafor | New Lisbon | unknown",
        ),
        (
            "14:35", DENTIST,
            "2:35 pm | at 14:35 | 2:35 p.m. | 14.35 | 14h35 | 2:35 in the afternoon | 14:35 (2:35 pm)",
            "2:35 am | 14:30 | 2:35 | 14:35 or 14:40 | after 14:35 | 1435 or so",
        ),
        ("08:00", DENTIST, "8 am | 8:00 | 8 in the morning", "8 pm | 8:05 | 8"),
        ("14 March", BIRTHDAY, "March 14 | the 14th of March | the fourteenth of March", "14 May | March | 4 March"),
        ("tax adviser", "As what does Mira Okafor work now?", "a tax adviser | as a tax adviser", "adviser"),
        ("The Silent Orchard", "Which book is Mira Okafor reading?", "Silent Orchard", "The Silent Widow"),
        ("almonds", "What is Mira Okafor allergic to?", "almond | to almonds", "nuts | almonds and nuts"),
        ("hurdy-gurdy", "Which instrument does Mira Okafor play?", "hurdy gurdy | the hurdy-gurdy", "gurdy"),
    ],
)  # fmt: skip
def test_an_answer_of_the_right_meaning_is_right(gold: str, question: str, right: str, wrong: str) -> None:
    asked = Question("q", question, (gold,))
    for answer in (gold, *right.split(" | ")):
        assert TASK.score(asked, answer) == {"answer": 1.0, "f1": 1.0}, answer
    for answer in ("", *wrong.split(" | ")):
        assert TASK.score(asked, answer)["answer"] == 0, answer


def test_every_notation_of_every_date_is_that_date_and_no_other() -> None:
    draw = Random(3)
    for _ in range(200):
        day = date(2021, 1, 1) + timedelta(days=draw.randrange(1500))
        month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
        forms = [
            f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", day.isoformat(), f"{day:%d.%m.%Y}",
            f"{weekday}, {day.day} {month[:3]} {day.year}", f"{weekday[:3]}, {month[:3]}. {day.day} {day.year}",
            f"on {weekday} the {day.day}th of {month} {day.year}", f"{day.year}/{day.month}/{day.day}",
        ]  # fmt: skip
        other = f"{(day + timedelta(days=draw.choice([-1, 1, 7, 365]))):%d %B %Y}"
        for form in forms:
            assert same(form, forms[0], WHEN), form
            assert not same(form, other, WHEN)
            assert not same(f"{form} or {other}", forms[0], WHEN)


def test_every_number_is_read_in_words_and_digits() -> None:
    for number in range(61):
        for form in ("{}", "a total of {}", "{} concerts", "{} in all", "It is {}.", "Total: {}"):
            for written in (str(number), number_word(number), number_word(number).replace("-", " ").capitalize()):
                near = (number, number + 1, number + 10, 10 * number + 1)
                assert [n for n in near if same(form.format(written), str(n), HOW_MANY)] == [number], written


def test_every_time_of_day_is_read_in_both_clocks() -> None:
    for time in TIMES:
        hour, minute = time.split(":")
        half = "pm" if int(hour) >= 12 else "am"
        for form in (time, f"{(int(hour) - 1) % 12 + 1}:{minute} {half}", f"at {int(hour)}.{minute}"):
            assert same(form, time, DENTIST)
            assert not same(form, f"{(int(hour) + 12) % 24:02d}:{minute}", DENTIST)


def test_values_are_told_apart() -> None:
    question = "What is it, in total, that Mira Okafor has, does or was, so far?"
    for relation in RELATIONS:
        forms = {tuple(map(stem, canonical(value).split())) for value in relation.pool}
        assert len(forms) == len(relation.pool)
        for one, other in pairwise(relation.pool):
            assert not same(f"{one} {other}", one, question)


@pytest.mark.parametrize("answer", ["unknown", "Not mentioned in the conversation.", "None", "it was cancelled"])
def test_an_abstention_is_right_where_the_text_does_not_tell(answer: str) -> None:
    assert TASK.score(Question("q", WHERE, ABSTENTIONS, answerable=False), answer)["answer"] == 1
    assert TASK.score(Question("q", WHERE, ("Lisbon",)), answer)["answer"] == 0
