"""Files that harm where they are stepped through and shown, or by what counts their tokens."""

from __future__ import annotations

import copy
import random

from tests.memgym.leaderboard.hostile.builders import (
    NOT_VERIFIED,
    REFUSED,
    Change,
    Episodes,
    Header,
    answers,
    argument,
    changed,
    claim,
    entry,
)


def acted(action: str, phase: str = "read", name: str = "long") -> Change:
    """Put an action in the place of those of a phase."""

    def change(h: Header, e: Episodes) -> None:
        for episode in e:
            if episode["entry"] == name:
                for step in episode["steps"]:
                    if step["phase"] == phase:
                        step["action"] = action

    return change


def rewritten(h: Header, e: Episodes) -> None:
    """Let a large memory of many like lines be written anew at every step."""
    h["entries"][1]["kwargs"].update(memory_tokens=2**20, section_tokens=60)
    drawn = random.Random(0)
    for episode in e:
        if episode["entry"] == "long":
            read, answer = episode["steps"][0], episode["steps"][-1]
            reads = [copy.deepcopy(read) for _ in range(20)]
            for step in reads:
                step["action"] = "\n".join(drawn.choice("ab") for _ in range(4000))
            episode["steps"] = [*reads, answer]


def policy(**values: object) -> Change:
    return lambda h, e: h["policy"].update(values)


NAMES = {"__proto__": 1.0, "constructor": 0.5, "<b>": 0.1, "\x1b[2J": 0.2, "rule": 0.3, "corrected": 0.4}
FILE, NO_NAME = "token counter 'hf:/.*/data/{}': cannot read the file", "has no name that a file can have"
SHOWN = {
    "counter of an absolute path": argument(REFUSED, FILE.format("passwd"), counter="hf:/etc/passwd"),
    "counter of a device without end": argument(REFUSED, FILE.format("zero"), counter="hf:/dev/zero"),
    "counter above": argument(REFUSED, FILE.format("shadow"), counter="hf:../../../etc/shadow"),
    "counter at a host": argument(REFUSED, FILE.format("t.json"), counter="hf:{CANARY}/t.json"),
    "counter in dots": argument(REFUSED, NO_NAME, counter="hf:.."),
    "counter of no name": argument(REFUSED, NO_NAME, counter="hf:"),
    "counter with a null byte": argument(REFUSED, NO_NAME, counter="hf:a\0b"),
    "counter that is no tokenizer": argument(REFUSED, "no tokenizer file", counter="hf:quiz.jsonl"),
    "counter of a stage": entry(
        REFUSED,
        FILE.format("passwd"),
        kwargs={
            "task": "curriculum",
            "stages": [{"task": "ruler", "subtask": "niah_single_1", "length": 600, "counter": "hf:/etc/passwd"}],
        },
    ),
    "an embedder on a device": argument(REFUSED, "names a device, which is yours", 0, embedder="minilm:/dev/zero"),
    "a memory of a million lines": changed(acted("a\n" * 1_000_000), NOT_VERIFIED, "NOT verified"),
    "a memory of lines written anew": changed(rewritten, NOT_VERIFIED, "the entries are not those"),
    "an answer of a megabyte": changed(acted("\ufdfa" * 300_000, "answer"), NOT_VERIFIED, "NOT verified"),
    "an answer of boxes": changed(acted("\\boxed{" * 5_000, "answer"), NOT_VERIFIED, "NOT verified"),
    "a list of a number of 5,000 digits": changed(acted(f"[{'9' * 5000}]", "retrieve", "bank"), NOT_VERIFIED, "."),
    "a list 100,000 deep": changed(acted("[" * 100_000, "extract", "bank"), NOT_VERIFIED, "NOT verified"),
    "actions that are tags": changed(
        acted("</memory><gold>x</gold>" * 1000), NOT_VERIFIED, "NOT verified\n  long, episode 0"
    ),
    "a question's id in colours": changed(
        lambda h, e: [one.update(question_id="\x1b[2J\u202e", category="\x1b[31m<b>") for one in answers(e)],
        NOT_VERIFIED,
        "answers is",
    ),
    "scores by names of JavaScript": changed(
        lambda h, e: [one["scores"].update(NAMES) for one in answers(e)], NOT_VERIFIED, "answers is"
    ),
    "scores of a million": changed(
        lambda h, e: [one["scores"].update(answer=(-1) ** n * 1e6) for n, one in enumerate(answers(e))],
        REFUSED,
        "line 2: .* [<>]= [01]",
    ),
    "usage by names of JavaScript": claim(
        lambda h, e: [
            s.update(usage={"\x1b[2J": 1, "__proto__": 5, "<img src=x>": 2**63 - 1}) for x in e for s in x["steps"]
        ]
    ),
    "times of ages": claim(lambda h, e: [one.update(seconds=1e12) for one in e]),
    "a policy of no class": claim(policy(entry_point="a:")),
    "a policy that is a colon": claim(policy(entry_point=":")),
    "a policy that is a formula": claim(policy(entry_point="=cmd|'/c calc'!A1")),
    "a policy at a host": claim(policy(entry_point="memgym.serving:HttpPolicy", options={"url": "{CANARY}"})),
    "a policy at a name": claim(policy(entry_point="memgym.serving:HttpPolicy", options={"url": "localhost"})),
    "a policy with a device": claim(
        policy(entry_point="baselines:Semantic", options={"embedder": "minilm:/etc/passwd"})
    ),
}
