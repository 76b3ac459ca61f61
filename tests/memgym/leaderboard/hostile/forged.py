"""Files that say what was not, and files that say what nobody can check."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from tests.memgym.leaderboard.hostile.builders import (
    NOT_VERIFIED,
    REFUSED,
    VERIFIED,
    Change,
    Episodes,
    Header,
    Honest,
    Hostile,
    answers,
    changed,
    claim,
    entry,
    header,
    lines,
    step,
)

# ------------------------------------------------------------------ forgeries


def raise_score(h: Header, e: Episodes) -> None:
    for answer in answers(e):
        answer["scores"]["answer"] = 1.0


def raise_rewards(h: Header, e: Episodes) -> None:
    for episode in e:
        for one in episode["steps"]:
            one["reward"] = 1.0


def without(name: str, left_out: bool) -> Change:
    def change(h: Header, e: Episodes) -> None:
        h["entries"] = [one for one in h["entries"] if one["name"] != name]
        e[:] = [one for one in e if one["entry"] != name]
        if left_out:
            h["left_out"].append(name)

    return change


def of_oracle(honest: Honest) -> Iterator[bytes]:
    """A ceiling's actions, said to be a competitor's."""
    first, *episodes = copy.deepcopy(honest.oracle)
    first["policy"].update(privileged=False, entry_point="baselines:Lexical")
    yield lines([first, *episodes])


def of_another(honest: Honest) -> Iterator[bytes]:
    """A ceiling's scores on a competitor's actions."""
    first, *episodes = copy.deepcopy(honest.lexical)
    for mine, theirs in zip(episodes, honest.oracle[1:], strict=True):
        for one, other in zip(mine["steps"], theirs["steps"], strict=False):
            one.update({name: other[name] for name in ("reward", "rewards", "answers")})
    yield lines([first, *episodes])


FORGED = {
    "scores": changed(raise_score, NOT_VERIFIED, "NOT verified\n.*answers is"),
    "rewards": changed(raise_rewards, NOT_VERIFIED, "NOT verified\n.*reward is"),
    "a reward by a millionth": changed(
        lambda h, e: e[0]["steps"][0]["rewards"].update(token_cost=e[0]["steps"][0]["rewards"]["token_cost"] + 1e-6),
        NOT_VERIFIED,
        "rewards is",
    ),
    "an answer": changed(lambda h, e: next(answers(e)).update(answer="forged"), NOT_VERIFIED, "answers is"),
    "an action": step(NOT_VERIFIED, "NOT verified", action="forged"),
    "a phase": step(NOT_VERIFIED, "phase is", phase="answer"),
    "an error": step(NOT_VERIFIED, "action_error is", action_error="forged"),
    "an overflow": step(NOT_VERIFIED, "overflow is", overflow=True),
    "tokens": step(NOT_VERIFIED, "observation_tokens is", observation_tokens=1),
    "an episode's name": changed(lambda h, e: e[0].update(episode_id="x"), NOT_VERIFIED, "it is called"),
    "a fingerprint": entry(NOT_VERIFIED, "fingerprints differ", task_fingerprint="0"),
    "the end's rewards": entry(
        REFUSED, "the last step has no reward 'canary'", final_rewards=["memory_recall", "canary"]
    ),
    "the end's rewards are others": entry(NOT_VERIFIED, "is not scored by 'format'", final_rewards=["format"]),
    "a score dropped once": changed(lambda h, e: next(answers(e))["scores"].pop("f1"), NOT_VERIFIED, "answers is"),
    "a score of one's own": changed(
        lambda h, e: [answer["scores"].update(win=1.0) for answer in answers(e)], NOT_VERIFIED, "answers is"
    ),
    "an entry dropped": changed(without("bank", False), NOT_VERIFIED, "the entries are not those of suite"),
    "an entry left out without a file": changed(without("bank", True), NOT_VERIFIED, "the entries are not those"),
    "an entry left out though its data are here": changed(
        without("quiz", True), NOT_VERIFIED, "left out although their data files are here: quiz"
    ),
    "entries left out that the suite never had": changed(
        lambda h, e: h.update(left_out=[f"x{i}" for i in range(1000)]), NOT_VERIFIED, "the entries are not those"
    ),
    "entries turned round": changed(lambda h, e: h["entries"].reverse(), NOT_VERIFIED, "the entries are not those"),
    "an easier task": changed(
        lambda h, e: h["entries"][1]["kwargs"].update(length=700), NOT_VERIFIED, "the entries are not those"
    ),
    "fewer trials": changed(
        lambda h, e: (h["entries"][1].update(trials=1), e.__setitem__(slice(None), [x for x in e if not x["trial"]])),
        NOT_VERIFIED,
        "the entries are not those",
    ),
    "another split": entry(NOT_VERIFIED, "the entries are not those", split="train"),
    "a suite in Cyrillic": header(NOT_VERIFIED, "is not memgym's suite", suite="tin\u0443-v1"),
    "a suite in capitals": header(NOT_VERIFIED, "is not memgym's suite", suite="TINY-V1"),
    "a suite with a mark": header(NOT_VERIFIED, "is not memgym's suite", suite="tiny_v1"),
    "a suite in wide letters": header(NOT_VERIFIED, "is not memgym's suite", suite="\uff54\uff49\uff4e\uff59-v1"),
    "a suite with a tick": header(NOT_VERIFIED, "is not memgym's suite", suite="tiny-v1 \u2713"),
    "a suite of another version": header(NOT_VERIFIED, "is not memgym's suite", suite="tiny-v0"),
    "another judge than any": header(NOT_VERIFIED, "the entries are not those of suite", suite="tiny-v1 judge=gpt-5"),
    "a suite of another version, judged": header(NOT_VERIFIED, "is not memgym's suite", suite="tiny-v0 judge=gpt-5"),
    "a round in a suite's name": header(REFUSED, "is told by the field 'round'", suite="tiny-v1, round spring"),
    "a round in a name of its own": header(REFUSED, "is told by the field 'round'", suite="mine,  Round spring"),
    "an episode missing": changed(lambda h, e: e.pop(), NOT_VERIFIED, "episodes are missing"),
    "all episodes missing": changed(lambda h, e: e.clear(), NOT_VERIFIED, "episodes are missing"),
    "a low episode that failed": changed(lambda h, e: e[0].update(error="x", steps=[]), NOT_VERIFIED, "failed after 0"),
    "an error in colours": changed(
        lambda h, e: e[0].update(error="\x1b[2J\u202ex", steps=[]), NOT_VERIFIED, r"\\x1b\[2J\\u202ex"
    ),
    "a step dropped": changed(lambda h, e: e[0]["steps"].pop(1), NOT_VERIFIED, "NOT verified"),
    "steps beyond the end": changed(
        lambda h, e: e[0]["steps"].append(e[0]["steps"][-1]), NOT_VERIFIED, "the episode ends after"
    ),
    "a ceiling": Hostile(of_oracle, NOT_VERIFIED, "observation_tokens is"),
    "a ceiling's scores": Hostile(of_another, NOT_VERIFIED, "NOT verified"),
    "a competitor as a ceiling": changed(
        lambda h, e: h["policy"].update(privileged=True), NOT_VERIFIED, "observation_tokens is"
    ),
    "a split of another size": entry(NOT_VERIFIED, "has None episodes, not 2", size=2),
    "2,000 problems": changed(
        lambda h, e: h["entries"][1].update(trials=2**31), NOT_VERIFIED, "of 4294967296 episodes are missing"
    ),
}

# ------------------------------------------------------------------ claims

CLAIMS = {
    "another seed": claim(lambda h, e: h.update(seed=7)),
    "another policy": claim(lambda h, e: h["policy"].update(entry_point="openai:GPT6")),
    "a policy of a module": claim(lambda h, e: h["policy"].update(entry_point="canary:Policy")),
    "a policy with markup": claim(lambda h, e: h["policy"].update(entry_point="a:[bold]x[/bold]<script>:smile:")),
    "other options": claim(lambda h, e: h["policy"].update(options={"recipe": "/etc/passwd", "n": [1, {"a": None}]})),
    "options in colours": claim(lambda h, e: h["policy"].update(options={"\x1b[2J": "\u202e\u2066\x00\x07\ue000"})),
    "options of a megabyte": claim(lambda h, e: h["policy"].update(options={"x": "y" * 900_000})),
    "a policy's fingerprint": claim(lambda h, e: h["policy"].update(fingerprint="0" * 64)),
    "other packages": claim(lambda h, e: h.update(packages={"memgym": "99", "\x1b[1m": "\x1b[2J"})),
    "no packages": claim(lambda h, e: h.update(packages={})),
    "another spec": claim(lambda h, e: h["entries"][1].update(env_spec='{"entry_point": "canary:Env"}')),
    "other times": claim(lambda h, e: [x.update(seconds=1e-9) for x in e]),
    "no cost": claim(lambda h, e: [s.update(usage={"prompt_tokens": 0}) for x in e for s in x["steps"]]),
    "a suite of its own": claim(lambda h, e: h.update(suite="mine-v1")),
    **{
        f"a suite called {name!a}": changed(
            lambda h, e, name=name: h.update(suite=name),
            VERIFIED,
            r": verified: 6 episodes of .* \(not memgym's tiny-v1\) replayed",
        )
        for name in (
            "tiny-v1.1",
            "memgym tiny-v1",
            "tiny-v1 judge=",
            "the t\u0456ny-v1!",
            "Tiny v1 (new)",
        )
    },
    "a suite of its own with markup": claim(lambda h, e: h.update(suite="[red]mine[/red] :smile: <b>")),
}
