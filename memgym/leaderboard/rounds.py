"""Sealed rounds: a suite played on episodes that nobody could make before the round was opened.

The episodes of a procedural task follow from its seed, so whoever knows the seed of a public split knows the answers.
A round has a secret seed. Its organiser publishes the round with a hash that commits to the seed, plays what is handed
in, notes the hashes of the result files, and opens the round on a stated day: then anyone can check that the seed is
the one of the hash, and play the files again.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from memgym.errors import ConfigError, DataError, unknown
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.tasks import task_class

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST = 1 << 24
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""A SHA-256, in hexadecimal digits."""


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result file that the organiser had before the round was opened."""

    sha256: Digest
    added: date


class Round(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A round, sealed or open.

    Args:
        name: of the round.
        suite: the name of the suite that is played, one of ours.
        made: when it was made.
        opens: from when on the seed may be told.
        commitment: SHA-256 of all that and of the seed.
        seed: 32 hexadecimal digits; None while it is sealed.
        submissions: the result files that were there before it was opened.
    """

    format: Literal["memgym-round"] = "memgym-round"
    name: Annotated[str, msgspec.Meta(pattern=f"^{_NAME.pattern}$")]
    suite: str
    made: date
    opens: date
    commitment: Digest
    seed: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")] | None = None
    submissions: list[Submission] = []


def make_round(name: str, suite: str, opens: date, today: date) -> Round:
    """Make a round with a secret seed; what :func:`sealed` returns of it can be published.

    Raises:
        ConfigError: an argument does not fit, or the suite is none of ours or its episodes do not follow from a seed.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"a round's name has up to 64 letters, digits, '.', '_' and '-', not {name!r}")
    if opens <= today:
        raise ConfigError(f"a round opens on a later day than it is made: after {today}, not on {opens}")
    _ours(suite)
    seed = secrets.token_hex(16)
    return Round(
        name=name, suite=suite, made=today, opens=opens, commitment=_commit(name, suite, today, opens, seed), seed=seed
    )


def sealed(round_: Round) -> Round:
    """Return a round without its seed."""
    return msgspec.structs.replace(round_, seed=None)


def opened(round_: Round, secret: Round, today: date) -> Round:
    """Return a published round with the seed of its secret file.

    Raises:
        ConfigError: its day has not come.
        DataError: the secret is not that of the round.
    """
    if secret.commitment != round_.commitment:
        raise DataError(f"the secret is of another round ({secret.name!r}) than {round_.name!r}")
    if today < round_.opens:
        raise ConfigError(f"round {round_.name!r} opens on {round_.opens}: until then its seed stays secret")
    whole = msgspec.structs.replace(round_, seed=secret.seed)
    check_round(whole)
    return whole


def check_round(round_: Round) -> str:
    """Check a round in which the seed is told, and return the seed.

    Raises:
        ConfigError: it is sealed.
        DataError: the seed is not the one that was committed to, or the days are out of order.
    """
    if round_.seed is None:
        raise ConfigError(
            f"round {round_.name!r} is sealed until {round_.opens}: it is played and checked with its secret file"
        )
    if round_.commitment != _commit(round_.name, round_.suite, round_.made, round_.opens, round_.seed):
        raise DataError(f"round {round_.name!r}: the seed is not the one that its hash commits to")
    late = [taken.sha256 for taken in round_.submissions if not round_.made <= taken.added < round_.opens]
    if round_.opens <= round_.made or late:
        raise DataError(f"round {round_.name!r}: its days are out of order")
    return round_.seed


def round_suite(round_: Round) -> Suite:
    """Return the suite of a round in which the seed is told: one of ours, as a name of others is no list of entries.

    Raises:
        ConfigError, DataError: as for :func:`check_round`; or this version has no such suite.
    """
    check_round(round_)
    return _ours(round_.suite)


def entry_seed(round_: Round, entry: str) -> int:
    """Return the seed of an entry's task, below 2**63.

    Raises:
        ConfigError, DataError: as for :func:`check_round`.
    """
    return int.from_bytes(hashlib.sha256(f"{check_round(round_)}\n{entry}".encode()).digest()[:8]) >> 1


def submit(round_: Round, files: Sequence[Path], today: date) -> Round:
    """Return a round that has noted result files.

    Raises:
        ConfigError: the round is open by now.
        DataError: a file cannot be read.
    """
    if round_.seed is not None or today >= round_.opens:
        raise ConfigError(f"round {round_.name!r} is open: what comes now is not sealed")
    known = {taken.sha256 for taken in round_.submissions}
    new = [digest for digest in dict.fromkeys(map(file_digest, files)) if digest not in known]
    return msgspec.structs.replace(
        round_, submissions=[*round_.submissions, *(Submission(digest, today) for digest in new)]
    )


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def read_round(path: Path) -> Round:
    """Read a round's file, public or secret.

    Raises:
        DataError: it cannot be read, or is none.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise DataError(f"{path}: no file of a round (more than {_LARGEST:,} bytes)")
    try:
        return msgspec.json.decode(content, type=Round)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: no file of a round: {error}") from None


def write_round(round_: Round, path: Path, *, replace: bool = False) -> None:
    """Write a round's file, in one step; one with a seed can be read by its owner alone.

    Raises:
        ConfigError: it is there already and shall not be replaced, or cannot be written.
    """
    if path.exists() and not replace:
        raise ConfigError(f"{path} is there already")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    content = msgspec.json.format(msgspec.json.encode(round_), indent=1) + b"\n"
    try:
        with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        if round_.seed is None or replace:
            temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _commit(name: str, suite: str, made: date, opens: date, seed: str) -> str:
    return hashlib.sha256("\n".join(["memgym-round", name, suite, str(made), str(opens), seed]).encode()).hexdigest()


def _ours(name: str) -> Suite:
    """Return a suite of ours that can be sealed; one of others may be another by the day that it is checked.

    Raises:
        ConfigError: there is none, or its episodes do not follow from a seed.
    """
    if name not in SUITES:
        raise ConfigError(f"{unknown('suite', name, SUITES)} A round is of a suite of memgym's: see 'memgym envs'.")
    suite = SUITES[name]
    for entry in suite.entries:
        if not _has_seed(entry):
            raise ConfigError(
                f"suite {suite.name!r} cannot be sealed: the episodes of entry {entry.name!r} do not follow from a seed"
            )
    return suite


def _has_seed(entry: SuiteEntry) -> bool:
    task = entry.kwargs.get("task")
    return isinstance(task, str) and "seed" in {field.name for field in fields(task_class(task).Config)}
