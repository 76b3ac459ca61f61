"""A policy with a method per phase, whose defaults are the environment's own operators."""

from __future__ import annotations

from memgym.operators.extracting import extractive
from memgym.operators.managing import add_all, top_k, verbatim
from memgym.operators.memorizing import recent
from memgym.policy import Policy
from memgym.protocol.observation import Observation


class PhasePolicy(Policy):
    """A policy with one method per phase; override those that matter.

    The defaults are the environment's own operators: keep what was read last, extract every turn verbatim, add all
    candidates, leave the order of the retrieved memories, answer with the span that fits best. A policy that draws at
    random derives from :class:`~memgym.policy.StochasticPolicy`, one that awaits a network from
    :class:`~memgym.policy.AsyncPolicy`.
    """

    def act(self, observation: str) -> str:
        """Parse the observation and call the method named like its phase."""
        parsed = Observation.parse(observation)
        return getattr(self, parsed.phase)(parsed)

    def read(self, observation: Observation) -> str:
        """Return the new memory, which replaces the old one."""
        return recent(observation)

    def extract(self, observation: Observation) -> str:
        """Return the memories worth keeping of a session, as JSON (see ``memgym.protocol.actions.ACTION_SCHEMAS``)."""
        return verbatim(observation)

    def update(self, observation: Observation) -> str:
        """Return the operations on the bank, as JSON."""
        return add_all(observation)

    def retrieve(self, observation: Observation) -> str:
        """Return the ids of the useful memories, best first, as a JSON list."""
        return top_k(observation)

    def answer(self, observation: Observation) -> str:
        """Return the answer to the question."""
        return extractive(observation)
