"""What trainers have in common that deal in tokens."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

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
