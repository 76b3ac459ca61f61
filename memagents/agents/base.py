"""What an agent is: a policy that maps phases to modules, and modules to backends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import gymnasium as gym

from memagents.agents.costs import estimate
from memagents.backends.base import Backend, Completion, Sampling, TokenBackend, TrainableBackend
from memagents.modules import Call, Module, Request
from memagents.modules.text import TextModule
from memagents.recipes import Recipe, build_module, check_module, read_recipe
from memgym.api import concurrently
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError
from memgym.policy import Ask, Move, StochasticPolicy
from memgym.protocol.observation import PHASES, Observation
from memgym.resolve import resolve_class

AGENTS: dict[str, str] = {
    "MemActAgent": "memagents.agents.paradigms:MemActAgent",
    "MemoryAgent": "memagents.agents.paradigms:MemoryAgent",
    "MemoryR1Agent": "memagents.agents.paradigms:MemoryR1Agent",
    "MemoryRMMAgent": "memagents.agents.paradigms:MemoryRMMAgent",
    "PromptedAgent": "memagents.agents.paradigms:PromptedAgent",
}
"""Short name, as recipes write it, to the class."""


@dataclass(frozen=True)
class Part:
    """A module at work.

    Args:
        module: what plays.
        backend: what it asks; None if it asks nothing.
        status: ``trained``, ``frozen`` or ``api``.
    """

    module: Module
    backend: Backend | None
    status: str


class Agent(StochasticPolicy):
    """Plays each phase by a module. Subclasses are paradigms: they say which module that is unless a recipe does.

    A recipe is for the class that it names, and for subclasses of it.

    Args:
        recipe: path of a TOML file, name of a built-in recipe, or the recipe's content (see :mod:`memagents.recipes`);
            by default that of the class, and if it has none, what the class says is all.
        backends: ready-made backends by name, in place of the recipe's.
        trust_code: whether the folder of a training run, given as a recipe, may name code of others, and hosts.

    Raises:
        ConfigError: the recipe names something that does not exist, or its parts do not fit together.
        MissingExtraError: a backend needs an extra that is not installed.
    """

    modules: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Phase to the module that plays it by default, with its options."""
    path_options = ("recipe",)
    default_recipe: ClassVar[str | None] = None

    def __init__(
        self,
        recipe: str | Mapping[str, Any] | None = None,
        backends: Mapping[str, Backend] | None = None,
        trust_code: bool = False,
    ):
        read = _read_recipe(type(self), recipe, trust_code)
        made = _Backends(read, backends or {})
        self.recipe = read
        self.parts: dict[str, Part] = {}
        for phase in PHASES:
            assignment = read.assign(phase, self.modules.get(phase, {}))
            module = build_module(read, phase, assignment)
            backend = made.get(phase, assignment.backend) if module.needs_backend else None
            _check_fit(read, phase, assignment.status, module, backend)
            self.parts[phase] = Part(module, backend, assignment.status)
        self.learner = _find_learner(read, self.parts)
        asked = {id(part.backend): part.backend for part in self.parts.values() if part.backend is not None}
        self.backends = list(asked.values())
        self.waits = bool(asked) and all(backend.waits for backend in self.backends)

    @classmethod
    def fingerprint(
        cls, recipe: str | Mapping[str, Any] | None = None, trust_code: bool = False, **others: Any
    ) -> str | None:
        """Read the recipe without making its parts, and return a hash of its content.

        Raises:
            ConfigError: there is no such recipe, it is for another class, or its modules do not exist or do not fit.
        """
        read = _read_recipe(cls, recipe, trust_code)
        for phase in PHASES:
            check_module(read, phase, read.assign(phase, cls.modules.get(phase, {})))
        content = json.dumps([read.agent, read.backends, read.modules], sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()

    def check_frozen(self, phases: Iterable[str]) -> None:
        """Check that training changes no module that is frozen.

        Args:
            phases: those that are played.

        Raises:
            ConfigError: a frozen module asks the backend that is trained.
        """
        for phase in phases:
            part = self.parts[phase]
            if self.learner and part.backend and part.backend is self.learner.backend and part.status != "trained":
                trained = next(other for other, each in self.parts.items() if each is self.learner)
                raise ConfigError(
                    f"{self.recipe.name}: [modules.{phase}] is frozen, but asks the backend that {trained!r} trains: "
                    "give it a backend of its own, or status = 'trained'"
                )

    def sleep(self) -> None:
        """Let the backends give back what memory they need only to reply, until they are asked again."""
        for backend in self.backends:
            backend.sleep()

    def act(self, observation: str, seed: int = 0) -> str | None:  # type: ignore[override] # None is no action
        """Return the action for one observation; None where the model wrote nothing that is an action."""
        return self.act_many([observation], [seed])[0]

    def act_many(self, observations: Sequence[str], seeds: Sequence[int] | None = None) -> list[str | None]:
        """Return the actions; each backend is asked once for all of them, unless it waits on a network."""
        seeds = [0] * len(observations) if seeds is None else seeds
        return [_unless_failed(call).action for call in self.play(observations, seeds)]

    def costs(self, env: gym.Env, episodes: int) -> str:
        """Return in words about how many model calls of how many tokens some episodes take; "" if none."""
        assert isinstance(env.unwrapped, MemoryEnv)
        return estimate(self.parts, env.unwrapped, episodes)

    def move_many(self, asks: Sequence[Ask]) -> list[Move | Exception]:
        """Return what each module did; in place of a call that failed, the exception."""
        calls = self.play([ask.observation for ask in asks], [ask.seed for ask in asks])
        return [call if isinstance(call, Exception) else call.move() for call in calls]

    def play(
        self, observations: Sequence[str], seeds: Sequence[int], final_phase: str | None = None
    ) -> list[Call | Exception]:
        """Return what each module did, with its trace; in place of a call that failed, the exception.

        Args:
            observations: of as many episodes as there are.
            seeds: of what is drawn for each of them.
            final_phase: for training: trained modules sample and leave rows, and this phase's steps are those that get
                the final reward. None plays every module as it is.
        """
        calls: dict[int, Call | Exception] = {}
        batches: list[_Batch] = []
        for index, text in enumerate(observations):
            try:
                asked = self.request(Observation.parse(text), seeds[index], final_phase)
            except Exception as error:
                calls[index] = error
                continue
            if isinstance(asked, Call):
                calls[index] = asked
            else:
                _add(batches, index, *asked)
        for batch in batches:
            drawn = [seeds[index] for index in batch.indices]
            calls.update(zip(batch.indices, batch.run(batch.requests, drawn), strict=True))
        return [calls[index] for index in range(len(observations))]

    def request(self, observation: Observation, seed: int, final_phase: str | None) -> Call | tuple[Backend, Request]:
        """Return what a phase's module wants of its backend, or what it did without one; arguments as in :meth:`play`.

        Raises:
            ConfigError: the module says that it needs no backend, and asks one.
        """
        part = self.parts[observation.phase]
        if final_phase is None or part.status != "trained":
            asked = part.module.inference(observation)
        elif observation.phase == final_phase:
            asked = part.module.rollout(observation, seed)
        else:
            asked = part.module.generate(observation, seed)
        if isinstance(asked, Call):
            return asked
        if part.backend is None:
            raise ConfigError(f"{type(part.module).__name__} asks a model, but says needs_backend = False")
        return part.backend, asked


def agent_class(name: str) -> type[Agent]:
    """Return the agent class of a short name, or of ``module:Class``, which anyone may have written.

    Raises:
        ConfigError: there is no such class, or it is no agent.
    """
    cls: type[Agent] = resolve_class("agent", name, Agent, AGENTS)
    return cls


def load_agent(
    recipe: str | Mapping[str, Any], backends: Mapping[str, Backend] | None = None, *, trust_code: bool = False
) -> Agent:
    """Create the agent of the class that a recipe names; the arguments are those of :class:`Agent`.

    Raises:
        ConfigError, MissingExtraError: as for :class:`Agent`.
    """
    return _class_of(read_recipe(recipe, trust_code=trust_code))(recipe, backends, trust_code)


class _Batch:
    """Requests that one call of a backend can serve."""

    def __init__(self, backend: Backend, sampling: Sampling):
        self.backend, self.sampling = backend, sampling
        self.indices: list[int] = []
        self.requests: list[Request] = []

    def run(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Call | Exception]:
        if self.backend.waits and len(requests) > 1:  # a request that fails costs no other its reply
            alone = [([request], [seed]) for request, seed in zip(requests, seeds, strict=True)]
            return [calls[0] for calls in concurrently(lambda one: self.run(*one), alone, len(alone))]
        try:
            chats = [request.messages for request in requests]
            completions = self.backend.chat(chats, replace(self.sampling, seeds=tuple(seeds)))
        except ConfigError as error:
            # A prompt does not fit the model, which is found out before anything is sampled: only its episode fails.
            if len(requests) == 1:
                return [error]
            half = len(requests) // 2
            return self.run(requests[:half], seeds[:half]) + self.run(requests[half:], seeds[half:])
        except Exception as error:
            return [error] * len(requests)
        pairs = zip(requests, completions, strict=True)
        return [self._finish(request, completion) for request, completion in pairs]

    def _finish(self, request: Request, completion: Completion) -> Call | Exception:
        try:
            return replace(request.finish(self.backend.with_opening(completion)), messages=request.messages)
        except Exception as error:
            return error


class _Backends:
    """The backends of a recipe, each made when first asked for and shared by all modules that name it."""

    def __init__(self, recipe: Recipe, ready: Mapping[str, Backend]):
        self._recipe = recipe
        self._made = dict(ready)

    def get(self, phase: str, name: str | None) -> Backend:
        name = self._recipe.backend_name(phase, name, [*self._made])
        if name not in self._made:
            self._made[name] = self._recipe.make_backend(name)
        return self._made[name]


def _read_recipe(cls: type[Agent], recipe: str | Mapping[str, Any] | None, trust_code: bool) -> Recipe:
    """Return the recipe, the class's own by default.

    Raises:
        ConfigError: it is for another class.
    """
    source = cls.default_recipe if recipe is None else recipe
    if source is None:
        return Recipe(cls.__name__, cls.__name__, {}, {})
    read = read_recipe(source, cls.__name__, trust_code=trust_code)
    if not issubclass(cls, _class_of(read)):
        raise ConfigError(f"{read.name} is for {read.agent}, not for {cls.__name__}")
    return read


def _class_of(recipe: Recipe) -> type[Agent]:
    try:
        return agent_class(recipe.agent)
    except ConfigError as error:
        raise ConfigError(f"{recipe.name}: {error}") from error


def _add(batches: list[_Batch], index: int, backend: Backend, request: Request) -> None:
    for batch in batches:
        if batch.backend is backend and batch.sampling == request.sampling:
            break
    else:
        batch = _Batch(backend, request.sampling)
        batches.append(batch)
    batch.indices.append(index)
    batch.requests.append(request)


def _unless_failed(call: Call | Exception) -> Call:
    if isinstance(call, Exception):
        raise call
    return call


def _check_fit(recipe: Recipe, phase: str, status: str, module: Module, backend: Backend | None) -> None:
    where = f"{recipe.name}: [modules.{phase}]"
    if status == "trained" and not module.trainable:
        raise ConfigError(f"{where}: {type(module).__name__} has nothing to train; leave out status = 'trained'")
    if status == "trained" and backend is not None:
        _check_trainable(where, backend)
    if status == "api" and (backend is None or isinstance(backend, TokenBackend)):
        raise ConfigError(f"{where}: status 'api' needs a backend behind an API; use 'frozen' for a local model")
    guided = isinstance(module, TextModule) and module.sampling.json_schema is not None
    if guided and not (backend is not None and backend.constrains):
        raise ConfigError(f"{where}: guided = true needs a backend that constrains decoding, kind 'vllm' or 'openai'")


def _check_trainable(where: str, backend: Backend) -> None:
    if not isinstance(backend, TokenBackend):
        raise ConfigError(f"{where}: a model behind an API cannot be trained; use status = 'api' or another backend")
    if not isinstance(backend, TrainableBackend):
        raise ConfigError(f"{where}: {type(backend).__name__} cannot be trained: it is no TrainableBackend")
    if backend.remember:
        raise ConfigError(f"{where}: a backend with remember = true replies as before, however the weights change")


def _find_learner(recipe: Recipe, parts: Mapping[str, Part]) -> Part | None:
    """Return a part whose policy is the one trained (its backend's model, or the module itself); None without any."""
    trained = [part for part in parts.values() if part.status == "trained"]
    if len({id(part.backend or part.module) for part in trained}) > 1:
        phases = ", ".join(phase for phase, part in parts.items() if part.status == "trained")
        raise ConfigError(
            f"{recipe.name}: the trained modules ({phases}) do not share one backend. Train one policy at a time, the "
            "others frozen, or give them the same backend"
        )
    return trained[0] if trained else None
