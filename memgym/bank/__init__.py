"""The memory bank: records, operations, embedders, the vector index and bank files."""

from memgym.bank.bank import MemoryBank
from memgym.bank.embedders import (
    ApiEmbedder,
    CachedEmbedder,
    Embedder,
    HashEmbedder,
    MiniLMEmbedder,
    get_embedder,
    runs_here,
)
from memgym.bank.records import OPERATION_ALIASES, OPERATIONS, Event, MemoryRecord, Operation, PlanError

__all__ = [
    "OPERATIONS",
    "OPERATION_ALIASES",
    "ApiEmbedder",
    "CachedEmbedder",
    "Embedder",
    "Event",
    "HashEmbedder",
    "MemoryBank",
    "MemoryRecord",
    "MiniLMEmbedder",
    "Operation",
    "PlanError",
    "get_embedder",
    "runs_here",
]
