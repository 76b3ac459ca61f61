"""The prompts: one text file each, in this folder. Edit them here, or name a file of your own in a recipe.

Where sections are read and memories managed, instructions stand first, and last what an episode has made of its own
(its memories): whatever comes before that is computed once for all episodes of a group. Not so in ``update_lines``,
for a small model: it reads a sentence with the notes before it, and then the id, at which it can decide.

A prompt is plain text with placeholders: ``$question``, ``$when`` (`` (2023-05-08)``, or nothing where the time is
unknown), ``$memory`` (one text), ``$memories``, ``$candidates``, ``$turns`` (one line each, behind their ids),
``$sentences`` (the candidates before their ids: a causal model that has read a line can point at it), ``$notes`` (the
memories before their ids, without their times), ``$section``, ``$budget`` (tokens), ``$task`` (what the environment
says to do) and ``$state`` (everything that it shows, in tags). A dollar sign is written ``$$``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from string import Template

from memgym.errors import ConfigError, unknown
from memgym.protocol.observation import Block, Observation

NOTHING = "(none)"
NO_MEMORY = "No previous memory"
"""What stands for an empty memory at first (MemAgent, arXiv 2507.02259)."""

_FOLDER = Path(__file__).parent


def load_prompt(name: str) -> Template:
    """Return a prompt by its name here, or by the path of a text file (with a suffix or a slash in it).

    Raises:
        ConfigError: there is no such prompt or file, or it has an unknown placeholder.
    """
    if not isinstance(name, str) or not name:
        raise ConfigError(f"a prompt is named by a string, not {name!r}; known: {', '.join(prompt_names())}")
    own = Path(name)
    if not own.suffix and len(own.parts) == 1:
        if name not in prompt_names():
            raise unknown("prompt", name, prompt_names())
        own = _FOLDER / f"{name}.txt"
    try:
        template = Template(own.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"prompt file {name!r} cannot be read: {error}") from None
    if not template.is_valid():
        raise ConfigError(f"prompt {name!r}: a dollar sign that begins no placeholder is written $$")
    for placeholder in template.get_identifiers():
        if placeholder not in FIELDS:
            raise unknown(f"placeholder in prompt {name!r}:", placeholder, FIELDS)
    return template


@cache
def prompt_names() -> tuple[str, ...]:
    """Return the names of the prompts in this folder."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.txt")))


def render(template: Template, observation: Observation) -> str:
    """Fill a prompt with what an observation shows."""
    return template.substitute({name: FIELDS[name](observation) for name in template.get_identifiers()})


def _when(observation: Observation) -> str:
    return f" ({observation.time})" if observation.time else ""


def _lines(blocks: list[Block]) -> str:
    return "\n".join(_line(block) for block in blocks) or NOTHING


def _line(block: Block) -> str:
    """Write ``[m7] (2023-05-08) home: Mira lives in Lisbon``, without what the block does not have."""
    named = block.attributes
    head = [f"[{block.id}]"] if block.id else []
    head += [f"({named['time']})"] if named.get("time") else []
    return " ".join([*head, _said(block)])


def _before_ids(blocks: list[Block]) -> str:
    return "\n".join(f"{_said(block)} [{block.id}]" for block in blocks)


def _said(block: Block) -> str:
    """Write ``home: Mira lives in Lisbon``: the text behind its speaker or key."""
    labels = [f"{block.attributes[name]}:" for name in ("speaker", "key") if block.attributes.get(name)]
    return " ".join([*labels, block.text])


FIELDS: dict[str, Callable[[Observation], str]] = {
    "question": lambda observation: observation.question or NOTHING,
    "when": _when,
    "memory": lambda observation: observation.memory or NO_MEMORY,
    "memories": lambda observation: _lines([block for block in observation.memories if block.id or block.text]),
    "notes": lambda observation: _before_ids(observation.memories) or NOTHING,
    "candidates": lambda observation: _lines(observation.candidates),
    "sentences": lambda observation: _before_ids(observation.candidates),
    "turns": lambda observation: _lines(observation.turns),
    "section": lambda observation: observation.section,
    "budget": lambda observation: "any number of" if observation.budget is None else str(observation.budget),
    "task": lambda observation: observation.task,
    "state": lambda observation: "\n".join(map(str, observation.blocks)),
}
"""Placeholder to how it is filled."""
