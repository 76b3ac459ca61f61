"""How ``persona`` answers are written and compared: dates, times of day, numbers, and the words around them."""

from __future__ import annotations

import re
from datetime import date
from functools import partial

from memgym.episodes import Question
from memgym.scoring.abstention import abstains
from memgym.scoring.phrases import f1, plain
from memgym.scoring.text import best_over
from memgym.tasks.procedural.persona.phrases import COUNTABLES, EVENTS
from memgym.tasks.procedural.persona.pools import MONTHS, WEEKDAYS
from memgym.words import even, find_words, stem

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth "
    "twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
).split()


def number_word(number: int) -> str:
    """Write a number from 0 to 99 in words."""
    if number < 20:
        return _UNITS[number]
    tens, unit = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_UNITS[unit]}" if unit else "")


ABSTENTIONS = ("unknown", "not mentioned", "no information available")
"""The gold answers of questions that the text does not answer."""

_AROUND = frozenset(
    (
        *"""
        a all altogether am an answer are as at be been being by called clock country countries current
        currently date day did does exact exactly far for from h had has have he her hers him his hours hrs i in
        is it its me month my named namely number of on overall present presently precisely she so sum that the
        their theirs them there these they this those time to told total travelled visited was went were with
        year you your
        """.split(),
        *(verb for thing in COUNTABLES for verb in (thing.past, thing.base)),
        *(verb.split()[0] for event in EVENTS for verb in (event.past, event.base)),
    )
)
"""What may stand around an answer without changing it, beside the words of the question."""

_MONTH = {month.lower(): number for number, month in enumerate(MONTHS, 1)}
_MONTH |= {month[:3]: number for month, number in _MONTH.items()} | {"sept": 9}
_NAME = "|".join(sorted(_MONTH, key=len, reverse=True))
_SUFFIX = r"(?:st|nd|rd|th|\.)?"
_DATES = (  # each with the groups year, month, day, in the order in which they are written
    (re.compile(r"(?<![\d./-])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d/-]|\.\d)"), "y-md"),
    (re.compile(r"(?<![\d./-])(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?![\d/-]|\.\d)"), "d-my"),
    (re.compile(rf"\b(\d{{4}})[, -]+({_NAME})\b\.?[ -]*(\d{{1,2}}){_SUFFIX}(?!\w)"), "ymd"),
    (re.compile(rf"\b(\d{{1,2}}){_SUFFIX}(?: day)?(?: of)?[ -]*({_NAME})\b\.?(?:[, -]+(\d{{4}})\b)?"), "dmy"),
    (re.compile(rf"\b({_NAME})\b\.?(?: the)?[ -]*(\d{{1,2}}){_SUFFIX}(?![\w:])(?:[, -]+(\d{{4}})\b)?"), "mdy"),
)
_ORDINAL_NAME = "|".join(sorted((name.replace("-", "[- ]") for name in _ORDINALS), key=len, reverse=True))
_ORDINAL = re.compile(
    rf"\b(?P<before>{_ORDINAL_NAME})\b(?= (?:day )?(?:of )?(?:{_NAME})\b)"
    rf"|\b(?P<month>{_NAME}) (?:the )?(?P<after>{_ORDINAL_NAME})\b"
)
_WEEKDAY = re.compile(rf"\b({'|'.join(WEEKDAYS)}|mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b[., ]*", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2})(?:[:.h](\d{2}))?"
    r"(?: ?([ap])\.?m\b\.?| (?:o'clock )?(?:in the |at )?(morning|afternoon|evening|night))"
    r"|(?<![\d:.])(\d{1,2})[:.h](\d{2})(?![\d:.]\d)"
)
_DOZEN = re.compile(r"\b(a|one|two|three|four) dozens?\b(?: of)?")
_NUMBER = {number_word(n).replace("-", ""): str(n) for n in range(100)}
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})[ -](?=({'|'.join(_UNITS[1:10])})\b)")
_WHOLE = re.compile(r"(?<![\d.,])(\d+)\.0+(?![\d.,]*\d)")
_SIGN = re.compile(r"[~<>≤≥≈±+]")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^\w\s]+(?=\d)|(?<=\w)-(?=\w)|/")


def canonical(answer: str) -> str:
    """Return the form in which answers are compared.

    Dates in any usual notation, times of day in 12 or 24 hours, and numbers in words or digits each get one notation;
    the rest is normalised as SQuAD does. A weekday goes where it is that of the date beside it. ``5/6/2022``, which may
    be two dates, is none.
    """
    text = " ".join(even(answer).split())
    text = _ORDINAL.sub(_ordinal, text)
    for pattern, order in _DATES:
        text = pattern.sub(partial(_date, order=order), text)
    text = _without_weekday(_CLOCK.sub(_time, text))
    text = _DOZEN.sub(lambda match: str(12 * max(1, _UNITS.index(match[1]) if match[1] in _UNITS else 1)), text)
    text = plain(_BETWEEN_DIGITS.sub(" ", _SIGN.sub(" plusminus ", _COMPOUND.sub(r"\1", _WHOLE.sub(r"\1", text)))))
    return " ".join([_NUMBER.get(word, word) for word in text.split()])


def same(answer: str, gold: str, question: str) -> bool:
    """Return whether an answer is the gold one, alone or among words that change nothing.

    These are words such as "it is", "in total" or "on the", and those of the question: so "Mira lives in Lisbon" is
    right where ``Lisbon`` is, and "Lisbon or Porto", "not Lisbon", "about 12" are wrong.
    """
    given, wanted = canonical(answer).split(), list(map(stem, canonical(gold).split()))
    asked = {stem(word) for word in (*canonical(question).split(), *find_words(question))}
    stems = list(map(stem, given))
    here = [i for i in range(len(given) - len(wanted) + 1) if stems[i : i + len(wanted)] == wanted]
    inside = {i + offset for i in here for offset in range(len(wanted))}
    beside = (word for i, word in enumerate(given) if i not in inside)
    return bool(inside) and all(word in _AROUND or stem(word) in asked for word in beside)


def score(question: Question, answer: str) -> dict[str, float]:
    """Return ``answer``, whether it is the :func:`same` as a gold one or abstains where that is right; and the F1."""
    if not question.answerable:
        right = float(abstains(answer, question.text))
        return {"answer": right, "f1": right}
    right = float(any(same(answer, gold, question.text) for gold in question.answers))
    overlap = best_over(f1, canonical(answer), [canonical(gold) for gold in question.answers])
    return {"answer": right, "f1": max(right, overlap)}


def _ordinal(match: re.Match[str]) -> str:
    number = _ORDINALS.index((match["before"] or match["after"]).replace(" ", "-")) + 1
    return f"{match['month']} {number}" if match["month"] else str(number)


def _date(match: re.Match[str], order: str) -> str:
    parts = dict(zip(order, match.groups(), strict=True))
    day, month = int(parts["d"]), _MONTH.get(parts["m"]) or int(parts["m"])
    if parts.get("-") == "/" and order == "d-my":
        if day != month and day <= 12 and month <= 12:
            return match[0]
        day, month = max(day, month) if month > 12 else day, min(day, month) if month > 12 else month
    return f"date{day:02d}{month:02d}{parts['y'] or ''}"


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1] or match[5]), match[2] or match[6] or "00"
    half = match[3] or match[4]
    if half:
        hour = hour % 12 + (12 if half in ("p", "afternoon", "evening", "night") else 0)
    return f"time{hour:02d}{minute}"


def _without_weekday(text: str) -> str:
    """Take the weekday away that belongs to the only date of a text."""
    dates = re.findall(r"\bdate(\d\d)(\d\d)(\d{4})\b", text)
    if len(set(dates)) != 1:
        return text
    day, month, year = map(int, dates[0])
    try:
        name = WEEKDAYS[date(year, month, day).weekday()].lower()
    except ValueError:
        return text
    return _WEEKDAY.sub(lambda match: "" if name.startswith(match[1]) else match[0], text)


def date_forms(day: date) -> tuple[str, ...]:
    """Return usual notations of a date, the gold one first."""
    month = MONTHS[day.month - 1]
    return f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", day.isoformat()


def count_forms(number: int, noun: str) -> tuple[str, ...]:
    """Return the number in digits, in words, and with what it counts."""
    return str(number), number_word(number), f"{number} {noun}"


def value_forms(value: str) -> tuple[str, ...]:
    """Return the value, and for a birthday or a time of day a second usual notation."""
    if re.fullmatch(r"\d+ \w+", value):
        day, month = value.split()
        return value, f"{month} {day}"
    if re.fullmatch(r"\d\d:\d\d", value):
        hour, minute = value.split(":")
        return value, f"{(int(hour) - 1) % 12 + 1}:{minute} {'pm' if int(hour) >= 12 else 'am'}"
    return (value,)
