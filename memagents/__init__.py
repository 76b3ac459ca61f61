"""Agents for memgym: modules, model backends, rollout collection and training recipes."""
