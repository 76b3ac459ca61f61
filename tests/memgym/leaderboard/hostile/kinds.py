"""Files that name what is not theirs to name, and files that are none."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile

from tests.memgym.leaderboard.hostile.builders import (
    NOT_VERIFIED,
    REFUSED,
    answers,
    argument,
    changed,
    entry,
    header,
    raw,
    step,
    written,
)
from tests.memgym.leaderboard.hostile.suites import NAME

# ------------------------------------------------------------------ code of others

CODE = "is none of memgym's: --trust-code"
FOREIGN = {
    "env of a module": entry(REFUSED, CODE, env_id="canary:Env-v0"),
    "env of ours through a module": entry(REFUSED, CODE, env_id="canary:memgym/Longcontext-v1"),
    "env of the standard library": entry(REFUSED, CODE, env_id="os:system"),
    "env of gymnasium": entry(REFUSED, CODE, env_id="CartPole-v1"),
    "env of another version": entry(REFUSED, "no environment of this version", env_id="memgym/Longcontext-v999"),
    "env with a space": entry(REFUSED, "a sign that cannot be seen, or a space", env_id="memgym/Longcontext-v1 "),
    "env of nothing": entry(REFUSED, r"env_id", env_id=""),
    "env of a long name": entry(REFUSED, r"env_id", env_id="m" * 2000),
    "task of a module": argument(REFUSED, CODE, task="canary:Task"),
    "task of ours by its module": argument(REFUSED, CODE, task="memgym.tasks.procedural.multihop:Multihop"),
    "task that is a list": argument(REFUSED, CODE, task=["multihop"]),
    "task that is null": argument(REFUSED, CODE, task=None),
    "task that is a number": argument(REFUSED, CODE, task=1),
    "task with an escape": argument(REFUSED, r"'\\\\x1b\[2Jx:y' is none", task="\x1b[2Jx:y"),
    "stage of a module": argument(REFUSED, CODE, task="curriculum", stages=[{"task": "canary:Task"}]),
    "memorizer of a module": argument(REFUSED, CODE, memorizer="canary:Policy"),
    "reader of a module": argument(REFUSED, CODE, reader="canary:Policy"),
    "extractor of a module": argument(REFUSED, CODE, 0, extractor="canary:Policy"),
    "updater of a module": argument(REFUSED, CODE, 0, updater="canary:Policy"),
    "retriever of a module": argument(REFUSED, CODE, 0, retriever="canary:Policy"),
    "operator of another phase": argument(REFUSED, CODE, 0, updater="top_k"),
    "operator that is a dict": argument(REFUSED, CODE, 0, updater={"a": 1}),
    "embedder of a module": argument(REFUSED, CODE, 0, embedder="canary:Embedder"),
    "embedder that is a function": argument(REFUSED, CODE, 0, embedder="os:getcwd"),
    "embedder that is a list": argument(REFUSED, CODE, 0, embedder=["hash"]),
    "embedder without a number": argument(REFUSED, "positive int, as in 'hash:512'", 0, embedder="hash:x"),
    "embedder of a huge dimension": argument(REFUSED, "at most 1,024 are replayed", 0, embedder="hash:99999999999"),
    "embedder of a huge dimension behind zeros": argument(
        REFUSED, "at most 1,024 are replayed", 0, embedder=f"hash:{0:020}99999999999"
    ),
    "embedder of a dimension of 5,000 digits": argument(
        REFUSED, "at most 1,024 are replayed", 0, embedder="hash:" + "9" * 5000
    ),
}

# ------------------------------------------------------------------ hosts and keys

API = "is behind an API: --allow-api"
HOSTS = {
    "judge by name": argument(REFUSED, API, judge="gpt-4"),
    "judge at a host": argument(REFUSED, API, judge={"model": "m", "base_url": "{CANARY}"}),
    "judge with a folder": argument(REFUSED, API, judge={"model": "m", "cache_dir": "/tmp/canary-cache"}),
    "judge with a key": argument(REFUSED, API, judge={"model": "m", "api_key": "sk-theirs"}),
    "judge with rules of a module": argument(REFUSED, API, judge={"model": "m", "prompt": "canary:RULES"}),
    "judge that is a number": argument(REFUSED, API, judge=5),
    "judge that is an empty dict": argument(REFUSED, API, judge={}),
    "judge recorded but not made": entry(NOT_VERIFIED, "judge None scores here", judge={"id": "m", "prompt_hash": "0"}),
    "reader behind an API": argument(REFUSED, API, reader="api:gpt-4"),
    "reader in the bank behind an API": argument(REFUSED, API, 0, reader="api:m"),
    "embedder behind an API": argument(REFUSED, API, 0, embedder="api:text-embedding-3-small"),
    "data on a hub": argument(REFUSED, "is on a hub, which is not asked", 2, path="hf:evil/data"),
    "data on a hub below a folder": argument(REFUSED, "is on a hub, which is not asked", 2, path="innocent/hf:evil"),
    "data on a hub below a share": argument(REFUSED, "is on a hub, which is not asked", 2, path="a\\hf:evil:x:y"),
    "errata on a hub below a folder": argument(
        REFUSED, "is on a hub, which is not asked", 2, errata="./hf:evil/hf:data"
    ),
    "tokenizer on a hub": argument(REFUSED, "is on a hub, which is not asked", counter="hf:x/hf:evil"),
    "stage on a hub below a folder": entry(
        REFUSED,
        "is on a hub, which is not asked",
        kwargs={"task": "curriculum", "stages": [{"task": "custom", "path": "x/hf:evil"}]},
    ),
    "data at a host": argument(REFUSED, "does not exist", 2, path="{CANARY}/data.json"),
}

# ------------------------------------------------------------------ paths

PATHS = {
    "data by an absolute path": argument(REFUSED, "data/passwd does not exist", 2, path="/etc/passwd"),
    "data above": argument(REFUSED, "data/passwd does not exist", 2, path="../../../etc/passwd"),
    "data at home": argument(REFUSED, "data/id_rsa does not exist", 2, path="~/.ssh/id_rsa"),
    "data of a share": argument(REFUSED, "data/x does not exist", 2, path="\\\\host\\share\\x"),
    "data of a device": argument(REFUSED, "data/zero does not exist", 2, path="/dev/zero"),
    "data in dots": argument(REFUSED, "has no name that a file can have", 2, path=".."),
    "data in a folder alone": argument(REFUSED, "has no name that a file can have", 2, path="/etc/"),
    "data with a null byte": argument(REFUSED, "has no name that a file can have", 2, path="quiz\0.jsonl"),
    "data of no name": argument(REFUSED, "must name a data file", 2, path=""),
    "data that is a dict": argument(REFUSED, "must name a data file", 2, path={"a": 1}),
    "errata that are a list of paths": argument(REFUSED, "'errata' must name a data file", 2, errata=["/etc/passwd"]),
    "data of a long name": argument(REFUSED, "has no name that a file can have", 2, path="x" * 5000),
    "data that are left out by a file": argument(
        REFUSED, "data/quiz.jsonl, row 0", 2, task="hotpotqa", documents=2, only="/etc/shadow"
    ),
    "rules of a path": argument(REFUSED, API, judge={"model": "m", "prompt": "/etc/rules.toml"}),
    "haystack of a path": argument(REFUSED, "data/passwd does not", task="ruler", subtask="qa_1", path="/etc/passwd"),
    "stage of a path": entry(
        REFUSED,
        "data/passwd does not exist",
        kwargs={"task": "curriculum", "stages": [{"task": "custom", "path": "/etc/passwd"}]},
    ),
}

# ------------------------------------------------------------------ arguments that are none, or too large

NONE = "there is no argument"
ARGUMENTS = {
    **{
        f"argument {name}": argument(REFUSED, NONE, **{name: value})
        for name, value in {
            "id": "x",
            "env_id": "x",
            "self": 1,
            "kwargs": {},
            "operators": {"read": "canary:Policy"},
            "max_episode_steps": 1,
            "disable_env_checker": False,
            "entry_point": "canary:Env",
            "additional_wrappers": [],
            "render_mode": "human",
            "vectorization_mode": "sync",
            "__class__": "x",
            "": 1,
        }.items()
    },
    "gold in the arguments": argument(REFUSED, "argument 'reveal_gold' has another place", reveal_gold=True),
    "split in the arguments": argument(REFUSED, "argument 'split' has another place", split="train"),
    "vector": argument(REFUSED, "vector_reward", vector_reward=True),
    "unknown split": entry(REFUSED, "unknown split", split="secret"),
    "length of a billion": argument(REFUSED, "at most 10,000,000 is replayed", length=10**9),
    "length below zero": argument(REFUSED, "length", length=-(10**6)),
    "length that is a text": argument(REFUSED, "length", length="600"),
    "length that is a list": argument(REFUSED, "length", length=[600]),
    "questions without end": argument(REFUSED, "at most 10,000", 0, questions=10**15),
    "sessions without end": argument(REFUSED, "at most", 0, sessions=2**62),
    "turns of many sessions": argument(REFUSED, "'sessions' times 'turns' is", 0, sessions=9999, turns=9999),
    "a longest context": argument(NOT_VERIFIED, "the entries are not those", length=2**21),
    "most examples": entry(NOT_VERIFIED, "the entries are not", kwargs={"task": "icl", "examples": 10_000}),
    "most documents": argument(NOT_VERIFIED, "the entries are not those", length=None, documents=10_000),
    "most turns": argument(NOT_VERIFIED, "the entries are not those", 0, sessions=20, turns=500),
    "widest embedder": argument(NOT_VERIFIED, "the entries are not those", 0, embedder="hash:1024"),
    "stages of a billion": argument(
        REFUSED, "at most", task="curriculum", stages=[{"task": "multihop", "length": 10**9}]
    ),
    "integer of 64 bits": argument(REFUSED, "more than 63 bits", seed=2**63),
    "integer of 5,000 digits": written('"length": 600', '"length": ' + "9" * 5000, REFUSED, "out of range", 0),
    "number that is infinite": written('"length": 600', '"length": 1e999', REFUSED, "out of range", 0),
    "number that is none": written('"length": 600', '"length": NaN', REFUSED, "JSON", 0),
    "arguments 20 deep": argument(REFUSED, "nested more than 16 deep", task=json.loads("[" * 20 + "]" * 20)),
    "arguments 50,000 deep": written(
        '"length": 600', '"length": ' + "[" * 50_000 + "]" * 50_000, REFUSED, "not a memgym result file", 0
    ),
    "weights of a module": argument(REFUSED, "unknown reward", reward_weights={"canary": 1.0}),
    "weights that are a text": argument(REFUSED, "reward_weights", reward_weights="canary"),
    "phases that are a number": argument(REFUSED, "phases", phases=5),
    "phases of others": argument(REFUSED, "unknown phase", phases=["canary"]),
    "counter of a module": argument(REFUSED, "unknown token counter", counter="canary:Counter"),
}

# ------------------------------------------------------------------ not of the schema

UNKNOWN, MISSING = "unknown field", "missing required field"
SCHEMA = {
    "field in the header": header(REFUSED, UNKNOWN, html="<script>"),
    "field in an entry": entry(REFUSED, UNKNOWN, extra="x"),
    "field in the policy": changed(lambda h, e: h["policy"].update(x=1), REFUSED, UNKNOWN),
    "field in an episode": changed(lambda h, e: e[0].update(x=1), REFUSED, UNKNOWN),
    "field in a step": step(REFUSED, UNKNOWN, x=1),
    "field in an answer": changed(lambda h, e: next(answers(e)).update(x=1), REFUSED, UNKNOWN),
    "no seed": changed(lambda h, e: h.pop("seed"), REFUSED, MISSING),
    "no entries": header(REFUSED, "entries", entries=[]),
    "no policy": changed(lambda h, e: h.pop("policy"), REFUSED, MISSING),
    "no fingerprint": changed(lambda h, e: h["entries"][0].pop("task_fingerprint"), REFUSED, MISSING),
    "no rewards": changed(lambda h, e: e[0]["steps"][0].pop("rewards"), REFUSED, MISSING),
    "no steps": changed(lambda h, e: e[0].update(steps=[]), REFUSED, "'steps' is empty"),
    "no official score": changed(lambda h, e: next(answers(e))["scores"].pop("answer"), REFUSED, "no score 'answer'"),
    "no reward of the end": changed(
        lambda h, e: e[0]["steps"][-1]["rewards"].pop("memory_recall"), REFUSED, "no reward 'memory_recall'"
    ),
    **{
        f"format_version {value!r}": header(REFUSED, r"format_version|newer memgym", format_version=value)
        for value in (-5, 0, 1, 3, 10**9, "2", 2.5, True, None, [2])
    },
    "other format": header(REFUSED, "not a memgym result file", format="memgym"),
    "two entries of one name": entry(REFUSED, "two entries are called 'bank'", name="bank"),
    "1,001 entries": changed(lambda h, e: h.update(entries=h["entries"] * 334), REFUSED, "length <= 1000"),
    **{
        f"seed {value!r}": header(REFUSED, r"\$\.seed|not a memgym result file", seed=value)
        for value in (-1, 2**64, 1.5, "0", None, float("nan"), float("inf"))
    },
    "no trials": entry(REFUSED, "trials", trials=0),
    "trials without end": entry(REFUSED, "trials", trials=2**40),
    "no episodes": entry(REFUSED, "episodes", episodes=0),
    "size of zero": entry(REFUSED, "size", size=0),
    "suite of no name": header(REFUSED, "suite", suite=""),
    "suite that is a list": header(REFUSED, "suite", suite=[NAME]),
    "suite with a space": header(REFUSED, "a space at an end", suite=f"{NAME} "),
    "suite with a line end": header(REFUSED, "a sign that cannot be seen", suite=f"{NAME}\nverified"),
    "suite turned round": header(REFUSED, "a sign that cannot be seen", suite="\u202e1v-ynit"),
    "suite with a joiner": header(REFUSED, "a sign that cannot be seen", suite="tiny\u200d-v1"),
    "suite with an escape": header(REFUSED, "a sign that cannot be seen", suite="\x1b]0;owned\x07tiny"),
    "entry with an escape": entry(REFUSED, "a sign that cannot be seen", name="\x1b[31mlong"),
    "policy with an escape": changed(
        lambda h, e: h["policy"].update(entry_point="a:\x9b2Jb"), REFUSED, "a sign that cannot be seen"
    ),
    **{
        f"reward {value}": written('"reward": ', f'"reward": {value}, "x": ', REFUSED, r"line 2")
        for value in ("NaN", "-Infinity", "1e999", "null", '"1"', "true")
    },
    **{
        f"score of {value}": changed(
            lambda h, e, value=value: next(answers(e))["scores"].update(answer=value), REFUSED, r"line 2: .* [<>]= [01]"
        )
        for value in (1e300, 2.0, 1 + 1e-9, -1e-300, -1e9)
    },
    **{
        f"reward in the vector of {value}": changed(
            lambda h, e, value=value: e[0]["steps"][0]["rewards"].update(format=value),
            REFUSED,
            r"line 2: .* [<>]= [01]",
        )
        for value in (1e6, 1.1, -0.1)
    },
    "reward of no name": changed(lambda h, e: e[0]["steps"][0]["rewards"].update({"": 1.0}), REFUSED, "length >= 1"),
    "101 rewards": changed(
        lambda h, e: e[0]["steps"][0]["rewards"].update({f"r{i}": 0.0 for i in range(101)}), REFUSED, "length <= 100"
    ),
    "tokens below zero": step(REFUSED, "observation_tokens", observation_tokens=-1),
    "tokens of 64 bits": step(REFUSED, "action_tokens", action_tokens=2**63),
    "seconds below zero": step(REFUSED, "seconds", seconds=-1.0),
    "usage below zero": step(REFUSED, "usage", usage={"prompt_tokens": -1}),
    "action that is a number": step(REFUSED, "action", action=5),
    "entry that is not there": changed(lambda h, e: e[0].update(entry="other"), REFUSED, "has no entry 'other'"),
    "trial that is not there": changed(lambda h, e: e[0].update(trial=7), REFUSED, "has no episode 0, trial 7"),
    "index that is not there": changed(lambda h, e: e[0].update(index=10**12), REFUSED, "has no episode 1000000000000"),
    "index below zero": changed(lambda h, e: e[0].update(index=-1), REFUSED, "index"),
    "episode played twice": changed(lambda h, e: e.append(e[0]), REFUSED, "is there twice"),
    "half a surrogate pair": written('"action": "', '"action": "\\ud800', REFUSED, "line 2"),
    "half a surrogate pair, raw": written('"action": "', '"action": "\ud800', REFUSED, "line 2"),
    "key with half a pair": written('"rewards": {', '"rewards": {"\\udfff": 0, ', REFUSED, "line 2"),
}

# ------------------------------------------------------------------ bytes that are no file of ours

BYTES = {
    "nothing": raw(lambda data: b"", REFUSED, "no whole line"),
    "a line end": raw(lambda data: b"\n", REFUSED, "not a memgym result file"),
    "a list": raw(lambda data: b"[" + data.replace(b"\n", b",") + b"0]\n", REFUSED, "not a memgym result file"),
    "a mark of UTF-8": raw(lambda data: b"\xef\xbb\xbf" + data, REFUSED, "not a memgym result file"),
    "UTF-16": raw(lambda data: data.decode().encode("utf-16"), REFUSED, "not a memgym result file"),
    "no Unicode": raw(lambda data: data.replace(b'"action"', b'"\xff\xfe"'), REFUSED, "line 2"),
    "a blank line": raw(lambda data: data.replace(b"\n", b"\n\n", 1), REFUSED, "line 2"),
    "two records in a line": raw(lambda data: data.replace(b"\n", b" ", 2) + b"\n", REFUSED, "not a memgym result"),
    "a pickle": raw(lambda data: pickle.dumps(["x"] * 9) + b"\n", REFUSED, "not a memgym result file"),
    "a zip": raw(lambda data: zipped(data) + b"\n", REFUSED, "not a memgym result file"),
    "HTML": raw(lambda data: b"<script>alert(1)</script>\n", REFUSED, "not a memgym result file"),
    "a packed file without its ending": raw(lambda data: gzip.compress(data) + b"\n", REFUSED, "not a memgym result"),
    "a plain file called .gz": raw(lambda data: data, REFUSED, "not a gzip file", ".jsonl.gz"),
    "packed twice": raw(lambda data: gzip.compress(gzip.compress(data) + b"\n"), REFUSED, "not a memgym", ".jsonl.gz"),
    "packed with a wrong sum": raw(
        lambda data: gzip.compress(data)[:-8] + b"12345678", REFUSED, "damaged", ".jsonl.gz"
    ),
    "packed, and more": raw(lambda data: gzip.compress(data) + b"more", REFUSED, "damaged", ".jsonl.gz"),
}


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil.jsonl", data)
    return buffer.getvalue()
