from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from memgym.bank import MemoryBank
from memgym.errors import InUseError
from memgym.locks import file_lock

HOLDER = """
import sys
from memgym.locks import file_lock
with file_lock(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.readline()
"""


def holder(path) -> subprocess.Popen:
    """Another process that holds the lock until it is told to end."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"locked\n"
    return process


def test_another_process_is_kept_away_at_once(tmp_path):
    path = tmp_path / "mira.bank"
    with holder(path) as process:
        with pytest.raises(InUseError, match=r"mira\.bank is in use by another process"), file_lock(path):
            pytest.fail("two hold the lock")
        with file_lock(tmp_path / "other.bank"):  # only that file is locked
            pass
        process.communicate(b"\n")
    assert process.returncode == 0
    with file_lock(path):
        MemoryBank("hash:8").save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["mira.bank"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_the_dead_hold_nothing(tmp_path):
    path = tmp_path / "bank"
    with holder(path) as process:
        process.kill()
        process.wait()
    assert [file.name for file in tmp_path.iterdir()] == [".bank.lock"]  # it blocks nobody
    with file_lock(path), pytest.raises(InUseError), file_lock(path):
        pytest.fail("two hold the lock")
    assert not list(tmp_path.iterdir())


def test_an_error_releases_it(tmp_path):
    with pytest.raises(KeyError), file_lock(tmp_path / "bank"):
        raise KeyError("mine")
    with file_lock(tmp_path / "bank"):
        pass


def test_the_folder_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError), file_lock(tmp_path / "none" / "bank"):
        pytest.fail("nothing is locked")


COUNTER = """
import sys
from memgym.bank import MemoryBank
from memgym.locks import file_lock
from memgym.errors import InUseError
done = 0
while done < 40:
    try:
        with file_lock(sys.argv[1]):
            bank = MemoryBank.load(sys.argv[1])
            bank.add("one more")
            bank.save(sys.argv[1])
        done += 1
    except InUseError as error:
        assert "in use" in str(error), error
"""


def test_no_change_is_lost_among_processes(tmp_path):
    """Also those that open the lock's file just before its holder removes it."""
    path = tmp_path / "bank"
    MemoryBank("hash:8").save(path)
    writers = [subprocess.Popen([sys.executable, "-c", COUNTER, str(path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(MemoryBank.load(path)) == 3 * 40
