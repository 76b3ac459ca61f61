"""What goes wrong outside of our code is one line; what is shown fits where it is shown."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from memgym.api import ChatClient
from memgym.cli import app
from memgym.cli.bars import Bars
from memgym.data.files import read_rows
from memgym.errors import ConfigError, DataError, MemgymError
from memgym.folders import cache_folder
from memgym.judging.judge import Judge
from memgym.leaderboard.suites import get_suite
from memgym.policy import policy_class
from memgym.registration import make

LONG = "a" * 5000


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "bytes.jsonl").write_bytes(bytes(range(256)))
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["table", LONG],
        ["table", "bytes.jsonl"],
        ["verify", "empty.jsonl"],
        ["verify", "folder"],
        ["compare", "folder", "empty.jsonl"],
        ["merge", "empty.jsonl", "--out", f"{LONG}.jsonl"],
        ["inspect", "custom", "--set", f"path={LONG}"],
        ["inspect", "custom", "--set", "path=pipe"],
        ["inspect", "custom", "--set", "path=folder"],
        ["inspect", "custom", "--set", "path=/dev/null/x"],
        ["inspect", "persona", "--set", f"difficulty={'[' * 10_000}"],
        ["inspect", "persona", "--set", "difficulty=\udcff"],
        ["evaluate", "baselines:NoMemory", "--suite", f"{LONG}.toml"],
        ["evaluate", "baselines:NoMemory", "--env", "memgym/Longcontext-v1", "--out", "empty.jsonl"],
    ],
    ids=lambda arguments: " ".join(arguments)[:50].encode("ascii", "replace").decode(),
)
def test_odd_files_are_one_line(arguments: list[str], here: Path) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2, done.exception
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 2100


@pytest.mark.parametrize("typed", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\x80abc", b"\xf8\x88\x80\x80\x80", b"\0"])
def test_bytes_that_are_no_text_are_played(typed: bytes) -> None:
    done = CliRunner().invoke(app, ["play", "memgym/Longcontext-v1", "--index", "1"], input=typed + b"\n\n/quit\n")
    assert done.exit_code == 0, done.exception
    assert "Left before the end" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "socksio"),
        ("HTTPS_PROXY", "http://user:secret@host:port", "not the address of a proxy"),
        ("HTTP_PROXY", "ht!tp://secret", "not the address of a proxy"),
        ("ALL_PROXY", "http://[::1", "not the address of a proxy"),
        ("ALL_PROXY", "ftp://secret:1", "not the address of a proxy"),
        ("SSL_CERT_FILE", "/gone", "no certificates"),
        ("SSL_CERT_FILE", "/etc", "no certificates"),
        ("OPENAI_ORG_ID", "Łódź", "no HTTP header"),
    ],
)
def test_settings_for_connections(name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx2")
    for other in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.lower(), raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv(name, value)
    if "socks" in value:
        monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    with pytest.raises(ConfigError, match=f"{name}.*{said}") as raised:
        ChatClient("m", "http://127.0.0.1:9/v1")
    assert "secret" not in str(raised.value)


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder whose files can take no more than 64 kB, as of a full disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_temporary_folder_is_named(full: Path) -> None:
    rows = gzip.compress(json.dumps([{"id": "x" * (1 << 20)}]).encode())
    assert len(rows) < 1 << 16
    (full / "rows.json.gz").write_bytes(rows)
    with pytest.raises(DataError, match=f"cannot be unpacked: the temporary folder {full} has no room .*TMPDIR"):
        read_rows(full / "rows.json.gz")


def test_no_temporary_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.json.gz").write_bytes(gzip.compress(b'[{"id": 1}]'))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"no temporary folder can be written .*TMPDIR"):
        read_rows(tmp_path / "rows.json.gz")


@pytest.mark.parametrize("deep", ["[" * 5000, "{a=" * 5000, "'''", "\x00", "a = 1\na = 2"])
def test_odd_toml_is_said_to_be_none(deep: str, here: Path) -> None:
    (here / "odd.toml").write_text(f"a = {deep}")
    with pytest.raises(MemgymError, match=r"odd\.toml is no TOML file"):
        get_suite("odd.toml")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Lexical", "baselines:Lexical"),
        ("lexical", "baselines:Lexical"),
        ("Orcle", "baselines:Oracle"),
        ("MemoryAgent", "memagents:MemoryAgent"),
        ("baselines:Lexicl", "Lexical"),
        ("baselines:NoMemry", "NoMemory"),
    ],
)
def test_policies_nearby(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"Did you mean '{near}'"):
        policy_class(name)


@pytest.mark.parametrize(
    "name", ["Longcontext-v1", "longcontext", "memgym/Longcontext-v2", "memgym/longcontext-v1", "memgm/Longcontext-v1"]
)
def test_environments_nearby(name: str) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'memgym/Longcontext-v1'"):
        make(name)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("name", ["short", "results/" + "x" * 300 + ".jsonl", "日本" * 90])
def test_a_bar_fits_the_line(width: int, name: str) -> None:
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=True, color_system=None)
    with Bars(console) as bars:
        bars.add(name, 240, 13)
    if width >= 60:
        assert "13/240" in written.getvalue()
        assert "0:00:00" in written.getvalue()


def test_the_cache_folder_holds_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx2")
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "kept"))
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert Judge("m", base_url="http://127.0.0.1:9/v1").cache.path == cache_folder() / "verdicts.sqlite"
    assert (tmp_path / "kept" / "verdicts.sqlite").is_file()
