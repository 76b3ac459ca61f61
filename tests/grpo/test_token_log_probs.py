"""Log-probabilities, entropies and gradients equal those of whole logits, of which no more than a tile is ever held."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from grpo.token_log_probs import token_log_probs

STATES, VOCABULARY = 24, 1000


def plain(states: Tensor, head: nn.Module, targets: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    choice = torch.distributions.Categorical(logits=head(states) / temperature)
    return choice.log_prob(targets), choice.entropy()


def gradients(found: tuple[Tensor, Tensor], *of: Tensor) -> tuple[Tensor, ...]:
    draw = torch.Generator().manual_seed(3)
    loss = sum((values * torch.randn(values.shape, generator=draw)).sum() for values in found)
    return torch.autograd.grad(loss, of)


def example(tokens: int, bias: bool, spread: float = 3.0) -> tuple[Tensor, nn.Linear, Tensor]:
    torch.manual_seed(tokens)
    states = (spread * torch.randn(tokens, STATES)).requires_grad_()
    return states, nn.Linear(STATES, VOCABULARY, bias=bias), torch.randint(VOCABULARY, (tokens,))


@pytest.mark.parametrize("tokens", [1, 7, 300])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("tile", [1, 300 * 700, None])  # 4 tiles, 2, 1
@pytest.mark.parametrize("spread", [0.0, 3.0, 60.0])
def test_equal_those_of_whole_logits(tokens: int, bias: bool, temperature: float, tile: int | None, spread: float):
    states, head, targets = example(tokens, bias, spread)
    found = token_log_probs(states, head, targets, temperature, tile)
    exactly = states.detach().double().requires_grad_(), nn.Linear(STATES, VOCABULARY, bias=bias).double()
    exactly[1].load_state_dict(head.state_dict())
    expected = plain(*exactly, targets, temperature)
    close = {"rtol": 1e-5, "atol": 1e-5 * max(1.0, spread)}
    torch.testing.assert_close(found, tuple(values.float() for values in expected), **close)
    slopes = gradients(found, states, *head.parameters())
    expected_slopes = gradients(expected, exactly[0], *exactly[1].parameters())
    for slope, other in zip(slopes, expected_slopes, strict=True):
        assert (slope - other).norm() <= 1e-5 * other.norm() + 1e-6


def test_no_more_than_a_tile_is_held():
    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            for tensor in (result,) if isinstance(result, Tensor) else ():
                if tensor.shape[-1:] != (STATES,) and tensor.shape[:1] != (STATES,):  # neither weights nor states
                    self.elements = max(self.elements, tensor.numel())
            return result

    states, head, targets = example(300, bias=False)
    with Largest() as largest:
        gradients(token_log_probs(states, head, targets, 1.0, 1), states, head.weight)
    assert largest.elements == 300 * 256


def test_frozen_weights_take_no_gradient():
    states, head, targets = example(7, bias=True)
    trained = gradients(token_log_probs(states, head, targets, 1.0), states)
    head.requires_grad_(False)
    frozen = token_log_probs(states, head, targets, 1.0)
    torch.testing.assert_close(gradients(frozen, states), trained)


def test_a_head_of_two_layers_gives_its_logits_whole():
    states, _, targets = example(7, bias=True)
    head = nn.Sequential(nn.Linear(STATES, 8), nn.Linear(8, VOCABULARY))
    found, expected = token_log_probs(states, head, targets, 0.6), plain(states, head, targets, 0.6)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, states), gradients(expected, states))


def test_autocast_rounds_the_gradient_alone_on_a_cpu():
    states, head, targets = example(300, bias=False)
    exact = token_log_probs(states, head, targets, 1.0)
    with torch.autocast("cpu", torch.bfloat16):
        rough = token_log_probs(states, head, targets, 1.0)
    assert {values.dtype for values in rough} == {torch.float32}
    torch.testing.assert_close(rough, exact)
    slopes, expected = gradients(rough, states, head.weight), gradients(exact, states, head.weight)
    for slope, other in zip(slopes, expected, strict=True):
        assert 0 < (slope - other).norm() < 0.01 * other.norm()
