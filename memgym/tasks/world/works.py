"""How films, books, companies, teams and bands are related to other things, and what is said and asked of it."""

from __future__ import annotations

from memgym.tasks.world.relation import Relation

FILM = (
    Relation(
        "director",
        "person",
        (
            "{s} was directed by {v}.",
            "{v} directed {s}.",
            "{v} took the director's chair for {s}.",
            "The direction of {s} was in the hands of {v}.",
        ),
        ("Who directed {x}?", "Who was the director of {x}?"),
        ("the director of {x}", "the person who directed {x}"),
        same=("Were {a} and {b} directed by the same person?",),
    ),
    Relation(
        "lead",
        "person",
        (
            "{v} plays the leading part in {s}.",
            "The leading part in {s} went to {v}.",
            "{s} stars {v} in the main role.",
            "Audiences remember {s} for the performance of {v} in the main role.",
        ),
        ("Who plays the leading part in {x}?", "Who stars in {x}?", "Who is the lead of {x}?"),
        ("the lead of {x}", "the person who plays the leading part in {x}"),
    ),
    Relation(
        "studio",
        "company",
        (
            "{s} was produced by {v}.",
            "{v} paid for the production of {s}.",
            "{s} was made in the studios of {v}.",
            "The rights to {s} are held by its studio, {v}.",
        ),
        ("Which company produced {x}?", "Which studio made {x}?", "What studio stood behind {x}?"),
        ("the company that produced {x}", "the studio behind {x}"),
        same=("Were {a} and {b} produced by the same company?",),
    ),
    Relation(
        "year of release",
        "release year",
        (
            "{s} reached cinemas in {v}.",
            "{s} was released in {v}.",
            "The premiere of {s} took place in the spring of {v}.",
            "Cinemas first showed {s} in {v}.",
        ),
        ("In which year was {x} released?", "When did {x} reach cinemas?", "When did {x} have its premiere?"),
        less=("Which film was released earlier, {a} or {b}?", "Which reached cinemas first, {a} or {b}?"),
        more=("Which film was released later, {a} or {b}?", "Which is the more recent film, {a} or {b}?"),
    ),
    Relation(
        "filming location",
        "town",
        (
            "{s} was shot on location in {v}.",
            "The cameras for {s} were set up in {v}.",
            "Nearly all scenes of {s} were filmed in {v}.",
            "{v} served as the filming location of {s}.",
        ),
        ("In which town was {x} filmed?", "Where was {x} shot?", "What is the filming location of {x}?"),
        ("the town where {x} was filmed", "the filming location of {x}"),
        same=("Were {a} and {b} filmed in the same town?",),
    ),
)

BOOK = (
    Relation(
        "author",
        "person",
        (
            "{s} was written by {v}.",
            "{v} wrote {s}.",
            "The author of {s} is {v}.",
            "{v} spent six years on the manuscript of {s}.",
        ),
        ("Who wrote {x}?", "Who is the author of {x}?"),
        ("the author of {x}", "the person who wrote {x}"),
        same=("Were {a} and {b} written by the same person?",),
    ),
    Relation(
        "publisher",
        "company",
        (
            "{s} was published by {v}.",
            "{v} brought out {s}.",
            "{s} appeared with {v} after other houses had declined.",
            "The publisher of {s} is {v}.",
        ),
        ("Which company published {x}?", "Who is the publisher of {x}?", "Which house brought out {x}?"),
        ("the publisher of {x}", "the company that published {x}"),
        same=("Were {a} and {b} published by the same company?",),
    ),
    Relation(
        "year of publication",
        "release year",
        (
            "{s} came out in {v}.",
            "{s} was first printed in {v}.",
            "Bookshops first sold {s} in {v}.",
            "The first edition of {s} is dated {v}.",
        ),
        ("In which year did {x} come out?", "When was {x} first printed?", "When did the first edition of {x} appear?"),
        less=("Which book came out earlier, {a} or {b}?", "Which was printed first, {a} or {b}?"),
        more=("Which book came out later, {a} or {b}?", "Which was printed last, {a} or {b}?"),
    ),
    Relation(
        "setting",
        "town",
        (
            "The events of {s} take place in {v}.",
            "{s} is set in {v}.",
            "{v} is the scene of everything that happens in {s}.",
            "Readers of {s} come to know every street of {v}, its setting.",
        ),
        ("In which town is {x} set?", "Where do the events of {x} take place?", "What is the setting of {x}?"),
        ("the town in which {x} is set", "the setting of {x}"),
    ),
)

COMPANY = (
    Relation(
        "founder",
        "person",
        (
            "{s} was founded by {v}.",
            "{v} founded {s}.",
            "{v} started {s} with borrowed money.",
            "The founder of {s} was {v}.",
        ),
        ("Who founded {x}?", "Who was the founder of {x}?", "Who started {x}?"),
        ("the founder of {x}", "the person who founded {x}"),
    ),
    Relation(
        "headquarters",
        "town",
        (
            "{s} has its headquarters in {v}.",
            "The head office of {s} is in {v}.",
            "{v} is home to the head office of {s}.",
            "{s} is run from offices in {v}.",
        ),
        ("In which town is the head office of {x}?", "Where does {x} have its headquarters?", "Where is {x} run from?"),
        ("the town where {x} has its headquarters", "the town from which {x} is run"),
        same=("Do {a} and {b} have their headquarters in the same town?",),
    ),
    Relation(
        "year of incorporation",
        "company year",
        (
            "{s} was incorporated in {v}.",
            "The company register lists {s} from {v} on.",
            "{s} has been in business since {v}.",
            "{s} opened its doors in {v}.",
        ),
        ("In which year was {x} incorporated?", "Since when has {x} been in business?", "When did {x} open its doors?"),
        less=("Which company was incorporated earlier, {a} or {b}?", "Which is the older company, {a} or {b}?"),
        more=("Which company was incorporated later, {a} or {b}?", "Which is the younger company, {a} or {b}?"),
    ),
    Relation(
        "chair",
        "person",
        (
            "The board of {s} is chaired by {v}.",
            "{v} chairs the board of {s}.",
            "The present chair of {s} is {v}.",
            "Shareholders made {v} the chair of {s}.",
        ),
        ("Who chairs the board of {x}?", "Who is the chair of {x}?"),
        ("the chair of {x}", "the person who chairs the board of {x}"),
    ),
)

TEAM = (
    Relation(
        "coach",
        "person",
        (
            "{s} is coached by {v}.",
            "{v} coaches {s}.",
            "The coach of {s} is {v}.",
            "Training at {s} is led by {v}, its coach.",
        ),
        ("Who coaches {x}?", "Who is the coach of {x}?"),
        ("the coach of {x}", "the person who coaches {x}"),
    ),
    Relation(
        "home town",
        "town",
        (
            "{s} plays its home games in {v}.",
            "The home ground of {s} is in {v}.",
            "{v} is the home town of {s}.",
            "Supporters of {s} fill the streets of {v} before each home game.",
        ),
        ("In which town does {x} play at home?", "Where is the home ground of {x}?", "What is the home town of {x}?"),
        ("the home town of {x}", "the town where {x} plays at home"),
        same=("Do {a} and {b} play at home in the same town?",),
    ),
    Relation(
        "first season",
        "team year",
        (
            "{s} entered the league in {v}.",
            "The first season of {s} was that of {v}.",
            "{s} has played since {v}.",
            "{s} fielded its first side in {v}.",
        ),
        ("In which year did {x} enter the league?", "When was the first season of {x}?", "Since when has {x} played?"),
        less=("Which team entered the league earlier, {a} or {b}?", "Which team is older, {a} or {b}?"),
        more=("Which team entered the league later, {a} or {b}?", "Which team is younger, {a} or {b}?"),
    ),
    Relation(
        "sponsor",
        "company",
        (
            "{s} is sponsored by {v}.",
            "{v} sponsors {s}.",
            "The shirts of {s} carry the name of its sponsor, {v}.",
            "{s} lives on the money of its sponsor {v}.",
        ),
        ("Which company sponsors {x}?", "Who is the sponsor of {x}?"),
        ("the sponsor of {x}", "the company that sponsors {x}"),
        same=("Do {a} and {b} have the same sponsor?",),
    ),
)

BAND = (
    Relation(
        "singer",
        "person",
        (
            "The voice of {s} is {v}.",
            "{v} sings for {s}.",
            "{s} is fronted by the singer {v}.",
            "{v} has been the singer of {s} from the start.",
        ),
        ("Who sings for {x}?", "Who is the singer of {x}?"),
        ("the singer of {x}", "the person who sings for {x}"),
    ),
    Relation(
        "place of origin",
        "town",
        (
            "{s} was formed in a cellar in {v}.",
            "{s} comes from {v}.",
            "{v} is the town where {s} got together.",
            "The members of {s} met as schoolchildren in {v}, where it all began.",
        ),
        ("In which town was {x} formed?", "Which town does {x} come from?"),
        ("the town where {x} was formed", "the town that {x} comes from"),
        same=("Do {a} and {b} come from the same town?",),
    ),
    Relation(
        "label",
        "company",
        (
            "{s} records for {v}.",
            "{s} is under contract with {v}.",
            "The records of {s} appear on its label, {v}.",
            "{v} signed {s} after a single concert.",
        ),
        ("Which company does {x} record for?", "What is the label of {x}?", "Which company signed {x}?"),
        ("the label of {x}", "the company that {x} records for"),
        same=("Do {a} and {b} record for the same company?",),
    ),
    Relation(
        "year of first concert",
        "release year",
        (
            "{s} gave its first concert in {v}.",
            "{s} first took the stage in {v}.",
            "The first public appearance of {s} dates from {v}.",
            "{s} has performed since {v}.",
        ),
        ("In which year did {x} give its first concert?", "When did {x} first take the stage?"),
        less=("Which gave its first concert earlier, {a} or {b}?", "Which took the stage first, {a} or {b}?"),
        more=("Which gave its first concert later, {a} or {b}?",),
    ),
)
