"""Files that would fill the memory."""

from __future__ import annotations

import copy
import gzip
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from memgym.tasks import make_task
from tests.memgym.leaderboard.hostile.builders import (
    NOT_VERIFIED,
    REFUSED,
    Episodes,
    Header,
    Honest,
    Hostile,
    changed,
    header,
    lines,
    step,
    written,
)

MB = 1 << 20


def packed(*parts: bytes | Iterator[bytes]) -> Iterator[bytes]:
    """Pack parts one after the other, large ones piece by piece."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as out:
        for part in parts:
            for piece in [part] if isinstance(part, bytes) else part:
                out.write(piece)
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def bomb(piece: bytes, times: int, says: str) -> Hostile:
    """A header, then a piece again and again, packed into next to nothing."""
    return Hostile(
        lambda honest: packed(lines(honest.lexical[:1]), (piece for _ in range(times))), REFUSED, says, ".jsonl.gz"
    )


def many(episodes: int, make: Callable[[int], dict[str, Any]], says: str) -> Hostile:
    """A file of many small episodes, each another."""

    def content(honest: Honest) -> Iterator[bytes]:
        first = copy.deepcopy(honest.lexical[0])
        first["entries"][1].update(episodes=2**31)
        yield lines([first])
        for index in range(episodes):
            known = {"entry": "long", "trial": 0, "index": index, "episode_id": "x", "steps": []}
            yield lines([{**known, **make(index)}])

    return Hostile(lambda honest: packed(content(honest)), REFUSED, says, ".jsonl.gz")


def small_step(index: int, answered: int = 0) -> dict[str, Any]:
    score = {"question_id": "", "category": "", "answer": "", "scores": {"answer": 0}}
    rewards = {"memory_recall": 0, "memory_precision": 0, "compression": 0}
    told = {"phase": "p", "action": None, "action_error": "", "overflow": False, "reward": 0, "rewards": rewards}
    return {**told, "answers": [score] * answered, "observation_tokens": 0, "action_tokens": 0}


def long_action(size: int, code: int, says: str) -> Hostile:
    """An honest file in which an action has so many MB."""

    def content(honest: Honest) -> Iterator[bytes]:
        header, *episodes = copy.deepcopy(honest.lexical)
        episodes[0]["steps"][0]["action"] = "LONG"
        before, after = lines([header, *episodes]).split(b"LONG")
        yield from packed(before, (b"x" * MB for _ in range(size)), after)

    return Hostile(content, code, says, ".jsonl.gz")


def flood(h: Header, e: Episodes) -> None:
    """Let an episode of many sessions keep 5,000 memories in each."""
    bank = h["entries"][0]
    bank["kwargs"]["sessions"] = 20
    bank["task_fingerprint"] = make_task(
        bank["kwargs"]["task"], **{name: value for name, value in bank["kwargs"].items() if name != "task"}
    ).fingerprint()
    rewards = e[0]["steps"][-1]["rewards"]
    told = {**small_step(0), "rewards": rewards}
    memories = json.dumps({"memory_list": [{"key": "", "value": str(i)} for i in range(5000)]})
    plan = json.dumps({"operations": [{"id": f"c{i + 1}", "op": "ADD"} for i in range(5000)]})
    e[0]["steps"] = [{**told, "action": action} for _ in range(20) for action in (memories, plan)]


def stored(h: Header, e: Episodes) -> None:
    """Let rules store the most turns that are replayed."""
    kwargs = h["entries"][0]["kwargs"]
    kwargs.update(sessions=20, turns=500, phases=["answer"])
    told = {name: value for name, value in kwargs.items() if name not in ("task", "phases")}
    h["entries"][0]["task_fingerprint"] = make_task(kwargs["task"], **told).fingerprint()


SIZES = {
    "the most turns, stored by rules": changed(stored, NOT_VERIFIED, "the entries are not those"),
    "a flood of memories": changed(flood, NOT_VERIFIED, "have more than 40,000 items: it is not replayed"),
    "a bomb of zeros": bomb(bytes(MB), 1024, "a line has more than 134,217,728 bytes"),
    "a bomb of line ends": bomb(b"\n" * MB, 1024, "line 2"),
    "a bomb of brackets": bomb(b"[" * MB, 1024, "a line has more than"),
    "a bomb without a header": Hostile(
        lambda honest: packed(bytes(MB) for _ in range(1024)), REFUSED, "a line has more than", ".jsonl.gz"
    ),
    "a header of lists": header(REFUSED, "first line has more than 1,048,576 bytes", packages={"x": "y" * MB}),
    "arguments of lists": written('"length": 600', '"length": [' + "[]," * 300_000 + "[]]", REFUSED, ".", 0),
    "a record of rewards": written(
        '"rewards": {', '"rewards": {' + "".join(f'"{i:x}":0,' for i in range(700_000)), REFUSED, "line 2"
    ),
    "a record of usage": step(REFUSED, "length <= 100", usage={f"{i:x}": 0 for i in range(400_000)}),
    "a line of 129 MB": long_action(129, REFUSED, "a line has more than"),
    "episodes without end": many(200_001, lambda i: {"error": "x"}, "more than 200,000 episodes"),
    "answers without end": many(
        130, lambda i: {"error": "x", "steps": [small_step(i, 8000)]}, "more than 1,000,000 answers"
    ),
    "names without end": many(
        60,
        lambda i: {"error": "x", "steps": [{**small_step(i), "rewards": {f"{i} {j}": 0 for j in range(100)}}]},
        "more than 1,000 different names",
    ),
    "phases without end": many(
        600, lambda i: {"error": "x", "steps": [{**small_step(i), "phase": f"{i} {j}"} for j in range(9)]}, "names"
    ),
}

LONG = {
    "a line of 127 MB": long_action(127, NOT_VERIFIED, "at most 1,000,000 are read"),
}
