"""Recognising abstention."""

from __future__ import annotations

import pytest

from memgym.scoring.abstention import abstains
from memgym.tasks.procedural.persona.relations import RELATIONS


def _phrases(text: str) -> list[str]:
    return [phrase.strip() for line in text.strip().splitlines() for phrase in line.split(" | ")]


QUESTION = (
    "Which employer, boss, hobby, car or pet does Mira Okafor have, and when is her dentist appointment, her trip, her "
    "holiday?"
)
ABSTENTIONS = _phrases("""
    None | none. | N/A | n/a | not decided yet | It was cancelled | it was called off
    The conversation does not mention this | The conversation does not mention this. | I don't know | I don’t know.
    I do not know | they never said | nobody knows | there isn't any | unknown | Unknown. | **Unknown** | "unknown"
    not mentioned | Not mentioned in the conversation. | No information available
    There is no information about that | It is not stated. | cannot be determined from the dialogue | unanswerable
    This question cannot be answered from the given memories. | The memories don't say.
    The text does not say where she lives. | Based on the conversation, it is not possible to tell.
    It's impossible to say from the memory. | I have no idea. | No idea | I'm not sure | I am not sure.
    There is no mention of a dentist appointment. | No mention of it. | not specified | Not specified anywhere
    The dialogue doesn't specify which car she drives. | not available | Not enough information
    Insufficient information to answer. | insufficient information | Sorry, I can't answer that.
    Sorry, I don't have that information. | I don't have any information about Mira Okafor's boss.
    I couldn't find any information on this. | Unfortunately, the memories do not contain this information.
    It was never mentioned. | She never told us. | He never said. | Nothing was said about it.
    Nothing is known about that. | No one knows. | Nobody can say. | No one ever said. | undecided | still undecided
    undecided again | It is undecided again. | It is still open. | still open | to be decided | not yet known
    not known yet | Not known at this point | none at present | None at the moment | none any more | None currently.
    not any more | no longer | called off | cancelled | Canceled. | The plan was called off.
    It has been called off and nothing has replaced it. | It no longer holds, and nothing has taken its place.
    It was withdrawn. | There is none at present. | She doesn't have one any more. | He doesn't have one.
    There isn't one. | There isn't one at present. | unclear | It is unclear. | The answer is unknown.
    Answer: unknown | The answer is not given in the text. | not given | not provided | There's no record of that.
    No record | No answer | no data | That was not discussed. | This was never discussed
    It hasn't been decided yet. | That has not been stated. | We don't know. | We are not told. | I was not told.
    The information is not available. | That information isn't in the memory. | It's not in the conversation.
    not in the text | TBD | to be determined | The speaker did not say. | Neither of them says.
    It isn't known where Mira lives now. | It is not known which city she lives in.
    I cannot tell from what was said. | can't tell | Can't say. | I can't say for sure.
    You did not mention this information. | I cannot find that in my memory. | I don't recall that being mentioned.
    I don't remember. | The memory is empty, so I cannot answer. | Nothing at the moment. | no information
    The provided context does not include the answer. | The question cannot be answered. | No longer known.
    She gave it up and has not chosen a new one. | It ended, and the next one is not known.
    There is currently no answer to that. | The speakers do not discuss this. | Neither speaker mentions it.
    Neither mentions her employer. | It's never stated in the conversations. | That detail was not shared.
    Those details are not provided. | The provided memories don't mention Mira's hobby.
    There are no details about her employer. | Her employer is unknown. | Her current employer is unknown.
    The employer was not specified | Information not available | Information unavailable. | Information not found
    No such information. | No relevant memory found. | No memories found | No relevant information found in memory.
    Nothing in the memory about this. | There is nothing in the memory about that.
    There's nothing about it in the conversation. | I found nothing about this. | I have no information on that.
    I have no record of it. | I have no memory of that. | We have no information. | We can't know.
    One cannot know. | It can't be said. | It cannot be inferred from the text. | Cannot answer
    Can not be answered. | Can't be determined | Unable to answer. | Unable to determine from the given context.
    I am unable to answer this question. | I'm unable to find that. | Impossible to tell
    Not possible to determine. | Not clear. | It's not clear from the conversation. | It is not clear yet.
    Unclear from context | Don't know | dont know | Dunno | idk | I really don't know. | I honestly don't know.
    I wouldn't know. | I do not know that. | I do not know where she lives. | Nobody has told me. | Nobody said.
    No one has mentioned it. | No one mentioned it. | She hasn't said. | She hasn't said yet.
    She has not told anyone. | She has not decided yet. | He hasn't decided | They haven't decided yet.
    That is still open. | This is still undecided. | It's up in the air. | It is up in the air again. | Not decided.
    Not decided at present. | Not settled yet. | Not fixed yet | Yet to be decided. | No replacement yet
    There is no replacement yet. | There is no new one yet. | She has none. | She has none now.
    She doesn't have any. | She no longer has one. | None; it was cancelled. | None, it was called off.
    None (it was withdrawn). | It's off. | It is over. | It is all off now. | It was taken back. | She took it back.
    That was retracted. | The earlier statement was withdrawn and no new one was given.
    The old value no longer holds and no new one was given. | It no longer applies. | That no longer holds.
    That's no longer true. | It is not so any more. | No longer valid. | Cancelled, nothing new yet.
    Not answered in the text. | The question is unanswerable.
    Question cannot be answered based on the given information. | This is not something the text tells us.
    The story never tells. | no mention | No mention in the text | Not in memory. | Not in the memory
    not present in the memory | Not found | not found in the conversation | Not recorded. | Not disclosed
    undisclosed | unspecified | N.A. | NA | nil | null | There is no answer. | There is no answer in the text.
    There isn't enough information to answer. | There is insufficient information. | There is not enough context.
    The context doesn't say. | The context does not provide this information. | I wasn't told. | You never told me.
    You haven't told me. | You didn't tell me that. | You did not say. | We never learn.
    We never learn where she lives. | We don't learn that. | It remains unknown. | It remains open.
    Remains unclear. | Sorry, not mentioned. | Sorry, no idea. | Sorry, I don't know that. | As of now, unknown.
    As far as I know, it was never mentioned. | Not that I know of. | Not to my knowledge. | unknown at this time
    Currently unknown. | At present there is none. | currently none | At the moment, none. | None as of now.
    Nothing was ever said about her pet.
    You did not mention this information. You mentioned your cat Luna but not your hamster. | noone knows
    It is tbd. | Not in the text, sorry
""")
ABSTENTIONS_IN_WORDS_OF_THE_QUESTION = _phrases("""
    Mira never mentioned her pet. | There is no current employer. | She has no boss at the moment.
    Mira Okafor currently has no hobby. | Mira's employer isn't mentioned.
    Mira Okafor's current employer is not mentioned in any of the sessions. | employer unknown
    Mira has not decided yet. | No replacement so far. | No new employer yet. | No employer at present.
    No employer any more. | She does not have an employer at the moment. | Mira no longer has a boss.
    The appointment was cancelled. | The dentist appointment has been cancelled. | The trip is off.
""")
VALUES = _phrases("""
    Lisbon | Not Porto, Lisbon | I don't know exactly but Lisbon | I don't know, Lisbon | I don't know. Lisbon
    I don't know; maybe Lisbon | It is not given to everybody; answer: Lisbon | No Country for Old Men | The Unknown
    The Unknown Soldier | Nothing Compares | None of the Above by Rick Edwards | And Then There Were None
    Nobody's Fool | Never Let Me Go | The Silent Orchard | unknown, but probably Oslo | unknown Oslo | Unknown: Oslo
    not mentioned, I guess Lisbon | Lisbon (not mentioned)
    not mentioned in the first sessions and later she says that she moved to Oslo
    The conversation does not mention this, but Lisbon seems likely. | She did not say, however Lisbon.
    No, she moved to Rome. | No. Rome. | She did not go to Rome. | He is not married. | Likely no | Rome, not Paris
    not Paris but Rome | She no longer lives in Porto, she lives in Lisbon | She no longer lives in Porto. Lisbon.
    cancelled the gym contract | a cancelled trip to Lisbon | The trip to Porto was cancelled, so she went to Lisbon
    It was cancelled and moved to 14:35 | The appointment was cancelled; the new one is at 14:35 | 14:35 | 12 | zero
    0 | No. 12 | number 12 | no more than 12 | not more than 12 | at least 12 | 12, I don't know more
    twelve, if nothing was left out | never before 2021 | 18 November 2022 | not known until 18 November 2022
    Mira Okafor | Mira Okafor never told, it was Ivo Dahl | nobody but Ivo Dahl | no one except Ivo Dahl
    nobody knows it except Ivo Dahl | There is no information about her boss except that it is Ivo Dahl | notary
    nurse | information scientist | record producer | the missing ring | unknown artist
    chess, if I am not mistaken | Chess, I am not sure | I am not sure, chess | not sure, maybe chess
    probably chess | either chess or nothing | chess; not mentioned anywhere else
    The text does not say it in so many words: chess | As nobody knows better: chess | It doesn't matter, Lisbon
    Don't mention it: Lisbon | Without any information I would say Lisbon | There is no doubt that it is Lisbon
    No doubt Lisbon | There is nothing better than Lisbon | Lisbon is not mentioned twice
    It can't be anything other than Lisbon | It cannot be Porto
    Her favourite dish, lentil soup with dill, was never mentioned by him | The answer is Lisbon
    lentil soup with dill | the orange Fiat | not the orange Fiat, the green Audi
    It is not said outright; it is the green Audi | I do not know whether it still holds: green Audi
    I know that it is not Porto | I know Lisbon | She told me that it is Lisbon
    They never said that it was Lisbon; they said Oslo | yes | yes, it was never cancelled | nothing but lentil soup
    nothing, lentil soup | no longer Porto but Lisbon | no longer Porto | unable to swim | None other than Ivo Dahl
    none, or maybe Ivo Dahl | not mentioned / Lisbon | unknown or Lisbon | unknown (Lisbon)
    "Not Available" by The Residents | The information desk | I have no idea why, but she lives in Lisbon
    Nobody told me; I read that it is Lisbon | undecided between Lisbon and Oslo | Lisbon or not mentioned
    Lisbon, unless it was cancelled | The conversation mentions Lisbon
    The conversation doesn't mention Porto, it mentions Lisbon | Not stated. Probably Lisbon.
    It is unknown to most people that she lives in Lisbon | over the moon | off the coast of Lisbon | gone fishing
    Elmstead Freight | She works at Elmstead Freight, nobody knows why | She said it was Elmstead Freight
    It was never Oslo, it was Lisbon | Her employer is not Vantora Optics but Elmstead Freight | Not Vantora Optics
    Elmstead Freight, not Vantora Optics | The green Audi, which was never mentioned again
    She has no car but a bicycle | She has a dog, no cat | The unknown one: Elmstead Freight | Unknown Pleasures
    The Invisible Man | Nothing to Lose by Lee Child | Never Too Late | No Easy Answers | The Cancelled Wedding
    Gone Girl | Gone with the Wind | Off the Map | Nobody's boss; hers is Ivo Dahl | Ivo Dahl told nobody
    nobody told Ivo Dahl | Ivo Dahl, but she never said so | It was Ivo Dahl who never said | over 12
    over two hundred | none of those but chess | No sugar, chess | Chess is the only one mentioned
    Not only chess but also judo | I cannot say anything but Lisbon | I can say Lisbon | not Lisbon or Oslo
    neither Lisbon nor Oslo | It is either Lisbon or unknown | She told me Lisbon
    It is open to everybody in Lisbon | It is open until 14:35 | She is open about it: Lisbon
    Not available before 14:35 | not given, Lisbon | Not stated; Lisbon | Not stated - Lisbon
    not stated, so Lisbon | Lisbon is not stated but clear | Lisbon. Not stated elsewhere.
    No information beyond Lisbon | No information; Lisbon it is | No answer other than Lisbon
    The record says Lisbon | The answer cannot be anything but Lisbon | The text says Lisbon
    The text doesn't lie: Lisbon | She never left Lisbon | She has never been to Oslo | They do not live together
    She does not like it | She is not sure about Lisbon, but lives there | It is not certain, but Lisbon
    It is certain: Lisbon | not certain, Lisbon I think | It is known: Lisbon
    It is widely known that she lives in Lisbon | Lisbon is well known | I remember Lisbon
    I remember it well, Lisbon | I cannot forget Lisbon | We learn that she lives in Lisbon
    Mira has Luna, none other | Mira has no other pet than Luna | Luna and no other | Luna, and there is no other
    one | none the wiser | Nobody Home | Notting Hill | notebook | Nora | Nonesuch | Nulltown | open water swimming
    the open road | unclear water diving | a withdrawn person | The appointment was moved to noon | noon | midnight
    It was postponed to 14:35 | It was cancelled once, then set to noon | 18 November | in the fall | tomorrow
    yes, I do not know why | true | false | she gave it up for chess | she gave up chess | dropped chess for judo
    the course was dropped for Italian | Italian | over there in Lisbon | not far from Lisbon | nowhere but Lisbon
    Nowhere near Lisbon | anywhere but Lisbon | unknown to me until today, Lisbon | unable to say no to chess
    I would say Lisbon | Said Farouk | Told you: Lisbon | Found: Lisbon | not found guilty | Given Lisbon
    No doubt, it is Lisbon | the answer | Answer: Lisbon | answer: not Porto, Lisbon | ? | -
    No answer is given but Lisbon | unknown, twelve | 12 (unknown) | not yet 12
""")


@pytest.mark.parametrize("answer", ABSTENTIONS)
def test_abstentions_are_recognised_with_and_without_the_question(answer: str) -> None:
    assert abstains(answer)
    assert abstains(answer, QUESTION)


@pytest.mark.parametrize("answer", ABSTENTIONS_IN_WORDS_OF_THE_QUESTION)
def test_words_of_the_question_may_stand_in_an_abstention(answer: str) -> None:
    assert abstains(answer, QUESTION)


@pytest.mark.parametrize("answer", ["You didn’t mention a hamster.", "There is no record of an uncle."])
def test_without_the_question_any_topic_may_be_named(answer: str) -> None:
    assert abstains(answer)


@pytest.mark.parametrize("answer", ["", " ", *VALUES])
def test_what_offers_a_value_is_no_abstention(answer: str) -> None:
    assert not abstains(answer)
    assert not abstains(answer, QUESTION)


@pytest.mark.parametrize("answer", ["No", "no.", "Nobody", "Nothing", "Nowhere", "No one"])
def test_a_bare_denial_abstains_where_a_thing_is_asked_for(answer: str) -> None:
    assert abstains(answer, "Who is Mira's boss?")
    assert not abstains(answer, "Is Mira married?")
    assert not abstains(answer, "How many cars does Mira have?")
    assert not abstains(answer)


@pytest.mark.parametrize("answer", ["He is not married.", "Likely no", "No, he is not married."])
def test_a_denied_yes_is_an_answer(answer: str) -> None:
    assert not abstains(answer, "Is he married?")


@pytest.mark.parametrize("form", [
    "{v}", "unknown {v}", "unknown, {v}", "I don't know, {v}", "I don't know but {v}", "{v} (not mentioned)",
    "not {v}", "not mentioned; {v}", "It was cancelled, now it is {v}", "no longer {v}", "none, or {v}",
    "It is not given to everybody; answer: {v}", "Nobody said so: {v}",
])  # fmt: skip
def test_no_value_of_a_persona_is_an_abstention(form: str) -> None:
    for relation in RELATIONS:
        question = relation.current[0].format(S="Mira Okafor", O="Mira Okafor", P="Mira Okafor's", my="their", s="s")
        for value in relation.pool[:: max(1, len(relation.pool) // 40)] or ("Ivo Dahl",):
            assert not abstains(form.format(v=value), question), (value, question)
