"""Ctrl-C within an event loop: raised anywhere, it would leave a loop that can be neither used nor closed."""

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
