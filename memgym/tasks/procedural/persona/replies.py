"""What the other speaker of ``persona`` asks before something is told, and says to it: no value is named here.

Templates are those of :mod:`~memgym.tasks.procedural.persona.phrases`: the questions speak of the person by first name,
what follows by pronoun. ``[a|b]`` stands for either.
"""

from __future__ import annotations

from typing import NamedTuple


class Replies(NamedTuple):
    """How the two talk around a kind of fact.

    Args:
        about: what such facts are about, after "speaking of".
        asks: questions that lead to the fact.
        reacts: what is said to it.
        follows: questions back, each with its answer.
    """

    about: str
    asks: tuple[str, ...]
    reacts: tuple[str, ...]
    follows: tuple[tuple[str, str], ...]


REPLIES = {
    "home city": Replies(
        "[places to live|addresses|moving house]",
        ("Where {am} {S} living these days?", "What is {P} address now?",
         "[And where|Where] would I have to send {P} Christmas card?"),
        ("I have [never been there|only been there on a stopover].",
         "That is [a long way from here|further than I thought].",
         "[They say it is lovely there|I hear the winters there are long]."),
        (("How {does} {S} like it there?", "[So far, so good|{S} miss{es} the old bakery, otherwise fine]."),
         ("Is it [loud|expensive] there?", "[Not on {P} street|You get used to it]."),
         ("Is there room for guests?", "[There is a sofa|If they bring a mattress].")),
    ),
    "job": Replies(
        "[jobs|work|careers]",
        ("What {does} {S} do for work at the moment?", "[And how is|How is] work going for {O}?",
         "What line of work {am} {S} in now?"),
        ("[I could never do that|I would not last a day in that trade].",
         "That must be [hard work|a good conversation starter].",
         "So the training [paid off|was good for something]."),
        (("Does it pay?", "[Enough for the rent|{S} would say no]."),
         ("{am} {S} happy with it?", "[Most mornings|{S} complain{s} less than before]."),
         ("Is that what {S} always wanted?", "[As a child {S} wanted a circus|More or less].")),
    ),
    "employer": Replies(
        "[companies|firms|offices]",
        ("Which company {am} {S} with now?", "Who {does} {S} work for at the moment?",
         "[And the office|And the firm], anything new with {O}?"),
        ("[I have seen their logo somewhere|They sponsor the marathon, I think].",
         "Is that the firm with the [glass tower|orange vans]?",
         "[A solid firm, they say|I thought they were bankrupt]."),
        (("How are the [hours|colleagues] there?", "[Better than the coffee|Nothing to complain about]."),
         ("Is it far to the office?", "[Half an hour by tram|The wrong side of the river]."),
         ("Do they treat {O} well?", "[There is fruit every week|So far, yes].")),
    ),
    "favourite dish": Replies(
        "[food|dinner|cooking]",
        ("If {S} came to dinner, what should I cook?", "What {does} {S} like to eat best?",
         "[And food|And dinner], what makes {O} happy?"),
        ("Now [I am hungry|my mouth is watering].",
         "I would [need a cookbook for that|have to ask my mother how to make it].",
         "[That takes hours to make|You can smell it through the wall]."),
        (("Can {S} cook it, too?", "[With the window open|Only from a packet]."),
         ("Where do you get a good one?", "[At the market hall|Nowhere near here]."),
         ("[Spicy|With dessert]?", "[Always|Only on holidays].")),
    ),
    "hobby": Replies(
        "[hobbies|pastimes|free time]",
        ("What {does} {S} do with all {my} free time?", "[And after work|After work], what {am} {S} up to?",
         "Which hobby is it at the moment, with {O}?"),
        ("[I would break something|My back would not allow it].", "So that is where {P} evenings go.",
         "I tried that [once|at school], [with no talent|for a week]."),
        (("{am} {S} any good at it?", "[{S} {have} a small cup at home|Better than last year]."),
         ("Is that not expensive?", "[Do not ask {O}|The gear is second-hand]."),
         ("How did {S} get into that?", "[By a flyer|Through somebody at work].")),
    ),
    "car": Replies(
        "[cars|driving|parking]",
        ("What {does} {S} drive these days?", "[And the car|The car], how is that going with {O}?",
         "How {does} {S} get around now?"),
        ("[I can never tell them apart|As long as it gets through inspection].",
         "Then {S} can give [us|me] a lift.", "A [sensible|bold] choice, that car."),
        (("Does it start in winter?", "[After some persuasion|Like a charm]."),
         ("Where {does} {S} park it?", "[Wherever there is a gap|In front of the school]."),
         ("Was it [dear|a bargain]?", "[It was within reason|Do not ask the bank].")),
    ),
    "instrument": Replies(
        "[music|instruments|practising]",
        ("Which instrument {am} {S} playing now?", "[And the music|The music], is that still going with {O}?",
         "What {does} {S} play these days?"),
        ("The poor neighbours.", "[I gave up after the scales|I cannot even clap in time].",
         "I would love to [hear that|listen] some time."),
        (("{does} {S} perform?", "[At weddings, if you let {O}|Only behind closed doors]."),
         ("Since when?", "[Since a concert on the radio|For longer than you would think]."),
         ("Is it hard?", "[The first year is|On the fingers, yes].")),
    ),
    "language course": Replies(
        "[languages|evening classes|vocabulary]",
        ("Which language {am} {S} learning now?", "[And the course|The course], what is it this term with {O}?",
         "What {am} {S} studying in the evenings?"),
        ("[The grammar must be a nightmare|I only know how to order beer in it].", "Say something in it!",
         "[My tongue would knot|I admire that]."),
        (("Is there a trip planned?", "[It is for the brain|Perhaps at Easter]."),
         ("How far {am} {S}?", "[Past the greetings|Chapter nine]."),
         ("Who is teaching it?", "[A retired actor|Somebody very patient].")),
    ),
    "book being read": Replies(
        "[books|reading|novels]",
        ("What {am} {S} reading at the moment?", "[And which|Which] book is on {P} bedside table?",
         "{am} {S} reading anything good?"),
        ("I have [seen it in every window|only read the blurb].", "Do not tell me the end.",
         "Is that not the one with the [terrible cover|train]?"),
        (("Is it any good?", "[{S} laugh{s} out loud|{S} cannot say yet]."),
         ("Will {S} lend it to me afterwards?", "[You are third in line|If you return it]."),
         ("How many pages?", "[Enough for the winter|It stops a door].")),
    ),
    "holiday destination": Replies(
        "[holidays|travel plans|the summer]",
        ("Where {am} {S} going this summer?", "[And the holidays|The holidays], are they booked?",
         "{does} {S} have plans for the summer?"),
        ("[I would pack tomorrow|I envy that].", "In August it will be [crowded|baking hot] there.",
         "Send me a postcard."),
        (("Who is coming along?", "[Half the family|A suitcase of books]."),
         ("By train or by plane?", "[By train, with four changes|Whatever is cheaper]."),
         ("For how long?", "[As long as the money lasts|The usual fortnight].")),
    ),
    "dentist appointment": Replies(
        "[dentists|teeth|check-ups]",
        ("When {does} {S} have to be at the dentist?", "[And the tooth|The tooth], is it being looked at?",
         "Did the dentist find a slot for {O}?"),
        ("Better {O} than me.", "[Fingers crossed|Brush well] until then.",
         "At least [it is not at dawn|that is settled]."),
        (("Does it hurt?", "[When chewing|Only the thought of it]."),
         ("Is it the one with the [loud drill|cold hands]?", "[The very same|No, {S} fled from that one]."),
         ("Will it be a filling?", "[A look, they say|At least].")),
    ),
    "flatmate": Replies(
        "[flatmates|sharing a flat|rent]",
        ("Who {am} {S} sharing the flat with now?", "[And at home|At home], who else lives there with {O}?",
         "How is {P} flatmate called again?"),
        ("And who does the dishes?", "[I could not share a bathroom|I need my own fridge].",
         "As long as the rent is [paid|split fairly]."),
        (("{does} {S} get on well at home?", "[There is a rota|Since the new locks, yes]."),
         ("Who got the bigger room?", "[They tossed for it|Not {S}]."),
         ("Is it tidy?", "[On the surface|When guests come].")),
    ),
    "boss": Replies(
        "[bosses|the office|work]",
        ("Who is in charge where {S} {am}?", "[And the boss|The boss], who is it now with {O}?",
         "Who {does} {S} have to answer to?"),
        ("[Strict, I have heard|A name I will remember].", "Bosses [come and go|are like the weather].",
         "Does that mean [longer hours|a raise]?"),
        (("What is it like?", "[Doors are open|Everything in writing]."),
         ("Fair?", "[When the numbers are right|To most]."),
         ("{does} {S} have lunch together?", "[At separate tables|Once a month].")),
    ),
    "sibling": Replies(
        "[brothers and sisters|family|siblings]",
        ("{does} {S} have a brother or a sister?", "[And the family|The family], who is there besides {O}?",
         "Who did {S} grow up with?"),
        ("[You would not think so|I see the likeness now].", "I [always wanted one|have three, be glad].",
         "Birds of a feather, surely."),
        (("{does} {S} see each other often?", "[At Christmas|Every week]."),
         ("Older or younger?", "[Older, by a year|The baby of the family]."),
         ("{does} {S} get along?", "[These days, yes|Better than as children].")),
    ),
    "cousin": Replies(
        "[cousins|relatives|family parties]",
        ("{does} {S} have any cousins?",
         "[And that cousin|The cousin], what was the name, of the one related to {O}?", "Who is that relative of {O}?"),
        ("[So that is how {S} {am} related|It is a small world].", "I lose track with [families|relatives].",
         "I believe we danced at a wedding."),
        (("{am} {S} close?", "[Every week on the phone|At family parties, yes]."),
         ("From which side?", "[Complicated|The loud one]."),
         ("Is there a likeness?", "[The chin|None at all].")),
    ),
    "pet": Replies(
        "[pets|animals|the vet]",
        ("How is {P} pet called again?", "[And the animal|The animal], what is its name at {P} place?",
         "Did {S} find a name for {my} pet?"),
        ("[Good boy|What a name].", "It [bit|licked] me once.", "Is that the one that [snores|sheds]?"),
        (("Is it well-behaved?", "[When it sleeps|It knows where the cheese is]."),
         ("Who looks after it in the holidays?", "[The neighbours|That is the question]."),
         ("How old is it?", "[The vet is guessing|Still young].")),
    ),
    "birthday": Replies(
        "[birthdays|parties|presents]",
        ("When is {P} birthday?", "[And when|When] do we have to bake for {O}?", "What day is {P} birthday again?"),
        ("I will [put it in my calendar|never remember that].",
         "Then there is [time to find a present|not much time].", "[How old|Which number] will it be?"),
        (("What does one give {O}?", "[Nothing that needs dusting|Cake]."),
         ("Will there be a party?", "[A small one|Not if it can be avoided]."),
         ("{does} {S} like surprises?", "[From afar|Only edible ones].")),
    ),
    "allergy": Replies(
        "[allergies|rashes|the pharmacy]",
        ("Is there anything {S} must not have?", "[And the allergy|The allergy], what was it again with {O}?",
         "What {am} {S} allergic to?"),
        ("I [will be careful|had better write that down].", "That must be [hard to avoid|a nuisance].",
         "[Goodness|Poor thing], since when?"),
        (("Are there drops for it?", "[They make {O} sleepy|The doctor is trying some]."),
         ("How bad is it?", "[It was the ambulance, once|It itches, mostly]."),
         ("Is it in the family?", "[The whole lot has it|No, it came late].")),
    ),
    "count": Replies(
        "[having enough|keeping busy|piles of things]",
        ("What {have} {S} been busy with?", "[And what|What] did {S} do with the free days?",
         "{have} {S} been [up to|busy with] anything?"),
        ("[All at once|In such a short time]?", "That is [a lot|quite a number].", "{S} will not stop, will {S}?"),
        (("Where {am} {S} going to put that?", "[There is still the attic|Do not ask]."),
         ("Is there an end to it?", "[Not this year|{S} {have} promised]."),
         ("Whatever for?", "[It calms {O}|That is what I wondered].")),
    ),
    "trip": Replies(
        "[journeys|being away|foreign parts]",
        ("{have} {S} been away?", "[And where|Where] {have} {S} been all this time?", "{have} {S} travelled at all?"),
        ("[Lucky|How I envy that].", "I hope there are [pictures|souvenirs].",
         "I have [always wanted to go there|only changed planes there]."),
        (("What was it like there?", "[Hot, and worth it|Wet, but the people were kind]."),
         ("How was the food?", "[{S} still dream{s} of it|Better not to ask]."),
         ("Would {S} go again?", "[At once|Not in that season].")),
    ),
    "event": Replies(
        "[great days|big moments|adventures]",
        ("Is there any news from {O}?", "[And what|What] has happened with {O} lately?",
         "What was all the excitement about, with {O}?"),
        ("I would have loved to see that.", "[That had to happen some day|At last].",
         "[You must tell me everything|What a story]."),
        (("How did it go?", "[Better than expected|Let us say it could have been worse]."),
         ("Was anybody else there?", "[Half the street|The usual crowd]."),
         ("And [now|what comes next]?", "[Now comes a long rest|The next thing, I am sure].")),
    ),
}  # fmt: skip
"""By the name of the relation; ``count``, ``trip`` and ``event`` for the rest."""
