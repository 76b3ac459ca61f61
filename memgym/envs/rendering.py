"""The state as text for people (render mode ``ansi``)."""

from __future__ import annotations

from typing import Any

from memgym.protocol.observation import Block, Observation

_LINE = "─" * 80


def render_text(observation: str, episode_id: str, info: dict[str, Any]) -> str:
    """Return a legible picture of the state, and of what the last action earned."""
    lines = [_LINE, f"episode {episode_id}"]
    if info.get("action_error"):
        lines.append(f"! the last action was bad: {info['action_error']}")
    if "rewards" in info:
        earned = ", ".join(f"{name} {value:.2f}" for name, value in info["rewards"].items() if value)
        lines.append(f"last step: {earned or 'nothing earned'}")
    if not observation:
        return "\n".join([*lines, "the episode is over", _LINE])
    parsed = Observation.parse(observation)
    lines.append(f"phase: {parsed.phase}")
    if parsed.task:
        lines += ["", parsed.task]
    for block in parsed.blocks:
        lines += ["", *_render_block(block)]
    return "\n".join([*lines, _LINE])


def _render_block(block: Block) -> list[str]:
    attributes = dict(block.attributes)
    identity = attributes.pop("id", "")
    if block.tag == "turn":
        return [f"  {identity} {attributes['speaker']}: {block.text}"]
    notes = ", ".join(f"{name} {value}" for name, value in attributes.items())
    head = f"[{identity or block.tag}]" + (f" ({notes})" if notes else "")
    return [f"{head} {block.text}"] if "\n" not in block.text else [head, block.text]
