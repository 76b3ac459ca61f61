"""How the two speakers of ``persona`` greet, lead over, answer and part: no value and nobody's full name is in it.

``[a|b]`` stands for either. What is said about something peculiar is in :mod:`.replies` and :mod:`.matters`.
"""

from __future__ import annotations

GREETINGS = (
    "[Hello|Hi|Hey] {name}[!|, good to see you.|, there you are.|, do you have a minute?]",
    "{name}[!|, what a surprise!|, over here!] [I hoped you would come.|Sit down.|You look well.]",
    "[Morning|Good to hear your voice], {name}.",
)
WELCOMES = (
    "[Hello|Hi], {name}[!|, at last.|, nice to see you, too.]",
    "[I have been looking forward to this|Finally some time to talk|I need a break anyway].",
    "[There you are|Come in], {name}. [I brought cake.|Let us sit by the window.|The kettle is on.]",
)
FAREWELLS = (
    "[I have to run|My tram is coming|I should get going], [talk soon|see you|we will go on next time].",
    "[It is late|Look at the time], [I must be off|I will call you].",
    "[That was nice|I needed that]. [See you soon|Until next time], {name}.",
)
GOODBYES = (
    "[Take care|Bye|Get home safely], {name}[.|!]",
    "[Talk soon|See you], [and say hello at home|and thanks for the chat].",
    "[Next time you do the talking|Until next time|Off you go].",
)

# What opens something new, what announces news, and what goes on about the same person or the same kind of thing.
LEADS = (
    "[Before I forget|While I think of it].", "[Now something else|One more thing].", "By the way.", "On another note.",
    "[Anyway|Well, anyway].", "[Changing the subject|To change the subject].",
)  # fmt: skip
NEWS = (
    "[Listen to this|Listen].", "You may want to know this.", "[Guess what|You will not guess this].",
    "[What I wanted to tell you|Here is some news].", "[It came up yesterday|I keep forgetting to say it].",
)  # fmt: skip
SAME_PERSON = (
    "[There is more about|And that is not all from] {name}.", "[While we are on|Staying with] {name}.",
    "[Speaking of|Since we are talking about] {name}.", "[Another thing about|And again] {name}.",
)  # fmt: skip
SAME_THING = (
    "[Speaking of|Talking of] {about}.", "[While we are on|Since we are on] {about}.",
    "[That reminds me, on the subject of|And on the subject of] {about}.", "[Staying with|Still on] {about}.",
)  # fmt: skip

# What leads somebody to tell: asked of the two who talk, of others, and of nobody.
HOW_ARE_YOU = (
    "How [have you been|are things with you]?", "What is [going on in your world|new with you]?",
    "And you, [what are you up to|how is life]?", "You look as if you had news[.|, {name}.]",
    "[Your turn|Now you], what is new?", "[Tell me about yourself|Out with it], {name}.",
)  # fmt: skip
HOW_IS = (
    "How is {name}[| these days| doing]?", "[Any news|What do you hear] from {name}?",
    "[And|Tell me,] what is {name} up to?", "Have you [seen|talked to] {name} [lately|recently]?",
    "[Did you hear anything about|Is there anything new with] {name}?",
)  # fmt: skip
WHAT_IS_NEW = (
    "What else is new?", "[Any gossip|Anything to report]?", "[Go on|Come on], I am listening.",
    "What [have I missed|do people talk about]?", "[Catch me up|Spill it].", "How is everybody?",
)  # fmt: skip
WHAT_DO_YOU_HEAR = (
    "[Any gossip|Any rumours] today?", "What [do people say|are they saying]?",
    "[You look curious|What are you grinning at]?",
    "[Heard anything|What have you heard]?", "You [want to know something|look puzzled], go ahead.",
)  # fmt: skip
WHAT_DO_YOU_WANT_TO_KNOW = (
    "You [have a question|want to ask something], I can tell.", "[What did you want to ask|What is on your mind]?",
    "Ask me [anything|whatever you like].", "[You look puzzled|You have that look], what is it?",
)  # fmt: skip
ANSWERS = (
    "Funny you should ask.",
    "Let me think.",
    "[Good|I am glad] that you ask.",
    "Well.",
    "[Oh|Ah,] yes.",
    "Now that you ask.",
)
ASIDES = (
    "[Do not tell anybody|Keep it to yourself].", "[I had to laugh|I was speechless] at first.",
    "That is [all I can say|the whole story].", "You would not have guessed[.|, would you?]",
    "[Make of it what you will|There you have it].", "[It took me a while to get used to it|I still have to smile].",
    "[I thought you should know|I wanted you to hear it from me].", "Life is full of surprises.",
)  # fmt: skip
GO_ON = (
    "[And|So]?", "[What about it|Yes, what about that]?", "[Go on|I am all ears|Do tell].",
    "[I was about to ask|You read my mind].", "[Finally|At last], somebody tells me.",
)  # fmt: skip

# What is said to something that was told, by what it did to what was known.
REACTIONS = {
    "told": (
        "[Oh, really|Is that so]?", "I had no idea.", "[Good to know|Noted|I see].", "That makes sense.", "Well, well.",
        "I will [try to remember|remember] that.", "[You do not say|How about that]!", "[Lovely|How nice].",
        "[Interesting|Aha], I would not have guessed.", "That [is quite something|explains a lot].",
        "[Who would have thought|Fair enough].", "Thanks for telling me.",
    ),
    "plan": (
        "[So soon|Is that certain]?", "That will be quite a change.", "[I would not dare|How brave].",
        "Let me know how [it goes|that turns out].", "[A big step|Big plans], then.",
    ),
    "cancel": (
        "[Just as well|Perhaps it is for the best].", "All that [planning|fuss] for nothing.",
        "[Then nothing changes|So all stays the same].", "[What a pity|I had my doubts], to be honest.",
    ),
    "claim": (
        "Then I [was told nonsense|got that wrong].", "[I should not believe everything|People talk so much].",
        "[Good that I asked|Glad we cleared that up].",
        "That is what I get for listening [on the stairs|at the counter].",
    ),
    "correct": (
        "[Good that you say so|Thanks for putting that right].",
        "[I had it wrong all this time|So I learned it wrong], then.",
        "[No harm done|It happens], I will correct it.", "[I wondered about that|That sounds more like it].",
    ),
    "revert": (
        "[Back to the start|As you were], then.", "[That did not take long|What a detour].",
        "[So much for that|I thought as much].", "At least [nothing is new|that is settled].",
    ),
    "withdraw": (
        "[All right|Understood], I will forget it.", "[Oh dear|What a shame].", "[That was sudden|Since when]?",
        "[Something will turn up|We will see what comes].",
    ),
}  # fmt: skip
HEARD = (
    "[I see|Good to know|Fair enough].", "I [can imagine|can picture that|thought so].",
    "[Well, well|Who would have thought].",
    "[Then I know|I will remember that].", "[That sounds like|How very much like] {O}.", "[Good for {O}|Why not].",
    "[Now I am curious|You must keep me posted].", "[I like that|There you go].",
)  # fmt: skip
CLOSES = (
    "I can [imagine|picture that].", "[Typical|Of course].", "Ha, [of course|I knew it].",
    "[It is what it is|Life goes on].",
    "[True enough|So true].", "Some [days|things] are like that.", "You should write that down.",
    "[Do not get me started|I could say a lot about that].", "I had not looked at it that way.",
    "We live in strange times.", "[So I hear|That is what everybody says].", "[Now I am laughing|You make me laugh].",
)  # fmt: skip

# Mentions of people that tell nothing about them, each with a reply.
MENTIONS = (
    ("Have you heard from {name} lately?",
     "[Not since the street party|Not a word], I [was going to ask you|should write]."),
    ("I ran into {name} at the station, but we were both in a hurry.",
     "[Always the same with you two|Next time, get on the train]."),
    ("{name} sends greetings.", "[Thank you, send some back|That is kind, the same to {first}]."),
    ("I owe {name} a phone call.", "[Then call tonight|Do not leave it too long]."),
    ("I talked to {name} about {subject} for an hour.",
     "An hour about {subject}? [I would have fled|You must be patient]."),
    ("{name} asked me what I think about {subject}, and I had no opinion.", "You, without an opinion on {subject}?"),
    ("You should ask {name} about {subject}.",
     "[I did, once|I will], {first} [knows more than the two of us|is a good listener]."),
    ("I wonder how {name} is doing.", "[Busy, I think|We could drop in on {first}]."),
    ("{name} still has my umbrella, I think.", "[And my ladder|You will not see that again], knowing {first}."),
    ("Somebody said {name} was looking for you.", "[It will be about the key|{first} has my number]."),
    ("{name} has strong views on {subject}, as you know.", "[Do I ever|On {subject}, everybody has]."),
    ("I dreamt about {name} and {subject}, do not ask.", "[I am asking|You should eat less at night]."),
    ("Did {name} ever answer your message?", "[With a thumb|After a month], [that is {first} all over|but yes]."),
    ("With {name} the conversation always ends up at {subject}.", "There are worse things than {subject}."),
)  # fmt: skip
SUBJECTS = (
    "jobs and employers", "the best city to live in", "cars", "hobbies", "pets", "birthdays", "allergies",
    "good food", "holiday destinations", "books", "musical instruments", "language courses", "dentists",
    "flatmates", "bosses", "brothers and sisters", "cousins", "dishes from childhood", "moving house",
    "old appointments", "travelling",
)  # fmt: skip
