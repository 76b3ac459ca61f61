"""Training recipes: what to train, on what, and how, as a TOML file.

A training recipe is a recipe (:mod:`memagents.recipes`) with more tables::

    [env]                       # what is played: the id, and any of its arguments
    id = "memgym/RMMReranker-v1"
    difficulty = "easy"

    [train]                     # flat settings: :class:`RunConfig` and grpo's TrainerConfig, or a preset of grpo
    preset = "dr_grpo"
    groups = 8
    lr = 1e-3

    [validation]                # :class:`ValidationConfig`; how often is validate_every in [train]
    episodes = 50

    needs = "a GPU of 24 GB"    # at the top: what to have at hand, which is said before anything is loaded

    [shaping]                   # only to pay step by step: :class:`ShapingConfig`
    potential = "memory_recall"

    [teacher]                   # only to imitate: :class:`TeacherConfig`; the preset is then "imitation", and groups,
                                # group_size, train_episodes, order and [shaping] have no meaning
    policy = "baselines:Scribe"
    episodes = 1000

Settings on the command line are those of ``[train]`` by their name (``lr=1e-4``), and any other by its path
(``env.difficulty=hard``, ``modules.retrieve.picks=3``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym

from grpo.config import TrainerConfig, from_values, resumable
from grpo.errors import GrpoError, RunFolderError
from grpo.options import build, check, flat_fields, flatten, option, parse_overrides, read_toml
from grpo.presets import PRESETS
from grpo.run_folder import RunFolder
from memagents.recipes import KEYS
from memgym.checks import check_number
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError, unknown
from memgym.folders import is_path
from memgym.registration import env_class, make
from memgym.wrappers import PotentialShaping

_FOLDER = Path(__file__).parent / "recipes" / "training"
_TABLES = ("env", "train", "validation", "teacher", "shaping")
_FREE = {"gradient_checkpointing"}
"""Settings of a run that may change when it is resumed, besides the trainer's: they change none of its steps."""

_REWARDED = ("groups", "group_size", "train_episodes", "order")
"""Settings of a run that have no meaning where a teacher is imitated instead of learning from rewards."""


@dataclass(frozen=True)
class RunConfig:
    """What a run collects, and how the policy is made; the trainer's own settings are flat beside these."""

    groups: int = option(8, "episodes per iteration, over all ranks", least=1)
    group_size: int = option(8, "how often each is played", least=1)
    train_episodes: int = option(0, "use only so many episodes of the split, its first ones; 0 is all", least=0)
    order: Literal["random", "sequential"] = option(
        "random", "an iteration's episodes: drawn at random, or the next ones, which go through a curriculum's stages"
    )
    lora_rank: int = option(
        0, "train LoRA adapters of this rank instead of a language model's weights; 0 is off", least=0
    )
    gradient_checkpointing: bool = option(False, "recompute a language model's layers to save memory")
    threads: int = option(0, "PyTorch's CPU threads; 0 is its own choice. For small policies 1 is fastest", least=0)
    rank_patience: float = option(
        120.0, "under torchrun: minutes that a rank waits for the others before it gives up", above=0, most=1e6
    )
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ValidationConfig:
    """Which held-out episodes are played, with every module as it is used in inference."""

    split: str = option("validation", "split of the task")
    episodes: int = option(32, "how many, the first ones of the split", least=1)
    repeats: int = option(1, "how often each is played; only useful where inference samples", least=1)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class TeacherConfig:
    """Whose play is imitated instead of learning from rewards."""

    policy: str = option("baselines:Scribe", "any policy of memgym as module:Class; a privileged one sees the gold")
    episodes: int = option(1000, "of the environment's split, the first ones; each is played once", least=1)
    rows: int = option(64, "demonstrated calls per optimiser step", least=1)
    options: dict = field(default_factory=dict, metadata={"help": "arguments of the policy's class"})

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ShapingConfig:
    """What is paid at every step besides: by how much the memory became better, so that the optimum stays where it is.

    See :class:`memgym.wrappers.PotentialShaping`. Over a whole episode it sums up to a constant: it tells steps apart
    where credit is given by phase or by step. Validation is not paid by it.
    """

    potential: str = option("memory_recall", "the property of the memory that is paid: a final reward of the table")
    weight: float = option(1.0, "factor on it")
    gamma: float = option(1.0, "discount γ; that of `discount`, where credit is given by step")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class TrainingRecipe:
    """A training recipe as it was read, overrides included; without a teacher it learns from rewards."""

    content: Mapping[str, Any]
    run: RunConfig
    validation: ValidationConfig
    teacher: TeacherConfig | None
    shaping: ShapingConfig | None = None

    @property
    def needs(self) -> str:
        """What to have at hand: files, a GPU; empty if nothing."""
        return " ".join(self.content.get("needs", "").split())

    @property
    def agent(self) -> dict[str, Any]:
        """What :func:`memagents.agents.load_agent` takes."""
        return {key: value for key, value in self.content.items() if key in KEYS}

    def make_env(self, **changes: Any) -> MemoryEnv:
        """Make the environment, with other arguments where they are given."""
        return _make({**self.content["env"], **changes})

    def make_shaped_env(self) -> gym.Env[str, str]:
        """Make the environment that is trained on, with what is paid at every step."""
        return _shaped(self.make_env(), self.shaping)

    def check_same(self, folder: RunFolder) -> None:
        """Check that the run in a folder was started with this recipe, but for what changes none of its steps.

        Raises:
            ConfigError: naming what differs, and how.
            RunFolderError: what was written down of the run is damaged, or missing.
        """
        before = folder.recipe()
        if before is None:
            if folder.has_checkpoint:
                raise RunFolderError(f"{folder.recipe_file} is missing: nothing says what was trained in {folder}")
            return
        try:
            started = _parse(before, str(folder.recipe_file))
        except (ConfigError, GrpoError) as error:
            raise RunFolderError(f"{folder.recipe_file} is damaged, or of another version: {error}") from None
        free = {*resumable(best=folder.best_step is not None), *_FREE}
        changed = list(_differences(started._compared(free), self._compared(free)))
        if changed:
            raise ConfigError(f"the run in {folder} was started with another recipe: {'; '.join(changed)}")

    def _compared(self, free: Collection[str]) -> dict[str, Any]:
        """Return what shapes the steps of a run, by table, but for the settings ``free``; defaults are filled in."""
        train = {key: value for key, value in flatten(self.run).items() if key not in free}
        tables = {key: value for key, value in self.content.items() if key in (*KEYS, "env")}
        tables |= {"train": train, "validation": flatten(self.validation)}
        if self.teacher is not None:
            tables["teacher"] = flatten(self.teacher)
        if self.shaping is not None:
            tables["shaping"] = flatten(self.shaping)
        return tables


def read_training_recipe(source: str, overrides: Sequence[str] = ()) -> TrainingRecipe:
    """Read a training recipe from a TOML file, or a built-in one by name, with ``key=value`` overrides.

    Raises:
        ConfigError: (of memgym or grpo) there is no such recipe, or a table, key or value does not fit.
    """
    content, path = _read(source, overrides)
    return _parse(content, path)


def what_is_played(source: str, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], gym.Env[str, str]]:
    """Return the agent's tables of a training recipe, and the environment with what it pays at every step.

    How it is trained is not looked at, and PyTorch is not needed.

    Raises:
        ConfigError: there is no such recipe, it names no environment, or the environment's arguments do not fit.
    """
    content, path = _read(source, overrides)
    _check_tables(content, path)
    return {key: value for key, value in content.items() if key in KEYS}, _shaped(
        _make(content["env"]), _shaping(content)
    )


def _read(source: str, overrides: Sequence[str]) -> tuple[dict[str, Any], str]:
    path = Path(source)
    if not path.is_file():
        if source not in training_recipe_names() and is_path(source):
            raise ConfigError(f"training recipe {source}: there is no such file")
        if source not in training_recipe_names():
            raise unknown("training recipe", source, [*training_recipe_names(), "the path of a TOML file"])
        path = _FOLDER / f"{source}.toml"
    content = read_toml(path)
    for key, value in parse_overrides(overrides).items():
        _set(content, key.split(".") if "." in key else ["train", key], value)
    return content, str(path)


def _parse(content: dict[str, Any], path: str) -> TrainingRecipe:
    _check_tables(content, path)
    teacher = build(TeacherConfig, content["teacher"]) if "teacher" in content else None
    shaping, train = _shaping(content), content["train"]
    if isinstance(train.get("reward_weights"), Mapping):
        train = {**train, "reward_weights": _by_place(train["reward_weights"], content["env"]["id"])}
    run = from_values({"preset": "imitation", **train} if teacher else train, RunConfig)
    if teacher is not None:
        _check_imitation(run, shaping)
    return TrainingRecipe(content, run, build(ValidationConfig, content["validation"]), teacher, shaping)


def _make(arguments: Mapping[str, Any]) -> MemoryEnv:
    """Make the environment of a table ``[env]``."""
    return make(**{"env_id" if name == "id" else name: value for name, value in arguments.items()})


def _shaping(content: Mapping[str, Any]) -> ShapingConfig | None:
    return build(ShapingConfig, content["shaping"]) if "shaping" in content else None


def _shaped(env: MemoryEnv, shaping: ShapingConfig | None) -> gym.Env[str, str]:
    return env if shaping is None else PotentialShaping(env, **flatten(shaping))


def _check_imitation(run: RunConfig, shaping: ShapingConfig | None) -> None:
    """Check that what is set has an effect where a teacher is imitated.

    Raises:
        ConfigError: naming what has none.
    """
    credit = run.trainer.advantage.credit
    if credit != "weight":
        raise ConfigError(
            f"a [teacher] is imitated with credit = 'weight', not {credit!r}, by which its rows teach nothing: leave "
            "preset and credit out, or [teacher]"
        )
    default = RunConfig()
    idle = [f"{name} = {value}" for name in _REWARDED if (value := getattr(run, name)) != getattr(default, name)]
    idle += ["[shaping]"] if shaping is not None else []
    if idle:
        raise ConfigError(f"with a [teacher], {', '.join(idle)} would do nothing: leave out one or the other")


def _by_place(weights: Mapping[str, float], env_id: str) -> tuple[float, ...]:
    """Return a weight for each component of an environment's rewards; those left out weigh 0."""
    names = env_class(env_id).reward_names
    for name in weights:
        if name not in names:
            raise unknown("reward in [train] reward_weights:", name, names)
        check_number(f"train.reward_weights.{name}", weights[name])
    return tuple(float(weights.get(name, 0.0)) for name in names)


def _check_tables(content: dict[str, Any], path: str) -> None:
    """Check what a recipe holds, and add the tables that it leaves out."""
    for key in content:
        if key not in (*KEYS, *_TABLES, "needs"):
            raise unknown(f"key in {path}:", key, (*KEYS, *_TABLES, "needs"))
    for table in _TABLES:
        if not isinstance(content.get(table, {}), Mapping):
            raise ConfigError(f"{path}: {table!r} must be a table, [{table}]")
    if not isinstance(content.get("needs", ""), str):
        raise ConfigError(f"{path}: 'needs' must be text")
    env, _, _ = (content.setdefault(table, {}) for table in ("env", "train", "validation"))
    if not isinstance(env.get("id"), str):
        raise ConfigError(f'{path}: [env] must name its id, e.g. id = "memgym/MemoryBank-v1"')


def settings() -> Iterator[tuple[str, str, str, str]]:
    """Yield ``(table, key, default, help)`` of every setting of a training recipe, but those of the environment."""
    yield "train", "preset", "", f"start from the settings of a variant: {', '.join(PRESETS)}"
    tables = {"train": RunConfig, "validation": ValidationConfig, "shaping": ShapingConfig, "teacher": TeacherConfig}
    for table, cls in tables.items():
        for key, default, text in flat_fields(cls):
            yield table, key, "" if default is MISSING else json.dumps(default), text


def training_recipe_names() -> list[str]:
    """Return the names of the built-in training recipes."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def maker_name(path: str) -> str | None:
    """Return the built-in training recipe whose run makes a file or folder; None where none is known to."""
    folders = [str(folder) for folder in Path(path).parents]
    for name in training_recipe_names():
        if read_toml(_FOLDER / f"{name}.toml")["train"]["out_dir"] in folders:
            return name
    return None


def maker_of(path: str) -> str:
    """Return in words which training run makes a file or folder that is missing; nothing where none is known to."""
    name = maker_name(path)
    if name is None:
        return ""
    run = read_toml(_FOLDER / f"{name}.toml")["train"]["out_dir"]
    return f"; the training run {run} makes it: 'memagents train {name}'"


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield in words each setting that differs, by its path."""
    for key in sorted({*before, *now}):
        where = f"{path}{key}"
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{where}.")
        elif json.dumps(old) != json.dumps(new):  # as it was written down: tuples are lists, nan is itself
            yield f"{where} = {json.dumps(old)}, now {json.dumps(new)}"


def _set(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *tables, key = path
    for table in tables:
        content = content.setdefault(table, {})
        if not isinstance(content, dict):
            raise ConfigError(f"override {'.'.join(path)!r}: {table!r} is no table")
    content[key] = value
