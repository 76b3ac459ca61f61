"""Ctrl-C is held until the block's end; the second one is not."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from memgym.interrupt import held, unheard


@pytest.fixture(autouse=True)
def default() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def press(times: int, seen: list[str]) -> None:
    """Press Ctrl-C so often while it is held; ``seen`` gets what is done then."""
    with held(lambda: seen.append("stop")):
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        seen.append("went on")
        raise ValueError("and went wrong")


def test_the_first_is_raised_at_the_end() -> None:
    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        press(1, seen)
    assert seen == ["stop", "went on"]


def test_the_second_is_raised_at_once() -> None:
    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        press(2, seen)
    assert seen == ["stop"]


def test_without_one_nothing_is_changed() -> None:
    with pytest.raises(ValueError, match="and went wrong"):
        press(0, [])


def test_where_somebody_else_listens_nothing_changes() -> None:
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append("first"))
    with held(lambda: heard.append("stop")):
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert heard == ["first"]


def test_in_a_thread_nothing_changes() -> None:
    done = []

    def run() -> None:
        with held(lambda: None):
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


def start_and_press(seen: list[str]) -> None:
    """Start a process that Ctrl-C does not reach, press it, and say what came of both."""
    pressed = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('unheard')"
    with unheard():
        started = subprocess.Popen([sys.executable, "-c", pressed], stdout=subprocess.PIPE, text=True)
        signal.raise_signal(signal.SIGINT)
        seen.append(started.communicate()[0].strip())


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows cannot hold back a signal")
def test_processes_that_are_started_unheard_do_not_hear_it_and_who_starts_them_does() -> None:
    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        start_and_press(seen)
    assert seen == ["unheard"]
