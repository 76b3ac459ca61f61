"""``memgym inspect``: an episode for people, gold facts and evidence marked."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from memgym.episodes import Episode
from memgym.shown import plain
from memgym.tasks import make_task

EVIDENCE = "bold green"
FACT = "cyan"


def inspect_episode(
    name: str, options: dict[str, Any], split: str | None, index: int
) -> tuple[Text, Text, Table, Table]:
    """Return a picture of an episode: its text with evidence (``»``) and gold facts marked, its facts, its questions.

    Raises:
        ConfigError: the task, an option, the split or the index does not exist.
        DataError: the task's file is missing or damaged.
    """
    task = make_task(name, **options)
    episode = task.episode(split or task.default_split, index)
    head = Text(f"{plain(name)}, episode {plain(episode.id)}\n", style="bold")
    return head, _history(episode), _facts(episode), _questions(episode)


def _history(episode: Episode) -> Text:
    evidence = {source for question in episode.questions for source in question.evidence}
    text = Text()
    for session in episode.dialogue():
        if session.time:
            text.append(f"\n{plain(session.id)}  {plain(session.time)}\n", style="bold")
        for turn in session.turns:
            marked = turn.id in evidence
            said = f"{'»' if marked else ' '} {plain(turn.id):<8} {plain(turn.speaker)}: "
            line = Text(said, style=EVIDENCE if marked else "dim")
            body = Text(plain(turn.text, lines=True), style="" if marked else "dim")
            for fact in episode.facts:
                if fact.source == turn.id:
                    body.highlight_words([plain(fact.value, lines=True)], FACT)
            text.append(line)
            text.append(body)
            text.append("\n")
    return text


def _facts(episode: Episode) -> Table:
    table = Table("subject", "relation", "value", "said in", "until", title="gold facts", title_justify="left")
    for fact in episode.facts:
        until = f"{fact.until} (forget)" if fact.forgotten else fact.until or ""
        styles = ("", "", FACT, "", "")
        told = (fact.subject, fact.relation, fact.value, fact.source, until)
        table.add_row(*map(_cell, told, styles))
    for lure in episode.lures:
        table.add_row(*map(_cell, (lure.subject, lure.relation, lure.value, lure.source, "never so")))
    return table


def _questions(episode: Episode) -> Table:
    table = Table("question", "answers", "category", "evidence", title="questions", title_justify="left")
    for question in episode.questions:
        answers = (" + " if question.match == "all" else " | ").join(question.answers)
        told = (question.text, answers, question.category, " ".join(question.evidence))
        table.add_row(*map(_cell, told, ("", "", "", EVIDENCE)))
    return table


def _cell(text: str, style: str = "") -> Text:
    return Text(plain(text, lines=True), style)
