"""How ``persona`` answers are written and compared: dates, times of day, numbers, and abstentions."""

from __future__ import annotations

import re
from datetime import date

from memgym.scoring.phrases import plain
from memgym.tasks.procedural.persona.pools import MONTHS

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def number_word(number: int) -> str:
    """Write a number from 0 to 99 in words."""
    if number < 20:
        return _UNITS[number]
    tens, unit = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_UNITS[unit]}" if unit else "")


ABSTENTIONS = ("unknown", "not mentioned", "no information available")
"""The gold answers of questions that the text does not answer."""

_ABSTENTION = re.compile(
    r"(unknown|unanswerable|i (do not|dont) know|"
    r"((this|that|it|answer) (is|was) )?(not|never) (mentioned|stated|specified|told|given|known|said|available)|"
    r"(there is )?(no|not enough|insufficient) information( (is )?(available|given|provided))?|no answer|"
    r"((this|that|it) )?(cannot|can not) be (determined|answered|known))"
    r"( (in|from|by|to|about|based|according|anywhere|for|at|what|which|who|where|when)( \w+){0,6})?"
)
_HEDGE = re.compile(r"\b(but|probably|maybe|perhaps|likely|possibly|might|guess|think|although|though)\b")


def only_abstains(answer: str) -> bool:
    """Return whether ``answer`` says, shortly and without a guess beside it, that the text does not tell."""
    text = plain(answer)
    return bool(_ABSTENTION.fullmatch(text)) and not _HEDGE.search(text)


_MONTH = {month.lower(): number for number, month in enumerate(MONTHS, 1)}
_MONTH |= {month[:3]: number for month, number in _MONTH.items()} | {"sept": 9}
_MONTH_NAMES = "|".join(sorted(_MONTH, key=len, reverse=True))
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_DAY_FIRST = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH_NAMES})\b\.?(?:,? (\d{{4}}))?\b")
_MONTH_FIRST = re.compile(rf"\b({_MONTH_NAMES})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}}))?\b")
_CLOCK = re.compile(r"\b(\d{1,2})[:.](\d{2})(?: ?([ap])\.?m\b\.?)?")
_NUMBER = {number_word(n).replace("-", ""): str(n) for n in range(100)}
_HYPHEN = re.compile(rf"\b({'|'.join(_TENS)})[ -](?=({'|'.join(_UNITS[1:10])})\b)")
_LEADING = re.compile(r"^((its|it|is|was|in|at|on|to|as|by|for|with|from|about) )+")


def canonical(answer: str) -> str:
    """Return the form in which answers are compared.

    Dates in any usual notation, times of day in 12 or 24 hours, and numbers in words or digits each get one notation;
    the rest is normalised as SQuAD does, and words such as "in" or "it is" are dropped from the beginning.
    """
    text = " ".join(answer.lower().split())
    text = _ISO.sub(lambda m: _day(m[3], int(m[2]), m[1]), text)
    text = _DAY_FIRST.sub(lambda m: _day(m[1], _MONTH[m[2]], m[3]), text)
    text = _MONTH_FIRST.sub(lambda m: _day(m[2], _MONTH[m[1]], m[3]), text)
    text = _CLOCK.sub(_time, text)
    text = _LEADING.sub("", plain(_HYPHEN.sub(r"\1", text)))
    return " ".join(_NUMBER.get(word, word) for word in text.split())


def _day(day: str, month: int, year: str | None) -> str:
    return f"date{int(day):02d}{month:02d}{year or ''}"


def _time(match: re.Match[str]) -> str:
    hour = int(match[1])
    if match[3]:
        hour = hour % 12 + (12 if match[3] == "p" else 0)
    return f"time{hour:02d}{match[2]}"


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
