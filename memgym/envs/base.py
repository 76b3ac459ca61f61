"""What both environments share: arguments, spaces, phases, the reward vector and the step."""

from __future__ import annotations

import copy
import inspect
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any, ClassVar, Self, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from memgym.checks import check_choice, check_flag, check_number
from memgym.envs.rendering import render_text
from memgym.envs.scores import AnswerScorer, StepScores
from memgym.episodes import Episode, Question
from memgym.errors import ActionError, ConfigError, unknown
from memgym.operators import ROLES, check_operator, contains, get_operator
from memgym.protocol.actions import ANSWER_FORMATS, MAX_ACTION_CHARS, check_text, to_json
from memgym.protocol.blocks import question_block
from memgym.protocol.observation import Block, Observation
from memgym.protocol.spaces import TextSpace
from memgym.tasks import make_task, task_class
from memgym.tokens import get_counter

MAX_OBSERVATION_CHARS = 2**31 - 1

DEFAULT_WEIGHTS = MappingProxyType({"answer": 1.0, "format": 0.1})
"""What the scalar reward is made of unless ``reward_weights`` says otherwise."""


class MemoryEnv(gym.Env[str, str]):
    """Base class of the environments; see :class:`LongcontextEnv` and :class:`MemoryBankEnv` for their pages.

    The loop is the same for both: show the state of the present phase (:meth:`_state`), parse the action without
    touching the state (:meth:`_parse`), apply it (:meth:`_apply`, which names the next phase). Phases that are not the
    agent's are played the same way by operators, before the step returns.

    A subclass checks its own arguments, names its operators in ``_operator_names`` (phase to name), and passes the rest
    on to this constructor, which takes what is left over for the task's options.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi"], "render_fps": 1}  # Gymnasium's checker wants a rate
    all_phases: ClassVar[tuple[str, ...]]
    _operator_names: dict[str, str]
    reward_names: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        task: str,
        *,
        split: str | None = None,
        phases: Sequence[str] | None = None,
        answer_format: str = "plain",
        judge: str | dict[str, Any] | None = None,
        reward_weights: Mapping[str, float] | None = None,
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
        self._format = answer_format if "answer" in self.phases else "plain"
        self.render_mode = check_choice("render_mode", render_mode, (None, "ansi"))
        for phase, name in self._operator_names.items():
            check_operator(phase, name)
        self._operators = {
            phase: get_operator(phase, name) for phase, name in self._operator_names.items() if phase not in self.phases
        }
        self._scorer = AnswerScorer(self.task, judge)
        self.judge = self._scorer.judge
        self._instructions = self._instruction_texts() if check_flag("instructions", instructions) else {}
        self._reveal_gold = check_flag("reveal_gold", reveal_gold)

        self.observation_space = TextSpace(MAX_OBSERVATION_CHARS)
        self.action_space = TextSpace(MAX_ACTION_CHARS)
        self.reward_space = gym.spaces.Box(0.0, 1.0, (len(self.reward_names),), np.float64)
        self.reward_weights = self._check_weights(reward_weights)

        self.episode: Episode | None = None
        self._phase: str | None = None
        self._last_info: dict[str, Any] = {}

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
            index = int(self.np_random.integers(self._size or 2**31))
        self.episode = self.task.episode(self.split, index)
        self._scores = StepScores()
        self._phase = self._begin()
        self._play_others()
        if self._phase is None:
            phases = ", ".join(self.phases)
            raise ConfigError(f"in episode {self.episode.id!r} the operators leave the agent nothing to play: {phases}")
        self._last_info = {
            "phase": self._phase,
            "index": int(index),
            "episode_id": self.episode.id,
            "split": self.split,
            "operator_errors": self._scores.operator_errors,
            "overflow": self._scores.overflow,
        }
        return self._observe(), self._last_info

    def step(self, action: str) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
        """Play one action. A bad action is scored and explained, never raised; after the last, the observation is "".

        Raises:
            ResetNeeded: the episode is over, or none was started.
        """
        if self._phase is None:
            raise ResetNeeded("the episode is over: call reset() before step()")
        played = self._phase
        scores = self._scores = StepScores()
        error = self._play(action)
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
            "rewards": rewards,
            "vector_reward": np.array(list(rewards.values())),
            "action_error": error,
            "operator_errors": scores.operator_errors,
            "overflow": scores.overflow,
            "answers": scores.answers,
        }
        reward = math.fsum(weight * rewards[name] for name, weight in self.reward_weights.items())
        return self._observe(), reward, terminated, False, self._last_info

    def render(self) -> str | None:
        """Return the state as legible text in render mode ``ansi``, else None."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render mode: gym.make(..., render_mode='ansi')")
            return None
        if self.episode is None:
            raise ResetNeeded("call reset() before render()")
        return render_text(self._observe(), self.episode.id, self._last_info)

    @abstractmethod
    def potentials(self) -> dict[str, float]:
        """Return how good the memory is now, in [0, 1] by name; the last step of an episode pays these values.

        To learn from them at every step, pay their differences: see :class:`memgym.wrappers.PotentialShaping`.
        """

    def spawn(self) -> Self:
        """Return another environment on the same task, to play episodes side by side; nothing is loaded twice."""
        twin = copy.copy(self)
        twin.episode, twin._phase, twin._np_random = None, None, None
        return twin

    # What the subclasses implement

    @abstractmethod
    def _begin(self) -> str:
        """Set up the state for ``self.episode`` and return the first phase."""

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
    def _instruction_texts(self) -> dict[str, str]:
        """Return the task text of each phase."""

    # What they share

    def _question_block(self, question: Question, *, ask: bool = False) -> Block:
        return question_block(question.text, question.time, self._format if ask else "")

    def _budget_block(self, tokens: int, used: int) -> Block:
        return Block("budget", "", {"tokens": str(tokens), "used": str(used), "counter": self._counter_name})

    def _answer_gold(self, question: Question) -> dict[str, Any]:
        return {
            "answers": question.answers,
            "match": question.match,
            "answerable": question.answerable,
            "evidence": [fact.value for fact in self.episode.facts if fact.source in question.evidence],
        }

    def _play(self, action: object) -> str:
        """Play one action in the present phase; return what was wrong with it, ``""`` if nothing."""
        error = ""
        try:
            parsed = self._parse(self._phase, check_text(action))
        except ActionError as problem:
            parsed, error = None, str(problem)
        self._phase = self._apply(self._phase, parsed)
        return error

    def _play_others(self) -> None:
        """Play the phases that are not the agent's, up to one that is or the end."""
        while self._phase is not None and self._phase not in self.phases:
            operator = self._operators[self._phase]
            role = ROLES[self._phase]
            error = self._play(operator(self._observation(reveal=operator is contains)))
            if error:
                self._scores.operator_errors.append(f"{role}: {error}")

    def _observation(self, *, reveal: bool, instructions: Mapping[str, str] = MappingProxyType({})) -> Observation:
        blocks = self._state(self._phase)
        if reveal:
            blocks.append(Block("gold", to_json(self._gold(self._phase))))
        return Observation(self._phase, instructions.get(self._phase, ""), tuple(blocks))

    def _observe(self) -> str:
        if self._phase is None:
            return ""
        return str(self._observation(reveal=self._reveal_gold, instructions=self._instructions))

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
            if parameter.kind is not parameter.VAR_KEYWORD
        ]
        known = [field.name for field in fields(task_class(task).Config)]
        for name in task_options:
            if name not in known:
                raise unknown(f"argument of {type(self).__name__} with task {task!r}:", name, {*own, *known})
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

    def _check_weights(self, weights: Mapping[str, float] | None) -> dict[str, float]:
        if weights is None:
            return dict(DEFAULT_WEIGHTS)
        if not isinstance(weights, Mapping):
            raise ConfigError(f"'reward_weights' must be a dict such as {{'answer': 1.0}}, not {weights!r}")
        for name, weight in weights.items():
            if name not in self.reward_names:
                raise unknown("reward", name, self.reward_names)
            check_number(f"reward_weights[{name}]", weight)
        return {name: float(weight) for name, weight in weights.items()}
