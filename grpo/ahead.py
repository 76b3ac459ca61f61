"""One rollout ahead: the next one is played in a thread while the policy learns from this one.

Every rollout but the first is of the weights before the last iteration's updates: one iteration old, never more,
whatever takes how long. So a run does not depend on timing. After the last iteration there is nothing to play ahead
for: where ``iterations`` are then raised, the next rollout is a first one again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import cast

from tensordict import TensorDict

from grpo.collector import AheadCollector, Collector, RolloutRequest
from grpo.errors import ConfigError


class Ahead:
    """Plays one rollout at a time beside the caller.

    Args:
        collector: has ``begin``, see :class:`grpo.collector.AheadCollector`.

    Raises:
        ConfigError: it has not.
    """

    def __init__(self, collector: Collector | AheadCollector):
        if not hasattr(collector, "begin"):
            raise ConfigError(
                f"overlap = true plays while the policy learns, but {type(collector).__name__} has no `begin(request)`"
            )
        self.collector = cast(AheadCollector, collector)
        self._running: Future[TensorDict] | None = None

    def begin(self, request: RolloutRequest) -> None:
        """Play with the weights of now from now on."""
        self._running = Future()
        # A daemon, unlike an executor's threads: who ends the run in its midst does not wait for the rollout.
        threading.Thread(
            target=_play, args=(self.collector.begin(request), self._running), name="rollout", daemon=True
        ).start()

    def wait(self) -> TensorDict | None:
        """Return what was begun once it is there, or raise what it failed of; None if nothing was begun."""
        running, self._running = self._running, None
        return None if running is None else running.result()


def _play(play: Callable[[], TensorDict], result: Future[TensorDict]) -> None:
    try:
        result.set_result(play())
    except BaseException as error:
        result.set_exception(error)
