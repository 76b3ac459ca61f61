"""How people, towns, rivers and universities are related to other things, and what is said and asked of it."""

from __future__ import annotations

from memgym.tasks.world.relation import Relation

PERSON = (
    Relation(
        "birthplace",
        "town",
        (
            "{s} was born in the town of {v}.",
            "{s} came into the world in {v}, the youngest of five children.",
            "{s} is a native of {v}.",
            "Born and baptised in {v}, {s} showed an early interest in maps.",
            "Parish records give {v} as the place where {s} was born.",
        ),
        ("In which town was {x} born?", "What is the birthplace of {x}?", "Which town is {x} a native of?"),
        ("the birthplace of {x}", "the town where {x} was born", "the native town of {x}"),
        same=("Were {a} and {b} born in the same town?", "Do {a} and {b} share a birthplace?"),
    ),
    Relation(
        "year of birth",
        "birth year",
        (
            "{s} was born during the cold winter of {v}.",
            "The parish register shows that {s} was born in the year {v}.",
            "{s} first saw the light of day in {v}, a year of floods.",
            "In {v}, {s} was born as the second of twins.",
        ),
        ("In which year was {x} born?", "What is the year of birth of {x}?", "What year was {x} born in?"),
        less=("Who was born earlier, {a} or {b}?", "Who is older, {a} or {b}?", "Who was born first, {a} or {b}?"),
        more=("Who was born later, {a} or {b}?", "Who is younger, {a} or {b}?"),
    ),
    Relation(
        "university",
        "university",
        (
            "{s} studied at {v}.",
            "{s} holds a degree from {v}.",
            "After two failed attempts, {s} graduated from {v}.",
            "{s} is counted among the better known alumni of {v}.",
        ),
        ("Where did {x} study?", "Which university did {x} attend?", "From where did {x} graduate?"),
        ("the university that {x} attended", "the university where {x} studied", "the alma mater of {x}"),
        same=("Did {a} and {b} study at the same university?", "Are {a} and {b} alumni of the same university?"),
    ),
    Relation(
        "teacher",
        "person",
        (
            "{s} was taught by {v}.",
            "{s} learned the craft from {v}.",
            "As a pupil of {v}, {s} picked up a lasting dislike of haste.",
            "{s} owed nearly everything to a patient teacher, {v}.",
        ),
        ("Who taught {x}?", "Who was the teacher of {x}?", "Whose pupil was {x}?"),
        ("the teacher of {x}", "the person who taught {x}"),
    ),
    Relation(
        "employer",
        "company",
        (
            "{s} worked for {v} over two decades.",
            "{s} was on the payroll of {v} until retirement.",
            "For most of the time {s} earned a living at {v}.",
            "{s} took a post with {v} and kept it.",
        ),
        ("Which company did {x} work for?", "Who employed {x}?", "At which company was {x} employed?"),
        ("the company that employed {x}", "the employer of {x}", "the company that {x} worked for"),
    ),
)

TOWN = (
    Relation(
        "region",
        "region",
        (
            "{s} lies in the region of {v}.",
            "{s} belongs to {v}, one of the thinly settled regions.",
            "For administrative purposes {s} is part of {v}.",
            "Since the last reform, {v} has been the region to which {s} belongs.",
        ),
        ("In which region is {x}?", "Which region does {x} belong to?", "What region does {x} lie in?"),
        same=("Are {a} and {b} in the same region?", "Do {a} and {b} belong to the same region?"),
    ),
    Relation(
        "river",
        "river",
        (
            "{s} stands on the banks of {v}.",
            "{v} flows past the mills of {s}.",
            "Barges reach {s} along {v}.",
            "{s} grew up around a ford across {v}.",
        ),
        ("Which river flows through {x}?", "On which river does {x} stand?", "What is the river of {x} called?"),
        ("the river that flows through {x}", "the river on which {x} stands"),
        same=("Do {a} and {b} stand on the same river?",),
    ),
    Relation(
        "mayor",
        "person",
        (
            "{v} serves as mayor of {s}.",
            "The mayor of {s} is {v}.",
            "In the last election the people of {s} chose {v} as mayor.",
            "{s} has been governed by Mayor {v} for three terms.",
        ),
        ("Who is the mayor of {x}?", "Who serves as mayor of {x}?", "Who governs {x} as mayor?"),
        ("the mayor of {x}", "the person who governs {x} as mayor"),
    ),
    Relation(
        "charter year",
        "town year",
        (
            "{s} received its charter in {v}.",
            "A charter of {v} made {s} a town.",
            "{s} has held town rights since {v}.",
            "The oldest charter of {s} is dated {v}.",
        ),
        (
            "In which year did {x} receive its charter?",
            "When was {x} chartered?",
            "Since when has {x} held town rights?",
        ),
        less=("Which received its charter earlier, {a} or {b}?", "Which town was chartered first, {a} or {b}?"),
        more=("Which received its charter later, {a} or {b}?", "Which town was chartered last, {a} or {b}?"),
    ),
)

RIVER = (
    Relation(
        "mouth",
        "lake",
        (
            "{s} empties into {v}.",
            "After many bends {s} reaches {v}.",
            "The waters of {s} end in {v}.",
            "{v} receives the waters of {s}.",
        ),
        ("Into what does {x} empty?", "Where do the waters of {x} end?", "What body of water does {x} reach?"),
        same=("Do {a} and {b} empty into the same body of water?",),
    ),
    Relation(
        "source",
        "mountain",
        (
            "{s} rises on the slopes of {v}.",
            "The source of {s} is a spring below {v}.",
            "Snow melting on {v} feeds the beginnings of {s}.",
            "{s} springs from {v}.",
        ),
        ("Where does {x} rise?", "On which mountain does {x} have its source?", "What mountain does {x} spring from?"),
        same=("Do {a} and {b} rise on the same mountain?",),
    ),
    Relation(
        "length in kilometres",
        "kilometres",
        (
            "{s} is {v} kilometres long.",
            "From end to end {s} measures {v} kilometres.",
            "{s} covers a distance of {v} kilometres.",
            "Surveyors put the length of {s} at {v} kilometres.",
        ),
        ("How many kilometres long is {x}?", "How many kilometres does {x} measure?"),
        less=("Which river is shorter, {a} or {b}?", "Which is the shorter one, {a} or {b}?"),
        more=("Which river is longer, {a} or {b}?", "Which is the longer one, {a} or {b}?"),
    ),
    Relation(
        "surveyor",
        "person",
        (
            "{s} was first mapped by {v}.",
            "The earliest survey of {s} was the work of {v}.",
            "{v} drew the first reliable map of {s}.",
            "It was {v} who first charted {s}.",
        ),
        ("Who first mapped {x}?", "Who drew the first map of {x}?", "Who first charted {x}?"),
        ("the surveyor who first mapped {x}", "the person who first charted {x}"),
    ),
)

UNIVERSITY = (
    Relation(
        "location",
        "town",
        (
            "{s} is located in {v}.",
            "The campus of {s} is in {v}.",
            "{v} is the seat of {s}.",
            "Students of {s} crowd the cafes of {v}, where it is based.",
        ),
        ("In which town is {x} located?", "Where is the campus of {x}?", "Which town is the seat of {x}?"),
        ("the town where {x} is located", "the seat of {x}"),
        same=("Are {a} and {b} located in the same town?",),
    ),
    Relation(
        "rector",
        "person",
        (
            "The rector of {s} is {v}.",
            "{v} is rector of {s}.",
            "{v} leads {s} as rector.",
            "The senate of {s} elected {v} as rector.",
        ),
        ("Who is the rector of {x}?", "Who leads {x} as rector?"),
        ("the rector of {x}", "the person who leads {x} as rector"),
    ),
    Relation(
        "year of foundation",
        "university year",
        (
            "{s} was established in {v}.",
            "Teaching at {s} began in {v}.",
            "{s} traces its history back to {v}.",
            "A decree of {v} set up {s}.",
        ),
        ("In which year was {x} established?", "When did teaching at {x} begin?", "When was {x} set up?"),
        less=("Which was established earlier, {a} or {b}?", "Which is the older university, {a} or {b}?"),
        more=("Which was established later, {a} or {b}?", "Which is the younger university, {a} or {b}?"),
    ),
)
