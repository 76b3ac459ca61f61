"""The two environments: a long text read piece by piece, and a memory bank kept over many sessions."""

from memgym.envs.longcontext import LongcontextEnv
from memgym.envs.memory_bank import MemoryBankEnv

__all__ = ["LongcontextEnv", "MemoryBankEnv"]
