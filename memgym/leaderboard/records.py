"""What an evaluation records: a header, and one record per episode; typed, closed, and made to last.

What was recorded is compared when a result is verified; what a later version records besides has a default here and is
not. Everything that follows from the rest (means, intervals) is worked out on reading, see
:mod:`memgym.leaderboard.summary`. The JSON Schema is :func:`json_schema`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec

from memgym.errors import DataError
from memgym.leaderboard.suite import SuiteEntry
from memgym.shown import plain

FORMAT: Final = "memgym-result"
FORMAT_VERSION: Final = 2

MAX_HEADER = 1 << 20
"""The longest header, in bytes."""
MAX_PARTS = 1 << 23
"""The most parts of a line, by its commas and braces: each takes memory where it is read."""
MAX_DEPTH = 16
"""How deeply the arguments of environments and policies may be nested."""
MAX_COUNT: Final = 2**63 - 1
"""The largest seed, and the largest number of anything that is counted."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Text = Annotated[str, msgspec.Meta(max_length=1000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Names = Annotated[list[Name], msgspec.Meta(max_length=1000)]
Score = Annotated[float, msgspec.Meta(ge=0, le=1)]
Scores = Annotated[dict[Name, Score], msgspec.Meta(max_length=100)]
"""Shares of what could be had, by name: what a step pays is their weighted sum, and may be any number."""
Usage = Annotated[dict[Name, Count], msgspec.Meta(max_length=100)]
Versions = Annotated[dict[Name, Text], msgspec.Meta(max_length=100)]
_ROUND = re.compile(r",\s*round\b", re.IGNORECASE)
"""What stands before a round's name wherever a suite's is shown."""
Key = tuple[str, int, int]
"""Entry, trial and index of an episode."""


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of the records: immutable, and with no field but those declared."""


class PolicyRecord(_Record, frozen=True):
    """Who played, as was claimed."""

    entry_point: Name
    options: dict[str, Any]
    privileged: bool
    fingerprint: Text | None = None
    """A hash of the files that the options name, such as a recipe."""


class JudgeRecord(_Record, frozen=True):
    """Which model judged the answers, and by which prompt."""

    id: Name
    prompt_hash: Name


class ErrataRecord(_Record, frozen=True):
    """By which errata the scores ``corrected`` were given."""

    digest: Name
    """The SHA-256 of the file."""
    mended: Count
    dropped: Count
    elsewhere: Count = 0
    """How many of its rows are of parts of the set that the data file does not have."""


class EntryRecord(_Record, frozen=True):
    """An entry of the suite, with what its episodes depend on."""

    name: Name
    env_id: Name
    kwargs: dict[str, Any]
    split: Name
    episodes: Positive
    trials: Positive
    env_spec: str
    task_fingerprint: Name
    judge: JudgeRecord | None = None
    tokenizer: Name | None = None
    """The SHA-256 of the tokenizer file that counts the tokens; None where a rule counts them."""
    errata: ErrataRecord | None = None
    unusable: Count = 0
    """How many rows of the data file are left out, as nothing can be made of them."""
    final_rewards: Names = []
    """The rewards that tell at the last step how good the memory is."""
    size: Positive | None = None
    """How many episodes the split has; None if it has no end."""
    seconds: Seconds | None = None
    """How long all episodes took together, where it is not known of each."""

    @property
    def count(self) -> int:
        """How many different episodes are played: the first ones, as far as the split has them."""
        return self.episodes if self.size is None else min(self.episodes, self.size)

    def episode_keys(self) -> Iterator[Key]:
        """Yield the keys of the episodes, in their order."""
        return ((self.name, trial, index) for trial in range(self.trials) for index in range(self.count))

    def suite_entry(self) -> SuiteEntry:
        """Return the entry as a suite has it."""
        return SuiteEntry(self.name, self.env_id, dict(self.kwargs), self.split, self.episodes, self.trials)


class RoundRecord(_Record, frozen=True):
    """The sealed round on which was played (:mod:`memgym.leaderboard.rounds`); its seed is not told here."""

    name: Name
    made: date
    opens: date
    commitment: Name


class Header(_Record, frozen=True):
    """What was played, and by whom; the first line of a result file."""

    format: Literal["memgym-result"]
    format_version: Annotated[int, msgspec.Meta(ge=FORMAT_VERSION, le=FORMAT_VERSION)]
    suite: Name
    left_out: Names
    policy: PolicyRecord
    seed: Count
    packages: Versions
    entries: Annotated[list[EntryRecord], msgspec.Meta(min_length=1, max_length=1000)]
    round: RoundRecord | None = None
    context: Literal["full", "none"] | None = None
    """What stood before the policy in place of a memory (:mod:`memgym.leaderboard.contexts`); None: it remembered."""

    @property
    def reference(self) -> bool:
        """Whether this is to compare with, and competes with none: it saw the gold, or something else than a memory."""
        return self.policy.privileged or self.context is not None

    def entry(self, name: str) -> EntryRecord:
        """Return the entry called ``name``."""
        return next(entry for entry in self.entries if entry.name == name)


class AnswerRecord(_Record, frozen=True):
    """An answered question with its scores, ``answer`` the official one among them."""

    question_id: Text
    category: Text
    answer: str
    scores: Scores

    def __post_init__(self) -> None:
        if "answer" not in self.scores:
            raise ValueError("field 'scores' has no score 'answer'")


class StepRecord(_Record, frozen=True):
    """One step: what was done, what it earned, and what it cost."""

    phase: Name
    action: str | None
    action_error: str
    overflow: bool
    reward: float
    rewards: Scores
    answers: list[AnswerRecord]
    observation_tokens: Count
    action_tokens: Count
    seconds: Seconds | None = None
    """How long the policy took to answer, by itself or with its batch."""
    usage: Usage | None = None
    """What a served model's call cost, as the server told it."""


class EpisodeRecord(_Record, frozen=True):
    """One episode as it was played; with an ``error``, up to where it failed."""

    entry: Name
    trial: Count
    index: Count
    episode_id: Text
    steps: list[StepRecord]
    seconds: Seconds | None = None
    error: str | None = None

    @property
    def key(self) -> Key:
        """Tells the episode apart: each is played once."""
        return self.entry, self.trial, self.index


NOT_COMPARED = frozenset({"seconds", "usage", "error"})
"""Fields of a step or an episode that are another every time."""


def encode(record: _Record) -> bytes:
    """Return a record as one line of JSON.

    Raises:
        DataError: a number is not finite, or a text is not Unicode.
    """
    try:
        return msgspec.json.encode(_finite(msgspec.to_builtins(record))) + b"\n"
    except UnicodeEncodeError as error:
        raise DataError(f"a text cannot be written down: {error}") from None


def encode_header(header: Header, where: str) -> bytes:
    """Return a header as the first line of a file, if it can be read again: told before anything is played for it.

    Args:
        header: is written down.
        where: how messages call the file.

    Raises:
        DataError: it could not be read, as a name is too long, a number too large, …; the message names the field.
    """
    line = encode(header)
    decode_header(line, f"{where} could not be read again")
    return line


def encode_episode(episode: EpisodeRecord, header: Header, where: str) -> bytes:
    """Return the record of an episode as a line, if it can be read again.

    Raises:
        DataError: it could not be read, as the id of a question is too long, …; the message names episode and field.
    """
    line = encode(episode)
    called = f"{where}: {episode.entry}, episode {episode.index}, trial {episode.trial} could not be read again"
    decode_episode(line, header, called)
    return line


def decode_header(line: bytes, where: str) -> Header:
    """Read a header.

    Raises:
        DataError: it is none, it is of another version, or a field is wrong.
    """
    if len(line) > MAX_HEADER:
        raise DataError(f"{where}: not a memgym result file (its first line has more than {MAX_HEADER:,} bytes)")
    try:
        known = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{where}: not a memgym result file (its first line is no JSON object: {error})") from None
    if known.get("format") != FORMAT:
        raise DataError(f"{where}: not a memgym result file (field 'format' is not {FORMAT!r})")
    version = known.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise DataError(f"{where}: written by a newer memgym (format {version}): upgrade to read it")
    header = _decode(line, Header, where)
    names = [entry.name for entry in header.entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{where}: two entries are called {twice!r}")
    _check_header(header, where)
    return header


def decode_episode(line: bytes, header: Header, where: str) -> EpisodeRecord:
    """Read the record of an episode that belongs to a header.

    Raises:
        DataError: it is none, a field is wrong, or the header has no such entry or trial.
    """
    if len(line) > MAX_PARTS and line.count(b"{") + line.count(b",") > MAX_PARTS:
        raise DataError(f"{where}: a record of more than {MAX_PARTS:,} parts")
    episode = _decode(line, EpisodeRecord, where)
    entry = next((entry for entry in header.entries if entry.name == episode.entry), None)
    if entry is None:
        raise DataError(f"{where}: the header has no entry {episode.entry!r}")
    if episode.trial >= entry.trials or episode.index >= entry.count:
        raise DataError(f"{where}: entry {entry.name!r} has no episode {episode.index}, trial {episode.trial}")
    if episode.error is None:
        _check_whole(episode, entry, where)
    return episode


def _check_header(header: Header, where: str) -> None:
    """Check that names are what they look like, and that arguments are plain values."""
    names = {"suite": [header.suite], "left_out": header.left_out, "policy.entry_point": [header.policy.entry_point]}
    if header.round is not None:
        names["round"] = [header.round.name]
    for entry in header.entries:
        names[f"entries[{entry.name!r}]"] = [entry.name, entry.env_id, entry.split, *entry.final_rewards]
    for field, given in names.items():
        for name in given:
            if plain(name) != name or name.strip() != name:
                raise DataError(f"{where}: {field}: {name!r} has a sign that cannot be seen, or a space at an end")
    if _ROUND.search(header.suite):
        raise DataError(f"{where}: suite: {header.suite!r}: of which round it is is told by the field 'round'")
    _check_plain(header.policy.options, f"{where}: policy.options")
    for entry in header.entries:
        _check_plain(entry.kwargs, f"{where}: entries[{entry.name!r}].kwargs")


def _check_plain(value: Any, where: str, depth: int = 0) -> None:
    """Check what may be any JSON: its depth, and that its integers are such as every reader can hold."""
    if depth > MAX_DEPTH:
        raise DataError(f"{where} is nested more than {MAX_DEPTH} deep")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise DataError(f"{where} has an integer of more than 63 bits")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_plain(item, where, depth + 1)


def _check_whole(episode: EpisodeRecord, entry: EntryRecord, where: str) -> None:
    """Check that an episode that came to its end has what is told at the end."""
    if not episode.steps:
        raise DataError(f"{where}: field 'steps' is empty")
    for name in entry.final_rewards:
        if name not in episode.steps[-1].rewards:
            raise DataError(f"{where}: the last step has no reward {name!r}")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the lines of a result file: the first is a ``Header``, the others ``EpisodeRecord``."""
    _, components = msgspec.json.schema_components([Header, EpisodeRecord], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a memgym result file",
        "oneOf": [{"$ref": "#/$defs/Header"}, {"$ref": "#/$defs/EpisodeRecord"}],
        "$defs": components,
    }


def _decode(line: bytes, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{where}: {error}") from None


def _finite(value: Any, field: str = "$") -> Any:
    """Return the value; JSON has no infinity, and msgspec would write null for it."""
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise DataError(f"{field} is {value}: only finite numbers can be recorded")
    if isinstance(value, Mapping):
        return {name: _finite(item, f"{field}.{name}") for name, item in value.items()}
    return [_finite(item, f"{field}[{i}]") for i, item in enumerate(value)] if isinstance(value, list) else value
