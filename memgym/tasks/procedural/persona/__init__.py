"""The ``persona`` task: two friends talk over many sessions about themselves and others; facts come, change and go.

Facts are stated, updated, disputed, corrected, announced and called off, and withdrawn, between small talk and facts
about people nobody asks for. Questions ask for the value that holds at the end (``current``), the one before it
(``former``), sums over sessions (``count``), the date of an event told relative to its session (``time``), a value of
somebody's boss, sibling, … (``multihop``), and values never told or withdrawn (``unanswerable``).

The two talk in scenes: somebody asks or begins, the other one answers, reacts or asks back, and what is about the same
person or the same kind of thing follows (:mod:`.conversation`). Each turn that tells a fact names whom it is about, by
pronoun only after the name, so that it is evidence by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import ClassVar

import numpy as np

from memgym.checks import check_choice, check_int, check_number
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import ConfigError
from memgym.scoring.guesses import Pools
from memgym.tasks.procedural.base import ProceduralConfig, ProceduralTask
from memgym.tasks.procedural.persona.answers import score
from memgym.tasks.procedural.persona.conversation import Conversation, Scene
from memgym.tasks.procedural.persona.phrases import COUNTABLES, EVENTS
from memgym.tasks.procedural.persona.questions import Asker
from memgym.tasks.procedural.persona.relations import RELATIONS
from memgym.tasks.procedural.persona.story import Line, Story, Topic
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, days_of_sessions
from memgym.tokens import get_counter

_KNOBS = ("sessions", "turns", "people", "questions", "updates", "distance", "hops", "distractors", "similarity")
DIFFICULTIES: dict[str, dict[str, int | float]] = {
    "easy": dict(zip(_KNOBS, (6, 6, 12, 10, 1, 0, 2, 0.2, 0.0), strict=True)),
    "medium": dict(zip(_KNOBS, (12, 16, 12, 15, 2, 1, 2, 0.2, 0.2), strict=True)),
    "hard": dict(zip(_KNOBS, (24, 36, 10, 20, 4, 2, 3, 0.6, 0.8), strict=True)),
}

_TOKENS_PER_SESSION = 2000
_TOKENS_OF_A_SCENE = 250  # no scene has more
_TOPICS: tuple[Topic, ...] = (*RELATIONS, *COUNTABLES, *EVENTS)


@dataclass(frozen=True)
class PersonaConfig(ProceduralConfig):
    """The knobs of ``persona``; each one left at None is set by the difficulty.

    Args:
        difficulty: ``easy`` (about 2,400 tokens), ``medium`` (6,500) or ``hard`` (24,500).
        sessions: the number of conversations (default with a ``length``: at least one per 2,000 tokens).
        turns: turns of noise per session, in pairs, beside what is asked back; without effect if ``length`` is given.
        people: people asked about, the two who talk among them; the more there are, the less is told of each, and the
            less easily it is taken for something else.
        questions: questions per episode.
        updates: most changes (updates, disputes, plans called off, …) that a fact goes through.
        distance: sessions after the last evidence.
        hops: most facts that a ``multihop`` question chains, 2 or 3.
        distractors: the share of the noise that tells facts about people nobody asks about.
        similarity: the share of those people whose name resembles one asked about, and whose facts are
            of the kinds asked about.
        length: tokens of ``Episode.text()``, met within 2 % by adding noise; None for no target.
        counter: how tokens are counted (see :mod:`memgym.tokens`).
    """

    difficulty: str = "medium"
    sessions: int = BY_DIFFICULTY
    turns: int = BY_DIFFICULTY
    people: int = BY_DIFFICULTY
    questions: int = BY_DIFFICULTY
    updates: int = BY_DIFFICULTY
    distance: int = BY_DIFFICULTY
    hops: int = BY_DIFFICULTY
    distractors: float = BY_DIFFICULTY
    similarity: float = BY_DIFFICULTY
    length: int | None = None
    counter: str = "chars"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("difficulty", self.difficulty, tuple(DIFFICULTIES))
        preset = DIFFICULTIES[self.difficulty]
        if self.length is not None:
            check_int("length", self.length, 1)
            preset = preset | {"sessions": max(preset["sessions"], self.length // _TOKENS_PER_SESSION)}
        for name, value in preset.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        for name, low, high in (
            ("sessions", 2, None),
            ("turns", 0, None),
            ("people", 3, 50),
            ("questions", 1, 40),
            ("updates", 0, 5),
            ("distance", 0, None),
            ("hops", 2, 3),
        ):
            check_int(name, getattr(self, name), low, high)
        check_number("distractors", self.distractors, 0, 1)
        check_number("similarity", self.similarity, 0, 1)
        get_counter(self.counter)
        if self.questions > 4 * self.people:
            most = f"at most {4 * self.people} for {self.people} people"
            raise ConfigError(f"argument 'questions' must be {most}, not {self.questions}")
        needed = 4 + 2 * self.updates + self.distance
        if self.sessions < needed:
            least = f"at least {needed} for {self.updates} updates and a distance of {self.distance}"
            raise ConfigError(f"argument 'sessions' must be {least}, not {self.sessions}")
        if self.length is not None and self.length < self.least_length():
            least = f"at least {self.least_length()} for {self.questions} questions and {self.updates} updates"
            raise ConfigError(f"argument 'length' must be {least}, not {self.length}")

    def least_length(self) -> int:
        """Return a length in tokens that holds the facts, with a good fifth to spare."""
        return max(2000, 12 * self.sessions + self.questions * (160 + 80 * self.updates))


class Persona(ProceduralTask):
    """Dialogues of invented people. No full name occurs in two splits: each split has its own surnames.

    The score ``answer`` is 1 if the answer is a gold one, alone or among words that change nothing
    (:func:`~memgym.tasks.procedural.persona.answers.same`), or, where the text does not tell, if it abstains
    (:func:`~memgym.scoring.abstention.abstains`). ``f1`` is the token F1 of the canonical forms
    (:func:`~memgym.tasks.procedural.persona.answers.canonical`), 1 where ``answer`` is.
    """

    name = "persona"
    version = 3
    source = "memgym (procedural; dialogues in the manner of LoCoMo, arXiv 2402.17753)"
    Config = PersonaConfig
    pools: ClassVar[Pools] = {relation.name: relation.pool for relation in RELATIONS}

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Invent the people and what is asked, then lay everything out between noise."""
        config = self.config
        random = Random(int(rng.integers(2**63)))
        days = days_of_sessions(random, config.sessions)
        story = Story(random, split, days, config.sessions - config.distance, config.people)
        asker = Asker(story, config.questions, config.updates, config.hops)
        asked = asker.ask()
        sessions = _Layout(story, asker, config).sessions()
        namesakes = story.namesakes()
        episode_id = f"{self.name}-{split}-{index}"
        return Episode(
            id=episode_id,
            questions=tuple(
                q.question(f"{episode_id}-q{i}", sessions[-1].time, namesakes) for i, q in enumerate(asked, 1)
            ),
            sessions=sessions,
            facts=tuple(draft.fact(namesakes) for draft in story.facts),
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Compare canonical forms; see the class."""
        return score(question, answer)


class _Layout:
    """Puts what is told into sessions, between small talk and facts about people nobody asks about."""

    def __init__(self, story: Story, asker: Asker, config: PersonaConfig):
        self.story = story
        self.rng = story.rng
        self.config = config
        self.topics = list(dict.fromkeys(asker.topics))
        self.spare: list[tuple[str, Topic]] = list(asker.untold)
        self.gossip: list[tuple[str, list[Topic]]] = []
        self.counter = get_counter(config.counter)
        self.used = 0

    def sessions(self) -> tuple[Session, ...]:
        """Return the finished sessions; from now on every line has its id."""
        return tuple(self._session(number) for number in range(self.config.sessions))

    def _session(self, number: int) -> Session:
        # Minutes that no appointment has, so that the head of a session never holds an answer.
        minute = self.rng.randrange(12) * 5 + self.rng.randrange(1, 5)
        time = f"{self.story.days[number].isoformat()} {self.rng.randrange(8, 22):02d}:{minute:02d}"
        speakers = self.story.speakers
        conversation = Conversation(self.rng, speakers, self.story.cast[2:], self.rng.choice(speakers))
        self.used += self.counter.count(f"[{time}]\n\n") + self._tokens(conversation.frame)
        for passage in self.rng.sample(self.story.passages[number], len(self.story.passages[number])):
            self._add(conversation, conversation.telling(passage))
        if self.config.length is None:
            self._add_turns(conversation, number)
        else:
            self._add_tokens(conversation, number, self.config.length * (number + 1) // self.config.sessions)
        lines = conversation.lines()
        for position, line in enumerate(lines, 1):
            line.id = f"D{number + 1}:{position}"
        return Session(f"D{number + 1}", time, tuple(Turn(line.id, line.speaker, line.text) for line in lines))

    def _add(self, conversation: Conversation, scene: Scene) -> None:
        conversation.add(scene)
        self.used += self._tokens(scene.lines) + (self.counter.count(f"{scene.echo} ") if scene.echo else 0)

    def _add_turns(self, conversation: Conversation, number: int) -> None:
        """Add as many pairs of noise as the config says."""
        pairs = (self.config.turns + 1) // 2
        gossip = sum(self.rng.random() < self.config.distractors for _ in range(pairs))
        for _ in range(gossip):
            self._add(conversation, self._told(conversation, number))
        chat = pairs - gossip
        while chat:
            long = min(chat, self.rng.choice((1, 2, 2, 3)))
            self._add(conversation, conversation.chatting(long))
            chat -= long

    def _add_tokens(self, conversation: Conversation, number: int, quota: int) -> None:
        """Add noise up to a number of tokens of the whole text."""
        while (missing := quota - self.used) > 0:
            if missing < _TOKENS_OF_A_SCENE:
                scene = conversation.chatting(1)
                if self._tokens(scene.lines) > 2 * missing:
                    return
            elif self.rng.random() < self.config.distractors:
                scene = self._told(conversation, number)
            else:
                scene = conversation.chatting(self.rng.choice((1, 2, 2, 3)))
            self._add(conversation, scene)

    def _tokens(self, lines: list[Line]) -> int:
        return self.counter.count("".join(f"{line.speaker}: {line.text}\n" for line in lines))

    def _told(self, conversation: Conversation, number: int) -> Scene:
        """Tell something of somebody nobody asks about."""
        return conversation.telling(self.story.gossip(*self._somebody(), number))

    def _somebody(self) -> tuple[str, Topic]:
        """Choose whom and what to gossip about, often the same person again; each topic of each comes once."""
        if self.spare and self.rng.random() < 0.2:
            return self.spare.pop()
        while len(self.gossip) < 5:
            similar = self.rng.random() < self.config.similarity
            topics = self.topics if similar else _TOPICS
            name = self.story.name(self.rng.choice(self.story.cast) if similar else "")
            self.gossip.append((name, self.rng.sample(topics, min(8, len(topics)))))
        if self.rng.random() < 0.5:
            self.rng.shuffle(self.gossip)
        name, topics = self.gossip[-1]
        topic = topics.pop()
        if not topics:
            self.gossip.pop()
        return name, topic
