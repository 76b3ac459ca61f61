"""GRPO on TensorDicts: rollout buffer, advantages, losses, policies and trainer."""
