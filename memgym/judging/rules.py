"""When an answer is right: the wordings of the judge's rules, all our own.

LoCoMo is judged as its users judge it (generously; Mem0, arXiv 2504.19413, appendix), LongMemEval by type
(arXiv 2410.10813, appendix on evaluation).
"""

from __future__ import annotations

RULES = {
    "answer": {
        "benchmark": "It means the same as the reference. Wording, order, the format of numbers and dates, and added "
        "detail do not matter. It is incorrect if it misses a part of what was asked or contradicts the reference.",
        "strict": "It states everything in the reference that the question asks for, as precisely as the reference "
        "does (a year is not a date, a country is not a city). It commits to one answer: hedging, several "
        "alternatives, or an added claim that contradicts the reference make it incorrect. Only wording and the "
        "format of numbers and dates are free.",
        "lenient": "Its gist agrees with the reference. Paraphrase, missing minor detail, coarser or finer precision, "
        "extra talk and other formats are all fine. It is incorrect only if it contradicts the reference, is about "
        "something else, or does not answer.",
    },
    "rubric": {
        "benchmark": "The reference is no answer but a rubric: it describes what a reply that suits this user takes "
        "into account. The answer is correct if it recalls and uses what is known about the user in the rubric's "
        "sense. It need not cover every point.",
        "strict": "The reference is no answer but a rubric: it describes what a reply that suits this user takes into "
        "account. The answer is correct only if it meets every point of the rubric and goes against none.",
        "lenient": "The reference is no answer but a rubric: it describes what a reply that suits this user takes "
        "into account. The answer is correct if it meets at least one point of the rubric and is not at odds with "
        "the others.",
    },
    "abstention": {
        "benchmark": "The history does not tell. The answer is correct if it makes clear that the question cannot be "
        "answered from the history: the information is missing or incomplete, or something similar was said but not "
        "what is asked. An answer as if the history told it is incorrect. The reference may explain what is missing.",
        "strict": "The history does not tell. The answer is correct only if it says so plainly and offers nothing in "
        "the place of an answer, not even as a guess. The reference may explain what is missing.",
        "lenient": "The history does not tell. The answer is correct if it shows in any way that the asked information "
        "is not known; a guess that is called a guess does no harm. The reference may explain what is missing.",
    },
}
"""Kind of question -> name of the prompt -> when an answer is correct."""

_LONGMEMEVAL = (
    "It contains the reference answer, says the same in other words, or gives all the intermediate results that lead "
    "to it. An answer that has only a part of the required information is incorrect."
)
BENCHMARK_RULES = {
    "locomo": {
        "": "Grade generously. The reference is often a few words while the answer is long: it is correct as long as "
        "it gets to the same point. For times, it is correct if it means the same date or period, whether it is "
        "written in full, in another format, or relative to another day ('last Tuesday')."
    },
    "longmemeval": {
        "": _LONGMEMEVAL,
        "temporal-reasoning": f"{_LONGMEMEVAL} Where a number of days, weeks or months is asked for, being off by one "
        "is no error.",
        "knowledge-update": "It contains the reference answer, which is the latest state of something that changed. An "
        "answer that also mentions an earlier state is correct as long as the latest is what it gives as the answer.",
    },
}
"""For the prompt ``benchmark`` and answerable questions: benchmark -> question type (``""``: the others) -> rule."""

RUBRICS = {
    ("longmemeval", "single-session-preference"),
    ("beam", "instruction_following"),
    ("beam", "preference_following"),
}
"""(benchmark, question type) whose reference is a rubric instead of an answer."""

MARKED = {"beam"}
"""Benchmarks whose own rule is to mark an answer point by point: their prompt ``benchmark`` is ``rubric``."""

POINT_MET = (
    "MET: the answer says, in any wording and format, all that the point asks for, or does what the point asks of it; "
    "where the point is that something is kept from, it is kept from. PARTLY: it does so in part, or less precisely. "
    "MISSED: it does not, or contradicts the point, or is so vague that it would fit other facts as well; that it is "
    "on the topic is not enough. An answer that does not respond to the question misses every point."
)
"""When a point of a rubric is met, after the three marks of BEAM (arXiv 2510.27246, its ``prompts.py``)."""
