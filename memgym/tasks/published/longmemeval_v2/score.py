"""LongMemEval-V2's rules for answers (Wu et al. 2026, arXiv 2605.12493; its ``evaluation/qa_eval_metrics.py``).

Each question names its rule with options, such as ``norm_phrase_set_match|separators=,;``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from memgym.scoring.text import f1

_FILLERS = frozenset("and answer answers choice choices final letter letters option options".split())


def phrase(text: str) -> str:
    """Return a phrase as the rules compare it: small letters, no hyphens, underscores and punctuation."""
    return " ".join(re.sub(r"[^\w\s]", "", re.sub(r"[-_,;]", " ", text.lower())).split())


def phrases_match(answer: str, gold: str, separators: str = ",;") -> float:
    """Return 1.0 if the answer has each of the phrases between the gold's separators, as whole words."""
    said, due = phrase(answer), _phrases(gold, separators)
    return float(bool(due) and all(re.search(rf"\b{re.escape(part)}\b", said) for part in due))


def phrases_match_ordered(answer: str, gold: str, separators: str = ",;") -> float:
    """Return 1.0 if it has them in their order."""
    said, due = phrase(answer), _phrases(gold, separators)
    for part in due:
        found = re.search(rf"\b{re.escape(part)}\b", said)
        if not found:
            return 0.0
        said = said[found.end() :]
    return float(bool(due))


def choice_match(answer: str, gold: str, separators: str = "") -> float:
    """Return 1.0 if the answer is the gold letter, but for stops and the words *choice* and *option*."""
    said = re.sub(r"\b(?:choice|option)\b|\.", "", answer, flags=re.IGNORECASE).strip().upper()
    return float(bool(said) and said == gold.strip().upper())


def choices_match(answer: str, gold: str, separators: str = "") -> float:
    """Return 1.0 if the answer has the gold's letters and no other."""
    said, due = _letters(answer), _letters(gold)
    return float(bool(due) and said == due)


def overlap(answer: str, gold: str, separators: str = "") -> float:
    """Return the token F1, where the rule is a judge's."""
    return f1(answer, gold)


RULES: dict[str, Callable[[str, str, str], float]] = {
    "norm_phrase_set_match": phrases_match,
    "norm_phrase_set_match_ordered": phrases_match_ordered,
    "mc_choice_match": choice_match,
    "mc_choice_set_match": choices_match,
    "llm_abstention_checker": overlap,
    "llm_gotchas_checker": overlap,
}
"""Name of a rule in the files to the function; those of a language model have a stand-in."""


def read_rule(spec: str) -> tuple[str, str]:
    """Return name and separators of a rule as the files write it.

    Raises:
        ValueError: there is no such rule, or it has an option that is not known here.
    """
    name, *options = (part.strip() for part in spec.split("|"))
    if name not in RULES:
        raise ValueError(f"there is no rule {name!r}; rules are {', '.join(RULES)}")
    separators = ",;"
    for option in filter(None, options):
        key, _, value = (part.strip() for part in option.partition("="))
        if key not in ("separators", "separator"):
            raise ValueError(f"the rule {name!r} has an option {key!r}; known is 'separators'")
        separators = "".join(json.loads(value)) if value.startswith("[") else "".join(value.split())
    return name, separators


def lme_score(answer: str, gold: str, spec: str) -> float:
    """Return the score of an answer by the rule that its question names; ``UNKNOWN`` scores 0."""
    if phrase(answer) == "unknown":
        return 0.0
    name, separators = read_rule(spec)
    return RULES[name](answer, gold, separators)


def _phrases(gold: str, separators: str) -> list[str]:
    parts = re.split(f"[{re.escape(separators)}]", gold) if separators else [gold]
    return [part for part in map(phrase, parts) if part]


def _letters(text: str) -> set[str]:
    chunks = re.findall("[a-z]+", text.lower())
    return {letter for chunk in chunks if chunk not in _FILLERS for letter in chunk}
