"""``memgym inspect``: an episode for people, gold facts and evidence marked."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from memgym.episodes import Episode
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
    head = Text(f"{name}, episode {episode.id}\n", style="bold")
    return head, _history(episode), _facts(episode), _questions(episode)


def _history(episode: Episode) -> Text:
    evidence = {source for question in episode.questions for source in question.evidence}
    text = Text()
    for session in episode.dialogue():
        if session.time:
            text.append(f"\n{session.id}  {session.time}\n", style="bold")
        for turn in session.turns:
            marked = turn.id in evidence
            line = Text(f"{'»' if marked else ' '} {turn.id:<8} {turn.speaker}: ", style=EVIDENCE if marked else "dim")
            body = Text(turn.text, style="" if marked else "dim")
            for fact in episode.facts:
                if fact.source == turn.id:
                    body.highlight_words([fact.value], FACT)
            text.append(line)
            text.append(body)
            text.append("\n")
    return text


def _facts(episode: Episode) -> Table:
    table = Table("subject", "relation", "value", "said in", "until", title="gold facts", title_justify="left")
    for fact in episode.facts:
        plain = (Text(fact.subject), Text(fact.relation), Text(fact.value, FACT))
        until = f"{fact.until} (forget)" if fact.forgotten else fact.until or ""
        table.add_row(*plain, Text(fact.source), Text(until))
    for lure in episode.lures:
        table.add_row(Text(lure.subject), Text(lure.relation), Text(lure.value), Text(lure.source), Text("never so"))
    return table


def _questions(episode: Episode) -> Table:
    table = Table("question", "answers", "category", "evidence", title="questions", title_justify="left")
    for question in episode.questions:
        answers = (" + " if question.match == "all" else " | ").join(question.answers)
        plain = (Text(question.text), Text(answers), Text(question.category))
        table.add_row(*plain, Text(" ".join(question.evidence), EVIDENCE))
    return table
