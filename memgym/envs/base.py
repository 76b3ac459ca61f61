"""What both environments share: arguments, spaces, phases, the reward vector and the step."""

from __future__ import annotations

import inspect
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Self

import gymnasium as gym
from gymnasium.error import ResetNeeded

from memgym.checks import check_choice, check_flag
from memgym.envs.rendering import render_text
from memgym.envs.rewards import Reward, ScalarReward, VectorReward, markdown
from memgym.envs.scores import AnswerScorer, StepScores
from memgym.episodes import Episode, Question
from memgym.errors import ActionError, ConfigError, unexpected, unknown
from memgym.operators import ROLES, check_operator, get_operator
from memgym.protocol.actions import ANSWER_FORMATS, MAX_ACTION_CHARS, Answer, check_action, to_json
from memgym.protocol.observation import Block, Observation
from memgym.protocol.spaces import TextSpace
from memgym.scoring.support import Support
from memgym.tasks import make_task, task_class
from memgym.tokens import get_counter

MAX_OBSERVATION_CHARS = 2**31 - 1


Watcher = Callable[[Observation, str, str], None]
"""Is told of each phase that was played, by the agent or by an operator: what was shown, what was done, and what was
wrong with it (``""``)."""


class _Openings:
    """The states in which the latest episodes begin for the agent, by index; twins share them."""

    SIZE = 8

    def __init__(self) -> None:
        self._known: dict[int, tuple[StepScores, str | None, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[_Openings], tuple[()]]:
        return _Openings, ()  # a copy begins empty: what is missing is worked out again

    def get(self, index: int) -> tuple[StepScores, str | None, dict[str, Any]] | None:
        return self._known.get(index)

    def put(self, index: int, opening: tuple[StepScores, str | None, dict[str, Any]]) -> None:
        with self._lock:
            self._known[index] = opening
            while len(self._known) > self.SIZE:
                del self._known[next(iter(self._known))]


class MemoryEnv(gym.Env[str, str]):
    """Base class of the environments; see :class:`LongcontextEnv` and :class:`MemoryBankEnv` for their pages.

    The loop is the same for both: show the state of the present phase (:meth:`_state`), parse the action without
    touching the state (:meth:`_parse`), apply it (:meth:`_apply`, which names the next phase). Phases that are not the
    agent's are played the same way by operators, before the step returns.

    An environment of one's own is a subclass that adds to ``rewards`` and to :meth:`potentials`, or overrides the
    hooks, and is registered with ``gymnasium.register``. ``{rewards}`` in its docstring becomes the table of rewards.

    Args:
        task: name of the task, or ``module:Class`` of anyone's; its options are further keyword arguments.
        operators: phase to the name of the operator that plays it where the agent does not.
        **options: the other arguments are those that both environments have, and the task's options.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 - as Gymnasium types it; it wants a rate
    all_phases: ClassVar[tuple[str, ...]]
    """The phases of an episode, in their order."""
    rewards: ClassVar[tuple[Reward, ...]]
    """The components of the reward vector, in their order."""
    reward_names: ClassVar[tuple[str, ...]]
    """Their names, drawn from the table."""
    action_tokens: int
    """The size of an action that counts as ``token_cost`` 1."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.reward_names = tuple(reward.name for reward in cls.rewards)
        if cls.__doc__ and "{rewards}" in cls.__doc__:
            cls.__doc__ = cls.__doc__.replace("{rewards}", markdown(cls.rewards).replace("\n", "\n    "))

    def __init__(
        self,
        task: str,
        *,
        operators: Mapping[str, str],
        split: str | None = None,
        phases: Sequence[str] | None = None,
        answer_format: str = "plain",
        judge: str | dict[str, Any] | None = None,
        reward_weights: Mapping[str, float] | None = None,
        vector_reward: bool | Sequence[str] = False,
        counter: str = "chars",
        instructions: bool = True,
        reveal_gold: bool = False,
        render_mode: str | None = None,
        **task_options: Any,
    ):
        self.counter = get_counter(counter)
        self._counter_name = counter
        self.task = make_task(task, **self._check_options(task, task_options))
        self.split = self.task.default_split if split is None else split
        self._size = self.task.check_split(self.split)
        self.phases = self._check_phases(phases)
        check_choice("answer_format", answer_format, ANSWER_FORMATS)
        self._format = answer_format
        self.render_mode = check_choice("render_mode", render_mode, (None, "ansi"))
        for phase, name in operators.items():
            check_operator(phase, name)
        others = [phase for phase in operators if phase not in self.phases]
        self._operators = {phase: get_operator(phase, operators[phase]) for phase in others}
        self._scorer = AnswerScorer(self.task, judge)
        self.judge = self._scorer.judge
        self._instructed = check_flag("instructions", instructions)
        self._reveal_gold = check_flag("reveal_gold", reveal_gold)

        self.observation_space = TextSpace(MAX_OBSERVATION_CHARS)
        self.action_space = TextSpace(MAX_ACTION_CHARS)
        self._set_reward(reward_weights, vector_reward)

        self._episode: Episode | None = None
        self._support: tuple[Episode, Support] | None = None
        self._openings = _Openings()
        self._phase: str | None = None
        self._last_info: dict[str, Any] = {}
        self.watcher: Watcher | None = None

    # ------------------------------------------------------------------ the Gymnasium interface

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode: the one with ``options["index"]``, else one drawn by the seeded generator.

        Raises:
            ConfigError: the index is not in the split, ``options`` has another key, or the episode leaves the agent
                nothing to play (it plays ``update`` alone, and its extractor finds nothing in any session).
        """
        super().reset(seed=seed)
        index = self._check_reset(options)
        if index is None:
            index = self.draw_index()
        self._episode = self.task.episode(self.split, index)
        self._open(int(index))
        if self._phase is None:
            phases = ", ".join(self.phases)
            raise ConfigError(f"in episode {self.episode.id!r} the operators leave the agent nothing to play: {phases}")
        self._last_info = {
            "phase": self._phase,
            "index": int(index),
            "episode_id": self.episode.id,
            "split": self.split,
            "privileged": self._reveal_gold,
            "operator_errors": self._scores.operator_errors,
            "overflow": self._scores.overflow,
        }
        return self._observe(), self._last_info

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        """Play one action. A bad action is scored and explained, never raised; after the last, the observation is "".

        Raises:
            ResetNeeded: the episode is over, or none was started.
        """
        if self._phase is None:
            raise ResetNeeded("the episode is over: call reset() before step()")
        played = self._phase
        scores = self._scores = StepScores()
        error = self._play(played, action)
        scores.add("format", 0.0 if error else 1.0)
        scores.add("token_cost", self._token_cost(action))
        self._play_others()
        terminated = self._phase is None
        if terminated:
            for name, value in self.potentials().items():
                scores.add(name, value)
        rewards = scores.means(self.reward_names)
        self._last_info = {
            "phase": self._phase or "",
            "played": played,
            "privileged": self._reveal_gold,
            "rewards": rewards,
            "action_error": error,
            "operator_errors": scores.operator_errors,
            "overflow": scores.overflow,
            "answers": scores.answers,
        }
        return self._observe(), self._pay(rewards), terminated, False, self._last_info

    def render(self) -> str | None:
        """Return the state as legible text in render mode ``ansi``, else None."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render mode: gym.make(..., render_mode='ansi')")
            return None
        return render_text(self._observe(), self.episode.id, self._last_info)

    @abstractmethod
    def potentials(self) -> dict[str, float]:
        """Return how good the memory is now, in [0, 1] by name; the last step of an episode pays these values.

        To learn from them at every step, pay their differences: see :class:`memgym.wrappers.PotentialShaping`.
        """

    @property
    def episode(self) -> Episode:
        """The episode at hand.

        Raises:
            ResetNeeded: none was started.
        """
        if self._episode is None:
            raise ResetNeeded("no episode was started: call reset() first")
        return self._episode

    def draw_index(self) -> int:
        """Draw the index of an episode from the seeded generator, as :meth:`reset` does where none is given."""
        return int(self.np_random.integers(self._size or 2**31))

    @property
    def privileged(self) -> bool:
        """Whether observations show the gold."""
        return self._reveal_gold

    @property
    def waits(self) -> bool:
        """Whether a step may wait on a network: for a judge, or a reader or embedder behind an API."""
        return self.judge is not None or any(operator.waits for operator in self._operators.values())

    def spawn(self) -> Self:
        """Return another environment on the same task, to play episodes side by side; nothing is loaded twice."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._episode, twin._phase, twin._np_random, twin.watcher = None, None, None, None
        return twin

    # What the subclasses implement

    @abstractmethod
    def _begin(self) -> str:
        """Set up the state for ``self.episode`` and return the first phase."""

    @abstractmethod
    def _copy_state(self) -> dict[str, Any]:
        """Return a copy of the attributes that an episode changes, those of :meth:`_begin`, by name."""

    @abstractmethod
    def _state(self, phase: str) -> list[Block]:
        """Return the blocks that show the state in a phase."""

    @abstractmethod
    def _gold(self, phase: str) -> dict[str, Any]:
        """Return the content of the ``<gold>`` block of a phase, the privileged channel; JSON-able."""

    @abstractmethod
    def _parse(self, phase: str, action: str) -> Any:
        """Parse an action without changing the state.

        Raises:
            ActionError: the action does not fit.
        """

    @abstractmethod
    def _apply(self, phase: str, parsed: Any | None) -> str | None:
        """Apply a parsed action, or do without if it is None; return the next phase, None at the end."""

    @abstractmethod
    def _instruction(self, phase: str) -> str:
        """Return the task text of a phase."""

    # What they share

    def _open(self, index: int) -> None:
        """Set up the state up to the agent's first phase; operators draw nothing, so once per index is enough."""
        opening = None if self.watcher else self._openings.get(index)
        if opening is None:
            self._scores = StepScores()
            self._phase = self._begin()
            if self._phase in self.phases:
                return
            self._play_others()
            opening = (self._scores, self._phase, self._copy_state())
            self._openings.put(index, opening)
        else:
            self._scores, self._phase, state = opening
            self.__dict__.update(state)
            self.__dict__.update(self._copy_state())

    @property
    def support(self) -> Support:
        """What the episode at hand asks of a memory."""
        if self._support is None or self._support[0] is not self.episode:
            self._support = self.episode, self.task.support(self.episode)
        return self._support[1]

    def _answer_gold(self, question: Question) -> dict[str, Any]:
        return {"answers": question.answers, "match": question.match, "answerable": question.answerable}

    def _bounded(self, question: Question, answer: Answer | None) -> Answer | None:
        """Return an answer as it is scored: what is beyond the task's limit is cut off and flagged."""
        if answer is None:
            return None
        answer, cut = self._scorer.bounded(question, answer)
        self._scores.overflow |= cut
        return answer

    def _play(self, phase: str, action: object) -> str:
        """Play one action in the present phase; return what was wrong with it, ``""`` if nothing."""
        error = ""
        shown = self._observation(phase, reveal=False) if self.watcher else None
        try:
            parsed = self._parse(phase, check_action(action))
        except ActionError as problem:
            parsed, error = None, str(problem)
        self._phase = self._apply(phase, parsed)
        if self.watcher and shown:
            self.watcher(shown, action if isinstance(action, str) else "", error)
        return error

    def _play_others(self) -> None:
        """Play the phases that are not the agent's, up to one that is or the end."""
        while self._phase is not None and self._phase not in self.phases:
            operator = self._operators[self._phase]
            role = ROLES[self._phase]
            shown = self._observation(self._phase, reveal=operator.privileged)
            error = self._play(self._phase, operator.play(shown))
            if error:
                self._scores.operator_errors.append(f"{role}: {error}")

    def _observation(self, phase: str, *, reveal: bool, instructed: bool = False) -> Observation:
        blocks = self._state(phase)
        if reveal:
            blocks.append(Block("gold", to_json(self._gold(phase))))
        return Observation(phase, self._instruction(phase) if instructed else "", tuple(blocks))

    def _observe(self) -> str:
        if self._phase is None:
            return ""
        return str(self._observation(self._phase, reveal=self._reveal_gold, instructed=self._instructed))

    def _token_cost(self, action: object) -> float:
        tokens = self.counter.count(action) if isinstance(action, str) else 0
        return min(1.0, tokens / self.action_tokens)

    # Arguments

    def _check_options(self, task: str, task_options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the task's options: those given, and the counter where the task measures lengths."""
        own = [
            name
            for cls in (type(self), MemoryEnv)
            for name, parameter in inspect.signature(cls).parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD and name != "operators"  # the subclass fills it in
        ]
        known = [field.name for field in fields(task_class(task).Config)]
        for name in task_options:
            if name not in known:
                raise unexpected(f"{type(self).__name__}.__init__()", name, {*own, *known}, f"task {task!r}")
        # One counter for the text and for the memory.
        return {**task_options, "counter": self._counter_name} if "counter" in known else dict(task_options)

    def _check_reset(self, options: Mapping[str, Any] | None) -> Any:
        """Return the index that the options of ``reset`` ask for, None if they ask for none."""
        if options is not None and not isinstance(options, Mapping):
            raise ConfigError(f"reset options must be a dict such as {{'index': 3}}, not {options!r}")
        for name in options or ():
            if name != "index":
                raise unknown("reset option", name, ["index"])
        return (options or {}).get("index")

    def _check_phases(self, phases: Sequence[str] | None) -> tuple[str, ...]:
        if phases is None:
            return self.all_phases
        if not isinstance(phases, list | tuple) or not phases:
            raise ConfigError(
                f"'phases' must be a non-empty list of phases, e.g. {list(self.all_phases)}, not {phases!r}"
            )
        for phase in phases:
            if phase not in self.all_phases:
                raise unknown(f"phase of {type(self).__name__}", phase, self.all_phases)
        return tuple(phase for phase in self.all_phases if phase in phases)

    def _set_reward(self, weights: Mapping[str, float] | None, vector: bool | Sequence[str]) -> None:
        """Choose what a step pays: the weighted sum, or the vector with a ``reward_space`` to describe it."""
        self._pay: ScalarReward | VectorReward
        if vector is False:
            self._pay = scalar = ScalarReward(self.rewards, weights)
            self.reward_weights = scalar.weights
            return
        if weights is not None:
            raise ConfigError("'reward_weights' and 'vector_reward' exclude each other: a vector is not weighed")
        self._pay = paid = VectorReward(self.rewards, vector)
        self.reward_space = paid.space
