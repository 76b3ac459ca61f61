"""The wording of the documents of ``multihop``: the schema of the world, openings, stand-ins and fillers.

Fillers tell nothing that is asked for. ``{person}``, ``{town}`` and ``{company}`` in them name other things of the
world, as lures; ``{number}`` is a small number. The rules of :mod:`memgym.tasks.world.relation` hold for ``{s}``.
"""

from __future__ import annotations

from functools import cache

from memgym.tasks.world.places import PERSON, RIVER, TOWN, UNIVERSITY
from memgym.tasks.world.relation import Relation
from memgym.tasks.world.works import BAND, BOOK, COMPANY, FILM, TEAM
from memgym.words import content_words, stem

SCHEMA: dict[str, tuple[Relation, ...]] = {
    "person": PERSON,
    "town": TOWN,
    "film": FILM,
    "company": COMPANY,
    "book": BOOK,
    "river": RIVER,
    "university": UNIVERSITY,
    "team": TEAM,
    "band": BAND,
}
"""The relations of each kind of thing that has a document."""

STAND_INS: dict[str, tuple[str, ...]] = {
    "person": ("she", "he"),
    "town": ("the town", "the place"),
    "film": ("the film", "the picture"),
    "company": ("the company", "the firm"),
    "book": ("the book", "the volume"),
    "river": ("the river", "the stream"),
    "university": ("the university", "the school"),
    "team": ("the team", "the club"),
    "band": ("the band", "the group"),
}
"""What a document may call its subject instead of naming it. A person is she or he all through."""

OPENINGS: dict[str, tuple[str, ...]] = {
    "person": (
        "{s} was a figure of some local fame.",
        "Little is known about the early years of {s}.",
        "{s} is remembered mainly for a stubborn sense of humour.",
        "Few people have left as many letters as {s}.",
        "{s} appears in several memoirs of the period.",
    ),
    "town": (
        "{s} is a small market town.",
        "{s} is a town known for its covered bridges.",
        "Travellers describe {s} as windy and cheerful.",
        "{s} has about {number} thousand inhabitants.",
        "Few guidebooks mention {s}.",
    ),
    "film": (
        "{s} is a film in black and white.",
        "{s} is a slow drama in three parts.",
        "{s} is a comedy of errors about a lost suitcase.",
        "{s} runs for {number} minutes.",
        "Critics were divided over {s}.",
    ),
    "company": (
        "{s} is a company with {number} branches.",
        "{s} is a business of middling size.",
        "{s} deals in paper, film stock and printing machines.",
        "For its size, {s} owns a surprising number of patents.",
        "{s} is a family firm that outgrew the family.",
    ),
    "book": (
        "{s} is a book of {number} short chapters.",
        "{s} is a novel told in letters.",
        "{s} is a book that was long out of print.",
        "Few readers finish {s} in one sitting.",
        "{s} is a travelogue with hand-drawn maps.",
    ),
    "river": (
        "{s} is a slow river with sandy banks.",
        "{s} is a river popular with anglers.",
        "{s} freezes over in most winters.",
        "Canoeists know {s} for its {number} weirs.",
        "{s} is a river with many names in old documents.",
    ),
    "university": (
        "{s} is a school with {number} departments.",
        "{s} is a seat of learning with a large botanical garden.",
        "{s} is known for its library of sea charts.",
        "Admission to {s} is by oral examination.",
        "{s} is one of the smaller schools of its kind.",
    ),
    "team": (
        "{s} is a football club with a loyal following.",
        "{s} is a team that plays in green and white.",
        "{s} has won the cup {number} times.",
        "{s} is a club better known for its songs than its goals.",
        "Few teams have changed their colours as often as {s}.",
    ),
    "band": (
        "{s} is a band with {number} members.",
        "{s} is a group that mixes brass with electric guitars.",
        "{s} is known for concerts without any lighting.",
        "Newspapers compared {s} to a thunderstorm.",
        "{s} is a band that never uses a drummer.",
    ),
}
"""First sentences; they name the subject."""

FILLERS: dict[str, tuple[str, ...]] = {
    "person": (
        "{s} kept bees.",
        "{s} never learned to swim.",
        "{s} collected old door keys.",
        "{s} spent several summers in {town}.",
        "{s} shared a flat with {person} for a time.",
        "A portrait from later years hangs in the town hall of {town}.",
        "In old age {s} corresponded with {person} about chess problems.",
        "{s} turned down an offer from {company}.",
        "Friends recalled that {s} walked {number} miles a day in any weather.",
        "{s} spoke four languages, one of them badly.",
        "A planned memoir, of which {number} pages survive, was never finished.",
        "{s} lived for some years in a rented house outside {town}.",
        "A quarrel with {person} filled the newspapers that autumn.",
    ),
    "town": (
        "A fair is held every autumn.",
        "{s} burned down twice.",
        "The railway station closed long ago.",
        "There are {number} listed buildings around the square.",
        "A bus leaves for {town} every morning.",
        "The old granary was bought by {company} and turned into flats.",
        "A statue in the park of {s} shows {person} on horseback.",
        "The local dialect differs from that of {town}, a day's walk away.",
        "{s} is twinned with {town}.",
        "In the museum one can see {number} carved chairs and a stuffed heron.",
        "People of {s} are fond of card games.",
        "A novel that {person} never completed has a scene in the market hall.",
    ),
    "film": (
        "The budget was small.",
        "{s} won two minor prizes.",
        "A sequel was planned but never made.",
        "Early drafts of the script were discarded by {person}.",
        "A test screening in {town} ended in an argument.",
        "{person} turned down a small part in {s}.",
        "The score uses a choir of {number} voices.",
        "For years the only surviving print was kept by a collector in {town}.",
        "Copies of {s} were lent to schools by {company}.",
        "One scene took {number} attempts and cost the crew a boat.",
        "A remake was discussed with {person} but came to nothing.",
        "The final scene was shortened after complaints about the dog.",
    ),
    "company": (
        "Its logo shows a heron.",
        "{s} pays modest dividends.",
        "A fire destroyed the archives.",
        "A takeover by {company} failed at the last moment.",
        "{person} sat on the board of {s} for a short time.",
        "A warehouse in {town} was sold to pay debts.",
        "At its peak {s} had {number} thousand workers.",
        "The staff canteen is known well beyond the trade.",
        "A strike at the branch in {town} lasted {number} days.",
        "{person} once sued {s} over an unpaid bill.",
        "Its annual reports are printed on grey paper.",
        "{s} shares a telephone exchange with {company}.",
    ),
    "book": (
        "Reviews were kind.",
        "The cover shows a heron.",
        "{s} has been translated {number} times.",
        "A signed copy was sold at auction in {town}.",
        "{person} called {s} a work for patient readers.",
        "A film version was considered by {company} and dropped.",
        "The last chapter of {s} is only {number} lines long.",
        "An early draft was lost on a train to {town}.",
        "The illustrations were begun by {person} and left unfinished.",
        "Schools have used {s} as a reader for beginners.",
        "A pirated version with a different ending sold well.",
        "{person} drew the maps for a later edition of {s}.",
    ),
    "river": (
        "Otters have returned.",
        "{s} is rich in trout.",
        "Floods are common in March.",
        "A bridge over {s} was paid for by {company}.",
        "There are {number} locks along its middle course.",
        "Timber was once floated down {s} for the builders of {town}.",
        "{person} described {s} in a well known poem.",
        "A plan by {company} to dam the valley was given up.",
        "Pilgrims on their way to {town} used to wade through it.",
        "The water is cold even in late summer.",
        "In a dry year one can cross {s} on {number} stepping stones.",
        "A ferry accident involving {person} led to stricter rules.",
    ),
    "university": (
        "Tuition is cheap.",
        "{s} has a rowing club.",
        "The main hall seats {number} people.",
        "A gift from {company} paid for the observatory of {s}.",
        "{person} gave guest lectures at {s} for one term.",
        "A second campus in {town} was planned but never opened.",
        "Its press prints {number} journals.",
        "Students of {s} wear grey scarves on feast days.",
        "An exchange with a school in {town} has lasted for decades.",
        "A bust of {person} stands in the reading room.",
        "Half of the buildings of {s} are under repair.",
        "The library keeps a collection of {number} thousand pressed flowers.",
    ),
    "team": (
        "Its mascot is a heron.",
        "{s} has a fierce rivalry with a club from {town}.",
        "Tickets are cheap.",
        "{person} once scored {number} goals in a season for {s}.",
        "A training camp in {town} was cancelled because of rain.",
        "The new stand seats {number} thousand.",
        "{s} was nearly sold to {company}.",
        "A song by {person} is played before kick-off.",
        "{s} has been relegated {number} times and always came back.",
        "The club bus was a gift from {company}.",
        "In a friendly match in {town} the lights went out.",
        "The youth side of {s} is run by volunteers.",
    ),
    "band": (
        "{s} never uses a set list.",
        "Their van broke down often.",
        "A tour of {number} cities ended in debt.",
        "A live recording from {town} circulates among collectors.",
        "{person} designed the posters of {s}.",
        "An early demo was rejected by {company}.",
        "{s} once played for {number} hours without a break.",
        "A street in {town} is nicknamed after one of the songs.",
        "{person} played the cello on two tracks.",
        "A reunion was announced and called off within a week.",
        "The third album of {s} was recorded in a barn.",
        "{company} used one of the songs in an advertisement.",
    ),
}
"""Sentences that tell nothing that is asked for; each kind has some of a few words, so that lengths can be met."""


@cache
def cues(relation: Relation) -> tuple[str, ...]:
    """Return the words that tell of a relation: those of its name, and of each statement those beside the value.

    Words that fillers have as well tell little: they count only where a statement has no others.
    """
    found = list(content_words(relation.name))
    for statement in relation.statements:
        before, _, after = statement.partition("{v}")
        words = (*content_words(before)[-_BESIDE:], *content_words(after)[:_BESIDE])
        found += [word for word in words if stem(word) not in _common()] or words
    return tuple(dict.fromkeys(found))


_BESIDE = 4


@cache
def _common() -> frozenset[str]:
    templates = (template for table in (OPENINGS, FILLERS) for templates in table.values() for template in templates)
    return frozenset(map(stem, content_words(*templates)))
