"""What is asked about a ``trajectory``, and from which steps the answers follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from memgym.episodes import Match, Question
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.procedural.persona.answers import number_word
from memgym.tasks.procedural.sizing import draw_kinds
from memgym.tasks.procedural.trajectory import phrases as say
from memgym.tasks.procedural.trajectory.services import Draft, Service, Step

SHARES = {"state": 0.22, "cause": 0.20, "order": 0.20, "count": 0.15, "tried": 0.15, "unanswerable": 0.08}
"""Kinds of questions, each with its share."""
ABSTENTIONS = ("none", "unknown", ABSTENTION)
"""The gold answers where nothing was tried, or no cause is told."""


@dataclass(slots=True)
class Asked:
    """A question in the making; ``in_one`` are facts any of which says all that is needed."""

    category: str
    text: str
    answers: tuple[str, ...]
    needs: tuple[Draft, ...]
    evidence: tuple[Step, ...]
    in_one: tuple[Draft, ...] = ()
    match: Match = "any"

    def question(self, question_id: str) -> Question:
        """Return the finished question, once the steps have their numbers."""
        return Question(
            question_id,
            self.text,
            self.answers,
            match=self.match,
            evidence=tuple(step.id for step in sorted(self.evidence, key=lambda step: step.number)),
            category=self.category,
            answerable=self.category != "unanswerable",
            needs=tuple(draft.fact() for draft in self.needs),
            in_one=tuple(draft.fact() for draft in self.in_one),
        )


def ask(draw: Random, services: Sequence[Service], number: int) -> list[Asked]:
    """Return questions about services, of kinds in their shares.

    Of one kind the questions are about as many services as may be.
    """
    kinds = {"state": _state, "cause": _cause, "order": _order, "count": _count, "tried": _tried, "unanswerable": _none}
    waiting = {kind: _in_turns(draw, services, make) for kind, make in kinds.items()}
    chosen = draw_kinds(draw, SHARES, number)
    draw.shuffle(chosen)
    return [next(waiting[kind]) for kind in chosen]


def _in_turns(
    draw: Random, services: Sequence[Service], make: Callable[[Random, Service], list[Asked]]
) -> Iterator[Asked]:
    """Yield one question about each service, then a second about each."""
    by_service = [draw.sample(found, len(found)) for found in (make(draw, service) for service in services)]
    draw.shuffle(by_service)
    while any(by_service):
        yield from [found.pop() for found in by_service if found]


def _text(draw: Random, kind: str, service: Service, **words: str) -> str:
    return draw.choice(say.ASK[kind]).format(x=service.name, **words)


def _state(draw: Random, service: Service) -> list[Asked]:
    """Ask for the value of each setting; a rollback that brought it back is evidence, too."""
    asked = []
    for setting, (draft,) in service.held.items():
        since = service.restored.get(setting)
        evidence = (draft.source, since) if since else (draft.source,)
        asked.append(Asked("state", _text(draw, "state", service, s=setting), (draft.value,), (draft,), evidence))
    return asked


def _cause(draw: Random, service: Service) -> list[Asked]:
    """Ask for the root cause of a failure: it tells a reference, and elsewhere the cause of that is told."""
    asked = []
    for deploy in service.deploys:
        if deploy.reference and deploy.cause:
            link, cause, n = deploy.reference, deploy.cause, deploy.number
            told = Draft(service.name, f"cause of {n}", cause.value, cause.source, (n,))
            steps = (link.source, cause.source)
            text = _text(draw, "cause", service, n=n)
            asked.append(Asked("cause", text, (cause.value,), (link, cause), steps, (told,)))
    return asked


def _order(draw: Random, service: Service) -> list[Asked]:
    """Ask which job came right after or before another; a list in order says it, too."""
    asked = []
    for earlier, later in pairwise(service.jobs):
        kind, known, wanted = draw.choice((("after", earlier, later), ("before", later, earlier)))
        in_order = tuple(
            Draft(service.name, "jobs in order", f"{earlier.value} {between}{later.value}", later.source, ())
            for between in ("", "then ")
        )
        text = _text(draw, kind, service, j=known.value)
        steps = (earlier.source, later.source)
        asked.append(Asked("order", text, (wanted.value,), (earlier, later), steps, in_order))
    return asked


def _count(draw: Random, service: Service) -> list[Asked]:
    """Ask how many deploys there were, and how many failed."""
    attempts = tuple(deploy.done for deploy in service.deploys)
    failures = tuple(deploy.failed for deploy in service.deploys if deploy.failed)
    asked = []
    for kind, counted in (("deploys", attempts), ("failures", failures)):
        total = len(counted)
        cues = ("deploy", "deploys", "attempts") if kind == "deploys" else counted[0].cues
        added_up = Draft(service.name, f"number of {kind}", str(total), counted[-1].source, cues)
        forms = (str(total), number_word(total), f"{total} times", f"{total} deploys")
        steps = tuple(draft.source for draft in counted)
        asked.append(Asked("count", _text(draw, kind, service), forms, counted, steps, (added_up,)))
    return asked


def _tried(draw: Random, service: Service) -> list[Asked]:
    """Ask what was tried for a ticket: all of it."""
    return [
        Asked(
            "tried",
            _text(draw, "tried", service, t=ticket.name),
            tuple(draft.value for draft in ticket.tried),
            tuple(ticket.tried),
            tuple(draft.source for draft in ticket.tried),
            match="all",
        )
        for ticket in service.tickets
        if ticket.tried
    ]


def _none(draw: Random, service: Service) -> list[Asked]:
    """Ask what was tried where nothing was, and for the root cause of a failure of which that is not told."""
    texts = [_text(draw, "tried", service, t=ticket.name) for ticket in service.tickets if not ticket.tried]
    open_ones = [deploy.number for deploy in service.deploys if deploy.failed and not deploy.cause]
    texts.append(_text(draw, "cause", service, n=draw.choice(open_ones)))
    return [Asked("unanswerable", text, ABSTENTIONS, (), ()) for text in texts]
