"""The small talk of the ``persona`` task: much of the facts' vocabulary, none of their values."""

from __future__ import annotations

# What the other speaker says before and after a fact.
PROMPTS = (
    "What else is new?", "Anything to report?", "So, tell me something.", "How have you been?",
    "What have I missed?", "Go on, I am listening.", "You look as if you had news.", "How is everybody?",
    "Catch me up.", "Any gossip?", "What is going on in your world?", "And otherwise?",
    "It feels like ages since we talked.", "Your turn.", "Spill it.", "How are things?",
    "What do you hear from the others?", "Come on, out with it.",
)  # fmt: skip
REACTIONS = (
    "Oh, really?", "I had no idea.", "Good to know.", "That makes sense.", "Well, well.",
    "I will try to remember that.", "You do not say!", "How about that.", "Lovely.",
    "Interesting, I would not have guessed.", "Noted.", "Ha, of course.", "I see.", "That is quite something.",
    "Who would have thought.", "Fair enough.", "Thanks for telling me.", "That explains a lot.", "Right.",
    "Sounds like a story for a longer evening.",
)  # fmt: skip
LEADS = (
    "Before I forget.", "Oh, and one thing.", "Funny you should ask.", "By the way.", "Listen to this.",
    "Speaking of which.", "You may want to know this.", "Let me think.", "Something else.", "Since you ask.",
    "On another note.", "Anyway.",
)  # fmt: skip

# Small talk is "opening topic remark time. tail"; every combination reads well.
OPENINGS = (
    "", "", "", "Honestly, ", "You know, ", "I must say, ", "To be fair, ", "Believe it or not, ", "As always, ",
    "Between you and me, ", "For what it is worth, ", "Not to complain, but ", "Strangely enough, ",
    "If you ask me, ",
)  # fmt: skip
TOPICS = (
    "the queue at the bakery", "that article about rents in big cities", "the job advert on the tram",
    "the radio show about pets", "the letter from my bank", "the new menu at the corner cafe", "the rain",
    "the market for second-hand cars", "the neighbour's music practice", "the poster of the language school",
    "the talk about hobbies at the library", "the long book everyone talks about",
    "the holiday brochure on my desk", "the waiting room at the dentist", "the office coffee machine",
    "the film about an employer and a strike", "the birthday card aisle", "the pollen forecast",
    "somebody's wedding video", "the flat across the street", "the meeting with all the bosses",
    "the roadworks outside", "the parcel that never arrives", "the heating at home", "the bus to the city",
    "the documentary on family names", "the street festival", "the podcast about siblings",
    "the concert in the park", "the allergy leaflet at the pharmacy", "the parking situation", "the phone battery",
    "the shop with the records and books", "the election coverage", "the dish they served at the canteen",
    "the photo album from our school days", "the train strike", "the garden", "the smell of fresh paint",
    "the vet's newsletter",
)  # fmt: skip
REMARKS = (
    "made me laugh", "took far longer than it should", "was better than I expected", "kept me awake half the night",
    "was all anybody talked about", "put me in a strange mood", "got on my nerves", "cheered me up no end",
    "reminded me of our school days", "was a complete waste of time", "made me rather thoughtful",
    "was louder than ever", "turned out to be quite charming", "left me with more questions than answers",
    "was a disaster from start to finish", "gave me something to chew on", "seemed to go on forever",
    "made the whole day better", "was not what I had in mind", "surprised all of us", "cost me an entire afternoon",
    "was worth getting up for", "nearly drove me mad", "was oddly relaxing",
)  # fmt: skip
TIMES = (
    "", "", " this time", " again", " as usual", " the whole week", " on the way here", " this morning",
    " all weekend", " at lunch", " in the evening", " lately", " more than once", " for a change",
    " yesterday evening",
)  # fmt: skip
TAILS = (
    "", "", "", " How about you?", " But enough of that.", " You would have liked it.", " I could go on.",
    " What would you have done?", " Some days are like that.", " Anyway, how is your week?",
    " Let us not dwell on it.", " I keep telling myself to relax.", " Have you noticed that too?",
    " It is what it is.", " Well, life goes on.", " I should get more sleep.", " And then it started to pour.",
    " I nearly called you.", " Typical, is it not?", " We should meet for coffee some time.",
)  # fmt: skip

# Mentions people without telling anything about them.
MENTIONS = (
    "Have you heard from {name} lately?", "I ran into {name} at the station, but we were both in a hurry.",
    "{name} sends greetings.", "I owe {name} a phone call.", "I talked to {name} about {subject} for an hour.",
    "{name} asked me what I think about {subject}, and I had no opinion.", "You should ask {name} about {subject}.",
    "I wonder how {name} is doing.", "{name} still has my umbrella, I think.",
    "Somebody said {name} was looking for you.", "{name} has strong views on {subject}, as you know.",
    "I dreamt about {name} and {subject}, do not ask.", "Did {name} ever answer your message?",
    "With {name} the conversation always ends up at {subject}.",
)  # fmt: skip
SUBJECTS = (
    "jobs and employers", "the best city to live in", "cars", "hobbies", "pets", "birthdays", "allergies",
    "good food", "holiday destinations", "books", "musical instruments", "language courses", "dentists",
    "flatmates", "bosses", "brothers and sisters", "cousins", "dishes from childhood", "moving house",
    "old appointments", "travelling",
)  # fmt: skip
