"""``memgym play``: a person plays an environment in the terminal, by numbered choices."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console

from memgym.cli.terminal import make_console, to_int
from memgym.envs.base import MemoryEnv
from memgym.errors import ActionError, ConfigError
from memgym.operators import add_all, extractive, recent, top_k, verbatim
from memgym.protocol.observation import Observation
from memgym.registration import make
from memgym.shown import cut, plain

HELP = {
    "read": "Type the new memory and end it with an empty line; + before the first line keeps the old one, too.",
    "extract": "Which turns are worth keeping? Numbers such as 1 3 5-7, all, or none; = begins one in your own words.",
    "update": "What becomes of the candidates? Numbers of those to add, all, or none; 'u 2 m7' puts candidate 2 in the "
    "place of memory m7, 'd m7' deletes it; commas between.",
    "retrieve": "Which memories help to answer? Numbers, the best first, or none.",
    "answer": "Type the answer.",
}
COMMANDS = "/auto plays a simple default, /state shows the state again, /quit (or Ctrl-D) ends the game."
LONGEST = 40
"""So many letters are said again of a choice that cannot be understood."""
CHOSEN = {"extract": "turn", "update": "candidate", "retrieve": "memory"}
"""Phase to the tag of the blocks that are chosen by number."""
DEFAULTS = {"read": recent, "extract": verbatim, "update": add_all, "retrieve": top_k, "answer": extractive}


def play_in_terminal(env_id: str, kwargs: dict[str, Any], index: int | None, seed: int | None) -> None:
    """Let a person play one episode, reading choices from standard input.

    What cannot be read is asked for once more; the second time it is played as it is, and scored so. After an answer
    the right one is shown, and at the end the tally.

    Raises:
        ConfigError: the environment or an argument is unknown, or steps pay no single number.
    """
    console = make_console()
    env = make(env_id, **{"instructions": False, **kwargs})
    if hasattr(env, "reward_space"):
        raise ConfigError("a person is told one sum of rewards; drop 'vector_reward'")
    observation, _ = env.reset(seed=seed, options=None if index is None else {"index": index})
    tally = _Tally(env, console)
    console.print(f"Episode {plain(env.episode.id)}. {COMMANDS}")
    done = False
    while not done:
        shown = Observation.parse(observation)
        _show(console, shown)
        action = _read(console, shown)
        if action is None:
            console.print("Left before the end.")
            break
        observation, reward, done, _, info = env.step(action)
        tally.add(float(reward), info)
    else:
        console.print("The episode is over.")
    tally.print()


class _Tally:
    """What was answered and earned so far."""

    def __init__(self, env: MemoryEnv, console: Console):
        self._env, self._console = env, console
        self._reward, self._scores = 0.0, list[float]()

    def add(self, reward: float, info: dict[str, Any]) -> None:
        """Count a step, and tell what was wrong with it and which answers would have been right."""
        self._reward += reward
        if info["action_error"]:
            self._console.print(plain(f"! not usable: {info['action_error']}"))
        questions = {question.id: question for question in self._env.episode.questions}
        for answer in info["answers"]:
            right = " | ".join(questions[answer["question_id"]].answers)
            score = answer["scores"]["answer"]
            self._scores.append(score)
            self._console.print(plain(f"» answer {answer['answer']!r} scored {score:.2f}; right: {right}"))

    def print(self) -> None:
        """Tell the sums."""
        if self._scores:
            told = f"{sum(self._scores):.2f} of {len(self._scores)} answers right"
            self._console.print(f"{told}, {sum(self._scores) / len(self._scores):.0%}.")
        self._console.print(f"Sum of rewards: {self._reward:.2f}")


def _show(console: Console, shown: Observation) -> None:
    """Print an observation, what is chosen from numbered; the console wraps at words."""
    console.rule(f"phase: {shown.phase}", align="left")
    number = 0
    for block in shown.blocks:
        attributes = dict(block.attributes)
        attributes.pop("format", None)
        if block.tag == CHOSEN.get(shown.phase):
            number += 1
            told = [value for name, value in attributes.items() if name in _TOLD[block.tag]]
            head = " ".join([f"{number:>3}.", *told])
        elif block.tag == "budget":
            head = "[budget] {used} of {tokens} tokens used, counted by '{counter}'".format(**attributes)
        else:
            head = " ".join([f"[{block.tag}]", *attributes.values()])
        console.print(plain(f"{head}: {block.text}" if block.text else head, lines=True), soft_wrap=False)


_TOLD = {"turn": ("speaker",), "candidate": ("key",), "memory": ("id", "key", "time")}


def _read(console: Console, shown: Observation) -> str | None:
    """Return the action that a person chose, None to leave; an empty plan where nothing was extracted."""
    if shown.phase == "update" and not shown.candidates:
        console.print("There is nothing to update.")
        return DEFAULTS[shown.phase](shown)
    console.print(HELP[shown.phase])
    retry = True
    while True:
        typed = _typed(shown.phase)
        if typed is None or typed == "/quit":
            return None
        if typed == "/state":
            _show(console, shown)
        elif typed == "/auto":
            return DEFAULTS[shown.phase](shown)
        else:
            try:
                return to_action(shown, typed)
            except ActionError as error:
                if not retry:
                    return typed
                retry = False
                console.print(plain(f"? {error}: once more"))


def _typed(phase: str) -> str | None:
    """Return what a person typed: a line, or of a memory lines up to an empty one; None at the end."""
    lines: list[str] = []
    while True:
        try:
            line = input(f"{phase}> " if not lines else "… ")
        except EOFError:
            return "\n".join(lines) if lines else None
        if phase != "read" or (line.strip() in ("/auto", "/quit", "/state") and not lines):
            return line.strip()
        if not line:
            return "\n".join(lines)
        lines.append(line)


def to_action(shown: Observation, typed: str) -> str:
    """Return the action that numbered choices mean.

    Args:
        shown: the observation.
        typed: what a person typed; what is JSON already is taken as it is.

    Raises:
        ActionError: it cannot be understood.
    """
    if shown.phase == "read":
        return f"{shown.memory}\n{typed[1:].lstrip()}" if typed.startswith("+") else typed
    if shown.phase == "answer" or typed[:1] in ("{", "["):
        return typed
    return _CHOICES[shown.phase](shown, typed)


def _extract(shown: Observation, typed: str) -> str:
    turns = shown.turns
    if typed.startswith("="):
        return json.dumps({"memory_list": [{"value": typed[1:].strip()}]})
    chosen = _numbers(typed, len(turns), "turn")
    memories = [
        {"value": f"{turns[i].attributes['speaker']}: {turns[i].text}", "source": [turns[i].attributes["id"]]}
        for i in chosen
    ]
    return json.dumps({"memory_list": memories})


def _update(shown: Observation, typed: str) -> str:
    names = [block.attributes["id"] for block in shown.candidates]
    operations = []
    for part in (part.split() for part in typed.split(",") if part.strip()):
        kind = part[0].lower()
        if kind == "u" and len(part) == 3:
            (number,) = _numbers(part[1], len(names), "candidate")
            value = shown.candidates[number].text
            operations.append({"id": part[2], "op": "UPDATE", "value": value})
        elif kind == "d" and len(part) == 2:
            operations.append({"id": part[1], "op": "DELETE"})
        else:
            chosen = _numbers(" ".join(part), len(names), "candidate")
            operations += [{"id": names[i], "op": "ADD"} for i in chosen]
    return json.dumps({"operations": operations})


def _retrieve(shown: Observation, typed: str) -> str:
    ids = [block.attributes["id"] for block in shown.memories]
    named = typed.replace(",", " ").split()
    if named and all(name in ids for name in named):
        return json.dumps(named)
    return json.dumps([ids[i] for i in _numbers(typed, len(ids), "memory")])


_CHOICES: dict[str, Callable[[Observation, str], str]] = {"extract": _extract, "update": _update, "retrieve": _retrieve}


def _numbers(typed: str, count: int, what: str) -> Sequence[int]:
    """Return the places that numbers from 1 on, ranges such as 3-5, ``all`` or ``none`` name, in their order.

    Raises:
        ActionError: one is no number, or there is no such place.
    """
    if typed.lower() in ("", "none"):
        return []
    if typed.lower() == "all":
        return range(count)
    places: list[int] = []
    for part in typed.replace(",", " ").split():
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ActionError(f"{cut(part, LONGEST)!r} is no number of a {what}")
        start, end = to_int(first), to_int(last or first)
        if not 1 <= start <= end <= count:
            raise ActionError(f"there is no {what} {cut(part, LONGEST)}: they are 1 to {count}")
        places += range(start - 1, end)
    return list(dict.fromkeys(places))
