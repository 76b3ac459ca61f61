"""The name by which verifiers finds memgym. It takes no dotted names, so the wheel has this file at its top."""

from memagents.integrations.verifiers import MemgymEnv, MemgymHarness, MemgymTaskset

__all__ = ["MemgymEnv", "MemgymHarness", "MemgymTaskset"]
