"""The step trace: one record per step of an episode, whoever played it; what trainers are given, and what is kept."""

from memgym.steptrace.credit import CREDITS, advantages, returns
from memgym.steptrace.files import TraceWriter, read_trace, write_trace
from memgym.steptrace.record import TraceStep, calls, trace_of
from memgym.steptrace.session import Session

__all__ = [
    "CREDITS",
    "Session",
    "TraceStep",
    "TraceWriter",
    "advantages",
    "calls",
    "read_trace",
    "returns",
    "trace_of",
    "write_trace",
]
