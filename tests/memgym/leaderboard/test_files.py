"""Result files: appended line by line, read whole or refused; a torn end costs one episode."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memgym.errors import ConfigError, DataError
from memgym.leaderboard import files, lines
from memgym.leaderboard.files import Recorder, Result, make_result, read_result, result_files, write_result
from memgym.leaderboard.records import EpisodeRecord, encode

ENDINGS = [".jsonl", ".jsonl.gz"]
both = pytest.mark.parametrize("ending", ENDINGS)


@pytest.fixture
def small(played: Result) -> Result:
    """A result of four short episodes."""
    episodes = [
        msgspec.structs.replace(episode, steps=episode.steps[-1:], seconds=None) for episode in played.of("long")
    ]
    return make_result(played.header, episodes, "small")


def record(result: Result, path: Path, episodes: int | None = None) -> None:
    with Recorder.new(path, result.header) as recorder:
        for episode in result.episodes[:episodes]:
            recorder.append(episode)


def ends(result: Result, path: Path) -> list[int]:
    """Return where the lines of a file end."""
    pack = gzip.compress if path.suffix == ".gz" else bytes
    found = [len(pack(encode(result.header)))]
    for episode in result.episodes:
        found.append(found[-1] + len(pack(encode(episode))))
    return found


# ------------------------------------------------------------------ writing and reading


@both
def test_what_is_recorded_is_read_at_any_moment(small: Result, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"result{ending}"
    with Recorder.new(path, small.header) as recorder:
        assert read_result(path) == Result(small.header, ())
        for number, episode in enumerate(small.episodes, 1):
            recorder.append(episode)
            assert read_result(path) == Result(small.header, small.episodes[:number])
    with Recorder.resume(path, read_result(path)):
        pass
    assert read_result(path) == small


@both
def test_an_episode_stays_whose_writing_was_interrupted_at_its_end(
    small: Result, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"result{ending}"
    write = Recorder._write

    def interrupted(recorder: Recorder, line: bytes) -> None:
        write(recorder, line)
        raise KeyboardInterrupt

    with Recorder.new(path, small.header) as recorder:
        monkeypatch.setattr(Recorder, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recorder.append(small.episodes[0])
    assert read_result(path).episodes == small.episodes[:1]


@both
def test_the_order_of_the_lines_does_not_matter(small: Result, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"result{ending}"
    record(Result(small.header, small.episodes[::-1]), path)
    assert read_result(path) == small
    assert [episode.key for episode in small.episodes] == [("long", t, i) for t in range(2) for i in range(2)]


def test_a_compressed_file_holds_the_same(played: Result, tmp_path: Path) -> None:
    plain, packed, again = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    for path in (plain, packed, again):
        write_result(played, path)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert packed.stat().st_size < plain.stat().st_size / 4
    assert packed.read_bytes() == again.read_bytes()  # no time, no name
    assert packed.read_bytes()[4:8] == b"\0\0\0\0"
    assert read_result(packed) == read_result(plain) == played


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    texts=st.lists(st.tuples(st.text(), st.floats(allow_nan=False, allow_infinity=False)), max_size=4), data=st.data()
)
def test_any_text_and_number_survives(
    small: Result, tmp_path: Path, texts: list[tuple[str, float]], data: st.DataObject
) -> None:
    path = tmp_path / f"any{data.draw(st.sampled_from(ENDINGS))}"
    path.unlink(missing_ok=True)
    steps = [msgspec.structs.replace(small.episodes[0].steps[0], action=text, reward=value) for text, value in texts]
    error = None if steps else "nothing was played"
    written = [msgspec.structs.replace(episode, steps=steps, error=error) for episode in small.episodes]
    result = Result(small.header, tuple(written))
    record(result, path)
    assert read_result(path) == result
    write_result(result, path)
    assert read_result(path) == result


def test_numbers_keep_their_last_digit(small: Result, tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, 2.0**53 + 2, -0.0]
    for value in values:
        step = msgspec.structs.replace(small.episodes[0].steps[0], reward=value)
        write_result(
            Result(small.header, (msgspec.structs.replace(small.episodes[0], steps=[step]),)), tmp_path / "a.jsonl"
        )
        assert repr(read_result(tmp_path / "a.jsonl").episodes[0].steps[0].reward) == repr(value)


# ------------------------------------------------------------------ episodes that failed, or are there twice


def failed(episode: EpisodeRecord, error: str = "ApiError: HTTP 500") -> EpisodeRecord:
    return msgspec.structs.replace(episode, error=error, steps=[])


@both
def test_an_episode_played_again_counts_once_it_is_whole(small: Result, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"result{ending}"
    first, *others = small.episodes
    lines = [failed(first), *others, failed(first, "ApiError: HTTP 400"), first]
    record(Result(small.header, tuple(lines)), path)
    assert read_result(path) == small
    record(Result(small.header, tuple(lines[:-1])), tmp_path / f"before{ending}")
    before = read_result(tmp_path / f"before{ending}")
    assert [episode.error for episode in before.failed] == ["ApiError: HTTP 400"]
    assert [episode.key for episode in before.of("long")] == [episode.key for episode in others]


@both
@pytest.mark.parametrize("again", [lambda episode: episode, failed])
def test_a_whole_episode_that_is_there_twice_is_refused(
    small: Result, tmp_path: Path, ending: str, again: Callable[[EpisodeRecord], EpisodeRecord]
) -> None:
    path = tmp_path / f"result{ending}"
    record(Result(small.header, (*small.episodes, again(small.episodes[1]))), path)
    with pytest.raises(DataError, match="episode 1, trial 0 of 'long' is there twice"):
        read_result(path)


def test_missing_episodes_are_named(small: Result) -> None:
    result = Result(small.header, small.episodes[1:3])
    assert list(result.missing()) == [("bank", 0, 0), ("long", 0, 0), ("long", 1, 1)]


# ------------------------------------------------------------------ torn files


def read_or_none(path: Path, message: str) -> Result | None:
    """Return a file's content, None if it was refused with a certain message."""
    try:
        return read_result(path)
    except DataError as error:
        return None if message in str(error) else pytest.fail(str(error))


@both
def test_a_file_cut_at_any_byte_is_read_up_to_there_and_goes_on(small: Result, tmp_path: Path, ending: str) -> None:
    whole, path = tmp_path / f"whole{ending}", tmp_path / f"cut{ending}"
    record(small, whole)
    content, marks = whole.read_bytes(), ends(small, whole)
    assert len(content) == marks[-1]
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        kept = sum(mark <= cut for mark in marks)
        result = read_or_none(path, "it has no whole line")
        if result is None:
            assert kept == 0, cut
            continue
        assert result.torn == (cut not in marks), cut
        # The check sum behind a compressed line may be cut off, and the line is whole.
        assert len(result.episodes) in ([kept - 1] if ending == ".jsonl" else [kept - 1, kept]), cut
        assert result.episodes == small.episodes[: len(result.episodes)]
        if cut % 7 == 0 or cut in marks:
            with Recorder.resume(path, result) as recorder:
                for episode in small.episodes[len(result.episodes) :]:
                    recorder.append(episode)
            assert read_result(path) == small


def test_a_flipped_bit_in_a_compressed_file_is_found(small: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl.gz"
    record(small, path)
    content, found = path.read_bytes(), 0
    last = ends(small, path)[-2]
    places = range(len(content))
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        result = read_or_none(path, str(path))
        if result is None:
            found += 1
        else:  # what is not content, such as the time in a head; or the end of the last line
            assert result.episodes == small.episodes or (result.torn and place >= last), place
    assert found > 0.9 * len(places)


@both
@pytest.mark.parametrize("line", [b"", b"{}", b"nonsense", b'{"entry": "long"}', b"\xff"])
def test_a_damaged_line_in_the_middle_is_named(small: Result, tmp_path: Path, ending: str, line: bytes) -> None:
    path = tmp_path / f"result{ending}"
    lines = [encode(small.header), encode(small.episodes[0]), line + b"\n", encode(small.episodes[1])]
    path.write_bytes(b"".join(map(gzip.compress, lines)) if ending == ".jsonl.gz" else b"".join(lines))
    with pytest.raises(DataError, match=rf"result{ending}, line 3: "):
        read_result(path)


def test_two_lines_that_ran_into_each_other_are_refused(small: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    path.write_bytes(encode(small.header) + encode(small.episodes[0]).rstrip() + encode(small.episodes[1]))
    with pytest.raises(DataError, match="line 2"):
        read_result(path)


# ------------------------------------------------------------------ sizes


@both
def test_a_huge_line_is_refused_before_it_is_read(
    small: Result, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"result{ending}"
    monkeypatch.setattr(files, "MAX_LINE", 100_000)
    step = msgspec.structs.replace(small.episodes[0].steps[0], action="x" * 90_000)
    record(Result(small.header, (msgspec.structs.replace(small.episodes[0], steps=[step]),)), path)
    assert len(read_result(path).episodes) == 1
    endless = b'{"entry": "' + b"x" * 100_000
    with open(path, "ab") as file:
        file.write(gzip.compress(endless) if ending == ".jsonl.gz" else endless)
    with pytest.raises(DataError, match="a line has more than 100,000 bytes"):
        read_result(path)


def test_a_file_that_unpacks_without_end_is_refused(
    small: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.jsonl.gz"
    write_result(small, path)
    monkeypatch.setattr(lines, "MAX_CONTENT", 2_000)
    with pytest.raises(DataError, match="it holds more than 2,000 bytes"):
        read_result(path)


# ------------------------------------------------------------------ files that are none, and folders


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "it has no whole line"),
        (lambda data: b"{}", "not a gzip file"),
        (lambda data: data[:20] + b"?" + data[21:], "not a gzip file, or damaged|line|JSON"),
        (lambda data: data[:-8] + b"12345678", "not a gzip file, or damaged"),
        (lambda data: data + b"more", "not a gzip file, or damaged"),
        (lambda data: gzip.compress(b"{\n"), "its first line is no JSON object"),
    ],
    ids=range(6),
)
def test_damaged_compressed_files_are_refused(
    played: Result, tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / "result.jsonl.gz"
    write_result(played, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message) as refused:
        read_result(path)
    assert str(path) in str(refused.value)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.jsonl", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_result(path)


def test_a_folder_stands_for_the_result_files_in_it(small: Result, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    with pytest.raises(DataError, match=r"results: the folder has no result file \(\*\.jsonl or \*\.jsonl\.gz\)"):
        result_files([folder])
    for name in ("b.jsonl", "a.jsonl.gz", "c.json", "notes.txt"):
        (folder / name).touch()
    (folder / "deeper").mkdir()
    (folder / "deeper" / "d.jsonl").touch()
    found = result_files([tmp_path / "x.jsonl", folder, folder / "b.jsonl"])
    assert [path.name for path in found] == ["x.jsonl", "a.jsonl.gz", "b.jsonl"]


def test_a_file_that_is_there_stays(small: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    record(small, path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="--resume goes on with it, --overwrite begins anew"):
        Recorder.new(path, small.header)
    assert path.read_bytes() == before
    with Recorder.new(path, small.header, overwrite=True) as recorder:
        recorder.append(small.episodes[0])
    assert read_result(path) == Result(small.header, small.episodes[:1])
    with Recorder.new(path, small.header, overwrite=True):
        pass
    assert not path.exists()  # nothing was played, so nothing stands in the way of the next try
    with pytest.raises(ConfigError, match="cannot be written"):
        Recorder.new(tmp_path / "nowhere" / "result.jsonl", small.header)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"suite": "x" * 1001}, "length <= 1000 - at `.*suite`"),
        ({"suite": "a\nb"}, "suite: .* has a sign that cannot be seen"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 2**70}, "seed"),
        ({"left_out": ["x"] * 1001}, "left_out"),
    ],
)
def test_a_header_that_could_not_be_read_is_not_begun(
    small: Result, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / "result.jsonl"
    record(small, path)
    before = path.read_bytes()
    header = msgspec.structs.replace(small.header, **change)
    with pytest.raises(DataError, match=said):
        Recorder.new(path, header, overwrite=True)
    with pytest.raises(DataError, match=said):
        write_result(Result(header, ()), path)
    assert path.read_bytes() == before


def test_an_episode_that_could_not_be_read_is_not_appended(small: Result, tmp_path: Path) -> None:
    """What was there before is kept, and read."""
    path = tmp_path / "result.jsonl"
    first, second, *_ = small.episodes
    (answer,) = first.steps[-1].answers
    for changed, said in (
        ({"question_id": "q" * 1001}, r"long, episode 1, trial 0 could not be read again: .*question_id"),
        ({"category": "c" * 1001}, "category"),
        ({"scores": {"answer": 1.5}}, "<= 1.0"),
    ):
        step = msgspec.structs.replace(second.steps[-1], answers=[msgspec.structs.replace(answer, **changed)])
        with Recorder.new(path, small.header, overwrite=True) as recorder:
            recorder.append(first)
            with pytest.raises(DataError, match=said):
                recorder.append(msgspec.structs.replace(second, steps=[step]))
        assert read_result(path) == Result(small.header, (first,))


def test_no_more_is_appended_than_is_read(small: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgym.leaderboard.episodes.MAX_ANSWERS", 2)
    path = tmp_path / "result.jsonl"
    record(small, path, 1)
    with Recorder.resume(path, read_result(path)) as recorder:
        recorder.append(small.episodes[1])
        with pytest.raises(DataError, match="it holds more than 2 answers"):
            recorder.append(small.episodes[2])
    assert read_result(path).episodes == small.episodes[:2]


def test_a_result_is_written_whole_or_not_at_all(small: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    write_result(small, path)
    before = path.read_bytes()
    bad = msgspec.structs.replace(small.episodes[0], seconds=float("nan"))
    with pytest.raises(DataError, match="only finite numbers"):
        write_result(Result(small.header, (*small.episodes, bad)), path)
    assert path.read_bytes() == before
    occupied = tmp_path / "occupied.jsonl"
    occupied.mkdir()
    with pytest.raises(DataError, match="occupied"):
        write_result(small, occupied)
    assert sorted(tmp_path.iterdir()) == [occupied, path]


FULL = """
import resource, signal, sys
from pathlib import Path
from memgym.errors import DataError
from memgym.leaderboard.files import Recorder, read_result
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
source, path = Path(sys.argv[1]), Path(sys.argv[2])
result = read_result(source)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
with Recorder.new(path, result.header) as recorder:
    for episode in result.episodes:
        try:
            recorder.append(episode)
        except DataError as error:
            print(error)
            break
"""


@both
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on the size of files")
def test_a_full_disk_keeps_what_was_played(small: Result, tmp_path: Path, ending: str) -> None:
    source, path = tmp_path / f"source{ending}", tmp_path / f"full{ending}"
    record(small, source)
    marks = ends(small, source)
    limit = (marks[2] + marks[3]) // 2
    command = [sys.executable, "-c", FULL, str(source), str(path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot be written: File too large; what was played is kept" in done.stdout
    result = read_result(path)
    assert result == Result(small.header, small.episodes[:2])
    assert not result.torn  # the half line was taken back
