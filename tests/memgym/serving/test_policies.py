"""Policies over HTTP: what is served plays as at home, an entry may be in any language, and servers may fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memgym.cli import app
from memgym.errors import ConfigError
from memgym.leaderboard.files import read_result
from memgym.policy import Ask, Move, load_policy
from memgym.serving import HttpPolicy
from memgym.serving.client import TOKEN, PolicyServerError
from memgym.serving.server import PolicyServer
from tests.memgym.leaderboard.test_evaluate import timeless

pytest.importorskip("httpx2")
LONG = ("--env", "memgym/Longcontext-v1", "--set", "task=whereabouts", "--set", "section_tokens=40", "--episodes", "8")


@pytest.fixture
def serve() -> Iterator[Any]:
    """Serve a policy on loopback, and return where."""
    servers: list[PolicyServer] = []

    def start(entry_point: str, **options: Any) -> str:
        servers.append(PolicyServer(load_policy(entry_point, **options), entry_point))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}).start()
        return servers[-1].url

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Scripted(BaseHTTPRequestHandler):
    """Replies what the class attribute ``script`` says, the last one again and again."""

    script: list[tuple[int, bytes]]
    seen: list[dict[str, Any]]

    def do_GET(self) -> None:
        status, body = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        length = int(self.headers.get("Content-Length", 0))
        self.seen.append({"headers": dict(self.headers), "body": self.rfile.read(length)})
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[Any]:
    """Serve a script of replies, and return where and what was asked."""
    servers = []

    def start(*script: tuple[int, bytes]) -> tuple[str, list[dict[str, Any]]]:
        handler = type("Handler", (Scripted,), {"script": list(script), "seen": []})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{servers[-1].server_port}", handler.seen  # type: ignore[attr-defined]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def evaluate(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["evaluate", *arguments, "--out", str(folder)])
    assert done.exit_code == code, (done.output, done.exception)
    return done


@pytest.mark.parametrize("policy", ["baselines:Lexical", "baselines:Random"])
def test_a_served_policy_plays_what_it_plays_at_home(policy: str, serve: Any, tmp_path: Path) -> None:
    evaluate(tmp_path / "home", policy, *LONG)
    evaluate(tmp_path / "served", serve(policy), *LONG)
    (home,), (served,) = ([read_result(path) for path in (tmp_path / name).iterdir()] for name in ("home", "served"))
    assert timeless(home)[1] == timeless(served)[1]
    assert served.header.policy.options == {"name": policy}
    (file,) = (tmp_path / "served").iterdir()
    assert "127.0.0.1" not in file.read_text()


def test_an_entry_in_javascript_stands_on_the_board_and_verifies(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js")
    script = Path(__file__).with_name("keep_last.js")
    with subprocess.Popen([node, str(script)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            done = evaluate(tmp_path, f"http://127.0.0.1:{port}", "baselines:Finder", *LONG)
        finally:
            server.kill()
    assert "keep_last.js" in done.output
    results = {read_result(path).header.policy.entry_point: read_result(path) for path in tmp_path.iterdir()}
    scores = {
        name: [answer.scores["answer"] for episode in result.episodes for answer in episode.steps[-1].answers]
        for name, result in results.items()
    }
    assert scores["memgym.serving:HttpPolicy"] == scores["baselines:Finder"]
    assert sum(scores["baselines:Finder"]) > 0
    verified = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert verified.exit_code == 0, verified.output


def test_the_command_serves_until_it_is_stopped(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-c", "from memgym.cli import app; app()", "serve-policy", "baselines:KeepAll"]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            url = said.partition(" is served at ")[2].partition(";")[0]
            evaluate(tmp_path, url, *LONG)
        finally:
            server.kill()
    assert said.startswith("baselines:KeepAll is served at http://127.0.0.1:")


def test_a_failing_observation_is_that_episodes_own(scripted: Any) -> None:
    url, seen = scripted(
        (422, b'{"error": "too long"}'),
        (200, b'{"actions": ["a"]}'),
        (422, b'{"error": "too long"}'),
    )
    policy = HttpPolicy(url, max_retries=0)
    asks = [Ask("one", 1), Ask("two", 2)]
    with pytest.raises(PolicyServerError, match=r"HTTP 422: '\{\"error\": \"too long\"\}'"):
        policy.move_many(asks)
    assert policy.move_many(asks[:1]) == [Move("a")]
    assert json.loads(seen[0]["body"]) == {"observations": ["one", "two"], "seeds": [1, 2]}


@pytest.mark.parametrize("token", ["é", "a\nb"])
def test_tokens_that_are_none(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, token)
    with pytest.raises(ConfigError, match=f"^{TOKEN} has characters that no token can have") as refused:
        HttpPolicy("http://127.0.0.1:8000")
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "no JSON object"),
        (b"not json", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
        (b"\xff\xfe", "no JSON object"),
        (b"{}", "'actions' must be a list of texts"),
        (b'{"actions": "ab"}', "'actions' must be a list of texts"),
        (b'{"actions": [1, 2]}', "'actions' must be a list of texts"),
        (b'{"actions": ["a"]}', "1 actions for 2 observations"),
        (b'{"actions": ["a", "b", "c"]}', "3 actions for 2 observations"),
    ],
)
def test_replies_that_are_none(body: bytes, said: str, scripted: Any) -> None:
    url, _ = scripted((200, body))
    with pytest.raises(PolicyServerError, match=said):
        HttpPolicy(url).act_many(["a", "b"])


def test_a_busy_server_is_asked_again_and_a_redirect_is_not_followed(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgym.serving.client.time.sleep", lambda seconds: None)
    url, seen = scripted((503, b""), (429, b""), (200, b'{"actions": ["a", null]}'))
    assert HttpPolicy(url).act_many(["x", "y"]) == ["a", None]
    assert len(seen) == 3
    url, seen = scripted((302, b""))
    with pytest.raises(PolicyServerError, match="HTTP 302"):
        HttpPolicy(url).act("x")
    assert len(seen) == 1


def test_a_server_that_is_gone_fails_every_episode_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = HttpPolicy("http://127.0.0.1:9", max_retries=0)
    moves = policy.move_many([Ask("a"), Ask("b")])
    assert [type(move) for move in moves] == [PolicyServerError] * 2
    assert "the connection failed (ConnectError)" in str(moves[0])
    refused = evaluate(tmp_path, "http://127.0.0.1:9,max_retries=0", *LONG, code=2)
    assert refused.stderr.startswith("error: policy at http://127.0.0.1:9: the connection failed")
    assert not list(tmp_path.iterdir())


def test_the_token_is_sent_and_never_shown(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "secret-7c1f")
    url, seen = scripted((401, b'{"error": "secret-7c1f is wrong"}'))
    policy = HttpPolicy(url)
    with pytest.raises(PolicyServerError) as refused:
        policy.act("x")
    assert seen[0]["headers"]["Authorization"] == "Bearer secret-7c1f"
    assert "secret-7c1f" not in str(refused.value) + repr(policy)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "ftp://host", "http://", "http://user:pass@host", "http://host:99999", "http://[::1", 5,
            "http://ex*mple..com", "http://h:1/\x01", "http://\udcff.com", f"http://{'a' * 64}.ü.com"]
)  # fmt: skip
def test_addresses_that_are_none(url: Any) -> None:
    with pytest.raises(ConfigError, match="argument 'url' must look like") as refused:
        HttpPolicy(url)
    assert "pass@" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "must be a JSON object"),
        (b"{", "Expecting"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"observations": "a", "seeds": [1]}', "'observations' must be a list of texts"),
        (b'{"observations": [1], "seeds": [1]}', "'observations' must be a list of texts"),
        (b'{"observations": ["a"]}', "'seeds' must be a list"),
        (b'{"observations": ["a"], "seeds": [-1]}', "'seeds' must be a list"),
        (b'{"observations": ["a"], "seeds": [true]}', "'seeds' must be a list"),
        (b'{"observations": ["a"], "seeds": []}', "1 observations, but 0 seeds"),
    ],
)
def test_requests_that_are_none(body: bytes, said: str, serve: Any) -> None:
    import httpx2

    reply = httpx2.post(serve("baselines:KeepAll"), content=body)
    assert (reply.status_code, said in reply.json()["error"]) == (400, True), reply.text


def test_a_server_says_why_a_policy_failed(serve: Any) -> None:
    import httpx2

    url = serve("baselines:KeepAll")
    reply = httpx2.post(url, json={"observations": ["no observation"], "seeds": [0]})
    assert reply.status_code == 422
    assert "Error" in reply.json()["error"]
    assert httpx2.get(url).json() == {"name": "baselines:KeepAll"}
    assert httpx2.post(url, content=iter([b"{}"])).status_code == 413  # no length is told


def test_what_cannot_be_served() -> None:
    with pytest.raises(ConfigError, match="reads the gold answers"):
        PolicyServer(load_policy("baselines:Oracle"), "baselines:Oracle")
    with pytest.raises(ConfigError, match=r"cannot listen at 127\.0\.0\.1:99999"):
        PolicyServer(load_policy("baselines:KeepAll"), "baselines:KeepAll", port=99999)
