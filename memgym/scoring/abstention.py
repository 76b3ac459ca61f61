"""Recognising, without a model, an answer that says that the text does not tell, or that nothing holds any more.

The one rule of the house, wherever no benchmark's own script says what counts as abstaining. It turns on what an answer
has *beside* its "not mentioned" or "cancelled": only words that can be no value, those of the question, and a topic
behind "about" or "where". ``unknown`` abstains; ``unknown, Oslo`` and ``No Country for Old Men`` do not.
"""

from __future__ import annotations

import re

from memgym.words import even, find_words, stem

ABSTENTION = "no information available"
"""What policies of ours say where nothing is known: the phrase that every abstention rule of the benchmarks knows."""


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


_NOT = _stems(
    """
    absent cannot hard impossible insufficient lack missing neither never no nobody none nor not nothing nowhere
    unable without
    """
)
"""What denies."""
_TELLING = _stems(
    """
    address answer answerable appear applicable available came certain certainty clarify clear clue come
    conclude confirm contain cover data decide decision deduce describe detail determine disclose discuss
    discussed elaborate enough establish evidence exist explain find fixed found gave give given gives hear
    heard idea identified identify include indicate indication infer inferred info information knew know
    knowledge known learn learnt list memories memory mention possible present provide recall record reference
    remember reveal said say settle share speak specific specifically specified specifies specify spoken state
    sufficient sure talk tell told
    """
)
"""What a denied form of says that something is not told, among them nouns: no idea, no record."""
_OPEN = _stems(
    """
    dunno idk nil noanswer null open tba tbd unanswerable unavailable uncertain unclear undecided undetermined
    undisclosed unknown unmentioned unresolved unsettled unspecified unstated
    """
)
"""What says so in one word."""
_GONE = re.compile(
    r"\b(?:cancelled|cancellation|called (?:it |that )?off|withdrawn|withdrew|(?:took|taken|takes?) (?:it |that )?back"
    r"|gave (?:it |that )?up|given up|dropped|revoked|retracted|fell through|came to nothing|ended|no more|no longer"
    r"|(?:is|was|all|been) (?:all )?(?:off|over|gone)|^(?:off|over|gone)$)"
)
# "The Unknown" is a title.
_TITLE = re.compile(rf"\b(?:the|an?) (?:{'|'.join(sorted(_OPEN))}|cancelled|withdrawn|gone)\b")
_OTHER = _stems(
    """
    a about above according actually afraid after again alas all also am an and any anybody anymore anyone anything
    anywhere applies apply are as asked at attempted back based be been being by can carried choose chose chosen
    context conversation could current dialogue did directly do document does earlier either else empty ever
    everybody everything exactly explicitly far final follow for from further got had has have he her here herself
    him himself his hold honestly i in is it its just last made make me message moment more my name new next now of
    off old on one only or our out over part particular passage picked place plan point previous question quite
    really relevant remain replaced replacement response right sadly seem session she simply since so some somebody
    something somewhere sorry speaker statement still story successor such taken text that the their them
    themselves there these they thing this those time to took true turn unfortunately up us user valid value was
    way we well were whatsoever will with would yet you your yourself
    """
)
_ENDED = _stems(
    """
    called cancellation cancelled dropped ended fell gone longer retracted revoked through withdrawn withdrew
    """
)
"""Words that say nothing, and those of the forms of ``_GONE``."""
_KNOWN = _ENDED | _NOT | _TELLING | _OPEN | _OTHER
_TOPIC = _stems("about regarding concerning where which what who whom whose when why how whether if of")
"""Behind these any words name a topic, no value."""
_ARTICLE = _stems("a an the her his their my your")
_NO_TOPIC = _stems(
    "although because but except guess however instead likely maybe might perhaps possibly probably rather think "
    "though unless until yes"
)
"""What offers something else, and so ends a topic."""
_SPELLING = (
    (r"\bca(?:n't|nt)\b", "cannot"),
    (r"\b(do|does|did|is|are|was|were|has|have|had|could|would|should)(?:n't|nt)\b", r"\1 not"),
    (r"\b(it|that|there|he|she|what|nothing|nobody)'s\b", r"\1 is"),
    (r"\bi'm\b", "i am"),
    (r"\bcanceled\b", "cancelled"),
    (r"\bn\.?\s?/?\s?a\b\.?(?!\w)", "unknown"),
    (r"\bup in the air\b|\bto be (?:decided|determined|confirmed|announced|settled)\b", "undecided"),
    (r"\bnoone\b", "no one"),
    (r"'s?\b(?=\s|$)", " "),
)
_CLAUSE = re.compile(r"[.!?;:,\n…()\[\]{}\"]+|\s[-–—/]+\s|\b(?:and|but|so)\b")
_CLOSED = re.compile(r"\bhow (?:many|much|long|often|old)\b|^(?:is|are|was|were|do|does|did|has|have|had|can|will)\b")
# As LongMemEval writes it: "You did not mention this. You mentioned your cat Luna but not your hamster."
_MENTIONED_ANOTHER = re.compile(
    r"(?<=[.;] )(?:you|he|she|they|the \w+) (?:only )?mention\w* [^.;]+ but not [^.;]+[.;]?$"
)


def abstains(answer: str, question: str = "") -> bool:
    """Return whether ``answer`` says that the question cannot be answered from the text, or that nothing holds.

    It must say nothing else: an answer that offers a value beside ("I don't know, but Lisbon") is none, nor is an
    empty one. It knows English alone: a rule of thumb beside an LLM judge, not in its place.

    Args:
        answer: the answer.
        question: what was asked, if known: its words may stand in an abstention ("she has no flatmate any more"). What
            denies ("no", "nobody") answers a question after whether or how many, and is no abstention there.
    """
    text = even(answer).strip("\"'*_` ")
    for written, plain in _SPELLING:
        text = re.sub(written, plain, text)
    text = _MENTIONED_ANOTHER.sub("", text)
    asked = frozenset(map(stem, find_words(question)))
    said = False
    for clause in _CLAUSE.split(text):
        words = [stem(word) for word in find_words(clause)]
        tells_not = _tells_not(clause, words)
        opening = _TOPIC if asked else _TOPIC | _ARTICLE
        topic = next((i for i, word in enumerate(words) if tells_not and word in opening), len(words))
        head, tail = words[:topic], words[topic:]
        if not _NO_TOPIC.isdisjoint(tail) or not all(word in _KNOWN or word in asked for word in head):
            return False
        said = said or tells_not or _denies(clause, words, even(question))
    return said


def _tells_not(clause: str, words: list[str]) -> bool:
    """Return whether a clause says that something is not told."""
    if _TITLE.search(clause):
        return False
    negated = next((i for i, word in enumerate(words) if word in _NOT), len(words))
    return not _OPEN.isdisjoint(words) or not _TELLING.isdisjoint(words[negated + 1 :])


def _denies(clause: str, words: list[str], question: str) -> bool:
    """Return whether a clause says that there is none, or no more."""
    if _CLOSED.search(question) or _TITLE.search(clause):
        return False
    if _GONE.search(clause.strip()):
        return True
    return not _NOT.isdisjoint(words) and (bool(question) or len(words) > 2 or stem("none") in words)
