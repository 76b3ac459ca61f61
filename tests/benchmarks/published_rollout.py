"""The slow reference of a multi-turn rollout with its update: the way of MemFactory's published code.

All generations of an episode at a time through ``model.generate``; what was said is decoded and encoded again; the
log-probabilities of old and reference model in passes of two, the update in batches of four, each with all logits of
prompt and response over the whole vocabulary.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from memagents.agents import Agent
from memgym.envs.base import MemoryEnv
from memgym.protocol.observation import Observation

KL_COEF = 1e-3
CLIP = 0.2


def published_steps(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    agent: Agent,
    env: MemoryEnv,
    group: int,
    tokens: int,
    steps: int,
) -> list[tuple[float, float]]:
    """Return ``(seconds to collect, seconds to update)``, of CPU time, of each step on the environment's first episode.

    Args:
        model: trained in its own precision.
        tokenizer: of the model.
        agent: gives the prompts.
        env: one more of it is made for each generation.
        group: generations per episode.
        tokens: of every reply, forced.
        steps: to take.
    """
    tokenizer.padding_side = "left"
    reference = copy.deepcopy(model).requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    times = []
    for _ in range(steps):
        start = time.process_time()
        rows, returns = _rollout(model.eval(), tokenizer, agent, [env.spawn() for _ in range(group)], tokens)
        collected = time.process_time()
        advantage = (returns - returns.mean()) / (returns.std() + 1e-4)
        _update(model, reference, optimizer, _encode(tokenizer, rows, tokens), advantage[[row[0] for row in rows]])
        times.append((collected - start, time.process_time() - collected))
    return times


@torch.no_grad()
def _rollout(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, agent: Agent, envs: Sequence[MemoryEnv], tokens: int
) -> tuple[list[tuple[int, str, str]], Tensor]:
    """Play the first episode everywhere; return ``(environment, prompt, reply)`` per call, and the returns."""
    seen = [env.reset(options={"index": 0})[0] for env in envs]
    rows, returns, done = [], torch.zeros(len(envs)), False
    while not done:
        observed = [Observation.parse(text) for text in seen]
        chats = [agent.parts[one.phase].module.prompt(one) for one in observed]
        prompts = [tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats]
        inputs = tokenizer(prompts, padding=True, return_tensors="pt", add_special_tokens=False)
        said = model.generate(
            **inputs, do_sample=True, top_k=0, top_p=1.0, temperature=1.0, max_new_tokens=tokens, min_new_tokens=tokens
        )
        replies = tokenizer.batch_decode(said[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        for number, (env, prompt, reply) in enumerate(zip(envs, prompts, replies, strict=True)):
            seen[number], reward, done, _, _ = env.step(reply)
            returns[number] += reward
            rows.append((number, prompt, reply))
    return rows, returns


def _encode(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[tuple[int, str, str]], tokens: int
) -> tuple[Tensor, Tensor, int]:
    """Return ids and mask of prompts and replies, and the width of the prompts; replies are forced to their length."""
    prompts = tokenizer([prompt for _, prompt, _ in rows], padding=True, return_tensors="pt", add_special_tokens=False)
    replies = tokenizer(
        [reply for *_, reply in rows],
        padding="max_length",
        padding_side="right",
        truncation=True,
        max_length=tokens,
        return_tensors="pt",
        add_special_tokens=False,
    )
    ids, mask = (torch.cat([prompts[key], replies[key]], 1) for key in ("input_ids", "attention_mask"))
    return ids, mask, prompts["input_ids"].shape[1]


def _update(
    model: nn.Module,
    reference: nn.Module,
    optimizer: torch.optim.Optimizer,
    encoded: tuple[Tensor, Tensor, int],
    advantage: Tensor,
) -> None:
    ids, mask, width = encoded
    response = mask[:, width:]
    with torch.no_grad():
        old, ref = (
            torch.cat([_log_probs(one, i, m, width) for i, m in zip(ids.split(2), mask.split(2), strict=True)])
            for one in (model, reference)
        )
    model.train()
    for part in torch.arange(len(ids)).split(4):
        new = _log_probs(model, ids[part], mask[part], width)
        ratio, gap = (new - old[part]).exp(), ref[part] - new
        paid = advantage[part, None]
        surrogate = -torch.minimum(ratio * paid, ratio.clamp(1 - CLIP, 1 + CLIP) * paid)
        loss = surrogate + KL_COEF * (gap.exp() - gap - 1)
        ((loss * response[part]).sum() / response.sum()).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def _log_probs(model: nn.Module, ids: Tensor, mask: Tensor, width: int) -> Tensor:
    """Return the log-probability of every token after the first ``width``."""
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
    return logits.log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)[:, width - 1 :]
