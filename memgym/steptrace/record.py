"""What is known of one step of an episode, in plain values: no library of tensors is needed to make or read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from memgym.playing import Played, PlayedStep


class TraceStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step as it was played: one call of a model, or one action of anybody else.

    Args:
        episode_id: the task's name of the episode.
        index: of the episode in its split.
        trial: how often it was played before.
        group: episodes of one group are compared with each other; they begin alike.
        episode: number of the episode as it was played; each belongs to one group.
        turn: how many steps of the episode came before.
        phase: what was played.
        final: whether it is the phase that comes last in the episode, the one that gets the final reward.
        observation: what was seen.
        action: what was done; None where a model wrote nothing that is an action.
        error: what was wrong with it; ``""`` if nothing.
        rewards: what the step paid, by name.
        reward: the scalar that it paid.
        trained: whether the step is learned from.
        messages: the chat that a model was asked to go on with, if one was.
        text: all that it wrote, reasoning included.
        prompt_ids: the tokens of the prompt as the model saw it, where they are known.
        response_ids: the tokens that it sampled.
        response_mask: True at the tokens that are learned from; None for all of them.
        log_probs: of the sampled tokens, in nats, where the loop that samples has them.
        finish_reason: ``stop`` if the model ended by itself, ``length`` if it was cut off.
        truncated: whether the prompt was cut to fit the model.
        policy_version: how many updates the weights had seen.
        inputs: what a policy that is no language model saw and drew, by name; numbers, lists or arrays.
        extra: whatever else the loop that asked wants to keep, by name.
    """

    episode_id: str
    index: int
    trial: int
    group: int
    episode: int
    turn: int
    phase: str
    final: bool
    observation: str
    action: str | None
    error: str
    rewards: dict[str, float]
    reward: float
    trained: bool = False
    messages: list[dict[str, str]] | None = None
    text: str | None = None
    prompt_ids: list[int] | None = None
    response_ids: list[int] | None = None
    response_mask: list[bool] | None = None
    log_probs: list[float] | None = None
    finish_reason: Literal["stop", "length"] = "stop"
    truncated: bool = False
    policy_version: int = 0
    inputs: dict[str, Any] = {}
    extra: dict[str, Any] = {}


LEARNED = ("final", "finish_reason", "truncated", "extra")
"""Fields that whoever plays fills, besides those of the tokens."""
TOKENS = ("prompt_ids", "response_ids", "response_mask", "log_probs")
"""Fields of a language model's tokens."""


def trace_of(
    played: Played, *, final_phase: str = "", group: int = 0, episode: int = 0, policy_version: int = 0
) -> list[TraceStep]:
    """Return the steps of an episode that was played with all of its steps kept.

    Args:
        played: as :func:`memgym.playing.play` yields it; with an error, up to where it failed.
        final_phase: the phase that gets the final reward.
        group: see :class:`TraceStep`, as for ``episode`` and ``policy_version``.
        episode: which one.
        policy_version: of the weights.
    """
    place = {
        "episode_id": played.episode_id,
        "index": played.job.index,
        "trial": played.job.trial,
        "group": group,
        "episode": episode,
        "policy_version": policy_version,
    }
    return [_step(step, place, final_phase) for step in played.steps]


def _step(step: PlayedStep, place: Mapping[str, Any], final_phase: str) -> TraceStep:
    move, info = step.move, step.info
    return TraceStep(
        **place,
        **{"final": info["played"] == final_phase, **_learned(move.row)},
        turn=step.ask.step,
        phase=info["played"],
        observation=step.ask.observation,
        action=move.action,
        error=info["action_error"],
        rewards={name: float(value) for name, value in info["rewards"].items()},
        reward=float(step.reward),
        messages=None if move.messages is None else [dict(message) for message in move.messages],
        text=move.text,
    )


def _learned(row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields that the player's own row fills; what has no field of its own is an input."""
    if row is None:
        return {}
    own = (*LEARNED, *TOKENS) if "response_ids" in row else LEARNED
    inputs = {name: value for name, value in row.items() if name not in own}
    return {"trained": True, "inputs": inputs, **{name: row[name] for name in own if name in row}}


def calls(steps: Sequence[TraceStep]) -> list[TraceStep]:
    """Return the steps that are learned from, each with what was paid up to the next one.

    A reward belongs to the last trained step before it: what a frozen answerer earns reaches the one who wrote the
    memory; what is paid before the first trained step is nobody's.

    Args:
        steps: of one episode or several; those of an episode follow each other.
    """
    learned: list[TraceStep] = []
    for step in steps:
        last = learned[-1] if learned and learned[-1].episode == step.episode else None
        if step.trained:
            learned.append(step)
        elif last is not None:
            rewards = {name: value + step.rewards[name] for name, value in last.rewards.items()}
            learned[-1] = msgspec.structs.replace(last, rewards=rewards, reward=last.reward + step.reward)
    return learned


def anchors(steps: Sequence[TraceStep]) -> list[int]:
    """Return a number for each step: equal for equal observations in a group, for credit by step."""
    known: dict[tuple[int, str], int] = {}
    return [known.setdefault((step.group, step.observation), len(known)) for step in steps]


def episodes(steps: Sequence[TraceStep]) -> Iterator[list[TraceStep]]:
    """Yield the steps of each episode, in the order in which the episodes begin."""
    found: dict[int, list[TraceStep]] = {}
    for step in steps:
        found.setdefault(step.episode, []).append(step)
    yield from found.values()
