"""Remember what patterns recognise as facts about people."""

from __future__ import annotations

import re

from baselines.lexical import Lexical
from memgym import Observation
from memgym.protocol.actions import to_json

_VALUE = r"[^.,;!?]{2,60}"
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("home", rf"\b(?:moved|moving|relocated) (?:in |over |out |down |up )?to {_VALUE}"),
    ("home", rf"\b(?:live|lives|living|settled|based) in {_VALUE}"),
    ("employer", rf"\b(?:work|works|working|started|job) (?:at|for|with) {_VALUE}"),
    ("job", rf"\b(?:work|works|working|job|hired|employed|started) (?:\w+ )?as an? {_VALUE}"),
    ("job", rf"\b(?:became|become|becoming) an? {_VALUE}"),
    ("pet", r"\b(?:adopted|got|have|has|bought) (?:a|an|another|my|his|her|their) ([^.,;!?]*\b(?:dog|cat|"
            r"puppy|kitten|parrot|rabbit|hamster|turtle)\b[^.,;!?]*)"),
    ("hobby", rf"\b(?:taken up|took up|started|into|enjoy|enjoys|hooked on) {_VALUE}"),
    ("car", rf"\b(?:drive|drives|driving|bought) (?:a|an|my|his|her|their) {_VALUE}"),
    ("allergy", rf"\ballergic to {_VALUE}"),
    ("birthday", rf"\bbirthday (?:is|falls) (?:on )?{_VALUE}"),
    ("instrument", rf"\b(?:play|plays|playing|practising|learning) the {_VALUE}"),
    ("family", rf"\b(?:sister|brother|wife|husband|partner|cousin|mother|father|son)(?:'s name)? (?:is )?{_VALUE}"),
    ("favourite", rf"\bfavou?rite (?P<kind>\w+(?: \w+)?) (?:is|was|has to be) {_VALUE}"),
    ("identity", rf"\b(?:my|his|her|their) (?P<kind>[\w ]{{2,30}}) (?:is|was) {_VALUE}"),
    ("plan", rf"\b(?:going|travelling|flying|trip) to {_VALUE}"),
)  # fmt: skip
_COMPILED = [(relation, re.compile(pattern, re.IGNORECASE)) for relation, pattern in _PATTERNS]
_NAME = re.compile(r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)?\b")
_FIRST_PERSON = re.compile(r"\b(?:I|[Mm]y|[Ww]e|[Oo]ur)\b")


class Rules(Lexical):
    """Extracts the turns that state a fact by a pattern, keyed by person and relation; a new fact replaces the old.

    The long text and the retrieval are handled as in :class:`Lexical`.
    """

    def extract(self, observation: Observation) -> str:
        """Extract one memory per person and relation that a turn speaks of."""
        found = {}
        for turn in observation.turns:
            speaker = turn.attributes["speaker"]
            for relation, pattern in _COMPILED:
                match = pattern.search(turn.text)
                if match:
                    kind = match.groupdict().get("kind") or relation
                    key = f"{_subject(turn.text, speaker)} {kind}"
                    found[key] = {"key": key, "value": f"{speaker}: {turn.text}", "source": [turn.id]}
        return to_json({"memory_list": list(found.values())})

    def update(self, observation: Observation) -> str:
        """Rewrite the memory with the same key, if there is one; add the candidate if not."""
        known = {memory.attributes["key"]: memory.id for memory in observation.memories if "key" in memory.attributes}
        operations = []
        for candidate in observation.candidates:
            same = known.get(candidate.attributes.get("key", ""))
            if same:
                operations.append({"id": same, "op": "UPDATE", "value": candidate.text})
            else:
                operations.append({"id": candidate.id, "op": "ADD"})
        return to_json({"operations": operations})


def _subject(text: str, speaker: str) -> str:
    names = _NAME.findall(text)
    return speaker if _FIRST_PERSON.search(text) or not names else names[0]
