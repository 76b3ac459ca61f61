"""What a ``lifecycle`` episode asks: one question for the life of one fact, told as the kind of question wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from memgym.episodes import Question
from memgym.tasks.procedural.lifecycle.phrases import FRAMES
from memgym.tasks.procedural.lifecycle.story import Draft, Life, Line, Story
from memgym.tasks.procedural.lifecycle.topics import TOPICS, Topic
from memgym.tasks.procedural.persona.answers import ABSTENTIONS
from memgym.tasks.procedural.persona.phrases import say, third
from memgym.tasks.procedural.sizing import draw_kinds

KINDS = {
    "expired": 14,
    "updated": 20,
    "corrected": 16,
    "temporary": 8,
    "forgotten": 5,
    "never": 4,
    "called off": 12,
    "restated": 10,
    "stated": 11,
}
"""The share in percent of each kind of question. Few are unanswerable, so that to say so always does not pay."""
_LURES = ("plan", "dream", "deny")
_UNASKED = ("forgotten", "updated", "expired", "stated", "never")
"""The lives that nobody asks about, in turn."""


@dataclass(slots=True)
class Asked:
    """A question in the making."""

    category: str
    text: str
    held: Draft | None
    evidence: Sequence[Line]

    def question(self, question_id: str, time: str, opening: Sequence[str]) -> Question:
        """Return the finished question, once all lines have their ids."""
        return Question(
            question_id,
            self.text,
            (self.held.value,) if self.held else ABSTENTIONS,
            evidence=tuple(line.id for line in self.evidence),
            category=self.category,
            time=time,
            answerable=self.held is not None,
            needs=(self.held.fact(opening),) if self.held else (),
        )


class Asker:
    """Invents questions, and tells through the story what they need.

    Args:
        story: where everything is told.
        questions: how many to ask; half as many lives are told that nobody asks about.
        changes: most updates, corrections, repetitions and fancies of a life before what its kind ends with.
    """

    def __init__(self, story: Story, questions: int, changes: int):
        self.story = story
        self.rng = story.rng
        self.questions = questions
        self.changes = changes
        self.untold = [(subject, topic) for subject in story.cast for topic in TOPICS]
        self.rng.shuffle(self.untold)
        self._uses: Counter[str] = Counter()

    def ask(self) -> list[Asked]:
        """Tell all lives and return the questions."""
        asked = [self._ask(kind) for kind in draw_kinds(self.rng, KINDS, self.questions)]
        for number in range((self.questions + 1) // 2):
            self._ask(_UNASKED[number % len(_UNASKED)])
        self.rng.shuffle(asked)
        return asked

    def _ask(self, kind: str) -> Asked:
        """Tell a life of a kind, and ask after it."""
        lent = kind in ("expired", "temporary")
        subject, topic = self._pick([topic for topic in TOPICS if topic.loan or not lent])
        life = Life(self.story, subject, topic)
        text = say(self.rng.choice(topic.ask), third(subject))
        text = f"{self.rng.choice(FRAMES)}{text[0].lower()}{text[1:]}"
        if kind == "never":
            self._fancies(life)
            return Asked(kind, text, None, ())
        if lent:
            self._lend(life, expires=kind == "expired")
        else:
            beats = self._beats(kind, fancies=subject == self.story.user)
            life.play(beats, self.story.when(len(beats)))
        assert life.held
        if life.held.forgotten:
            assert isinstance(life.held.until, Line)
            return Asked(kind, text, None, [life.held.until])
        return Asked(kind, text, life.held, life.spoken)

    def _beats(self, kind: str, fancies: bool) -> list[str]:
        """Return the beats of a life that ends as its kind says."""
        end = {
            "stated": [],
            "restated": ["again"],
            "updated": ["update"],
            "corrected": ["correct"],
            "called off": ["plan", "cancel"],
            "forgotten": ["forget"],
        }[kind]
        if kind == "stated":
            return ["state"]
        between = ("update", "correct", "again", "deny", *(("dream",) if fancies else ()))
        most = min(self.changes, len(self.story.days) - 1 - len(end))
        return ["state", *self.rng.choices(between, k=self.rng.randrange(most + 1)), *end]

    def _lend(self, life: Life, expires: bool) -> None:
        """Tell what holds, and what holds in its place up to a day, which comes or does not."""
        last = len(self.story.days)
        first, loan = self.story.when(2, last - 1 if expires else last)
        life.play(["state"], [first])
        life.loan(loan, self.rng.randrange(loan + 1, last) if expires else None)

    def _fancies(self, life: Life) -> None:
        """Tell what is only planned, imagined or denied, or nothing at all."""
        kinds = [kind for kind in _LURES if kind != "dream" or life.subject == self.story.user]
        beats = self.rng.sample(kinds, self.rng.randrange(3))
        if beats:
            life.play(beats, self.story.when(len(beats)))

    def _pick(self, topics: Sequence[Topic]) -> tuple[str, Topic]:
        """Take somebody and one of some topics of which nothing is told yet, the least used topic first."""
        untold = [topic for _, topic in self.untold if topic in topics]
        topic = min(untold, key=lambda topic: (self._uses[topic.noun], self.rng.random()))
        self._uses[topic.noun] += 1
        pair = next(pair for pair in self.untold if pair[1] is topic)
        self.untold.remove(pair)
        return pair
