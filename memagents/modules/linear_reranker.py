"""RMM's own reranker: two linear maps on frozen embeddings, trained by reinforcement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict
from torch import Tensor, nn

from memagents.modules.base import Call
from memagents.modules.linear import NEVER, LinearModule, stored_text
from memgym.checks import check_int, check_number
from memgym.protocol.actions import parse_retrieve, to_json
from memgym.protocol.observation import Block, Observation


class LinearReranker(LinearModule):
    """Picks the memories for a question (RMM, arXiv 2503.08026, section 6).

    q′ = q + W_q q, m′ = m + W_m m, score s = q′·m′. The maps start at zero: the ranking is then the embedder's own.
    Training picks without replacement, each time in proportion to exp(s/τ) over the memories that are left: the
    Plackett–Luce model, drawn as the top k of s/τ + Gumbel noise (Kool et al., arXiv 1903.06059), whose log-probability
    is exact. Inference picks the k best. It is a policy for :mod:`grpo`; its rollout rows have, instead of tokens:

    =============  ==============  =======  =====================================================
    ``query``      ``[N, D]``      float32  embedding of the question
    ``memories``   ``[N, C, D]``   float32  embeddings of the candidates, zero where there are fewer
    ``available``  ``[N, C]``      bool     which of them are candidates
    ``picks``      ``[N, k]``      int64    the candidates picked, first to last; -1 where there were fewer
    =============  ==============  =======  =====================================================

    Every pick is an action element: ``response_mask`` and ``sampler_log_prob`` are ``[N, k]``.

    Args:
        embedder: name of the frozen embedder, see :func:`memgym.bank.get_embedder`.
        picks: k, how many memories are picked (RMM: 5).
        candidates: C, how many of the memories shown are looked at (RMM: 20).
        temperature: τ of the training (RMM: 0.5).
        weights: a file with the trained maps, see :meth:`LinearModule.load`.

    Raises:
        ConfigError: an argument does not fit.
        MissingExtraError: the embedder needs an extra that is not installed.
    """

    phases = ("retrieve",)

    def __init__(
        self,
        embedder: str = "hash",
        picks: int = 5,
        candidates: int = 20,
        temperature: float = 0.5,
        weights: str | None = None,
    ):
        super().__init__(embedder)
        check_int("candidates", candidates, 1)
        check_int("picks", picks, 1, candidates)
        check_number("temperature", temperature, 0, above=True)
        self.picks, self.candidates, self.temperature = picks, candidates, float(temperature)
        self.query_map = nn.Linear(self.embedder.dim, self.embedder.dim, bias=False)
        self.memory_map = nn.Linear(self.embedder.dim, self.embedder.dim, bias=False)
        nn.init.zeros_(self.query_map.weight)
        nn.init.zeros_(self.memory_map.weight)
        self.load(weights)

    def scores(self, query: Tensor, memories: Tensor) -> Tensor:
        """Return s, ``[N, C]``, for queries ``[N, D]`` and memories ``[N, C, D]``."""
        query = query + self.query_map(query)
        memories = memories + self.memory_map(memories)
        return (memories @ query[:, :, None]).squeeze(-1)

    def log_probs(self, batch: TensorDict) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy of every pick, given those before it: both ``[N, R]`` float32."""
        return self._log_probs(self.scores(batch["query"], batch["memories"]) / self.temperature, batch)

    def _log_probs(self, utilities: Tensor, batch: TensorDict | Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        left = batch["available"].clone()
        log_prob, entropy = [], []
        for position in range(batch["response_mask"].shape[1]):
            pick = batch["picks"][:, position, None].clamp(min=0)
            log_shares = utilities.masked_fill(~left, NEVER).log_softmax(-1)
            log_prob.append(log_shares.gather(1, pick).squeeze(1))
            entropy.append(-(log_shares.exp() * log_shares).sum(1))
            left = left.scatter(1, pick, False)
        return torch.stack(log_prob, 1), torch.stack(entropy, 1)

    @torch.no_grad()
    def inference(self, observation: Observation) -> Call:
        """Pick the best."""
        memories = observation.memories[: self.candidates]
        if not memories:
            return _ranking(memories, [])
        features = self._features(observation, memories)
        scores = self.scores(features["query"][None], features["memories"][None])[0, : len(memories)]
        return _ranking(memories, scores.argsort(descending=True, stable=True)[: self.picks].tolist())

    def describe(self, row: TensorDict) -> str:
        """Return the places of the candidates picked, the first to the last."""
        return f"picks {row['picks'][row['response_mask']].tolist()}"

    def demonstration(self, observation: Observation, action: str, backend: Any = None) -> dict[str, Any] | None:
        """Return the row of the first candidates that a teacher picked; None if it picked none."""
        memories = observation.memories[: self.candidates]
        places = {memory.id: place for place, memory in enumerate(memories)}
        chosen = parse_retrieve(action, [memory.id for memory in observation.memories])
        picks = [places[name] for name in chosen if name in places][: self.picks]
        if not picks:
            return None
        padded = torch.tensor(picks + [-1] * (self.picks - len(picks)))
        return {
            **self._features(observation, memories),
            "picks": padded,
            "response_mask": padded >= 0,
            "finish_reason": 0,
            "truncated": False,
            "final": False,
        }

    @torch.no_grad()
    def sample(self, observation: Observation, noise: torch.Generator, final: bool) -> Call:
        """Sample picks."""
        memories = observation.memories[: self.candidates]
        if not memories:
            return _ranking(memories, [])  # nothing to choose, nothing to learn
        row = self._features(observation, memories)
        all_utilities = self.scores(row["query"][None], row["memories"][None]) / self.temperature
        utilities = all_utilities[0, : len(memories)]
        gumbel = -torch.empty_like(utilities).exponential_(generator=noise).log()
        picks = (utilities + gumbel).topk(min(self.picks, len(memories))).indices
        row["picks"] = nn.functional.pad(picks, (0, self.picks - len(picks)), value=-1)
        row["response_mask"] = row["picks"] >= 0
        log_prob, _ = self._log_probs(all_utilities, {key: value[None] for key, value in row.items()})
        row["sampler_log_prob"] = log_prob[0].masked_fill(~row["response_mask"], 0.0)
        return _ranking(memories, picks.tolist(), {**row, "finish_reason": 0, "truncated": False, "final": final})

    def _features(self, observation: Observation, memories: Sequence[Block]) -> dict[str, Tensor]:
        vectors = self.embedder.embed([observation.question, *map(stored_text, memories)])
        padded = np.zeros((self.candidates, vectors.shape[1]), np.float32)
        padded[: len(memories)] = vectors[1:]
        return {
            "query": torch.from_numpy(vectors[0]),
            "memories": torch.from_numpy(padded),
            "available": torch.arange(self.candidates) < len(memories),
        }


def _ranking(memories: Sequence[Block], picks: Sequence[int], row: Mapping[str, Any] | None = None) -> Call:
    action = to_json([memories[pick].id for pick in picks])
    return Call(action, action, row)
