"""What the people of ``preference`` have tastes in: things to choose from, occasions, and how one talks of them.

No value is in another one, in the name of an occasion or in the small talk: a value in the text is always somebody's.
"""

from __future__ import annotations

from typing import NamedTuple


class Occasion(NamedTuple):
    """When a taste holds: as it is said, a word of it that no other occasion has, and the scene of a question."""

    when: str
    cue: str
    scene: str


class Domain(NamedTuple):
    """Something of which people like one thing or another, depending on the occasion.

    Args:
        name: as gold facts call it.
        choose: verbs before a value, with ``{s}`` and ``{es}`` for the third person.
        occasions: three of them.
        ask: questions to the one who talks, ``{w}`` is the occasion.
        ask_of: questions about somebody else, ``{n}``.
        reasons: since when one has another taste.
        sad, glad: small talk, {d} is a day.
        pool: the values.
    """

    name: str
    choose: tuple[str, ...]
    occasions: tuple[Occasion, Occasion, Occasion]
    ask: tuple[str, ...]
    ask_of: tuple[str, ...]
    reasons: tuple[str, ...]
    sad: tuple[str, ...]
    glad: tuple[str, ...]
    pool: tuple[str, ...]


def _items(text: str) -> tuple[str, ...]:
    return tuple(" ".join(item.split()) for item in text.split(","))


DOMAINS = (
    Domain(
        "drink",
        ("drink{s}", "ask{s} for", "choose{s}"),
        (
            Occasion("at the desk", "desk", "{n} sits at the desk and is thirsty"),
            Occasion("with friends around", "friends", "{n} has friends around, and the glasses are empty"),
            Occasion("before bed", "bed", "{n} will soon go to bed and wants something to drink"),
        ),
        ("Can I get you something to drink?", "What do you drink {w}?", "I am making a shopping list. Any drinks {w}?"),
        ("What could I pour {n} {w}?", "Do you know what {n} drinks {w}?"),
        ("the stomach trouble", "the doctor's warning", "the week in the clinic", "the talk on sugar"),
        ("The kettle broke {d}, and the shop has none left.",
         "They put the prices up in the cafe on the corner {d}.", "I dropped my favourite cup {d}.",
         "The vending machine at work swallowed my coins {d}.", "There was no water in our street {d}."),
        ("I found six glasses at the flea market {d}.", "The new cafe by the bridge opened {d}.",
         "Somebody left a thermos on my doorstep {d}.", "My neighbour gave me a whole box of straws {d}.",
         "They finally mended the fountain in the square {d}."),
        _items("""
            fennel tea, peppermint tea, ginger tea, rooibos, jasmine tea, matcha, oolong, espresso, flat white,
            cappuccino, iced coffee, cocoa, oat milk, buttermilk, kefir, apple juice, carrot juice, tomato juice,
            pear cider, ginger beer, root beer, tonic water, lemonade, sparkling water, coconut water, elderflower
            cordial, blackcurrant cordial, chai latte, chicory coffee, malt beer, almond milk, cherry juice, grape
            juice, barley water, kombucha, rhubarb spritzer, mango lassi, hot lemon, sage tea, hibiscus tea
            """),
    ),
    Domain(
        "sport",
        ("go{es} in for", "prefer{s}", "keep{s} fit with"),
        (
            Occasion("on weekday mornings", "weekday", "{n} gets up early on a weekday and wants to be active"),
            Occasion("on Sundays", "sundays", "it is Sunday, and {n} wants to be active"),
            Occasion("on holiday", "holiday", "{n} is on holiday and wants to be active"),
        ),
        ("Are you still so active?", "What do you do for your health {w}?", "Shall we do some sport together?"),
        ("What sport does {n} do {w}?", "How does {n} keep fit {w}?"),
        ("the surgery", "the fall on the stairs", "the trouble with the knee", "the move to the other side of town"),
        ("The gym was closed {d}, and nobody knew why.", "I pulled a muscle {d} just by getting out of the car.",
         "Somebody stole my tracksuit {d}.", "They cancelled the fun run {d}.", "My bike had a flat tyre {d}."),
        ("I had the park all to myself {d}.", "They put a new bench beside the track {d}.",
         "I took the stairs all the way up {d}.", "My old trainer sent me a postcard {d}.",
         "The club cut its fees {d}."),
        _items("""
            swimming, rowing, bouldering, yoga, pilates, jogging, cycling, fencing, archery, badminton, squash,
            table tennis, volleyball, handball, water polo, nordic walking, skipping rope, kickboxing, judo, karate,
            tai chi, ballroom dancing, tap dancing, zumba, roller skating, ice skating, canoeing, kayaking, sailing,
            surfing, snorkelling, horse riding, curling, mini golf, croquet, basketball, trampolining, gymnastics,
            weightlifting, hula hooping
            """),
    ),
    Domain(
        "music",
        ("put{s} on", "listen{s} to", "choose{s}"),
        (
            Occasion("when cooking", "cooking", "{n} is cooking and the kitchen is too quiet"),
            Occasion("on long drives", "drives", "{n} has a long drive ahead and wants music"),
            Occasion("on sleepless nights", "nights", "{n} cannot sleep at night and wants music"),
        ),
        ("What music do you like these days?", "What do you listen to {w}?", "I am making a playlist. Any wishes?"),
        ("What should I play for {n} {w}?", "What does {n} listen to {w}?"),
        ("the concert in May", "the trouble with the ears", "the new neighbours moved in", "the radio broke"),
        ("The neighbours complained about my loudspeaker {d}.", "One string of the guitar snapped {d}.",
         "The radio was full of adverts {d}.", "I missed the concert in the town hall {d}.",
         "My headphones went through the wash {d}."),
        ("The piano tuner came {d}, at long last.", "I got two tickets from a colleague {d}.",
         "The choir next door was in good form {d}.", "A street musician made the whole queue smile {d}.",
         "I cleaned the old record player {d}, and it works."),
        _items("""
            bossa nova, cello suites, delta blues, swing, bebop, ragtime, reggae, dub, ska, techno, trip hop, disco,
            funk, soul, gospel, barbershop, sea shanties, bluegrass, honky-tonk, folk ballads, flamenco, fado,
            tango, klezmer, polkas, brass bands, string quartets, piano sonatas, harpsichord, organ fugues, baroque
            operas, operettas, musicals, whale song, ambient drones, heavy metal, punk, indie rock, synth pop,
            mariachi
            """),
    ),
    Domain(
        "food",
        ("eat{s}", "ask{s} for", "live{s} on"),
        (
            Occasion("for breakfast", "breakfast", "{n} comes down for breakfast"),
            Occasion("on train rides", "train", "{n} packs a lunch box for the train"),
            Occasion("at picnics", "picnics", "{n} is invited to a picnic"),
        ),
        ("Are you hungry? What would you like?", "What do you eat {w}?", "I go to the market later. What do you need?"),
        ("What should I pack for {n} {w}?", "What does {n} eat {w}?"),
        ("the allergy test", "the visit to the dentist", "the cookery course", "the weeks at the health farm"),
        ("I burnt the tea towel {d}.", "The fridge stopped working {d}.",
         "The bakery across the street was sold out {d}.", "A bag of flour burst in my kitchen {d}.",
         "I waited an hour for a table {d}."),
        ("The market was lovely {d}.", "I sharpened all my knives {d}.", "My aunt sent me her recipe book {d}.",
         "The new oven was delivered {d}.", "We laid the long table in the garden {d}."),
        _items("""
            porridge, rye bread, pancakes, waffles, croissants, boiled eggs, omelettes, smoked salmon, pickled
            herring, cheddar, cottage cheese, hummus, falafel, olives, gherkins, radishes, celery sticks, cherry
            tomatoes, potato salad, couscous, rice pudding, muesli, plum jam, peanut butter, bananas, apricots,
            figs, walnuts, pretzels, crackers, banana bread, carrot cake, lentil soup, spring rolls, sushi, quiche,
            meatballs, baked beans, corn muffins, tuna wraps
            """),
    ),
    Domain(
        "reading",
        ("read{s}", "pick{s} up", "get{s} lost in"),
        (
            Occasion("on the beach", "beach", "{n} is off to the beach and needs something to read"),
            Occasion("in waiting rooms", "waiting", "{n} sits in a waiting room with nothing to read"),
            Occasion("by the fire", "fire", "{n} sits by the fire and wants something to read"),
        ),
        ("Do you still read so much?", "What do you read {w}?", "I am clearing my shelves. What would you take?"),
        ("What could I lend {n} {w}?", "What does {n} read {w}?"),
        ("the eye operation", "the quarrel at the book club", "the course in the library", "the baby was born"),
        ("I left my glasses in the library {d}.", "A shelf came down in the hall {d}.",
         "The bookshop shut its doors for good {d}.", "I paid a fine at the library {d}.",
         "The reading lamp gave up {d}."),
        ("The bookshop's cat had kittens {d}.", "I found your old bookmark {d}.",
         "The library stayed open late {d}.", "An author signed my copy {d}.",
         "I carried three boxes to the charity shop {d}."),
        _items("""
            crime novels, travel diaries, ghost stories, love poems, sonnets, haiku, fairy tales, fables, Greek
            plays, Russian novels, westerns, space operas, spy thrillers, court dramas, memoirs, biographies,
            pamphlets, essays, comic strips, manga, cookbooks, atlases, field guides, gardening magazines,
            newspapers, crosswords, history books, war reports, philosophy, short stories, satires, legends, sagas,
            romances, puzzles, detective serials, science journals, art catalogues, railway timetables, dictionaries
            """),
    ),
    Domain(
        "game",
        ("play{s}", "suggest{s}", "get{s} out"),
        (
            Occasion("with the children", "children", "{n} minds the children and wants to play something"),
            Occasion("on rainy evenings", "rainy", "it rains, and {n} wants to play something in the evening"),
            Occasion("at family reunions", "reunions", "{n} is at a family reunion and wants to play something"),
        ),
        ("Do you fancy a game?", "What do you play {w}?", "I found my old games. What would you like to play?"),
        ("What could I play with {n} {w}?", "Which game does {n} like {w}?"),
        ("the lost tournament", "the bet with the cousins", "the broken wrist", "the holiday in Wales"),
        ("The cat ran off with the dice {d}.", "I lost every round {d}, against a ten-year-old.",
         "The games shop was closed for stocktaking {d}.", "One piece went up the vacuum cleaner {d}.",
         "We argued about the rules for hours {d}."),
        ("My cousins came over {d}, and nobody cheated.", "I mended the old card table {d}.",
         "The sand timer turned up behind the sofa {d}.", "They let me join the club {d}.",
         "I won a paper crown {d}."),
        _items("""
            backgammon, chess, checkers, dominoes, mahjong, skittles, reversi, ludo, snakes and ladders, bingo,
            charades, hangman, noughts and crosses, battleships, poker, rummy, pinochle, whist, canasta, cribbage,
            solitaire, quoits, old maid, tarot, skat, darts, marbles, boules, yahtzee, boggle, anagrams, twenty
            questions, sudoku, tangram, jigsaws, pick-up sticks, tiddlywinks, shove ha'penny, consequences, hide and
            seek
            """),
    ),
)  # fmt: skip

# How a taste is told: {v} is the value, {o} the one before, {w} the occasion, {c} a verb of the domain.
STATE = (
    "{S} {c} {v} {w}.",
    "{w}, {S} {c} {v}.",
    "{w} it has to be {v} for {O}.",
    "Nothing beats {v} {w}, as far as {S} {am} concerned.",
    "{S} like{s} {v} best {w}.",
    "{P} choice {w} is {v}.",
    "{w}, {S} want{s} {v} and nothing else.",
)
UPDATE = (
    "{w}, {S} {c} {v} now.",
    "{S} {have} come round to {v} {w}.",
    "{w} it is {v} these days for {O}.",
    "{P} new favourite {w} is {v}.",
    "{w} it is {v} for {O} now, no longer {o}.",
    "{S} {have} gone off {o}, so {w} it is {v}.",
    "{S} swapped {o} for {v} {w}.",
    "Since {since}, no more {o} for {O}, {w} it is {v}.",
    "Since {since}, {S} {c} {v} {w}.",
)
LEADS = ("There is something you should know.", "Guess what.", "Speaking of tastes.", "Something else.")
REACTIONS = (
    "I will keep that in mind.", "Really? I had no idea.", "Good to know for the next time.", "A sound choice.",
    "Each to their own.", "I would not have guessed that.", "That makes it easy, then.", "Ha, I knew it.",
    "Funny, my uncle is just the same.", "Then I know what to suggest.", "Why not, it is a free country.", "Lovely.",
)  # fmt: skip
DAYS = (
    "yesterday", "this morning", "last night", "the other day", "on my day off", "last weekend", "a while ago",
    "the day before yesterday", "at the end of last month", "when you were away",
)  # fmt: skip
SORRY = (
    "Oh dear, again?", "What a nuisance.", "You poor thing.", "That would have spoilt my day.", "Is that so? Annoying.",
    "At least you can laugh about it.", "These things come in threes.", "I hear that from everybody.",
)  # fmt: skip
PLEASED = (
    "How nice.", "Good for you.", "That must have been a surprise.", "I wish I had been there.", "About time, too.",
    "You see, things look up.", "I am almost jealous.", "Well, that made your day, I guess.",
)  # fmt: skip
REPLIES = ("How about {v}?", "I would suggest {v}.", "Then let it be {v}.", "What about {v} this time?")
QUESTIONS = (
    "Two moments with {n}. In the first, {one}. In the second, {two}. Which reply suits best each time, as of now?",
    "You meet {n} twice. The first time, {one}; the second time, {two}. Which reply pleases {f} most each time?",
    "Think of {n}: first, {one}; another day, {two}. Choose for each the reply that fits present tastes.",
)
HOW = "Answer with two letters, that for the first moment first."
