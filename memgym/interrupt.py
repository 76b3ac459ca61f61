"""Ctrl-C where it must not be raised just anywhere.

Within an event loop it would leave one that can be neither used nor closed; in a worker, a traceback that nobody wants.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def held(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first Ctrl-C, and raise it at the end of the block; a second one is raised at once.

    Outside the main thread, where signals do not arrive, and where somebody else listens to them, nothing changes.
    """
    listens = signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    if listens or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = False

    def first(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if pressed:
            raise KeyboardInterrupt from None


@contextmanager
def unheard() -> Iterator[None]:
    """Start processes that never hear of Ctrl-C, not even while they start; one pressed meanwhile is raised at the end.

    On Windows it changes nothing: they have to see to it themselves.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
