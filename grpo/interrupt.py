"""Ctrl-C as a request to stop at the next good moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interruptible(first_of_torchrun: Callable[[], None]) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event; outside the main thread, where signals do not arrive, nothing changes.

    Under torchrun one Ctrl-C comes twice, from the terminal and from torchrun, and more than one count as one.

    Args:
        first_of_torchrun: called at the first one under torchrun, which leaves little time.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    previous = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: object) -> None:
        again = event.is_set()
        event.set()
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            signal.signal(signal.SIGINT, previous)
        elif not again:
            first_of_torchrun()

    signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)
