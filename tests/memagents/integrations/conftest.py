"""What the tests of adapters share: a real small model, asked as the trainers' engines are, and what we make of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

INDICES, GROUP_SIZE = [3, 0, 8, 5], 4


class Engine:
    """Answers prompts in tokens; what is drawn follows from a counter, and every answer is noted."""

    def __init__(self) -> None:
        from memagents.backends.transformers_backend import TransformersBackend

        self.backend = TransformersBackend.from_pretrained("tiny_reader", dtype="float32", device="cpu")
        self.asked: list[tuple[list[int], list[int], list[float]]] = []

    def answer(self, prompt: list[int], max_tokens: int) -> tuple[list[int], list[float]]:
        from memagents.backends.base import Sampling

        (said,) = self.backend.generate([prompt], Sampling(max_tokens=max_tokens, seeds=(len(self.asked),)))
        self.asked.append((said.prompt_ids, said.token_ids, said.log_probs))
        return said.token_ids, said.log_probs


@pytest.fixture
def engine() -> Engine:
    """A real model, 0.7 million parameters."""
    return Engine()


def replayed(engine: Engine) -> list:
    """Return the calls of the same episodes, played by this package with the answers that the engine gave."""
    from memagents.sessions import answer, open_sessions, outside

    noted = {}
    for prompt, said, log_probs in engine.asked:
        noted.setdefault(tuple(prompt), []).append((said, log_probs))
    agent, env = outside("tiny_reader")
    sessions = open_sessions(agent, env, INDICES, group_size=GROUP_SIZE)
    assert replace  # the sessions' own order is that of the trainers: episode by episode, trial by trial
    return noted, sessions, answer
