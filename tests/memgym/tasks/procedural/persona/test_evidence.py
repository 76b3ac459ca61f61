"""What a memory must state for an answer of ``persona``: each turn of the evidence, and no other turn will do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

import pytest

from memgym.episodes import Episode, Question
from memgym.scoring.support import Support
from memgym.scoring.text import normalize
from memgym.tasks import make_task
from memgym.tasks.procedural.persona import Persona
from memgym.tasks.procedural.persona import phrases as say
from memgym.tasks.procedural.persona.relations import RELATIONS
from memgym.words import content_words, stem

EPISODES = {"easy": 60, "medium": 25, "hard": 8}


@cache
def episodes(difficulty: str) -> tuple[Persona, list[Episode]]:
    task = make_task("persona", difficulty=difficulty)
    return task, [task.episode("validation", i) for i in range(EPISODES[difficulty])]


def questions(difficulty: str) -> Iterator[tuple[Persona, Episode, Support, Question]]:
    task, played = episodes(difficulty)
    for episode in played:
        support = Support(episode)
        for question in episode.questions:
            yield task, episode, support, question


def turns(episode: Episode, wanted: Collection[str]) -> list[str]:
    every = (turn for session in episode.sessions for turn in session.turns)
    return [f"{turn.speaker}: {turn.text}" for turn in every if turn.id in wanted]


def right(task: Persona, support: Support, question: Question, memory: list[str]) -> bool:
    said = ", ".join(support.answer(question, memory)) or "no information available"
    return task.score(question, said)["answer"] == 1


@pytest.mark.parametrize("difficulty", EPISODES)
def test_the_evidence_supports_the_answer_and_every_turn_of_it_is_needed(difficulty: str) -> None:
    for task, episode, support, question in questions(difficulty):
        assert right(task, support, question, turns(episode, question.evidence)), (episode.id, question)
        for missing in question.evidence if question.answerable else ():
            left = turns(episode, set(question.evidence) - {missing})
            assert not right(task, support, question, left), (episode.id, question, missing)


@pytest.mark.parametrize("difficulty", EPISODES)
def test_the_text_without_the_evidence_supports_no_answer(difficulty: str) -> None:
    by_chance = [
        (episode.id, question.id)
        for task, episode, support, question in questions(difficulty)
        if question.answerable
        and right(task, support, question, turns(episode, dict(episode.passages()).keys() - set(question.evidence)))
    ]
    asked = sum(1 for *_, question in questions(difficulty) if question.answerable)
    assert len(by_chance) <= 0.01 * asked, by_chance


@pytest.mark.parametrize("difficulty", EPISODES)
def test_what_was_overtaken_must_not_stand_beside_what_holds(difficulty: str) -> None:
    stale = 0
    for task, episode, support, question in questions(difficulty):
        old = [fact for fact in support.overtaken(question) if not fact.apart]
        if question.category == "current" and old:
            sources = {fact.source for fact in old} - set(question.evidence)
            both = turns(episode, sources | set(question.evidence))
            stale += len(sources) > 0
            assert not sources or not right(task, support, question, both), (episode.id, question)
    assert stale > 10


def test_no_turn_is_evidence_that_tells_no_part_of_the_answer() -> None:
    told = {template.split("{", maxsplit=1)[0] for template in say.DENIAL if not template.startswith("{")}
    for _, episode, _, question in questions("medium"):
        for text in turns(episode, question.evidence):
            assert not any(start and f" {start.strip()} " in f" {text} " for start in told), (question, text)


def test_an_unanswerable_question_has_the_withdrawal_as_evidence_or_nothing() -> None:
    asked = [(e, q) for difficulty in EPISODES for _, e, _, q in questions(difficulty) if not q.answerable]
    withdrawn = [(episode, question) for episode, question in asked if question.evidence]
    assert 0.3 < len(withdrawn) / len(asked) < 0.7
    for episode, question in withdrawn:
        ended = {fact.until for fact in episode.facts}
        assert set(question.evidence) <= ended
    for episode, question in asked:
        if not question.evidence:
            told = {(fact.subject, fact.relation) for fact in episode.facts}
            about = {(f.subject, f.relation) for f in episode.facts if f.subject in question.text}
            assert about <= told


@pytest.mark.parametrize("difficulty", EPISODES)
def test_no_two_counted_statements_are_alike(difficulty: str) -> None:
    for _, episode, support, question in questions(difficulty):
        if question.category == "count":
            facts = [need.fact for need in support.needs(question)]
            assert len({fact.value for fact in facts}) == len(facts) == len(question.evidence)
            assert len({normalize(text) for text in turns(episode, question.evidence)}) == len(facts)


def test_every_statement_has_a_word_of_its_relation() -> None:
    general = (*say.UPDATE, *say.CORRECTION, *say.DISPUTE, *say.REVERT)
    for relation in RELATIONS:
        cues = {stem(word) for word in relation.cues}
        for template in (*relation.state, *relation.update, *(t.replace("{noun}", relation.noun) for t in general)):
            assert cues & {stem(word) for word in content_words(template)}, (relation.name, template)


def test_no_value_of_small_letters_begins_a_sentence() -> None:
    for relation in RELATIONS:
        forms = (*relation.state, *relation.update, *relation.plan, *relation.claims)
        small = [value for value in relation.pool if value[0].islower()]
        assert not small or not [text for text in forms if text.startswith(("{v}", "{w}"))], relation.name
    general = (*say.UPDATE, *say.CORRECTION, *say.DISPUTE, *say.REVERT, *say.TOPIC_VALUE, *say.ASK_VALUE)
    assert not [text for text in general if text.startswith(("{v}", "{w}"))]


def test_what_is_told_in_two_turns_has_words_of_its_own() -> None:
    apart = {stem(word) for word in say.APART}
    halves = (*say.TOPIC, *say.TOPIC_VALUE, *say.ASK, *say.ASK_VALUE)
    assert all(apart & {stem(word) for word in content_words(text)} for text in halves)
    told = [text for relation in RELATIONS for text in (*relation.state, *relation.update, *relation.plan)]
    told += [*say.UPDATE, *say.CORRECTION, *say.DISPUTE, *say.REVERT]
    assert not [text for text in told if apart & {stem(word) for word in content_words(text)}]
