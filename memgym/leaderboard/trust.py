"""What of a stranger's result file is admitted when it is replayed: ids and names of ours, and data by their names.

A file is data. What it names is looked up in tables of ours; code of others, language models behind an API, and files
and hosts of its choosing are not touched unless the reader allows more by name.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from memgym.bank.embedders import EMBEDDERS
from memgym.data.hub import HUB_PREFIX
from memgym.envs.base import MemoryEnv
from memgym.envs.longcontext import LongcontextEnv
from memgym.envs.memory_bank import MemoryBankEnv
from memgym.errors import ConfigError, DataError, MemgymError
from memgym.folders import DATA_FOLDER
from memgym.judging.prompts import OURS
from memgym.leaderboard.contexts import Context
from memgym.leaderboard.evaluate import make_env
from memgym.leaderboard.records import EntryRecord, Header
from memgym.leaderboard.rounds import Round
from memgym.leaderboard.suite import SuiteEntry
from memgym.operators import OPERATORS, ROLES
from memgym.registration import ENVIRONMENTS
from memgym.shown import plain
from memgym.tasks import TASKS, task_class
from memgym.tokens import FILE_PREFIX

MAX_NAME = 255
"""The longest name that file systems give a file, in bytes."""
MAX_TOKENS = 10_000_000
"""The largest number of tokens among an environment's arguments: the longest context of our suites."""
MAX_COUNT = 10_000
"""The largest of their other numbers, which count documents, examples, turns, …"""
MAX_DIMENSION = 1024
"""The most dimensions of a hash embedder."""
MAX_DIGITS = 20
"""The most digits of that number, zeros before it among them."""
MAX_TURNS = 10_000
"""The most turns of an episode's sessions together."""
TOKENS = frozenset({"length", "section_tokens", "memory_tokens", "action_tokens"})


class UntrustedError(MemgymError, PermissionError):
    """A result file names what is not touched unless its reader allows it."""


@dataclass(frozen=True)
class Trust:
    """What a reader allows a file to name.

    Args:
        code: environments, tasks, operators, embedders, policies and judges' prompts of others, which are imported.
        api: judges, readers and embedders behind an API, which get the reader's key, at the reader's endpoint.
    """

    code: bool = False
    api: bool = False

    def need_code(self, what: str, name: object) -> None:
        """Raise unless code of others may run.

        Raises:
            UntrustedError: it may not.
        """
        if not self.code:
            raise UntrustedError(f"{what} {_cut(name)} is none of memgym's: --trust-code imports and runs it")

    def need_api(self, what: str, name: object) -> None:
        """Raise unless an API may be asked.

        Raises:
            UntrustedError: it may not.
        """
        if not self.api:
            raise UntrustedError(f"{what} {_cut(name)} is behind an API: --allow-api asks it, with your key")


STRICT = Trust()
"""Nothing but what is memgym's own."""


def check_header(header: Header, trust: Trust, overrides: Mapping[str, Any] | None = None) -> None:
    """Check that everything which a file names to be replayed is admitted; nothing is imported or made.

    Args:
        header: of the file.
        trust: what its reader allows.
        overrides: arguments that the reader gives in place of the file's; they are the reader's own.

    Raises:
        UntrustedError, DataError: it is not; the message names the entry and the argument.
    """
    for entry in header.entries:
        _admitted(entry, trust, overrides or {})


def replay_env(
    entry: EntryRecord,
    trust: Trust,
    overrides: Mapping[str, Any] | None = None,
    *,
    reveal_gold: bool = False,
    round_: Round | None = None,
    context: Context | None = None,
) -> MemoryEnv:
    """Make the environment in which an entry of a file is replayed.

    Args:
        entry: of the file.
        trust: what its reader allows.
        overrides: arguments of the reader's in place of the file's, such as ``path`` or ``judge``.
        reveal_gold: whether observations have the ``<gold>`` block.
        round_: on whose episodes, if any.
        context: what stood before the policy in place of a memory.

    Raises:
        UntrustedError, DataError: the entry names what is not admitted.
        ConfigError, DataError: it cannot be made here.
    """
    kwargs = _admitted(entry, trust, overrides or {})
    made = SuiteEntry(entry.name, entry.env_id, kwargs, entry.split)
    try:
        return make_env(made, reveal_gold=reveal_gold, round_=round_, context=context)
    except (MemgymError, OSError):
        raise
    except Exception as error:  # whatever arguments that nobody foresaw bring about
        raise ConfigError(f"entry {entry.name!r} cannot be made: {type(error).__name__}: {_cut(error)}") from error


def _admitted(entry: EntryRecord, trust: Trust, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with which an entry is made: the reader's, and of the file's what is admitted."""
    where = f"entry {entry.name!r}:"
    if entry.env_id not in ENVIRONMENTS:
        if entry.env_id.startswith("memgym/"):
            raise DataError(f"{where} {_cut(entry.env_id)} is no environment of this version of memgym")
        trust.need_code(f"{where} environment", entry.env_id)
    given = {name: value for name, value in entry.kwargs.items() if name not in overrides}
    try:
        _check_names(entry, trust)
        _check_turns(given)
        checked = {name: _argument(name, value, trust) for name, value in given.items()}
    except (UntrustedError, DataError) as error:
        raise type(error)(f"{where} {error}") from None
    return {**checked, **{name: value for name, value in overrides.items() if name in entry.kwargs}}


def _check_names(entry: EntryRecord, trust: Trust) -> None:
    """Check that an entry has only arguments that its environment and its task have."""
    for name in ("split", "reveal_gold"):
        if name in entry.kwargs:
            raise DataError(f"argument {name!r} has another place in a result file")
    task = entry.kwargs.get("task", "multihop")
    if trust.code or not (isinstance(task, str) and task in TASKS):
        return
    signatures = map(inspect.signature, (MemoryEnv, LongcontextEnv, MemoryBankEnv))
    known = {name for signature in signatures for name in signature.parameters}
    known -= {"operators", "options", "task_options", "render_mode"}
    known |= {field.name for env in ("multihop", "persona", task) for field in fields(task_class(env).Config)}
    for name in entry.kwargs:
        if name not in known:
            raise DataError(f"there is no argument {_cut(name)}")


def _argument(name: str, value: Any, trust: Trust) -> Any:
    """Return an argument if it is admitted, as it is used here."""
    _check_size(name, value)
    if name == "task":
        if not (isinstance(value, str) and value in TASKS):
            trust.need_code("task", value)
    elif name == "stages" and isinstance(value, list):
        return [_stage(stage, trust) for stage in value]
    elif name in ROLES.values():
        _check_operator(name, value, trust)
    elif name == "embedder":
        check_embedder_name(value, trust)
    elif name == "judge" and value is not None:
        return _judge(value, trust)
    elif name == "counter" and isinstance(value, str) and value.startswith(FILE_PREFIX):
        return FILE_PREFIX + str(data_file(value.removeprefix(FILE_PREFIX)))
    elif name in _PATHS and value:
        if not isinstance(value, str):
            raise DataError(f"argument {name!r} must name a data file, not {_cut(value)}")
        return str(data_file(value))
    return value


_PATHS = frozenset({"path", "exclude", "only", "entities", "errata", "aliases", "contexts", "haystack", "trajectories"})
"""Arguments of our tasks that name files."""


def _stage(stage: Any, trust: Trust) -> Any:
    if not isinstance(stage, dict):
        return stage
    return {name: _argument(name, value, trust) for name, value in stage.items()}


def _check_operator(role: str, name: Any, trust: Trust) -> None:
    phase = next(phase for phase, known in ROLES.items() if known == role)
    if isinstance(name, str) and name in OPERATORS[phase]:
        return
    if role == "reader" and isinstance(name, str) and name.startswith("api:"):
        trust.need_api(role, name)
    else:
        trust.need_code(role, name)


def check_embedder_name(name: Any, trust: Trust) -> None:
    """Check that a file may name an embedder.

    Raises:
        UntrustedError, DataError: it may not.
    """
    kind, _, argument = name.partition(":") if isinstance(name, str) else ("", "", "")
    if kind not in EMBEDDERS:
        trust.need_code("embedder", name)
    elif kind == "api":
        trust.need_api("embedder", name)
    elif kind == "minilm" and argument:
        raise DataError(f"embedder {_cut(name)} names a device, which is yours to choose: --set embedder=minilm")
    elif argument.isdecimal() and (len(argument) > MAX_DIGITS or int(argument) > MAX_DIMENSION):
        raise DataError(f"embedder {_cut(name)} has too many dimensions: at most {MAX_DIMENSION:,} are replayed")


def _judge(judge: Any, trust: Trust) -> dict[str, Any]:
    """Return a judge's model, request and prompt: its host, its folder and its patience are the reader's."""
    described = judge if isinstance(judge, dict) else {"model": judge}
    trust.need_api("judge", described.get("model"))
    prompt = described.get("prompt", "benchmark")
    if not (isinstance(prompt, str) and prompt in OURS):
        trust.need_code("judge prompt", prompt)
    request = {"request": described["request"]} if "request" in described else {}
    return {"model": described.get("model"), "prompt": prompt, **request}


def data_file(name: str) -> Path:
    """Return where a data file of a result lies here, from the root: in the data folder, by its name alone.

    Raises:
        DataError: it has no plain name, or there is no data folder.
    """
    last = os.path.basename(name.replace("\\", "/"))
    if name.startswith(HUB_PREFIX) or last.startswith(HUB_PREFIX):
        raise DataError(f"data set {_cut(name)} is on a hub, which is not asked: give a file by --set path=FILE")
    if last in ("", ".", "..") or plain(last) != last or len(last.encode()) > MAX_NAME:
        raise DataError(f"data file {_cut(name)} has no name that a file can have")
    folder = os.environ.get(DATA_FOLDER)
    if not folder:
        raise DataError(f"it needs the data file {_cut(last)}: --data names the folder that holds it")
    return Path(os.path.abspath(folder)) / last  # from the root, no beginning of it has a meaning of its own


def _check_size(name: str, value: Any) -> None:
    """Check that a number, or one within, is none that would fill the memory; a seed sizes nothing."""
    if isinstance(value, dict):
        for inner, item in value.items():
            _check_size(inner, item)
        _check_turns(value)
    elif isinstance(value, list):
        for item in value:
            _check_size(name, item)
    elif isinstance(value, int | float) and name != "seed":
        most = MAX_TOKENS if name in TOKENS else MAX_COUNT
        if abs(value) > most:
            raise DataError(f"argument {name!r} is {value}: at most {most:,} is replayed")


def _check_turns(kwargs: Mapping[str, Any]) -> None:
    numbers = [value for name in ("sessions", "turns") if isinstance(value := kwargs.get(name), int)]
    if math.prod(numbers) > MAX_TURNS:
        raise DataError(f"'sessions' times 'turns' is {math.prod(numbers):,}: at most {MAX_TURNS:,} are replayed")


def _cut(text: object) -> str:
    shown = plain(text if isinstance(text, str) else repr(text))
    return repr(shown if len(shown) <= 100 else f"{shown[:99]}…")
