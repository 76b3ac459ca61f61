"""The services behind a ``trajectory``: what is done to them step by step, and what then holds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from memgym.episodes import Fact
from memgym.tasks.procedural.trajectory import phrases as say
from memgym.tasks.world.names import Inventor

SETTINGS_EACH = 3
"""Settings of a service."""
_TRIED_CUES = ("tried", "effect", "improvement", "attempted", "fix", "fixes", "unsuccessful")
_CAUSE_CUES = ("cause", "effect", "warning", "traced", "because", "due", "reason", "culprit")
_FAILED_CUES = ("failed", "failure", "failures", "fail")


class Step:
    """What the agent does and what comes back; its number is known only once everything is laid out."""

    __slots__ = ("action", "number", "observation")

    def __init__(self, action: str, observation: str):
        self.action = action
        self.observation = observation
        self.number = 0

    @property
    def id(self) -> str:
        """The id of the turn that tells what came back."""
        return f"{self.number}:observation"


@dataclass(slots=True, eq=False)
class Draft:
    """A gold fact in the making; ``subject`` is the only name by which it is told."""

    subject: str
    relation: str
    value: str
    source: Step
    cues: tuple[str, ...]
    until: Step | None = None

    def fact(self) -> Fact:
        """Return the finished fact, once the steps have their numbers."""
        until = self.until.id if self.until else None
        return Fact(self.subject, self.relation, self.value, self.source.id, until, (self.subject,), self.cues)


@dataclass(slots=True)
class Deploy:
    """A deploy: its number, what it did, and if it failed what it refers to and, if that is told, the cause."""

    number: str
    done: Draft
    failed: Draft | None = None
    reference: Draft | None = None
    cause: Draft | None = None


@dataclass(slots=True)
class Ticket:
    """A problem, and the fixes that were tried for it."""

    name: str
    tried: list[Draft] = field(default_factory=list)


class Numbers:
    """Gives names with numbers, such as ``INC-48213``, none of them twice."""

    def __init__(self, draw: Random):
        self._draw = draw
        self._next: dict[str, int] = {}

    def fresh(self, prefix: str) -> str:
        """Return a new name; numbers go up in small jumps."""
        last = self._next.get(prefix) or self._draw.randrange(10_000, 50_000)
        self._next[prefix] = last + self._draw.randrange(1, 30)
        return f"{prefix}-{self._next[prefix]}"


class Namer:
    """Invents services.

    Args:
        similarity: the share of the later ones that share their invented word with one of ``mine``.
    """

    def __init__(self, draw: Random, split: str, similarity: float):
        self._draw, self._similarity = draw, similarity
        self._inventor = Inventor(draw, split)
        self._spare: list[str] = []

    def mine(self) -> str:
        """Return a service that is asked about; others may be named almost alike."""
        word = self._inventor.word()
        role, *others = self._draw.sample(say.ROLES, len(say.ROLES))
        self._spare += [f"{word}-{other}" for other in others]
        return f"{word}-{role}"

    def other(self) -> str:
        """Return a service of another team."""
        if self._spare and self._draw.random() < self._similarity:
            return self._spare.pop(self._draw.randrange(len(self._spare)))
        return f"{self._inventor.word()}-{self._draw.choice(say.ROLES)}"


class Service:
    """A service, and four stories of it, each a list of steps in their order.

    Args:
        draw: the source of chance.
        numbers: where tickets and references get their names.
        changes: how often a setting is changed or rolled back after all have their first value.
        decoys: how many steps, per step that does something, only look as if they did.
    """

    def __init__(self, name: str, draw: Random, numbers: Numbers, changes: int, decoys: float):
        self.name = name
        self._draw, self._numbers, self._changes, self._decoys = draw, numbers, changes, decoys
        self.facts: list[Draft] = []
        self.held: dict[str, tuple[Draft, ...]] = {}
        """Setting to the fact that holds."""
        self.restored: dict[str, Step] = {}
        """Setting to the rollback since which its value holds again."""
        self.deploys: list[Deploy] = []
        self.jobs: list[Draft] = []
        self.tickets: list[Ticket] = []

    def stories(self) -> tuple[Callable[[], list[Step]], ...]:
        """Return what tells the stories."""
        return self.configure, self.deploy, self.maintain, self.repair

    def configure(self) -> list[Step]:
        """Set some settings, change them and roll back once, which brings back what held at an earlier revision."""
        settings = self._draw.sample(tuple(say.SETTINGS), SETTINGS_EACH)
        order = [*settings, *self._draw.choices(settings, k=self._changes)]
        back = self._draw.randrange(SETTINGS_EACH + 1, len(order) + 1) if self._changes else 0
        values = {s: self._draw.sample(range(100, 1000), len(order) * 2) for s in settings}
        told: list[tuple[int, str, Draft]] = []
        steps: list[Step] = []
        revision = self._draw.randrange(1000, 9000)
        for number, setting in enumerate(order, 1):
            revision += self._draw.randrange(1, 9)
            form = say.SETTINGS[setting]
            spare = len(values[setting]) - len(order) - 1  # the rest is for what is set, and one refusal in the end
            while number > SETTINGS_EACH and spare > 0 and self._draw.random() < self._decoys / 2:
                spare -= 1
                steps.append(self._step("set", say.NOT_SET, s=setting, v=form.format(values[setting].pop())))
            value = form.format(values[setting].pop())
            steps.append(self._step("set", say.SET, s=setting, v=value, r=f"r{revision}"))
            draft = self._tell(self.name, setting, value, steps[-1], _setting_cues(setting))
            self._hold(setting, draft, steps[-1])
            told.append((revision, setting, draft))
            if number == back:
                target = self._draw.choice(told[SETTINGS_EACH - 1 : -1])[0]
                steps.append(self._step("rollback", say.ROLLED_BACK, r=f"r{target}"))
                self._roll_back(settings, told, target, steps[-1])
        if self._draw.random() < self._decoys:
            setting = self._draw.choice(settings)
            value = say.SETTINGS[setting].format(values[setting].pop())
            steps.append(self._step("set", say.NOT_SET, s=setting, v=value))
        return steps

    def deploy(self) -> list[Step]:
        """Deploy again and again; of some failures the cause is told, before or afterwards."""
        outcomes = ["ok"] * self._draw.randrange(1, 6) + ["open"] * self._draw.randrange(1, 6) + ["told"] * 2
        self._draw.shuffle(outcomes)
        steps: list[Step] = []
        explained: list[tuple[Deploy, str]] = []
        number = self._draw.randrange(100, 800)
        for outcome in outcomes:
            number += self._draw.randrange(1, 9)
            kind = self._draw.choice(("INC", "CHG")) if outcome == "told" else "INC"
            deploy = self._deploy(str(number), "" if outcome == "ok" else self._numbers.fresh(kind))
            steps.append(deploy.done.source)
            self.deploys.append(deploy)
            if outcome == "told":
                explained.append((deploy, kind))
        for (deploy, kind), cause in zip(explained, self._draw.sample(say.CAUSES, len(explained)), strict=True):
            at = steps.index(deploy.done.source)
            place = self._draw.randrange(at + 1) if kind == "CHG" else self._draw.randrange(at + 1, len(steps) + 1)
            steps.insert(place, self._explain(deploy, kind, cause))
        return steps

    def maintain(self) -> list[Step]:
        """Run maintenance jobs, each once; some are not started at first."""
        jobs = self._draw.sample(say.JOBS, self._draw.randrange(4, 8))
        steps: list[Step] = []
        number = self._draw.randrange(100, 800)
        for job in jobs:
            number += self._draw.randrange(1, 9)
            if self._draw.random() < self._decoys:
                steps.append(self._step("job", say.JOB_SKIPPED, j=self._draw.choice(say.JOBS)))
            steps.append(self._step("job", say.JOB_DONE, j=job, n=number))
            self.jobs.append(self._tell(self.name, f"job {number}", job, steps[-1], (str(number),)))
        return steps

    def repair(self) -> list[Step]:
        """Open two tickets: for one fixes are tried in vain, for the other nothing is."""
        fixes = self._draw.sample(say.FIXES, len(say.FIXES))
        symptoms = self._draw.sample(say.SYMPTOMS, 2)
        steps: list[Step] = []
        for tries in self._draw.sample((self._draw.randrange(2, 5), 0), 2):
            ticket = Ticket(self._numbers.fresh("TCK"))
            self.tickets.append(ticket)
            steps.append(self._step("open", say.OPENED, t=ticket.name, y=symptoms.pop()))
            for _ in range(tries):
                steps.append(self._step("fix", say.TRIED, t=ticket.name, f=fixes[-1]))
                ticket.tried.append(self._tell(ticket.name, "fix", fixes.pop(), steps[-1], _TRIED_CUES))
                if self._draw.random() < self._decoys:
                    steps.append(self._step("fix", say.NOT_TRIED, t=ticket.name, f=fixes.pop()))
            if not tries:
                steps.append(self._step("fix", say.NOT_TRIED, t=ticket.name, f=fixes.pop()))
        return steps

    def _step(self, kind: str, outcomes: tuple[str, ...], **words: object) -> Step:
        action = self._draw.choice(say.ACTIONS[kind]).format(x=self.name, **words)
        return Step(action, self._draw.choice(outcomes).format(x=self.name, **words))

    def _tell(self, subject: str, relation: str, value: str, source: Step, cues: tuple[str, ...]) -> Draft:
        self.facts.append(Draft(subject, relation, value, source, cues))
        return self.facts[-1]

    def _hold(self, setting: str, draft: Draft, since: Step) -> None:
        """Let a fact hold from a step on, and the one before no more."""
        for old in self.held.get(setting, ()):
            old.until = since
        draft.until = None
        self.held[setting] = (draft,)
        self.restored.pop(setting, None)

    def _roll_back(self, settings: list[str], told: list[tuple[int, str, Draft]], target: int, step: Step) -> None:
        """Bring back what each setting was at a revision."""
        for setting in settings:
            history = [(revision, draft) for revision, changed, draft in told if changed == setting]
            _, draft = history[bisect_left(history, target + 1, key=lambda pair: pair[0]) - 1]
            if self.held[setting] != (draft,):
                self._hold(setting, draft, step)
                self.restored[setting] = step

    def _deploy(self, number: str, reference: str) -> Deploy:
        """Deploy once; it fails if there is something to refer to."""
        outcomes = say.FAILED if reference else say.DEPLOYED
        step = self._step("deploy", outcomes, n=number, ref=reference)
        deploy = Deploy(number, self._tell(self.name, "deploy", number, step, ("deploy", "deploys", "attempts")))
        if reference:
            deploy.failed = self._tell(self.name, "failed deploy", number, step, _FAILED_CUES)
            deploy.reference = self._tell(self.name, f"deploy {number}", reference, step, (number,))
        return deploy

    def _explain(self, deploy: Deploy, kind: str, cause: str) -> Step:
        """Tell the cause of what a failed deploy refers to."""
        reference = deploy.reference.value if deploy.reference else ""
        step = self._step("explain", say.EXPLAINED[kind], ref=reference, c=cause)
        deploy.cause = self._tell(reference, "cause", cause, step, _CAUSE_CUES)
        return step


def _setting_cues(setting: str) -> tuple[str, ...]:
    """Return the words by which a setting may be called; ``pool_size`` is one word once punctuation is gone."""
    return (setting.replace("_", ""), *setting.split("_"))
