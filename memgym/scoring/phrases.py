"""Finding and comparing phrases in any script, where no benchmark's own script says what is right.

The house rule: SQuAD's normalisation (:mod:`memgym.scoring.text`) over the words of :mod:`memgym.words`. A plain ASCII
text scores exactly as by SQuAD's rule; “Lisbon” equals "Lisbon", O’Brien O'Brien, and a phrase of a script without
spaces is found wherever its characters stand in a row (里斯本 in 她住在里斯本。, but also 本 in 里斯本).

It is for finding an answer in a text. As SQuAD's, it is blind to punctuation: ``C++`` is ``C#`` and ``-5`` is ``5``;
:mod:`memgym.scoring.strict` is not.
"""

from __future__ import annotations

from collections.abc import Callable

from memgym.scoring import text as official
from memgym.words import spaced


def plain(text: str) -> str:
    """Return the words of a text, small, without articles and punctuation, one space between them."""
    return official.normalize(spaced(text))


RULES: dict[str, Callable[[str], str]] = {"house": plain, "squad": official.normalize}
"""Name of a rule to the function that makes texts of one meaning equal; ``squad`` knows ASCII alone."""


def contains(text: str, phrase: str, rule: str = "house") -> bool:
    """Return whether ``text`` contains ``phrase`` as whole words; a phrase of which no word is left is nowhere."""
    return official.contains(text, phrase, RULES[rule])


def exact_match(prediction: str, reference: str) -> float:
    """Return 1.0 if both have the same words in the same order."""
    return official.exact_match(spaced(prediction), spaced(reference))


def f1(prediction: str, reference: str) -> float:
    """Return the F1 over words; a mismatch on yes / no / noanswer scores 0."""
    return official.f1(spaced(prediction), spaced(reference))
