"""Recipes: which agent, which module plays which phase, and on which backend, as a TOML file.

::

    agent = "MemoryR1Agent"     # or "mypkg.agents:MyAgent"

    [backends.local]            # any name; what it takes depends on the kind
    kind = "transformers"       # or vllm, openai, "mypkg.backends:MyBackend"
    model = "smollm2"           # or e.g. Qwen/Qwen3-0.6B, which thinks before it speaks unless it is told not to:
    # template_options = { enable_thinking = false }

    [backends.hosted]
    kind = "openai"
    model = "gpt-5-mini"

    [modules.update]            # a phase: read, extract, update, retrieve or answer
    backend = "local"
    status = "trained"          # trained, frozen (the default) or api
    max_tokens = 1024           # further keys are arguments of the module's class

    [modules.retrieve]
    module = "LinearReranker"   # in place of the agent's own; or "mypkg.modules:MyModule"

    [modules.answer]
    backend = "hosted"
    status = "api"

What is left out is as the agent's class says; where there is one backend only, modules need not name it. The built-in
recipes lie in this folder. The folder of a training run is a recipe too: of the agent that was trained there. As it may
be anyone's, no code but ours is run and no host asked that it names, unless ``trust_code`` says so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memagents.arguments import check_arguments
from memagents.modules import MODULES, Module, module_class
from memagents.recipes.trained import trained_recipe
from memgym.errors import ConfigError, unknown
from memgym.folders import is_path
from memgym.protocol.observation import PHASES

if TYPE_CHECKING:
    from memagents.backends.base import Backend

KEYS = ("agent", "backends", "modules")
STATUSES = ("trained", "frozen", "api")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Assignment:
    """What plays a phase: the module's name, its backend (None: the only one), its status and its arguments."""

    module: str
    backend: str | None
    status: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A recipe as it was read.

    Args:
        name: what messages call it.
        agent: the name of the agent's class.
        backends: name to what :func:`memagents.backends.make_backend` takes.
        modules: phase to what differs from the agent's own.
    """

    name: str
    agent: str
    backends: Mapping[str, dict[str, Any]]
    modules: Mapping[str, dict[str, Any]]

    def assign(self, phase: str, default: Mapping[str, Any]) -> Assignment:
        """Return what plays a phase. Another module than the default one takes none of its arguments.

        Raises:
            ConfigError: no module is named, or the status is unknown.
        """
        table = self.modules.get(phase, {})
        if "module" not in {**default, **table}:
            raise ConfigError(f"{self.name}: [modules.{phase}] must name its module: {self.agent} has none of its own")
        swapped = table.get("module", default.get("module")) != default.get("module")
        options = dict(table) if swapped else {**default, **table}
        status = options.pop("status", "frozen")
        if status not in STATUSES:
            raise unknown(f"status in {self.name}, [modules.{phase}]:", status, STATUSES)
        return Assignment(options.pop("module"), options.pop("backend", None), status, options)

    def backend_name(self, phase: str, name: str | None, ready: Sequence[str]) -> str:
        """Return which backend serves a phase: the one named, else the only one.

        Raises:
            ConfigError: there is no such backend, or none is named where there are several.
        """
        known = sorted({*self.backends, *ready})
        if name is None and len(known) == 1:
            return known[0]
        if name is None:
            have = ", ".join(known) or "none; add a table such as [backends.main]"
            raise ConfigError(f"{self.name}: [modules.{phase}] must say which backend it uses; there are: {have}")
        if name not in known:
            raise unknown(f"backend in {self.name}, [modules.{phase}]:", name, known)
        return name

    def make_backend(self, name: str) -> Backend:
        """Create a backend.

        Raises:
            ConfigError: its table does not fit, or the model cannot be loaded.
            MissingExtraError: it needs an extra that is not installed.
        """
        from memagents.backends import check_backend, make_backend

        for other in self.backends:  # mistakes in any of them, before the weights of one are loaded
            with self._named(other):
                check_backend(self.backends[other])
        with self._named(name):
            return make_backend(self.backends[name])

    @contextmanager
    def _named(self, backend: str) -> Iterator[None]:
        """Name the recipe and the backend in errors."""
        try:
            yield
        except ConfigError as error:
            raise ConfigError(f"{self.name}: [backends.{backend}]: {error}") from error


def read_recipe(source: str | Mapping[str, Any], agent: str = "MemoryAgent", *, trust_code: bool = False) -> Recipe:
    """Read a recipe from a TOML file, a training run's folder, the built-in ones by name, or its content.

    Args:
        source: path, name or content.
        agent: what the message suggests where the recipe names none.
        trust_code: whether the folder of a training run may name code of others, and hosts; a file may.

    Raises:
        ConfigError: there is no such recipe, it is no TOML, or it has an unknown key or phase.
    """
    name, content = ("the recipe", source) if isinstance(source, Mapping) else _load(source, trust_code)
    for key in content:
        if key not in KEYS:
            raise unknown(f"key in {name}:", key, KEYS)
    if not isinstance(content.get("agent"), str):
        raise ConfigError(f'{name} must name its agent, e.g. agent = "{agent}"')
    backends, modules = (_tables(name, content, key) for key in ("backends", "modules"))
    for phase in modules:
        if phase not in PHASES:
            raise unknown(f"phase in {name}, [modules.{phase}]:", phase, PHASES)
    return Recipe(name, content["agent"], backends, modules)


def recipe_names() -> list[str]:
    """Return the names of the built-in recipes."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def build_module(recipe: Recipe, phase: str, assignment: Assignment) -> Module:
    """Create the module of an assignment.

    Raises:
        ConfigError: as for :func:`check_module`, or an argument does not fit, or the module plays another phase.
    """
    where = f"{recipe.name}: [modules.{phase}]"
    cls = check_module(recipe, phase, assignment)
    try:
        module = cls(**assignment.options)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    if phase not in module.phases:
        fitting = ", ".join(name for name in MODULES if phase in module_class(name).phases)
        raise ConfigError(f"{where}: {assignment.module} plays {', '.join(module.phases)}. For {phase}: {fitting}")
    return module


def check_module(recipe: Recipe, phase: str, assignment: Assignment) -> type[Module]:
    """Return the class of an assignment's module.

    Raises:
        ConfigError: it does not exist, an argument of it does not exist, or one is missing.
    """
    try:
        cls = module_class(assignment.module)
        kind, also = f"key for {assignment.module}:", ["module", "backend", "status"]
        check_arguments(cls, assignment.options, kind, assignment.module, also)
    except ConfigError as error:
        raise ConfigError(f"{recipe.name}: [modules.{phase}]: {error}") from error
    return cls


def _load(source: str, trust_code: bool) -> tuple[str, dict[str, Any]]:
    if not isinstance(source, str):
        raise ConfigError(f"a recipe is the path of a TOML file or the name of a built-in one, not {source!r}")
    path = Path(source)
    if path.is_dir() and source not in recipe_names():
        return f"recipe {source}", trained_recipe(path, trust_code=trust_code)
    if not path.is_file():
        if source not in recipe_names() and is_path(source):
            raise ConfigError(f"recipe {source}: there is no such file, nor the folder of a training run")
        if source not in recipe_names():
            raise unknown("recipe", source, [*recipe_names(), "the path of a TOML file"])
        path = _FOLDER / f"{source}.toml"
    try:
        return f"recipe {source}", tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ConfigError(f"recipe {source} is not a readable TOML file: it is nested too deeply") from None
    except (ValueError, OSError) as error:
        raise ConfigError(f"recipe {source} is not a readable TOML file: {error}") from None


def _tables(name: str, content: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    tables = content.get(key, {})
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise ConfigError(f"{name}: {key!r} holds tables, such as [{key}.{'read' if key == 'modules' else 'main'}]")
    return {part: dict(table) for part, table in tables.items()}
