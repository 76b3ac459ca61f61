"""A policy is played again on a random part: does it do what the file says?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from baselines import Lexical
from memgym import PhasePolicy, StochasticPolicy
from memgym.errors import ConfigError
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result, read_result, write_result
from memgym.leaderboard.reproduce import drawn, reproduce
from memgym.leaderboard.standing import Standing, note_standing, standing_of
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.trust import Trust, UntrustedError

Changed = Callable[..., Result]

LONG = SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, "test", 20)
BANK = SuiteEntry("bank", "memgym/MemoryBank-v1", {"task": "persona", "difficulty": "easy", "questions": 2}, "test", 3)
SUITE = Suite("mine", "", (BANK, LONG))
HERE = Trust(code=True)


class Wavering(StochasticPolicy):
    """Answers by a generator that nobody seeds, rightly in a share of the cases: as a model whose rounding differs."""

    share = 0.5
    privileged = True
    _random = np.random.default_rng(0)

    def act(self, observation: str, seed: int = 0) -> str:
        right = self._random.random() < self.share
        return self._oracle.act(observation) if right else f"nothing {self._random.random()}"

    def __init__(self) -> None:
        from baselines import Oracle

        self._oracle = Oracle()


class Better(Wavering):
    """The same, more often right."""

    share = 1.0


class Other(PhasePolicy):
    """Draws nothing, and does something else."""

    def read(self, observation: Any) -> str:
        return "nothing"


def renamed(result: Result, name: str) -> Result:
    policy = msgspec.structs.replace(result.header.policy, entry_point=f"{__name__}:{name}")
    return Result(msgspec.structs.replace(result.header, policy=policy), result.episodes)


@pytest.mark.parametrize("policy", ["Lexical", "Random", "Oracle"])
def test_what_was_played_is_reproduced(policy: str) -> None:
    found = reproduce(evaluate(f"baselines:{policy}", SUITE, seed=3), share=0.2, draw=5)
    assert (found.episodes, found.equal, found.problems) == (1 + 4, 5, ())


def test_the_part_is_random_and_of_every_entry() -> None:
    result = evaluate("baselines:NoMemory", SUITE)
    parts = [drawn(result, 0.1, draw) for draw in range(20)]
    assert all([key[0] for key in sorted(part)] == ["bank", "long", "long"] for part in parts)
    assert len({frozenset(part) for part in parts}) > 10
    assert drawn(result, 1.0, 0) == {key for key, _ in result.keys()}  # noqa: SIM118


def test_another_policy_or_seed_is_found() -> None:
    result = evaluate("baselines:Lexical", SUITE)
    found = reproduce(renamed(result, "Other"), trust=HERE)
    assert found.equal < found.episodes
    assert ": the action is" in found.problems[0]
    result = evaluate("baselines:Random", SUITE)
    seeded = Result(msgspec.structs.replace(result.header, seed=9), result.episodes)
    assert reproduce(seeded, share=1.0).equal < 23


def test_a_policy_that_samples_is_judged_by_its_scores() -> None:
    suite = Suite("mine", "", (LONG,))
    result = evaluate(f"{__name__}:Wavering", suite)
    found = reproduce(result, share=1.0, trust=HERE)
    assert found.equal < found.episodes == 20
    assert found.problems == ()
    (problem,) = reproduce(renamed(result, "Better"), share=1.0, trust=HERE).problems
    assert "long: the score differs by +0." in problem


@pytest.mark.parametrize(
    ("policy", "options", "error", "message"),
    [
        ("canary:Policy", {}, UntrustedError, "policy 'canary:Policy' is none of memgym's: --trust-code"),
        ("memagents:MemoryAgent", {}, UntrustedError, "is none of memgym's"),
        ("baselines:np.random", {}, UntrustedError, "is none of memgym's"),
        ("baselines.lexical:Lexical", {}, UntrustedError, "is none of memgym's"),
        ("baselines:Semantic", {"embedder": "api:m"}, UntrustedError, "embedder 'api:m' is behind an API"),
        ("baselines:Semantic", {"embedder": "canary:E"}, UntrustedError, "embedder 'canary:E' is none of memgym's"),
        ("baselines:Recency", {"n": "/etc/passwd"}, ConfigError, "policy option 'n' names a file or a host"),
        ("baselines:SlateBandit", {"weights": "w.npz"}, ConfigError, "policy option 'weights' names a file or a host"),
        ("baselines:MaskedPPO", {"weights": "w"}, ConfigError, "policy option 'weights' names a file or a host"),
        ("baselines:SlateBandit", {"embedder": "api:m"}, UntrustedError, "embedder 'api:m' is behind an API"),
        ("memgym.serving:HttpPolicy", {"url": "localhost"}, ConfigError, "policy option 'url' names a file or a host"),
        ("memgym.serving:HttpPolicy", {"name": "x"}, ConfigError, "missing a required argument: 'url' .--policy-set"),
        ("baselines:Lexical", {"recipe": "/etc/passwd"}, ConfigError, "'recipe' is None here, not '/etc/passwd'"),
        ("baselines:Lexical", {"n": 5}, ConfigError, "'n' is None here, not 5"),
        ("baselines:Oracle", {}, ConfigError, "does not read the gold as the file says"),
    ],
)
def test_the_policy_of_a_stranger(
    changed: Changed, policy: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    result = evaluate("baselines:NoMemory", Suite("mine", "", (BANK,)))
    theirs = changed(result, lambda h, e: h["policy"].update(entry_point=policy, options=options))
    with pytest.raises(error, match=message):
        reproduce(theirs)


def test_a_file_that_is_given_is_read_and_another_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from baselines.item_features import NUMBERS, save_weights

    monkeypatch.chdir(tmp_path)
    for name, scale in (("mine.npz", 1.0), ("other.npz", 2.0)):
        save_weights(Path(name), "retrieve", "hash:8", np.full((1, len(NUMBERS) + 8), scale))
    suite = Suite("mine", "", (BANK,))
    result = evaluate("baselines:SlateBandit", suite, options={"weights": "mine.npz"})
    with pytest.raises(ConfigError, match="give yours by --policy-set weights="):
        reproduce(result, share=1.0)
    assert reproduce(result, share=1.0, options={"weights": str(tmp_path / "mine.npz")}).equal == 3
    with pytest.raises(ConfigError, match="the files that its options name are others here"):
        reproduce(result, options={"weights": "other.npz"})


def test_a_policy_behind_an_address_is_asked_at_the_readers(changed: Changed) -> None:
    pytest.importorskip("httpx2", reason="a policy over HTTP needs the extra api")
    from memgym.serving.server import PolicyServer

    suite = Suite("mine", "", (BANK,))
    with PolicyServer(Lexical(), "lexical", port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = evaluate("memgym.serving:HttpPolicy", suite, options={"url": server.url})
        assert result.header.policy.options == {"name": "lexical"}
        assert reproduce(result, share=1.0, options={"url": server.url}).equal == 3
        theirs = changed(result, lambda h, e: h["policy"].update(options={"name": "gpt-5"}))
        with pytest.raises(ConfigError, match="'name' is 'lexical' here, not 'gpt-5'"):
            reproduce(theirs, options={"url": server.url})


@pytest.mark.parametrize("share", [0, -1, 1.1, float("nan")])
def test_shares_that_are_none(share: float) -> None:
    with pytest.raises(ConfigError, match="'share' must be above 0 and at most 1"):
        reproduce(evaluate("baselines:NoMemory", Suite("mine", "", (BANK,))), share=share)


# ------------------------------------------------------------------ what is known of a file


def test_what_was_checked_is_known_by_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))
    result = evaluate("baselines:NoMemory", Suite("mine", "", (BANK,)))
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        write_result(result, tmp_path / name)
    first, same, packed = (read_result(tmp_path / name) for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"))
    assert standing_of(first) is Standing.claimed
    note_standing(first, Standing.reproduced)
    note_standing(same, Standing.replayed)  # takes nothing back
    assert {standing_of(one) for one in (first, same, packed)} == {Standing.reproduced}
    (tmp_path / "a.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes().replace(b'"seed":0', b'"seed":1'))
    assert standing_of(read_result(tmp_path / "a.jsonl")) is Standing.claimed
    (note,) = (tmp_path / "cache" / "checked").iterdir()
    note_standing(same, Standing.sealed)  # says nothing of who played
    assert standing_of(first) == Standing.reproduced | Standing.sealed
    assert str(standing_of(first)) == "reproduced, sealed"
    assert [str(one) for one in (Standing.claimed, Standing.replayed, Standing.sealed | Standing.replayed)] == [
        "claimed", "replayed", "sealed",
    ]  # fmt: skip
    for damaged in (
        "",
        "[]",
        '{"standing": 4, "memgym": "0.1.0"}',
        '{"standing": "sealed"}',
        '{"standing": "sealed", "memgym": "0"}',
        '{"standing": "x"}',
    ):
        note.write_text(damaged)
        assert standing_of(same) is Standing.claimed
