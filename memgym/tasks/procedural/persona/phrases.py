"""The grammar of the ``persona`` task and what can be said about any relation.

A template is a ``str.format`` pattern that serves all three grammatical persons: ``{S}`` subject, ``{O}`` object,
``{P}`` possessive, ``{my}`` its pronoun, ``{s} {es} {ies} {have} {am} {was} {does}`` verb endings and forms. ``{v}`` is
the value, ``{w}`` a wrong or overtaken one (``{av}``, ``{aw}``: with an article), ``{noun}`` the relation in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import product
from random import Random
from typing import NamedTuple

from memgym.tasks.procedural.persona.pools import MONTHS
from memgym.words import content_words

_COMMON = frozenset(
    """
    after all always answer answers any away back because before behind belong call called cannot case change
    changed child come comes day days down else end enough every everything family far first found full gave get
    go goes got half handed house idea instead into just keep keeps know knows last late left like line longer lot
    made make makes met month mother moved must name named needs never new next nothing now off old one only
    orders other out over past people person put puts reason same say says second see set signed signs since sit
    space started stay take takes taking the through time told too took two under until up way week weeks went
    while whole without
    """.split()
)
"""Words of statements that say of no relation which it is."""
_EITHER = re.compile(r"\[([^\]]*)\]")
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")
_PLAIN = {"s": "", "es": "", "ies": "y", "have": "have", "does": "do"}
FIRST = {"S": "I", "O": "me", "P": "my", "my": "my", "am": "am", "was": "was", **_PLAIN}
SECOND = {"S": "you", "O": "you", "P": "your", "my": "your", "am": "are", "was": "were", **_PLAIN}
PRONOUN = {"S": "they", "O": "them", "P": "their", "my": "their", "am": "are", "was": "were", **_PLAIN}
"""Of somebody who has been named before."""
CARRIED = ("{S} ", "{P} ")
"""Statements that begin so may speak of somebody named in the sentence before."""


def say_day(day: date) -> str:
    """Write a date without its year: "the 5th of May"."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10 if day.day // 10 != 1 else 0, "th")
    return f"the {day.day}{suffix} of {MONTHS[day.month - 1]}"


def third(name: str) -> dict[str, str]:
    """Return the forms for speaking about ``name``."""
    verb = {"s": "s", "es": "es", "ies": "ies", "have": "has", "am": "is", "was": "was", "does": "does"}
    return {"S": name, "O": name, "P": f"{name}'s", "my": "their", **verb}


def with_article(noun: str) -> str:
    """Put "a" or "an" before ``noun``."""
    return f"an {noun}" if noun[0] in "aeiouAEIO" else f"a {noun}"


@cache
def variants(text: str) -> tuple[str, ...]:
    """Return everything that a text with ``[a|b]`` in it, which stands for either, can be; sentences have capitals."""
    parts = _EITHER.split(text)
    choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return tuple(_SENTENCE_START.sub(_upper, "".join(chosen)) for chosen in product(*choices))


def pick(rng: Random, templates: Sequence[str]) -> str:
    """Draw one of some templates, and one of what it can be."""
    forms = variants(templates[int(rng.random() * len(templates))])
    return forms[int(rng.random() * len(forms))]


def say(template: str, person: Mapping[str, str], **words: str) -> str:
    """Fill in a template and start its sentences with capital letters."""
    return _SENTENCE_START.sub(_upper, template.format(**person, **words))


def _upper(match: re.Match[str]) -> str:
    return match[0].upper()


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """Something that holds of a person, with one value at a time. There is one of each, so it equals itself only.

    Args:
        name: as gold facts call it.
        noun: as the dialogue calls it, after a possessive.
        pool: the values; empty if the value is a person.
        state: templates that state it, at any time.
        current: questions after its value.
        update: templates that replace the value; empty if it never changes.
        plan: templates that announce a change, which happens unless it is called off.
        cancel: templates that call it off.
        former: questions after the value before the current one.
        claim: what somebody may assert from hearsay, as :data:`HEARSAY` frames it.
    """

    name: str
    noun: str
    pool: tuple[str, ...]
    state: tuple[str, ...]
    current: tuple[str, ...]
    claim: tuple[str, ...]
    update: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    former: tuple[str, ...] = ()

    @property
    def cues(self) -> tuple[str, ...]:
        """The words that tell of this relation: its name, and what is peculiar to its statements."""
        return _cues(self)

    @property
    def claims(self) -> tuple[str, ...]:
        """The templates with which somebody asserts a value from hearsay."""
        return tuple(frame.format(claim) for frame in HEARSAY for claim in self.claim)


@cache
def _cues(relation: Relation) -> tuple[str, ...]:
    said = content_words(*relation.state, *relation.update)
    own = (word for word in said if word not in _COMMON)
    return tuple(dict.fromkeys((*content_words(relation.name, relation.noun), *own)))


class Countable(NamedTuple):
    """Things that add up: the past and the base form of the verb, and the plural noun."""

    past: str
    base: str
    noun: str

    @property
    def cues(self) -> tuple[str, ...]:
        """The words that tell of what was added."""
        return self.past, self.base


class Event(NamedTuple):
    """Something that happens on a day: the verb phrase in the past and in the base form."""

    past: str
    base: str

    @property
    def cues(self) -> tuple[str, ...]:
        """The words that tell of the event: its things."""
        return tuple(word for word in content_words(self.past)[1:] if word not in _COMMON)

    @classmethod
    def of(cls, past: str, base: str) -> Event:
        """Complete the base form, ``pass``, with the rest of the past form, ``passed the test``."""
        return cls(past, " ".join([base, *past.split()[1:]]))


# Somebody is named first, and then called by pronoun.
NAMING = (
    "I had {name} on the phone the other day.",
    "I had a message from {name}.",
    "You remember {name}, I am sure.",
    "I ran into {name} after work.",
    "{name} wrote to me.",
    "This is about {name}.",
    "I met {name} for a coffee.",
    "{name} came round for tea.",
)

# A new value, for relations that change.
UPDATE = (
    "There is a change in {P} {noun}: {v} from now on.",
    "Small update on {P} {noun}, which is {v} now.",
    "As for {P} {noun}, make that {v}.",
    "{P} {noun} has changed, and the new answer is {v}.",
    "You can cross out the old entry for {P} {noun} and write {v}.",
    "{P} {noun} is not the same any more: {v}, as of this week.",
    "Since last week {P} {noun} has been {v}.",
    "Things have moved on with {P} {noun}, which is now {v}.",
)

# A statement over two turns of the same speaker: the topic, and after the other's reply the value.
TOPIC = (
    "You deserve to hear about {P} {noun}.",
    "You keep wondering about {P} {noun}.",
    "I can see that you are curious about {P} {noun}.",
    "I have been meaning to bring up {P} {noun}.",
    "Let me explain about {P} {noun}.",
    "I promised to explain about {P} {noun}.",
    "You were curious about {P} {noun} the last time.",
)
TOPIC_VALUE = (
    "Well, it is {v}, no more and no less.",
    "In short, it is {v}.",
    "So, to put it plainly, {v}.",
    "Without further ado, {v}.",
    "Long story short: {v}.",
    "Right, it is {v}, and that is all there is to it.",
    "It is {v}, to put it plainly.",
    "The short answer is {v}.",
)
# The same, asked by the other speaker.
ASK = (
    "What is the latest on {P} {noun}?",
    "Do you have the latest about {P} {noun}?",
    "I am curious, what came of {P} {noun}?",
    "Can you explain to me what is going on with {P} {noun}?",
    "I keep wondering about {P} {noun}, do you know more?",
)
ASK_VALUE = (
    "The latest is {v}.",
    "It is {v}, if I have the latest.",
    "Plainly said, it is {v}.",
    "The short answer is {v}, I believe.",
    "As far as I can explain it, {v}.",
)
APART = ("deserve", "wondering", "curious", "meaning", "explain", "less", "short", "plainly", "ado", "right", "latest")
"""By these words the two turns are known to belong together."""

# Somebody asserts a wrong value; the answer denies it or puts it right.
HEARSAY = (
    "I hear that {}!",
    "People say {}.",
    "Word has it that {}.",
    "Rumour has it that {}.",
    "Is it true that {}?",
    "Somebody told me that {}.",
)
DENIAL = (
    "No, that is not right: what you know about {P} {noun} still stands.",
    "Not true, nothing is different about {P} {noun}.",
    "You are mixing something up; {P} {noun} is what it always was.",
    "That is only a rumour, {P} {noun} is the same as ever.",
    "Who told you that? The old answer about {P} {noun} is the right one.",
    "Not at all. {P} {noun} has not become anything else.",
    "Whoever says so has not asked: nothing is new about {P} {noun}.",
    "Nonsense, {P} {noun} is just what it was.",
    "I would know, and {P} {noun} has not changed at all.",
)
DISPUTE = (
    "No, not {w}: {P} {noun} is {v}.",
    "You heard wrong, {P} {noun} is {v} and not {w}.",
    "Almost, but {w} is wrong; {P} {noun} is {v}.",
    "Whoever said {w} made that up, because {P} {noun} is {v}.",
    "That is a mix-up: {v} is {P} {noun}, not {w}.",
    "Not {w}, you must have misheard: {P} {noun} is {v}.",
    "Close, but {v} is {P} {noun} now, and {w} never was.",
    "Everybody thinks it is {w}, but {P} {noun} is {v}.",
)

# The speaker puts right what was said in an earlier session.
CORRECTION = (
    "I was wrong about {P} {noun}: it is {v}, never {w}.",
    "A correction on {P} {noun}, which is {v}; I only thought it was {w}.",
    "I mixed something up the other day, {P} {noun} is really {v} rather than {w}.",
    "Scratch {w}, that was my mistake: {P} {noun} is {v}.",
    "When I told you {w} I had it wrong, {P} {noun} is {v}.",
    "I gave you the wrong answer about {P} {noun}, which is {v} and was never {w}.",
    "I have to take {w} back, because {P} {noun} is {v}.",
    "It turns out that {P} {noun} is {v}, so forget that I said {w}.",
)
REVERT = (
    "Forget what I said about {w}: {P} {noun} is {v} again, as it was before.",
    "The thing with {w} fell through, so {P} {noun} is {v} once more.",
    "It did not work out with {w}, and {P} {noun} is back to {v}.",
    "I take back what I told you about {w}; {P} {noun} remains {v}.",
    "Never mind {w}, that lasted no time at all, and {P} {noun} is {v} like before.",
    "So much for {w}, and {P} {noun} is {v} again.",
    "After the episode with {w}, {P} {noun} is {v} as before.",
)
CANCEL = (
    "Forget it, the plan for {P} {noun} is off and everything stays as it is.",
    "Nothing came of the plan for {P} {noun}, so all is as it was.",
    "The change in {P} {noun} that was announced is not going to happen.",
    "{S} thought better of it, and {P} {noun} stays the way it is.",
    "{P} {noun} stays as it is, since the plan fell apart.",
    "About that plan for {P} {noun}, it is cancelled.",
)
WITHDRAWAL = (
    "Please forget what I said about {P} {noun}: it no longer holds, and nothing has taken its place.",
    "What I told you about {P} {noun} is over, and what comes next is still open.",
    "That is the end of {P} {noun} as you know it, with no replacement so far.",
    "Strike what you have heard about {P} {noun}, it is not so any more and nobody can say what will follow.",
    "I was too quick: {P} {noun} as I told you is over, and there is nothing in its place.",
    "Cross out {P} {noun}, that has ended, and I have heard of nothing after it.",
)

# Things that add up. {q} is a number word, {n} the things, {past} and {base} the verb.
COUNT = (
    "{S} {past} {q} {n} this week.",
    "{S} {past} {q} {n}, of all things.",
    "You will laugh, {S} {past} {q} {n} the other day.",
    "Since we last talked {S} {past} {q} {n}.",
    "Between two rain showers {S} {past} {q} {n}.",
    "It sounds like a lot, but {S} {past} {q} {n} again.",
    "{S} got carried away and {past} {q} {n}.",
    "Nobody asked, but {S} {past} {q} {n} this month.",
    "{S} could not resist and {past} {q} {n} in one go.",
    "{S} {past} {q} {n}, would you believe it.",
    "Guess what, {S} {past} {q} {n} over the weekend.",
    "{S} had a free afternoon and {past} {q} {n}.",
    "It rained for days, so {S} {past} {q} {n}.",
    "{S} swore it was the last time and {past} {q} {n}.",
    "As if there were not enough of them, {S} {past} {q} {n}.",
)
HOW_MANY = (
    "How many {n} did {S} {base} in total?",
    "What is the total number of {n} that {S} {past}?",
    "Taking all conversations together, how many {n} did {S} {base}?",
    "How many {n} has {S} {past} so far, all told?",
)
COUNTABLES = tuple(
    Countable(*entry.split("/"))
    for entry in """
    bought/buy/books bought/buy/records bought/buy/houseplants bought/buy/lamps bought/buy/scarves bought/buy/mugs
    bought/buy/cushions bought/buy/candles bought/buy/notebooks bought/buy/umbrellas bought/buy/vases
    baked/bake/cakes painted/paint/chairs planted/plant/trees wrote/write/letters repaired/repair/bicycles
    framed/frame/posters knitted/knit/jumpers built/build/birdhouses cooked/cook/dinners filmed/film/interviews
    attended/attend/concerts watched/watch/documentaries collected/collect/seashells
    """.split()
)

TRIP = (
    "{S} spent a few days in {v}.",
    "{S} came back from a trip to {v}.",
    "{S} took the night train to {v} and stayed a while.",
    "{S} won a weekend in {v} and went.",
    "{S} saw a good part of {v} last month.",
    "{S} flew to {v} for a wedding.",
    "{S} crossed {v} by bus.",
    "{S} went to {v} with a tent and a map.",
    "A conference took {O} to {v}.",
    "The photographs on {P} wall are from the trip to {v}.",
    "{S} {am} back from {v} with a sunburn.",
    "{S} hitchhiked through {v} with a friend.",
    "{S} spent a long weekend in {v}.",
    "Work sent {O} to {v} for a few days.",
    "{S} cycled across {v} and lived.",
)
TRIP_COUNT = (
    "To how many different countries did {S} go on a trip?",
    "How many countries did {S} visit on trips, going by the conversations?",
    "What is the number of countries that {S} visited on trips?",
    "Trips taken together, how many countries did {S} see?",
)

# Things that happen on a day: {did} is the event, {do} its base form, {when} the day as seen from the session.
EVENT = (
    "{S} {did} {when}.",
    "Big news, {S} {did} {when}.",
    "At last {S} {did} {when}!",
    "Can you believe that {S} {did} {when}?",
    "It was {when} that {S} {did}.",
    "{S}, who had put it off for ages, {did} {when}.",
    "Did I mention that {S} {did} {when}?",
    "{S} {did} {when}, and there was cake afterwards.",
    "The story is short: {S} {did} {when}.",
    "You will not believe it, {S} {did} {when}.",
    "{S} finally {did} {when}.",
    "It took long enough, but {S} {did} {when}.",
    "I almost forgot, {S} {did} {when}.",
    "{S} {did} {when}, to the surprise of everybody.",
    "Remember the plan? {S} {did} {when}.",
)
WHEN = (
    "On what date did {S} {do}? Give day, month and year.",
    "What was the date (day, month, year) when {S} {did}?",
    "When exactly did {S} {do}? Answer with the full date.",
    "Give the day, month and year on which {S} {did}.",
)
EVENTS = tuple(
    Event.of(*entry.strip().split("/"))
    for entry in """
    passed the driving test/pass; finished the night school course/finish; ran the city marathon/run;
    sold the old boat/sell; won the regional quiz/win; gave the speech at the town hall/give;
    joined the neighbourhood choir/join; opened the little online shop/open; met the mayor/meet;
    donated the old armchair/donate; lost the house keys/lose; fixed the leaking roof/fix;
    adopted the stray hedgehog/adopt; climbed the church tower/climb; visited the planetarium/visit;
    pruned the apple tree/prune; submitted the thesis/submit; started the podcast/start;
    varnished the garden fence/varnish; moved the grandfather clock/move; celebrated the silver anniversary/celebrate;
    appeared on the radio/appear; signed the petition/sign; found the missing ring/find;
    tried the new escape room/try; returned the borrowed tent/return; hosted the street party/host;
    broke the garage window/break; received the volunteer medal/receive; cancelled the gym contract/cancel;
    rescued the baby owl/rescue; ordered the new sofa/order; deleted the dating app/delete;
    handed in the tax return/hand; swam across the lake/swim; burned the birthday cake/burn;
    judged the school science fair/judge; wound up the tower clock/wind; attended the class reunion/attend;
    cut the ribbon at the new playground/cut; crossed the glacier on foot/cross; caught the last ferry/catch;
    auctioned the stamp album/auction; published the short story/publish; donated blood for the first time/donate;
    laminated the diploma/laminate; learned to whistle with two fingers/learn; spoke at the climate rally/speak
    """.split(";")
)
