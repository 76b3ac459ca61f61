"""How the ``persona`` task speaks of the people around somebody, and of what is theirs for good."""

from __future__ import annotations

from memgym.tasks.procedural.persona import pools
from memgym.tasks.procedural.persona.phrases import Relation

LINKS = (
    Relation(
        name="flatmate",
        noun="flatmate",
        pool=(),
        state=(
            "{S} share{s} a flat with {v}.",
            "{v} has the other bedroom in {P} flat.",
            "{S} split{s} the rent with {v}.",
            "{P} flatmate is called {v}.",
            "Next to {P} name on the doorbell it says {v}.",
            "Half of the plates in {P} kitchen belong to {v}, and so does half of the rent.",
            "{S} and {v} have one roof over their heads.",
            "The other half of {P} rent comes from {v}.",
        ),
        update=(
            "{P} old flatmate moved out, and {v} moved in.",
            "{S} found a new flatmate, {v}.",
            "The second bedroom in {P} flat went to {v}.",
        ),
        claim=("I hear that {S} share{s} a flat with {w} now!", "People say {P} flatmate is {w}."),
        current=(
            "Who is {P} flatmate?",
            "With whom does {S} share a flat?",
            "Who lives with {S} now?",
        ),
        former=(
            "Who was {P} flatmate before the current one?",
            "With whom did {S} share a flat before the latest change?",
            "Who was {P} previous flatmate?",
        ),
    ),
    Relation(
        name="boss",
        noun="boss",
        pool=(),
        state=(
            "{S} report{s} to {v}.",
            "{v} signs {P} holiday requests.",
            "{P} boss is called {v}.",
            "In meetings {S} answer{s} to {v}.",
            "The person who decides on {P} raise is {v}.",
            "{P} team is run by {v}.",
            "{v} leads the department that {S} {am} in.",
            "At the office {S} obey{s} {v}.",
        ),
        update=(
            "{P} old boss retired, and {v} took over.",
            "{S} got a new boss, {v}.",
            "After the reshuffle {S} report{s} to {v}.",
        ),
        claim=("I hear that {S} report{s} to {w} now!", "People say {P} boss is {w}."),
        current=(
            "Who is {P} boss?",
            "To whom does {S} report?",
            "Who runs {P} team now?",
        ),
        former=(
            "Who was {P} boss before the current one?",
            "To whom did {S} report before the latest change?",
            "Who was {P} previous boss?",
        ),
    ),
    Relation(
        name="sibling",
        noun="sibling",
        pool=(),
        state=(
            "{v} and {S} grew up in the same house, as siblings do.",
            "{P} only sibling is {v}.",
            "{S} {have} one sibling, {v}.",
            "{v} is {P} sibling.",
            "{P} parents named their other child {v}.",
            "{S} and {v} have the same mother and father.",
            "Family resemblance or not, {v} is {P} sibling.",
            "On every childhood photo {S} sit{s} next to {v}, {my} sibling.",
        ),
        claim=("I hear that {P} sibling is {w}!", "People say {P} sibling is called {w}."),
        current=(
            "Who is {P} sibling?",
            "What is the name of {P} sibling?",
            "Which person has the same parents as {S}?",
        ),
    ),
    Relation(
        name="cousin",
        noun="cousin",
        pool=(),
        state=(
            "{v} is {P} cousin.",
            "{P} cousin is called {v}.",
            "{S} {have} a cousin, {v}.",
            "{P} aunt is the mother of {v}.",
            "{S} and {v} have the same grandparents, being cousins.",
            "On {my} mother's side {S} {have} just the one cousin, {v}.",
            "{P} uncle's only child is {v}.",
            "At family parties {S} always sit{s} with {my} cousin {v}.",
        ),
        claim=("I hear that {P} cousin is {w}!", "People say {P} cousin is called {w}."),
        current=(
            "Who is {P} cousin?",
            "What is the name of {P} cousin?",
            "Which person is the cousin of {S}?",
        ),
    ),
)
"""The relations whose value is a person, along which questions can hop."""

FIXED = (
    Relation(
        name="pet",
        noun="pet",
        pool=pools.PETS,
        state=(
            "{P} pet answers to the name {v}.",
            "{S} {have} a pet called {v}.",
            "The animal that sheds on {P} sofa is {v}.",
            "{S} brought home a pet from the shelter and named it {v}.",
            "The vet knows {P} pet as {v}.",
            "On the collar of {P} pet it says {v}.",
            "{P} household is ruled by an animal named {v}.",
            "Every evening {S} feed{s} {v} before anyone else eats.",
        ),
        claim=("I hear that {P} pet is called {w}!", "People say {S} named {my} pet {w}."),
        current=(
            "What is {P} pet called?",
            "What is the name of {P} pet?",
            "Which name did {S} give {my} pet?",
        ),
    ),
    Relation(
        name="birthday",
        noun="birthday",
        pool=pools.BIRTHDAYS,
        state=(
            "{P} birthday is on {v}.",
            "{S} was born on {v}.",
            "Every year on {v} {S} blow{s} out candles.",
            "{S} expect{s} a present on {v}, as every year.",
            "{S} get{s} a year older on {v}.",
            "In {P} passport the day of birth is {v}.",
            "On {v} everybody sings for {O}.",
            "{P} big day is {v}, cake included.",
        ),
        claim=("I hear that {P} birthday is on {w}!", "People say {S} {was} born on {w}."),
        current=(
            "On which day is {P} birthday?",
            "What is the date of {P} birthday?",
            "On what day and month was {S} born?",
        ),
    ),
    Relation(
        name="allergy",
        noun="allergy",
        pool=pools.ALLERGENS,
        state=(
            "{S} {am} allergic to {v}.",
            "{P} eyes swell up because of {v}.",
            "The doctor told {O} to stay away from {v}.",
            "{S} carr{ies} an emergency pen because of {v}.",
            "Never bring {v} near {O}, or an ambulance must come.",
            "{P} skin cannot stand {v}.",
            "One contact with {v} and {S} break{s} out in a rash.",
            "The test showed that {P} body fights {v}.",
        ),
        claim=("I hear that {S} {am} allergic to {w}!", "People say {P} skin cannot stand {w}."),
        current=(
            "What is {S} allergic to?",
            "Which allergy does {S} have?",
            "What does {S} have to stay away from for medical reasons?",
        ),
    ),
)
