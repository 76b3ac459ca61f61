"""PPO on picking memories in one file, in the style of CleanRL: flat arguments, one loop.

The agent is shown a question and the memories that the search found. It picks them one by one, the best first, and
stops when it has enough: an overtaken memory beside the right one makes the answer wrong.

    pip install '.' torch tyro
    python ppo_memory.py --total-timesteps 40000 --seed 1
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import tyro
from torch.distributions import Categorical

import memgym
from memgym.wrappers import Features, PickAction


@dataclass
class Args:
    seed: int = 1
    """of everything random"""
    env_id: str = "memgym/RMMReranker-v1"
    """the environment; the agent must play `retrieve` alone"""
    task: str = "whereabouts"
    """the task, with as many moves as the next argument says"""
    moves: int = 30
    """lines of the log that tell of a move"""
    items: int = 20
    """places for memories"""
    total_timesteps: int = 30_000
    """picks of all environments together"""
    learning_rate: float = 1e-2
    """of Adam, falling to 0"""
    num_envs: int = 8
    """environments that step together"""
    num_steps: int = 128
    """picks in each environment per rollout"""
    gamma: float = 1.0
    """the discount; an episode is one question"""
    gae_lambda: float = 0.95
    """lambda of generalised advantage estimation"""
    num_minibatches: int = 4
    """mini-batches per epoch"""
    update_epochs: int = 4
    """epochs per rollout"""
    clip_coef: float = 0.2
    """the surrogate's clipping coefficient"""
    ent_coef: float = 0.01
    """weight of the entropy"""
    vf_coef: float = 0.5
    """weight of the value loss"""
    max_grad_norm: float = 0.5
    """maximum norm of the gradient"""


def layer(features: int, outputs: int, gain: float) -> nn.Linear:
    linear = nn.Linear(features, outputs)
    nn.init.orthogonal_(linear.weight, gain)
    nn.init.zeros_(linear.bias)
    return linear


class Agent(nn.Module):
    """Scores each memory by itself, whatever its place; a last score is for the stop."""

    def __init__(self):
        super().__init__()
        self.actor = nn.Sequential(layer(5, 32, 2**0.5), nn.Tanh(), layer(32, 1, 0.01))
        self.critic = nn.Sequential(layer(5, 32, 2**0.5), nn.Tanh())  # nothing is shared with the actor
        self.value = layer(32, 1, 1.0)
        self.stop = nn.Parameter(torch.zeros(1))

    def get_value(self, x: torch.Tensor) -> torch.Tensor:
        return self.value(self.critic(x).mean(-2)).squeeze(-1)

    def get_action_and_value(self, x, mask, action=None):
        scores = self.actor(x).squeeze(-1)
        logits = torch.cat([scores, self.stop.expand(*scores.shape[:-1], 1)], dim=-1)
        probs = Categorical(logits=logits.masked_fill(~mask, -1e9))
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action), probs.entropy(), self.get_value(x)


def to_tensor(obs: dict[str, np.ndarray]) -> torch.Tensor:
    """Return five numbers for each memory: [num_envs, items, 5]."""
    query, items, near = obs["query"][:, None], obs["item"], obs["near"]
    numbers = [(items * query).sum(-1), (near * query).sum(-1), (items * near).sum(-1), obs["order"], obs["mask"]]
    return torch.as_tensor(np.stack(numbers, axis=-1), dtype=torch.float32)


def main(args: Args) -> list[float]:
    batch_size = args.num_envs * args.num_steps
    minibatch_size = batch_size // args.num_minibatches
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    envs = memgym.make_vec(
        args.env_id,
        args.num_envs,
        wrap=lambda env: PickAction(Features(env, items=args.items)),
        task=args.task,
        moves=args.moves,
        things=10,
        questions=4,
    )
    agent = Agent()
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)

    obs = torch.zeros(args.num_steps, args.num_envs, args.items, 5)
    masks = torch.zeros(args.num_steps, args.num_envs, args.items + 1, dtype=torch.bool)
    actions, logprobs, rewards, dones, values = (torch.zeros(args.num_steps, args.num_envs) for _ in range(5))

    def look(shown):
        return to_tensor(shown), torch.as_tensor(np.array(envs.call("action_masks")))

    start_time, curve = time.time(), []
    next_obs, next_mask = look(envs.reset(seed=args.seed)[0])
    num_iterations = args.total_timesteps // batch_size
    for iteration in range(num_iterations):
        optimizer.param_groups[0]["lr"] = (1 - iteration / num_iterations) * args.learning_rate

        for step in range(args.num_steps):
            obs[step], masks[step] = next_obs, next_mask
            with torch.no_grad():
                action, logprobs[step], _, values[step] = agent.get_action_and_value(next_obs, next_mask)
            actions[step] = action
            shown, reward, terminations, truncations, _ = envs.step(action.numpy())
            rewards[step] = torch.as_tensor(reward)
            dones[step] = torch.as_tensor(terminations | truncations)
            next_obs, next_mask = look(shown)  # of the next question where one has ended

        with torch.no_grad():
            advantages, lastgaelam = torch.zeros_like(rewards), 0
            next_value = agent.get_value(next_obs)
            for t in reversed(range(args.num_steps)):
                nextvalues = next_value if t == args.num_steps - 1 else values[t + 1]
                delta = rewards[t] + args.gamma * nextvalues * (1 - dones[t]) - values[t]
                advantages[t] = lastgaelam = delta + args.gamma * args.gae_lambda * (1 - dones[t]) * lastgaelam
            returns = advantages + values

        b_obs, b_masks = obs.flatten(0, 1), masks.flatten(0, 1)
        b_logprobs, b_actions, b_advantages, b_returns = (x.flatten() for x in (logprobs, actions, advantages, returns))
        for _ in range(args.update_epochs):
            for mb in torch.randperm(batch_size).split(minibatch_size):
                _, newlogprob, entropy, newvalue = agent.get_action_and_value(b_obs[mb], b_masks[mb], b_actions[mb])
                ratio = (newlogprob - b_logprobs[mb]).exp()
                adv = b_advantages[mb]
                adv = (adv - adv.mean()) / (adv.std() + 1e-8)
                clipped = ratio.clamp(1 - args.clip_coef, 1 + args.clip_coef)
                pg_loss = torch.max(-adv * ratio, -adv * clipped).mean()
                v_loss = 0.5 * (newvalue - b_returns[mb]).pow(2).mean()
                loss = pg_loss - args.ent_coef * entropy.mean() + args.vf_coef * v_loss
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
                optimizer.step()

        curve.append(float(rewards.sum() / dones.sum()))
        sps = int((iteration + 1) * batch_size / (time.time() - start_time))
        print(f"iteration {iteration + 1}/{num_iterations}  reward of a question {curve[-1]:.3f}  SPS {sps}")
    envs.close()
    return curve


if __name__ == "__main__":
    curve = main(tyro.cli(Args))
    print(f"CleanRL: reward of a question {curve[0]:.3f} -> {curve[-1]:.3f}")
