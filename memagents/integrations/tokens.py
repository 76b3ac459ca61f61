"""What trainers have in common that deal in tokens: an agent's calls are made through their engines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from memagents.backends.base import Completion, Messages
from memagents.reasoning import TAIL, opened_thought
from memagents.sessions import AgentSession, play_session
from memgym.errors import ConfigError

Generate = Callable[[list[int], int], Awaitable[tuple[list[int], list[float]]]]
"""From a prompt's tokens and the longest answer to an answer's tokens and their log-probabilities, if known."""


async def play_in_tokens(
    session: AgentSession, generate: Generate, tokenizer: Any, stop_ids: Sequence[int] = (), **template: Any
) -> AgentSession:
    """Play an episode to its end through somebody's engine.

    Args:
        session: the episode.
        generate: the engine.
        tokenizer: the model's, of Transformers; its chat template makes the prompts.
        stop_ids: the tokens that end an answer, besides the tokenizer's own.
        **template: what the chat template takes beside the messages.

    Raises:
        ConfigError: the model was asked nothing that is learned from.
    """
    ends = {tokenizer.eos_token_id, *stop_ids}

    async def ask(messages: Messages) -> Completion:
        prompt = tokenizer.apply_chat_template(
            messages, tokenize=True, add_generation_prompt=True, return_dict=False, **template
        )
        said, log_probs = await generate(list(prompt), session.sampling.max_tokens)
        ended = bool(said) and said[-1] in ends
        opening = opened_thought(tokenizer.decode(list(prompt)[-TAIL:], skip_special_tokens=True))
        text = opening + tokenizer.decode(said, skip_special_tokens=True)
        return Completion(text, list(prompt), list(said), list(log_probs), "stop" if ended else "length")

    await play_session(session, ask)
    if not session.calls():
        raise ConfigError(f"episode {session.played.job.index}: the model was asked nothing that is learned from")
    return session
