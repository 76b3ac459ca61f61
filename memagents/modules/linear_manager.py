"""A memory manager without a language model: one linear map on frozen embeddings, trained by reinforcement."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDict
from torch import Tensor, nn

from memagents.modules.base import Call
from memagents.modules.linear import NEVER, LinearModule, stored_text
from memgym.checks import check_int
from memgym.protocol.actions import parse_update, to_json
from memgym.protocol.observation import Observation

DECISIONS = ("ADD", "NOOP", "UPDATE", "DELETE")
ADD, NOOP, UPDATE, DELETE = range(4)


class LinearManager(LinearModule):
    """Decides what becomes of each new fact, as Memory-R1's manager does (arXiv 2508.19828, section 3.1).

    For every candidate it takes one of four operations: ADD it, drop it (NOOP), put it in the place of a related memory
    (UPDATE), or DELETE that memory. The related memory is the one nearest to the candidate; where several candidates
    have the same, the nearest of them may change it. The log-odds are linear in the candidate's embedding and in its
    similarity to the related memory. They start at zero, where inference adds everything; training samples, inference
    takes the likeliest. It is a policy for :mod:`grpo`; its rollout rows have, instead of tokens:

    ==============  =================  =======  ===================================================================
    ``features``    ``[N, C, D + 2]``  float32  embedding, similarity to the related memory, whether there is one
    ``possible``    ``[N, C, 4]``      bool     which of the four operations there are
    ``operations``  ``[N, C]``         int64    those taken, as numbers in the order of :data:`DECISIONS`
    ==============  =================  =======  ===================================================================

    Every candidate is an action element: ``response_mask`` and ``sampler_log_prob`` are ``[N, C]``.

    Args:
        embedder: name of the frozen embedder, see :func:`memgym.bank.get_embedder`.
        candidates: C, how many of the candidates are looked at; those beyond are dropped.
        weights: a file with the trained map, see :meth:`LinearModule.load`.

    Raises:
        ConfigError: an argument does not fit.
        MissingExtraError: the embedder needs an extra that is not installed.
    """

    phases = ("update",)

    def __init__(self, embedder: str = "hash", candidates: int = 64, weights: str | None = None):
        super().__init__(embedder)
        check_int("candidates", candidates, 1)
        self.candidates = candidates
        self.map = nn.Linear(self.embedder.dim + 2, 4)
        nn.init.zeros_(self.map.weight)
        nn.init.zeros_(self.map.bias)
        self.load(weights)

    def log_probs(self, batch: TensorDict) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy of each operation: both ``[N, R]`` float32, for the first R candidates."""
        width = batch["response_mask"].shape[1]
        shares = self._log_shares(batch["features"][:, :width], batch["possible"][:, :width])
        log_prob = shares.gather(-1, batch["operations"][:, :width, None]).squeeze(-1)
        return log_prob, -(shares.exp() * shares).sum(-1)

    @torch.no_grad()
    def inference(self, observation: Observation) -> Call:
        """Take the likeliest operations."""
        features, possible, related = self._look(observation)
        operations = self._log_shares(features, possible).argmax(-1)
        return _plan(observation, operations, related)

    @torch.no_grad()
    def sample(self, observation: Observation, noise: torch.Generator, final: bool) -> Call:
        """Sample operations."""
        features, possible, related = self._look(observation)
        shares = self._log_shares(features, possible)
        operations = shares.exp().multinomial(1, generator=noise).squeeze(-1)
        row = self._row(features, possible, operations, len(related), final)
        row["sampler_log_prob"] = shares.gather(-1, operations[:, None]).squeeze(-1) * row["response_mask"]
        return _plan(observation, operations, related, row)

    def describe(self, row: TensorDict) -> str:
        """Return the operations, candidate by candidate."""
        return " ".join(DECISIONS[number] for number in row["operations"][row["response_mask"]].tolist())

    def demonstration(self, observation: Observation, action: str, backend: Any = None) -> dict[str, Any]:
        """Return the row of a teacher's plan; an operation that this policy does not have counts as NOOP."""
        features, possible, related = self._look(observation)
        names = [candidate.id for candidate in observation.candidates]
        memories = [memory.id for memory in observation.memories]
        plan = {operation.id: operation.op for operation in parse_update(action, names, memories)[0]}
        operations = torch.full((self.candidates,), NOOP)
        for place, memory in enumerate(related):
            if plan.get(names[place]) == "ADD":
                operations[place] = ADD
            elif memory is not None and plan.get(memory) in ("UPDATE", "DELETE"):
                operations[place] = UPDATE if plan[memory] == "UPDATE" else DELETE
        return self._row(features, possible, operations, len(related), final=False)

    def _log_shares(self, features: Tensor, possible: Tensor) -> Tensor:
        return self.map(features).masked_fill(~possible, NEVER).log_softmax(-1)

    def _look(self, observation: Observation) -> tuple[Tensor, Tensor, list[str | None]]:
        """Return ``[C, D + 2]`` features, ``[C, 4]`` possible operations, and each candidate's memory to change."""
        new, known = observation.candidates[: self.candidates], observation.memories
        vectors = torch.from_numpy(self.embedder.embed([*map(stored_text, new), *map(stored_text, known)]))
        features = torch.zeros(self.candidates, vectors.shape[1] + 2)
        features[: len(new), :-2] = vectors[: len(new)]
        possible = torch.tensor([True, True, False, False]).repeat(self.candidates, 1)
        related: list[str | None] = [None] * len(new)
        if known:
            similarity, nearest = (vectors[: len(new)] @ vectors[len(new) :].T).max(1)
            features[: len(new), -2], features[: len(new), -1] = similarity, 1.0
            taken: set[int] = set()
            for place in similarity.argsort(descending=True, stable=True).tolist():
                if (memory := int(nearest[place])) not in taken:
                    taken.add(memory)
                    related[place], possible[place] = known[memory].id, True
        return features, possible, related

    def _row(self, features: Tensor, possible: Tensor, operations: Tensor, count: int, final: bool) -> dict[str, Any]:
        return {
            "features": features,
            "possible": possible,
            "operations": operations,
            "response_mask": torch.arange(self.candidates) < count,
            "finish_reason": 0,
            "truncated": False,
            "final": final,
        }


def _plan(observation: Observation, operations: Tensor, related: list[str | None], row: Any = None) -> Call:
    plan: list[dict[str, str | None]] = []
    for candidate, operation, memory in zip(observation.candidates, operations.tolist(), related, strict=False):
        if operation == ADD:
            plan.append({"id": candidate.id, "op": "ADD"})
        elif operation == UPDATE:
            plan.append({"id": memory, "op": "UPDATE", "value": candidate.text})
        elif operation == DELETE:
            plan.append({"id": memory, "op": "DELETE"})
    action = to_json({"operations": plan})
    return Call(action, action, row)
