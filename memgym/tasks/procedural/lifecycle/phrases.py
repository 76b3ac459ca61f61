"""What the ``lifecycle`` task says of any topic, what the assistant replies, and what else they talk about.

``{noun}`` is the topic, ``{v}`` the value, ``{w}`` a value that does not hold; the rest as in
:mod:`memgym.tasks.procedural.persona.phrases`.
"""

from __future__ import annotations

LEADS = ("", "", "", "", "By the way,", "Oh, and", "Please note that", "Something else:", "While I think of it:")
AGAIN = (
    "As I told you,", "You know this already, but", "As I said the other day,", "To say it once more,",
    "In case it got lost:", "As you may remember,",
)  # fmt: skip
CORRECT = (
    "I told you something wrong: {P} {noun} is {v}, not {w}.",
    "A correction, please: {P} {noun} is {v}, and {w} was a slip of mine.",
    "I misspoke the other day. {P} {noun} is not {w} but {v}.",
    "Sorry, {w} was wrong. {P} {noun} has been {v} all along.",
    "I should have been clearer: {P} {noun} is {v}, never mind {w}.",
)
FORGET = (
    "Please forget what I told you about {P} {noun}.",
    "Could you delete {P} {noun} from your memory? I should not have shared it.",
    "I would rather you did not keep {P} {noun} on file. Please remove it.",
    "Strike {P} {noun} from your notes, please, and do not bring it up again.",
    "On second thoughts {P} {noun} is nobody's business. Please erase it.",
)
DENY = (
    "Somebody put down {w} as {P} {noun}. That is wrong.",
    "An old form gives {w} as {P} {noun}, which was never true.",
    "It is a mystery to me why people think that {P} {noun} is {w}. It is not.",
    "No, {P} {noun} is not {w}, whatever you may read.",
)
CANCEL = (
    "Nothing came of the talk of {w}: {P} {noun} stays what it was.",
    "The idea of {w} is off the table, as far as {P} {noun} goes.",
    "Remember the talk of {w}? It came to nothing, and {P} {noun} is not going to change.",
    "It will not be {w} after all, and {P} {noun} remains the same.",
)

# What questions begin with: they ask for what holds when they are asked.
FRAMES = ("As things stand today, ", "As of today, ", "Going by all that you were told up to today, ")

# What the assistant says to each kind of line.
REPLIES = {
    "tell": (
        "Thank you, I will remember that.", "Noted.", "Good to know, that goes into my notes.",
        "I will keep that in mind.", "Thanks for telling me about the {noun}.", "Understood.",
        "All right, I have the {noun} down.", "Good, then I know about the {noun}.",
    ),
    "again": (
        "Yes, I have that.", "I remember, the {noun}.", "That is what my notes say, too.",
        "Right, you mentioned the {noun}.",
    ),
    "change": (
        "Then I will change my notes on the {noun}.", "What a change! I have updated the {noun}.",
        "Good to hear, the {noun} is up to date now.", "I will replace what I had.",
    ),
    "correct": (
        "Thank you for the correction.", "No harm done, I will put the {noun} right.",
        "Good that you checked, I will fix it.",
    ),
    "loan": (
        "I will bear the date in mind.", "For the time being, then.",
        "Understood, and after that things are as before.",
    ),
    "plan": (
        "Let me know how that turns out.", "An interesting thought, take your time.", "We will see what becomes of it.",
        "I will not write it down until it is settled.",
    ),
    "dream": ("A lovely picture.", "One may dream.", "That would be a different life.", "Ha, who would not like that."),
    "deny": (
        "Then I will not believe it.", "Good that you say so.", "I have nothing of the kind in my notes, do not worry.",
    ),
    "cancel": ("So nothing changes.", "Understood, everything stays as it is.", "Then I will leave my notes alone."),
    "forget": (
        "Of course, it is gone.", "I will not keep it.", "As you wish, consider the {noun} deleted.",
        "Certainly, I will remove the {noun}.",
    ),
}  # fmt: skip

# How the assistant closes what it asked about.
CLOSING = ("I see.", "Good to know.", "Ha, I can imagine.", "That is often the way.", "So I have heard.")

# What the user asks for, with the assistant's reply; {x} is from THINGS. Nothing here tells of anybody.
REQUESTS = (
    (
        "Could you explain {x} in one sentence?",
        "Gladly: {x} matter more than most think, and less than the papers say.",
    ),
    ("I need a title for a talk on {x}.", "How about this one: What nobody tells you about {x}."),
    ("Draft a note to the neighbours about {x}, please.", "Dear neighbours, a word on {x}: let us all be kind."),
    ("What should one look out for with {x}?", "With {x} I would compare three offers and read the small print."),
    ("Give me a quiz question about {x}.", "Here is one: in which century were {x} first taxed?"),
    ("Is there a rule of thumb for {x}?", "The usual one for {x} is to start small and keep a list."),
    ("I keep reading about {x}. Is it a fad?", "Partly, but {x} have come and gone for a hundred years."),
    ("Help me to end an argument about {x}.", "I would say that on {x} both sides have a point."),
    (
        "Write me two lines of verse on {x}.",
        "I shall try: Who knows what the evening brings? Above all {x}, and strings.",
    ),
    ("How do I explain {x} to a child?", "Begin with something to touch, and let {x} come last."),
    ("Which three words come to mind with {x}?", "For {x}: patience, glue, and daylight."),
    ("What could go wrong with {x}?", "With {x} it is mostly the weather, the paperwork, and uncles."),
    ("Do I need a permit for {x}?", "For {x} a call to the council should be enough."),
    ("Can you make this shorter: we talked about {x}, at length and in vain?", "Certainly: we failed to agree on {x}."),
    ("What do people spend on {x} in a year?", "On {x} they spend about as much as on socks."),
    ("Are {x} older than printing?", "Historians disagree, but {x} do turn up in early sources."),
    ("Plan an afternoon about {x} for twelve people.", "First tea, then {x} in small groups, then more tea."),
    ("Is it rude to complain about {x}?", "Not if one complains about {x} with a smile."),
    ("Find me a polite way to decline {x}.", "You could say that {x} are lovely, and that the cellar is full."),
    ("What is the opposite of {x}?", "There is none, but people who dislike {x} tend to like silence."),
)
THINGS = tuple(
    thing.strip()
    for thing in """
    garden ponds; solar panels; street lamps; compost heaps; paper planes; tax forms; bus timetables; rain barrels;
    bird feeders; crossword puzzles; school fairs; snow chains; roof tiles; tea kettles; card tricks; fire drills;
    window boxes; flea markets; hiking boots; model railways; picture frames; bread ovens; night buses; door bells;
    office plants; pocket calculators; village fairs; jigsaw puzzles; umbrella stands; post boxes; wool socks;
    stone walls; tin toys; soap bubbles; city maps; ferry timetables; clay pots; wind chimes; board games; beehives
    """.split(";")
)
