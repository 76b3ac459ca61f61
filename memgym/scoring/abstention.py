"""Recognising, without a model, an answer that says that the text does not tell."""

from __future__ import annotations

import re

_ABSTENTION = re.compile(
    r"""
      \bnot\ (mentioned|stated|specified|provided|given|available|known|enough|answerable|in\ the\ (text|memor))
    | \bno\ (information|mention|record|answer|evidence|data|such)\b
    | \bnever\ (mentioned|said|told|stated|specified|discussed)\b
    | (\bnot|n't)\ (been\ )?(mention|stat|specif|provid|know|contain|includ|discuss|shar|said|say|told|tell)
    | (\bnot|n't)\ have\ (any\ |that\ |the\ |enough\ )?(info|record|memor)
    | \b(cannot|can\ not|can't|could\ not|couldn't)\ (be\ )?(answer|determin|find|found)
    | \b(unanswerable|unknown|insufficient|noanswer|unable\ to)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def abstains(answer: str) -> bool:
    """Return whether ``answer`` says that the question cannot be answered from the text.

    A list of English phrases: a rule of thumb beside an LLM judge, not in its place. An empty answer is no abstention.
    """
    return bool(_ABSTENTION.search(answer.replace("’", "'")))
