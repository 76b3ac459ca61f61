"""Records: typed, closed, finite; what is written is what is read, and the schema is true."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym import shown
from memgym.errors import DataError
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import (
    FORMAT,
    FORMAT_VERSION,
    AnswerRecord,
    EntryRecord,
    EpisodeRecord,
    Header,
    JudgeRecord,
    PolicyRecord,
    StepRecord,
    decode_episode,
    decode_header,
    encode,
    json_schema,
)

names = st.text(min_size=1, max_size=20).map(lambda name: shown.plain(name).strip() or "x")
finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**63 - 1)
scores = st.dictionaries(st.text(min_size=1, max_size=8), st.floats(0, 1), max_size=3)
seconds = st.none() | st.floats(0, 1e9)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
answers = st.builds(
    AnswerRecord,
    question_id=st.text(),
    category=st.text(),
    answer=st.text(),
    scores=scores.map(lambda found: {**found, "answer": 1.0}),
)
steps = st.builds(
    StepRecord,
    phase=names,
    action=st.none() | st.text(),
    action_error=st.text(),
    overflow=st.booleans(),
    reward=finite,
    rewards=scores.map(lambda found: {**found, "memory_recall": 0.5}),
    answers=st.lists(answers, max_size=2),
    observation_tokens=counts,
    action_tokens=counts,
    seconds=seconds,
    usage=st.none() | st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 2**53), max_size=2),
)
entries = st.builds(
    EntryRecord,
    name=st.just("e"),
    env_id=names,
    kwargs=st.dictionaries(st.text(max_size=5), plain, max_size=3),
    split=names,
    episodes=st.just(4),
    trials=st.just(2),
    env_spec=st.text(),
    task_fingerprint=names,
    judge=st.none() | st.builds(JudgeRecord, id=names, prompt_hash=names),
    final_rewards=st.just(["memory_recall"]),
    size=st.none() | st.integers(3, 9),
    seconds=seconds,
)
headers = st.builds(
    Header,
    format=st.just(FORMAT),
    format_version=st.just(FORMAT_VERSION),
    suite=names,
    left_out=st.lists(names, max_size=2),
    policy=st.builds(
        PolicyRecord, entry_point=names, options=st.dictionaries(names, plain, max_size=2), privileged=st.booleans()
    ),
    seed=counts,
    packages=st.dictionaries(names, names, max_size=3),
    entries=st.lists(entries, min_size=1, max_size=1),
)
episodes = st.builds(
    EpisodeRecord,
    entry=st.just("e"),
    trial=st.integers(0, 1),
    index=st.integers(0, 2),
    episode_id=st.text(),
    steps=st.lists(steps, min_size=1, max_size=3),
    seconds=seconds,
    error=st.none() | st.text(),
)


LINE = jsonschema.Draft202012Validator(json_schema())


@settings(deadline=None)
@given(headers, episodes)
def test_what_is_written_is_read(header: Header, episode: EpisodeRecord) -> None:
    lines = encode(header), encode(episode)
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    again = decode_header(lines[0], "x")
    assert again == header
    assert decode_episode(lines[1], again, "x") == episode
    for line in lines:
        LINE.validate(json.loads(line))


def lines_of(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a header and an episode as they stand in a file, the episode with all that may be known of it."""
    header = msgspec.to_builtins(result.header)
    header["entries"][1]["judge"] = {"id": "m", "prompt_hash": "0"}
    episode = msgspec.to_builtins(result.of("long")[0])
    episode["steps"][-1]["usage"] = {"prompt_tokens": 1}
    episode["error"] = None
    return header, episode


def read(header: Any, episode: Any) -> None:
    known = decode_header(json.dumps(header).encode(), "here")
    decode_episode(json.dumps(episode).encode(), known, "here")


def in_schema(header: Any, episode: Any) -> bool:
    return LINE.is_valid(header) and LINE.is_valid(episode)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all fields; those under which anything may stand are not entered."""
    if path and path[-1] in ("kwargs", "options", "rewards", "scores", "packages", "usage"):
        return [path]
    if isinstance(value, list):
        return places(value[-1], (*path, len(value) - 1)) if value else []
    if isinstance(value, dict):
        return [p for key, inner in value.items() for p in [(*path, key), *places(inner, (*path, key))]]
    return []


OPTIONAL = {"judge", "final_rewards", "size", "seconds", "usage", "error"}


def test_every_field_is_checked_and_by_the_schema_too(played: Result) -> None:
    """Left out, misspelt or of another type: the reader and the published schema say the same."""
    lines = lines_of(played)
    assert in_schema(*lines)
    read(*lines)
    checked = 0
    for number, line in enumerate(lines):
        for *path, name in places(line):
            container: Any = line
            for key in path:
                container = container[key]
            value = container.pop(name)
            for other in ({}, {f"{name}x": value}, {name: [[]]}):
                container.update(other)
                fits = other == {} and name in OPTIONAL
                assert in_schema(*lines) == fits, (path, name, other)
                if fits:
                    read(*lines)
                else:
                    with pytest.raises(DataError, match=r"^here"):
                        read(*lines)
                for key in other:
                    container.pop(key)
            container[name] = value
            checked += 1
        assert checked > 10 * (number + 1)
    read(*lines)


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, '"seed":NaN'), (0, '"seed":-1'), (0, '"seed":1.5'), (0, '"entries":[]')]
    + [(1, f'"reward":{value}') for value in ("NaN", "Infinity", "1e999", "null", "true", '"1"')]
    + [(1, f'"index":{value}') for value in ("-1", "2", "1.5", str(10**30))]
    + [(1, '"trial":2'), (1, '"entry":"other"'), (1, '"steps":[]')],
)
def test_values_that_no_record_has(played: Result, number: int, written: str) -> None:
    line = encode(played.header if number == 0 else played.of("long")[0]).decode()
    name = written.partition(":")[0]
    start = line.index(name + ":")
    old = line[start:].partition(",")[0] if name not in ('"entries"', '"steps"') else None
    content = json.loads(line)
    if old is None:
        content[name.strip('"')] = []
        text = json.dumps(content)
    else:
        text = line.replace(old, written, 1)
    decode = decode_header if number == 0 else partial(decode_episode, header=played.header)
    with pytest.raises(DataError, match=r"^here: "):
        decode(text.encode(), where="here")


def test_a_whole_episode_has_its_end(played: Result) -> None:
    header, episode = lines_of(played)
    del episode["steps"][-1]["rewards"]["memory_recall"]
    with pytest.raises(DataError, match="the last step has no reward 'memory_recall'"):
        read(header, episode)
    episode["error"] = "it failed before"
    read(header, episode)
    del episode["steps"][-1]["answers"][0]["scores"]["answer"]
    with pytest.raises(DataError, match="has no score 'answer'"):
        read(header, episode)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "not a memgym result file"),
        (b"\xff\xfe", "not a memgym result file"),
        (b"{", "not a memgym result file"),
        (b"[" * 100_000, "not a memgym result file"),
        (b"[]", "not a memgym result file"),
        (b"null", "not a memgym result file"),
        (b'{"format": "other"}', "field 'format' is not 'memgym-result'"),
        (b'{"format": "memgym-result"}', "missing required field `format_version`"),
        (b'{"format": "memgym-result", "format_version": "2"}', r"\$\.format_version"),
        (b'{"format": "memgym-result", "format_version": 1}', r"\$\.format_version"),
        (b'{"format": "memgym-result", "format_version": 2}', "missing required field"),
        (b'{"format": "memgym-result", "format_version": 3}', "written by a newer memgym"),
        (b'{"format": "memgym-result", "format_version": 9999999999999999999999}', "."),
    ],
    ids=range(13),
)
def test_foreign_and_newer_headers_are_refused(line: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        decode_header(line, "here")
    assert str(refused.value).startswith("here: ")


def test_deep_lines_are_refused(played: Result) -> None:
    deep = b'{"format": "memgym-result", "format_version": 2, "policy": {"options": ' + b'{"a":' * 100_000
    with pytest.raises(DataError):
        decode_header(deep, "here")
    with pytest.raises(DataError):
        decode_episode(b'{"steps": ' + b"[" * 100_000, played.header, "here")


def test_a_line_may_hold_long_texts_but_not_many_parts(played: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgym.leaderboard.records.MAX_PARTS", 500)
    episode = msgspec.structs.replace(played.episodes[0], steps=played.episodes[0].steps[-1:])
    long = msgspec.structs.replace(episode.steps[0], action="x" * 5_000)
    told = encode(msgspec.structs.replace(episode, steps=[long]))
    assert decode_episode(told, played.header, "here").steps == [long]
    many = encode(msgspec.structs.replace(episode, steps=[long] * 40))
    with pytest.raises(DataError, match="here: a record of more than 500 parts"):
        decode_episode(many, played.header, "here")


def test_two_entries_of_one_name_are_refused(played: Result) -> None:
    header = msgspec.to_builtins(played.header)
    header["entries"][1]["name"] = "bank"
    with pytest.raises(DataError, match="two entries are called 'bank'"):
        decode_header(json.dumps(header).encode(), "here")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_not_written(played: Result, value: float) -> None:
    """It would be read as null."""
    step = msgspec.structs.replace(played.episodes[0].steps[0], rewards={"format": value})
    with pytest.raises(DataError, match=r"steps\[0\]\.rewards\.format is .*only finite numbers"):
        encode(msgspec.structs.replace(played.episodes[0], steps=[step]))
    policy = msgspec.structs.replace(played.header.policy, options={"a": [{"b": value}]})
    with pytest.raises(DataError, match="only finite numbers"):
        encode(msgspec.structs.replace(played.header, policy=policy))


def test_what_is_no_unicode_is_not_written(played: Result) -> None:
    with pytest.raises(DataError, match="cannot be written down"):
        encode(msgspec.structs.replace(played.episodes[0], episode_id="\ud800"))


def test_entries_know_their_episodes(played: Result) -> None:
    entry = msgspec.structs.replace(played.header.entry("long"), episodes=20, trials=2, size=3)
    assert entry.count == 3
    assert list(entry.episode_keys()) == [("long", trial, index) for trial in range(2) for index in range(3)]
    assert msgspec.structs.replace(entry, size=None).count == 20
    assert entry.suite_entry().episodes == 20
