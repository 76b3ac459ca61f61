"""The grammar of the ``persona`` task and what can be said about any relation.

A template is a ``str.format`` pattern that serves all three grammatical persons: ``{S}`` subject, ``{O}`` object,
``{P}`` possessive, ``{my}`` its pronoun, ``{s} {es} {ies} {have} {am} {was}`` verb endings and forms. ``{v}`` is
the value, ``{w}`` a wrong or overtaken one (``{av}``, ``{aw}``: with an article), ``{noun}`` the relation in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from memgym.words import content_words

_COMMON = frozenset(
    """
    after always answer answers belong call called change changed child come comes day days down else every
    everything family found gave get go goes got half house just left made mother moved name named new next
    now old one only orders other out over same says second signed signs sit started stay takes the through
    too took under up went
    """.split()
)
"""Words of statements that say of no relation which it is."""
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")
_PLAIN = {"s": "", "es": "", "ies": "y", "have": "have"}
FIRST = {"S": "I", "O": "me", "P": "my", "my": "my", "am": "am", "was": "was", **_PLAIN}
SECOND = {"S": "you", "O": "you", "P": "your", "my": "your", "am": "are", "was": "were", **_PLAIN}


def third(name: str) -> dict[str, str]:
    """Return the forms for speaking about ``name``."""
    verb = {"s": "s", "es": "es", "ies": "ies", "have": "has", "am": "is", "was": "was"}
    return {"S": name, "O": name, "P": f"{name}'s", "my": "their", **verb}


def with_article(noun: str) -> str:
    """Put "a" or "an" before ``noun``."""
    return f"an {noun}" if noun[0] in "aeiouAEIO" else f"a {noun}"


def say(template: str, person: dict[str, str], **words: str) -> str:
    """Fill in a template and start its sentences with capital letters."""
    return _SENTENCE_START.sub(lambda match: match[0].upper(), template.format(**person, **words))


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
        claim: templates with which somebody asserts a value from hearsay.
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
        said = content_words(*self.state, *self.update)
        return tuple(dict.fromkeys((*content_words(self.name, self.noun), *(w for w in said if w not in _COMMON))))


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


# A new value, for relations that change.
UPDATE = (
    "There is a change in {P} {noun}: {v} from now on.",
    "Small update on {P} {noun}, which is {v} now.",
    "As for {P} {noun}, the latest is {v}.",
    "{P} {noun} has changed, and the new answer is {v}.",
)

# A statement over two turns of the same speaker: the topic, and after the other's reply the value.
TOPIC = (
    "You deserve to hear about {P} {noun}.",
    "You keep wondering about {P} {noun}.",
    "I can see that you are curious about {P} {noun}.",
    "I have been meaning to bring up {P} {noun}.",
    "Let me explain about {P} {noun}.",
)
TOPIC_VALUE = (
    "Well, it is {v}, no more and no less.",
    "In short, it is {v}.",
    "So, to put it plainly, {v}.",
    "Without further ado, {v}.",
    "Long story short: {v}.",
    "Right, it is {v}, and that is all there is to it.",
)
APART = ("deserve", "wondering", "curious", "meaning", "explain", "less", "short", "plainly", "ado", "right")
"""By these words the two turns are known to belong together."""

# Somebody asserts a wrong value; the answer denies it or puts it right.
DENIAL = (
    "No, that is not right: what you know about {P} {noun} still stands.",
    "Not true, nothing is different about {P} {noun}.",
    "You are mixing something up; {P} {noun} is what it always was.",
    "That is only a rumour, {P} {noun} is the same as ever.",
    "Who told you that? The old answer about {P} {noun} is the right one.",
    "Not at all. {P} {noun} has not become anything else.",
)
DISPUTE = (
    "No, not {w}: {P} {noun} is {v}.",
    "You heard wrong, {P} {noun} is {v} and not {w}.",
    "Almost, but {w} is wrong; {P} {noun} is {v}.",
    "Whoever said {w} made that up, because {P} {noun} is {v}.",
    "That is a mix-up: {v} is {P} {noun}, not {w}.",
)

# The speaker puts right what was said in an earlier session.
CORRECTION = (
    "I was wrong about {P} {noun}: it is {v}, never {w}.",
    "A correction on {P} {noun}, which is {v}; I only thought it was {w}.",
    "I mixed something up the other day, {P} {noun} is really {v} rather than {w}.",
    "Scratch {w}, that was my mistake: {P} {noun} is {v}.",
    "When I told you {w} I had it wrong, {P} {noun} is {v}.",
)
REVERT = (
    "Forget what I said about {w}: {P} {noun} is {v} again, as it was before.",
    "The thing with {w} fell through, so {P} {noun} is {v} once more.",
    "It did not work out with {w}, and {P} {noun} is back to {v}.",
    "I take back what I told you about {w}; {P} {noun} remains {v}.",
    "Never mind {w}, that lasted no time at all, and {P} {noun} is {v} like before.",
)
CANCEL = (
    "Forget it, the plan for {P} {noun} is off and everything stays as it is.",
    "Nothing came of the plan for {P} {noun}, so all is as it was.",
    "The change in {P} {noun} that was announced is not going to happen.",
    "{S} thought better of it, and {P} {noun} stays the way it is.",
)
WITHDRAWAL = (
    "Please forget what I said about {P} {noun}: it no longer holds, and nothing has taken its place.",
    "What I told you about {P} {noun} is over, and what comes next is still open.",
    "That is the end of {P} {noun} as you know it, with no replacement so far.",
    "Strike what you have heard about {P} {noun}, it is not so any more and nobody can say what will follow.",
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
