"""Which answers follow from a memory, and how good a memory is, without a model.

An answer follows where the memory states everything that the answer needs, and no value stands there that was
overtaken: whoever reads old and new side by side cannot tell which holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

from memgym.episodes import Episode, Fact, Question
from memgym.scoring.frequencies import most_frequent
from memgym.scoring.guesses import NO_POOLS, Guesses, Pools, guesses_total
from memgym.scoring.statements import (
    NO_RIVALS,
    Rivals,
    Statements,
    hedges,
    nearest_sentence,
    repeats,
    sentences_with,
    spell,
)

FREQUENT = "most frequent"
"""The key in a question's metadata that says how many of the text's most frequent words are asked for."""
WORDS_OF_A_FACT = 20
"""So many words a memory may take to say what one fact says."""
_OVERTAKEN_BESIDE = 0.5
"""What a lasting fact counts where a value that it overtook is stated, too."""


def list_limit(question: Question) -> int:
    """Return how many tokens of four bytes a list of the gold answers takes, with a half to spare for its layout.

    RULER lets a model generate far more; but its score is containment, and a whole memory contains what is asked.
    """
    return -(-len(", ".join(question.answers).encode()) * 3 // 8)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to be held: a fact stated and not guessed, an answer in its sentence, or a passage carried."""

    fact: Fact | None = None
    rivals: Rivals = NO_RIVALS
    guesses: Guesses | None = None
    answer: tuple[str, tuple[str, ...]] | None = None
    passage: str = ""

    def met(self, memory: Statements) -> bool:
        """Return whether a memory holds it."""
        if self.fact is not None:
            return memory.state(self.fact, self.rivals) and not self.guessed(memory)
        if self.answer is not None:
            answer, sentences = self.answer
            return any(memory.tell(sentence, answer) for sentence in sentences)
        return bool(memory.carrying(self.passage))

    def guessed(self, memory: Statements) -> bool:
        """Return whether a memory guesses at the fact."""
        return self.fact is not None and self.guesses is not None and self.guesses.made(self.fact, memory)


class Held(NamedTuple):
    """The numbers of the records that state a fact, of those that mean it, and of those where it stands as if it held.

    Who says that it was only a wish does not mean it; beside what put it right it does not stand.
    """

    stated: frozenset[int]
    meant: frozenset[int]
    standing: frozenset[int]


class Support:
    """What an episode's questions and facts ask of a memory.

    Args:
        episode: the episode.
        rule: by which phrases are found, a name in :data:`memgym.scoring.phrases.RULES`.
        running: whether a statement may go on over the ends of lines.
        pools: values that everybody knows to be possible, by their relation.
    """

    def __init__(self, episode: Episode, rule: str = "house", running: bool = False, pools: Pools = NO_POOLS):
        self._episode, self._rule, self._running = episode, rule, running
        self._guessing = Guesses(episode, rule, running, pools)
        self._needs: dict[str, tuple[Need, ...]] = {}

    def read(self, texts: Iterable[str]) -> Statements:
        """Return the statements of a memory."""
        return Statements(texts, self._rule, self._running)

    def answer(self, question: Question, texts: Sequence[str]) -> list[str]:
        """Return what a faithful reader would answer from a memory: parts of the answer, or nothing at all.

        Where an overtaken value stands beside the present one both are given, which no exact rule accepts; where it
        stands alone, it is given. Of several answers that must all be given, those are that follow.
        """
        if FREQUENT in question.metadata:
            return most_frequent("\n".join(texts), int(question.metadata[FREQUENT]))
        return self.answer_from(question, self.read(texts))

    def answer_from(self, question: Question, memory: Statements) -> list[str]:
        """Return what :meth:`answer` does, of a memory that was read."""
        needed = [need.fact for need in self.needs(question) if need.fact is not None]
        overtaken = [fact.value for fact in self.overtaken(question) if self._stands(fact, needed, memory)]
        if question.match == "all":
            return [answer for answer in question.answers if self._follows(question, answer, memory)] + overtaken
        if not question.answerable:
            return overtaken
        held = all(need.met(memory) for need in self.needs(question)) or self._in_one(question, memory)
        return ([question.answers[0]] if held and self.needs(question) else []) + overtaken

    def needs(self, question: Question) -> tuple[Need, ...]:
        """Return what the answer to a question takes; nothing, where it cannot be found in the text."""
        if question.id not in self._needs:
            self._needs[question.id] = tuple(self._find_needs(question))
        return self._needs[question.id]

    def evidence(self, question: Question) -> dict[str, Callable[[str], bool]]:
        """Return, by the id of each evidence turn, what tells whether a text has its credit.

        It must state a needed fact of the turn. Of a turn without one, or of one that tells its fact together with
        another turn, it must carry the sentences that have a needed value or an answer, else the sentence that shares
        most with the question and its answers.
        """
        return {turn: partial(self._holds, self._of_turn(question, turn)) for turn in question.evidence}

    def _of_turn(self, question: Question, turn: str) -> tuple[Need, ...]:
        own = [need for need in self.needs(question) if need.fact is not None and need.fact.source == turn]
        if own and not any(need.fact.apart for need in own if need.fact is not None):
            return tuple(own)
        passage = self._passages.get(turn, "")
        values = dict.fromkeys(need.fact.value for need in own if need.fact is not None) or question.answers
        said = [text for value in values for text in sentences_with(passage, value, self._rule)]
        return (Need(passage=" ".join(dict.fromkeys(said)) or self._telling(question, passage)),)

    def _holds(self, needs: Sequence[Need], text: str) -> bool:
        if text not in self._memories:
            self._memories[text] = self.read([text])
        return any(need.met(self._memories[text]) for need in needs)

    @cached_property
    def _memories(self) -> dict[str, Statements]:
        return {}

    def statements(self, question: Question) -> list[str]:
        """Return texts, as short as may be, from which the answer follows: what a ceiling keeps."""
        if FREQUENT in question.metadata:
            return [", ".join(question.answers)]
        return list(dict.fromkeys(self._statement(need) for need in self.needs(question)))

    def _statement(self, need: Need) -> str:
        if need.answer is not None:
            return need.answer[1][0]
        if need.fact is None:
            return need.passage
        return self._shortest(need.fact)

    def _shortest(self, fact: Fact) -> str:
        """Return the sentence of a fact's source that states it, with whom and what it is about where it does not."""
        said = sentences_with(self._passages.get(fact.source, ""), fact.value, self._rule) or [fact.value]
        name = (fact.names or (fact.subject,))[0]
        heads = ("", f"{name}: ", f"{name}, {fact.relation}: ")
        told = [head + sentence for head in heads for sentence in said]
        return next((text for text in told if self.read([text]).state(fact)), told[-1])

    def overtaken(self, question: Question) -> list[Fact]:
        """Return the facts that once held and must not stand where the answer stands."""
        evidence = set(question.evidence)
        needed = [need.fact for need in self.needs(question) if need.fact is not None]
        past = {(fact.subject, fact.relation) for fact in needed if fact.until is not None}
        keys = {(fact.subject, fact.relation) for fact in needed} - past  # who asks for the past needs it
        values = {fact.value for fact in needed}
        return [
            fact
            for fact in self._episode.facts
            if fact.until is not None
            and ((fact.subject, fact.relation) in keys or (not question.answerable and fact.until in evidence))
            and fact.value not in values
        ]

    def _stands(self, old: Fact, new: Sequence[Fact], memory: Statements) -> bool:
        """Return whether a memory states what was overtaken, elsewhere than where its source says what overtook it."""
        overtook = [fact for fact in new if old.value in self._passages.get(fact.source, "")]
        return bool(
            memory.stating(old, self._rivals(old)).difference(*(memory.having(fact.value) for fact in overtook))
        )

    def held_by(self, texts: Sequence[str]) -> list[Held]:
        """Return of each gold fact, in their order, which of some records state it."""
        memory = self.read(texts)
        return [self._held_by(fact, texts, memory) for fact in self._episode.facts]

    def _held_by(self, fact: Fact, texts: Sequence[str], memory: Statements) -> Held:
        passage = self._passages.get(fact.source, "")
        if not self._stated(fact):
            return Held(*[memory.records(memory.carrying(passage))] * 3)
        need = self._stating(fact)
        stating = memory.stating(fact, need.rivals)
        if not stating or need.guessed(memory):
            return Held(frozenset(), frozenset(), frozenset())
        stated, own = memory.records(stating), hedges(" ".join(sentences_with(passage, fact.value, self._rule)))
        meant = (n for n in stated if any(hedges(said) <= own for said in self._sentences(texts[n], fact.value)))
        overtook = [new for new in self._versions[fact.subject, fact.relation] if new.value != fact.value]
        named = [new.value for new in overtook if fact.value in self._passages.get(new.source, "")]
        return Held(stated, frozenset(meant), memory.records(stating.difference(*map(memory.having, named))))

    def invented(self, texts: Sequence[str]) -> int:
        """Return how many of the episode's lures some records state as if they had been told.

        Whoever keeps a wish or a denial as it was said, or says otherwise that it is one, invents nothing.
        """
        memory = self.read(texts)
        return sum(self._claimed(lure, texts, memory) for lure in self._episode.lures)

    def _claimed(self, lure: Fact, texts: Sequence[str], memory: Statements) -> bool:
        claiming = memory.records(memory.stating(lure))
        if not claiming:
            return False
        true = [fact for facts in self._versions.values() for fact in facts if fact.value == lure.value]
        passages = () if true else self._passages.values()  # what holds of another is kept by who states that
        told = [said for text in passages for said in sentences_with(text, lure.value, self._rule)]
        return any(
            not hedges(said) and not any(repeats(said, one) for one in told)
            for number in claiming.difference(*(memory.records(memory.stating(fact)) for fact in true))
            for said in self._sentences(texts[number], lure.value)
        )

    def _sentences(self, text: str, value: str) -> list[str]:
        """Return the sentences of a record that have a value; the record where none writes it so."""
        return sentences_with(text, value, self._rule) or [text]

    def freshness(self, question: Question, texts: Sequence[str]) -> float:
        """Return the share of what an answer needs that some records hold; 0 where what was overtaken stands, too."""
        memory, needs = self.read(texts), self.needs(question)
        needed = [need.fact for need in needs if need.fact is not None]
        if not needs or any(self._stands(old, needed, memory) for old in self.overtaken(question)):
            return 0.0
        return 1.0 if self._in_one(question, memory) else sum(need.met(memory) for need in needs) / len(needs)

    def quality(self, texts: Sequence[str], heard: Collection[str] | None = None) -> dict[str, float]:
        """Return ``memory_recall`` and ``memory_precision`` of a memory.

        Recall is the share of the gold facts that hold which it states; one beside which a value stands that it
        overtook counts half. Without gold facts it is the share of the answerable questions whose answer follows.
        Precision is the recall times the share of the memory's words that it takes to say what is held, twenty words
        for each such fact or answer: neither long records nor one sure thing alone are precise.

        Args:
            texts: the memory, record by record.
            heard: ids of the turns that were heard; None for all.
        """
        memory = self.read(texts)
        if self._episode.facts:
            recall, useful = self._facts_held(memory, heard)
        else:
            recall, useful = self._questions_held(memory, texts)
        density = min(1.0, WORDS_OF_A_FACT * useful / memory.words) if memory.words else 0.0
        return {"memory_recall": recall, "memory_precision": recall * density}

    def _facts_held(self, memory: Statements, heard: Collection[str] | None) -> tuple[float, int]:
        facts = [fact for fact in self._episode.facts if heard is None or fact.source in heard]
        lasting = [fact for fact in facts if fact.until is None or (heard is not None and fact.until not in heard)]
        gone: dict[tuple[str, str], list[Fact]] = {}
        kept = set(map(id, lasting))
        for fact in facts:
            if id(fact) not in kept:
                gone.setdefault((fact.subject, fact.relation), []).append(fact)
        held, useful = 0.0, 0
        for fact in lasting:
            if not self._stated(fact):
                carried = bool(memory.carrying(self._passages.get(fact.source, "")))
                held += carried
                useful += carried
                continue
            if self._stating(fact).met(memory):
                useful += 1
                beside = gone.get((fact.subject, fact.relation), ())
                stale = any(self._stands(old, [fact], memory) for old in beside if old.value != fact.value)
                held += _OVERTAKEN_BESIDE if stale else 1.0
        return (held / len(lasting) if lasting else 0.0), useful

    def _questions_held(self, memory: Statements, texts: Sequence[str]) -> tuple[float, int]:
        asked = [question for question in self._episode.questions if question.answerable]
        held, useful = 0.0, 0
        for question in asked:
            frequent = FREQUENT in question.metadata
            given = self.answer(question, texts) if frequent else self.answer_from(question, memory)
            right = [answer for answer in question.answers if answer in given]
            held += len(right) / len(question.answers) if question.match == "all" else float(bool(right))
            useful += bool(right)
        return (held / len(asked) if asked else 0.0), useful

    def _follows(
        self, question: Question, answer: str, memory: Statements, above: frozenset[str] = frozenset()
    ) -> bool:
        """Return whether one of several answers follows: the facts or passages that have it are held.

        A fact that is told of another answer holds if that one follows; the answers ``above`` hang on this one.
        """
        needs, known = self.needs(question), above | {answer}
        own = [need for need in needs if need.fact is not None and need.fact.value == answer]
        if not own:
            return any(need.met(memory) for need in needs if need.answer is not None and need.answer[0] == answer)
        return all(
            any(
                memory.state(replace(need.fact, names=(name,)), need.rivals)
                and (name in known or name not in question.answers or self._follows(question, name, memory, known))
                for name in need.fact.names or (need.fact.subject,)
            )
            for need in own
            if need.fact is not None
        )

    def _in_one(self, question: Question, memory: Statements) -> bool:
        needed = [need.fact.value for need in self.needs(question) if need.fact is not None]
        added = {spell(value, self._rule).partition(" ")[0] for value in needed}
        return any(
            memory.alone(fact) and not guesses_total(fact, memory, added)
            if fact.value.isdecimal()
            else memory.state(fact) and not self._guessing.made(fact, memory)
            for fact in question.in_one
        )

    def _find_needs(self, question: Question) -> Iterable[Need]:
        if question.needs:
            yield from (self._stating(fact) for fact in question.needs)
            return
        evidence = dict.fromkeys(question.evidence)
        covered = set()
        for fact in self._episode.facts:
            if fact.source in evidence and self._stated(fact):
                covered.add(fact.source)
                yield self._stating(fact)
        rest = [self._passages[source] for source in evidence if source not in covered and source in self._passages]
        if evidence:
            for passage in rest:
                yield from self._derived(question, [passage]) or [Need(passage=self._telling(question, passage))]
        else:
            yield from self._derived(question, list(self._passages.values()))

    def _derived(self, question: Question, passages: Sequence[str]) -> list[Need]:
        """Return what is needed of passages without gold facts: an answer in one of the sentences that have it."""
        told = []
        for answer in question.answers:
            sentences = [sentence for passage in passages for sentence in sentences_with(passage, answer, self._rule)]
            if sentences:
                told.append(Need(answer=(answer, tuple(sentences))))
        return told if question.match == "all" else told[:1]

    def _telling(self, question: Question, passage: str) -> str:
        """Return the sentence of a passage that shares most with a question and its answers: any other tells less."""
        return nearest_sentence(passage, " ".join((question.text, *question.answers)))

    def _stated(self, fact: Fact) -> bool:
        """Return whether the turn or section that is a fact's source says it in the words of the fact."""
        if id(fact) not in self._literal:
            self._literal[id(fact)] = fact.value in self._passages.get(fact.source, "")
        return self._literal[id(fact)]

    def _stating(self, fact: Fact) -> Need:
        return Need(fact=fact, rivals=self._rivals(fact), guesses=self._guessing)

    def _rivals(self, fact: Fact) -> Rivals:
        """Return the values that others than a fact's subject have."""
        own = self._told[fact.subject, fact.relation] | {spell(fact.value, self._rule)}
        return Rivals(self._values.get(fact.relation, {}), own)

    @cached_property
    def _told(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """Subject and relation to the values that were told, as the rule spells them."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for fact in self._episode.facts:
            found[fact.subject, fact.relation].add(spell(fact.value, self._rule))
        return defaultdict(frozenset, {key: frozenset(values) for key, values in found.items()})

    @cached_property
    def _versions(self) -> Mapping[tuple[str, str], list[Fact]]:
        """Subject and relation to the facts."""
        found: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        for fact in self._episode.facts:
            found[fact.subject, fact.relation].append(fact)
        return found

    @cached_property
    def _values(self) -> dict[str, dict[str, list[str]]]:
        """Relation to first word to the values of anybody that begin with it, as the rule spells them."""
        spelled = dict.fromkeys((fact.relation, spell(fact.value, self._rule)) for fact in self._episode.facts)
        found: dict[str, dict[str, list[str]]] = {}
        for relation, value in spelled:
            if value:
                found.setdefault(relation, {}).setdefault(value.split()[0], []).append(value)
        return found

    @cached_property
    def _literal(self) -> dict[int, bool]:
        return {}

    @cached_property
    def _passages(self) -> dict[str, str]:
        return dict(self._episode.passages())
