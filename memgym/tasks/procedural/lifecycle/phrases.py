"""What the ``lifecycle`` task says of any topic, what the assistant replies, and what else they talk about.

``{noun}`` is the topic, ``{v}`` the value, ``{w}`` a value that does not hold; the rest as in
:mod:`memgym.tasks.procedural.persona.phrases`.
"""

from __future__ import annotations

LEADS = (
    "", "", "", "", "By the way,", "Oh, and", "For your notes:", "One thing about me and mine:", "Something else:",
    "Before we start:", "While I think of it:",
)  # fmt: skip
AGAIN = (
    "As I told you,", "You know this already, but", "As I said the other day,", "To say it once more,",
    "In case it got lost:", "As you may remember,",
)  # fmt: skip
CORRECT = (
    "I told you something wrong: {P} {noun} is {v}, not {w}.",
    "A correction, please: {P} {noun} is {v}, and {w} was a slip of mine.",
    "I misspoke the other day. {P} {noun} is not {w} but {v}.",
    "Sorry, {w} was wrong. {P} {noun} has been {v} all along.",
    "I looked it up, and {P} {noun} is {v}, never mind {w}.",
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
    "Nothing came of {w}: {P} {noun} stays what it was.",
    "The idea with {w} is off the table, as far as {P} {noun} goes.",
    "Remember {w}? I only toyed with the thought, {P} {noun} is not going to change.",
    "It will not be {w} after all, {P} {noun} remains the same.",
)

# What questions begin with: they ask for what holds when they are asked.
FRAMES = ("As things stand today, ", "As of today, ", "Going by all that you were told up to today, ")

# What the assistant says to each kind of line.
REPLIES = {
    "tell": (
        "Thank you, I will remember that.", "Noted.", "Good to know, that goes into my notes.", "I will keep that in mind.",
        "Thanks for telling me about the {noun}.", "All right, I have the {noun} down.", "Understood.",
        "Good, then I know about the {noun}.",
    ),
    "again": (
        "Yes, I have that.", "I remember, the {noun}.", "That is what my notes say, too.", "Right, you mentioned the {noun}.",
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
        "I will bear the date in mind.", "For the time being, then.", "Understood, and after that things are as before.",
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

# A question of the assistant and its answer, which lets a topic last.
FOLLOW_UPS = (
    ("Was there anything special about it?", "Not really, I only wanted you to know."),
    ("Would you like me to do anything with that?", "No, just have it at hand."),
    ("Has that been on your mind?", "A little, yes."),
    ("Shall I set a reminder?", "No, thank you, that will not be needed."),
    ("How do you feel about it?", "Quite fine, to be honest."),
    ("Is that all there is to it?", "That is all, yes."),
    ("Who else knows?", "Only the family, I think."),
    ("Did you sleep on it?", "More than once, believe me."),
)

# What the user asks for, with the assistant's reply; {x} is from THINGS. Nothing here tells of anybody.
REQUESTS = (
    ("Could you explain {x} in two sentences?", "Gladly. In short, {x} matter more than most people think, and less than the papers say."),
    ("I need a title for a talk on {x}.", "How about this one: What nobody tells you about {x}."),
    ("Draft a friendly note to the neighbours about {x}, please.", "Dear neighbours, a word on {x}: let us be kind to one another."),
    ("What should one look out for with {x}?", "With {x} I would compare three offers and read the small print."),
    ("Give me a quiz question about {x}.", "Here is one: in which century were {x} first taxed?"),
    ("Is there a rule of thumb for {x}?", "The usual one for {x} is to start small and keep a list."),
    ("I keep reading about {x}. Is it a fad?", "Some of it is, but {x} have come and gone for a hundred years."),
    ("Help me to end an argument about {x}.", "I would say that with {x} both sides have a point, and change the subject."),
    ("Write me a limerick on {x}.", "I shall try: a poet who wrote about {x} found out that the rhymes were complex."),
    ("How do I explain {x} to a child?", "Begin with something to touch, and let {x} come last."),
    ("Which three words come to mind with {x}?", "For {x}: patience, glue, and daylight."),
    ("Make a list of what could go wrong with {x}.", "With {x} it is mostly the weather, the paperwork, and uncles."),
    ("Summarise the meeting on {x}: we talked, we disagreed, we adjourned.", "The meeting on {x} was adjourned after a frank exchange."),
    ("Do I need a permit for {x}?", "For {x} a call to the council should be enough."),
)  # fmt: skip
THINGS = tuple(
    """
    garden ponds; solar panels; street lamps; compost heaps; paper planes; tax forms; bus timetables; rain barrels;
    bird feeders; crossword puzzles; school fairs; snow chains; roof tiles; tea kettles; card tricks; fire drills;
    window boxes; flea markets; hiking boots; model railways; picture frames; bread ovens; night buses; door bells;
    office plants; pocket calculators; village fairs; jigsaw puzzles; umbrella stands; post boxes; wool socks;
    stone walls; tin toys; soap bubbles; city maps; ferry timetables; clay pots; wind chimes; board games; beehives
    """.split(";")
)
THINGS = tuple(thing.strip() for thing in THINGS)
CLOSING = ("Very well.", "Good.", "As you like.", "Fine by me.", "I am here if you need anything.")
