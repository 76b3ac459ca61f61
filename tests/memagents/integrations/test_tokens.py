"""What trainers have in common that deal in tokens."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from memagents.integrations.tokens import play_in_tokens
from memagents.sessions import AgentSession, outside
from memgym.errors import ConfigError


def test_an_episode_that_asks_the_model_nothing_is_told() -> None:
    """The trained module reads, but the environment lets the agent only answer."""
    rules = ["modules.answer={module = 'Operator', name = 'extractive'}", "env.phases=['answer']"]
    session = AgentSession(*outside("tiny_reader", rules), index=3)
    with pytest.raises(ConfigError, match="episode 3: the model was asked nothing that is learned from"):
        asyncio.run(play_in_tokens(session, None, SimpleNamespace(eos_token_id=0)))


class Thinking:
    """A tokenizer of a character a token, whose chat template begins the reply with a thought."""

    eos_token_id = 0

    def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> list[int]:
        return [ord(character) for character in messages[-1]["content"] + "<think>\n"]

    def decode(self, tokens: list[int], **options: Any) -> str:
        return "".join(chr(token) for token in tokens if token)


def test_a_thought_that_the_template_opened_is_no_action() -> None:
    for said, played in (("the key is in the kitchen", None), ("hm</think>the key", "the key")):

        async def generate(prompt: list[int], most: int, said: str = said) -> tuple[list[int], list[float]]:
            return [ord(character) for character in said], [-1.0] * len(said)

        session = AgentSession(*outside("tiny_reader"), index=3)
        asyncio.run(play_in_tokens(session, generate, Thinking()))
        calls = session.calls()
        assert [call.action for call in calls] == [played] * len(calls)
        assert all(call.rewards["format"] == (played is not None) for call in calls)
