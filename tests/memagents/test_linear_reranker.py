"""RMM's reranker against brute-force enumeration of the Plackett–Luce model."""

from __future__ import annotations

import itertools
import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tensordict import TensorDict

from grpo.buffer import from_rows
from grpo.policies import TrainablePolicy
from memagents.modules.linear_reranker import LinearReranker
from memgym.bank import MemoryBank
from memgym.errors import ConfigError
from memgym.protocol.observation import Block, Observation

TEXTS = ["Mira lives in Lisbon", "Mira has a cat", "Ben sails", "the cat is grey", "Lisbon is warm", "Ben has a dog"]


def observation(count: int) -> Observation:
    memories = [Block("memory", text, {"id": f"m{i}", "key": "note"}) for i, text in enumerate(TEXTS[:count])]
    return Observation("retrieve", "", (Block("question", "Where does Mira live with the cat?"), *memories))


def randomised(seed: int, **options) -> LinearReranker:
    reranker = LinearReranker(**{"embedder": "hash:16", "candidates": 6, "picks": 3, **options})
    generator = torch.Generator().manual_seed(seed)
    for parameter in reranker.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.5
    return reranker


def batch_of(reranker: LinearReranker, count: int, orders: list[tuple[int, ...]]) -> TensorDict:
    """Rows that pick in these orders from the same candidates."""
    row = reranker.rollout(observation(count), 0).row
    picks = torch.tensor([[*order, *[-1] * (reranker.picks - len(order))] for order in orders])
    same = {key: torch.stack([row[key]] * len(orders)) for key in ("query", "memories", "available")}
    return TensorDict({**same, "picks": picks, "response_mask": picks >= 0}, batch_size=[len(orders)])


def enumerate_exactly(utilities: list[float], order: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """Log-probability and entropy of each pick, by the definition."""
    left = list(range(len(utilities)))
    log_probs, entropies = [], []
    for pick in order:
        total = sum(math.exp(utilities[i]) for i in left)
        shares = {i: math.exp(utilities[i]) / total for i in left}
        log_probs.append(math.log(shares[pick]))
        entropies.append(-sum(share * math.log(share) for share in shares.values()))
        left.remove(pick)
    return log_probs, entropies


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 3), st.floats(0.1, 3.0))
def test_log_probs_are_those_of_all_orders(seed: int, count: int, picks: int, temperature: float) -> None:
    reranker = randomised(seed, picks=picks, temperature=temperature)
    depth = min(picks, count)
    orders = list(itertools.permutations(range(count), depth))
    batch = batch_of(reranker, count, orders)
    log_prob, entropy = (values.double() for values in reranker.log_probs(batch))
    utilities = (reranker.scores(batch["query"][:1], batch["memories"][:1])[0, :count].double() / temperature).tolist()
    for row, order in enumerate(orders):
        expected = enumerate_exactly(utilities, order)
        assert log_prob[row, :depth].tolist() == pytest.approx(expected[0], abs=1e-4)
        assert entropy[row, :depth].tolist() == pytest.approx(expected[1], abs=1e-4)
    assert log_prob[:, :depth].sum(1).exp().sum().item() == pytest.approx(1.0, abs=1e-4)


def test_the_gradient_is_that_of_the_definition_and_finite_in_padding() -> None:
    reranker = randomised(3)
    orders = [(1, 0), (0, 1)]  # two candidates for three picks: the third is padding
    batch = batch_of(reranker, 2, orders)
    reranker.log_probs(batch)[0][:, :2].sum().backward()
    found = [parameter.grad.clone() for parameter in reranker.parameters()]
    reranker.zero_grad()
    first, second = (reranker.scores(batch["query"][:1], batch["memories"][:1])[0, :2] / reranker.temperature).unbind()
    total = torch.logaddexp(first, second)
    ((first - total) + (second - total)).backward()
    for got, parameter in zip(found, reranker.parameters(), strict=True):
        assert got.isfinite().all()
        torch.testing.assert_close(got, parameter.grad, atol=1e-5, rtol=1e-4)


def test_samples_come_as_often_as_their_probability_says() -> None:
    reranker = randomised(5, picks=2)
    orders = list(itertools.permutations(range(3), 2))
    expected = reranker.log_probs(batch_of(reranker, 3, orders))[0][:, :2].sum(1).exp().tolist()
    draws = 3000
    drawn = [tuple(reranker.rollout(observation(3), seed).row["picks"].tolist()) for seed in range(draws)]
    assert max(expected) > 2 * min(expected)  # else anything would do
    for order, share in zip(orders, expected, strict=True):
        sigma = math.sqrt(draws * share * (1 - share))
        assert abs(drawn.count(order) - draws * share) < 4 * sigma


def test_a_row_holds_what_the_policy_needs_to_say_the_same_again() -> None:
    reranker = randomised(7)
    rows = []
    for number, count in enumerate((6, 2, 4)):
        call = reranker.generate(observation(count), number)
        picked = [pick for pick in call.row["picks"].tolist() if pick >= 0]
        assert json.loads(call.action) == [f"m{pick}" for pick in picked]
        place = {"group_id": 0, "episode_id": number, "turn_id": 0, "phase_id": 3, "policy_version": 0}
        rows.append({**call.row, **place, "rewards": [1.0, 0.0], "reward": 1.0})
    buffer = from_rows(rows)
    assert isinstance(reranker, TrainablePolicy)
    assert buffer["response_mask"].sum(1).tolist() == [3, 2, 3]
    assert buffer["memories"].shape == (3, 6, 16)
    log_prob, _ = reranker.log_probs(buffer)
    mask = buffer["response_mask"]
    torch.testing.assert_close(log_prob[mask], buffer["sampler_log_prob"][mask])
    narrow, _ = reranker.log_probs(buffer[1:2].update({"response_mask": mask[1:2, :2]}))  # as the trainer trims it
    torch.testing.assert_close(narrow, log_prob[1:2, :2])


def test_untrained_it_ranks_as_the_bank_does() -> None:
    bank = MemoryBank("hash")
    for text in TEXTS:
        bank.add(text, key="note")
    question = "Where does Mira live with the cat?"
    hits = bank.search(question, 6)
    shuffled = sorted((record for record, _ in hits), key=lambda record: record.id)
    memories = [Block("memory", record.value, {"id": record.id, "key": record.key}) for record in shuffled]
    shown = Observation("retrieve", "", (Block("question", question), *memories))
    action = LinearReranker(picks=6).inference(shown).action
    scores = {record.id: score for record, score in hits}
    assert [scores[name] for name in json.loads(action)] == pytest.approx([score for _, score in hits], abs=1e-6)


def test_no_memories_no_row() -> None:
    empty = Observation("retrieve", "", (Block("question", "Where?"),))
    for call in (LinearReranker().rollout(empty, 0), LinearReranker().inference(empty)):
        assert (call.action, call.row) == ("[]", None)


def test_seeded_noise() -> None:
    reranker = randomised(1)

    def draw(seeds: range) -> list[str]:
        return [reranker.rollout(observation(6), seed).action for seed in seeds]

    assert draw(range(10)) == draw(range(10)) == draw(range(9, -1, -1))[::-1] != draw(range(10, 20))
    assert len(set(draw(range(10)))) > 1
    assert reranker.generate(observation(6), 3).action == reranker.rollout(observation(6), 3).action


def test_weights_are_read_back(tmp_path) -> None:
    trained = randomised(9)
    torch.save(trained.state_dict(), tmp_path / "maps.pt")
    torch.save({"format": 1, "policy": trained.state_dict(), "step": 3}, tmp_path / "state.pt")
    for name in ("maps.pt", "state.pt"):
        read = LinearReranker("hash:16", picks=3, candidates=6, weights=str(tmp_path / name))
        assert read.inference(observation(6)) == trained.inference(observation(6))
    with pytest.raises(ConfigError, match=r"maps\.pt"):
        LinearReranker("hash:32", weights=str(tmp_path / "maps.pt"))
    (tmp_path / "other.pt").write_text("no weights")
    for name in ("other.pt", "none.pt"):
        with pytest.raises(ConfigError, match=name):
            LinearReranker("hash:16", weights=str(tmp_path / name))


@pytest.mark.parametrize(
    "options", [{"picks": 0}, {"picks": 7}, {"candidates": 0}, {"temperature": 0}, {"embedder": "hsh"}]
)
def test_bad_arguments(options: dict) -> None:
    with pytest.raises(ConfigError):
        LinearReranker(**{"candidates": 6, "picks": 3, **options})
