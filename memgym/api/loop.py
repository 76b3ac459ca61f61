"""An event loop in a thread of its own: what runs there can be given up at any moment, wherever it waits."""

from __future__ import annotations

import asyncio
import queue
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Generic, TypeVar

_Held = TypeVar("_Held", bound=AbstractAsyncContextManager[Any])
_Result = TypeVar("_Result")


class Loop(Generic[_Held]):
    """Runs coroutines for callers in any thread, around something that is closed at the end.

    Args:
        held: what the coroutines use; entered and left in the loop.
    """

    def __init__(self, held: _Held):
        self.held = held
        self._loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        threading.Thread(target=_live, args=(self._loop, held, stop), name="memgym-api", daemon=True).start()
        weakref.finalize(self, _stop, self._loop, stop)

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Return the coroutine's result; if the caller is interrupted, it is given up."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()  # does nothing to one that is done

    def hear(
        self, work: Callable[[Callable[[bytes], None]], Coroutine[Any, Any, _Result]], take: Callable[[bytes], None]
    ) -> _Result:
        """Return the result of a coroutine that tells pieces meanwhile; ``take`` is called with them in this thread."""
        pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        future = asyncio.run_coroutine_threadsafe(work(pieces.put), self._loop)
        future.add_done_callback(lambda _: pieces.put(None))
        try:
            while (piece := pieces.get()) is not None:
                take(piece)
            return future.result()
        finally:
            future.cancel()


def _live(loop: asyncio.AbstractEventLoop, held: AbstractAsyncContextManager[Any], stop: asyncio.Event) -> None:
    async def hold() -> None:
        async with held:
            await stop.wait()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(hold())


def _stop(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(RuntimeError):  # it has ended already
        loop.call_soon_threadsafe(stop.set)
