"""The file of a memory bank, in the hands of one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from memgym.bank import MemoryBank
from memgym.errors import ConfigError
from memgym.locks import file_lock


@contextmanager
def alone(bank: Path) -> Iterator[None]:
    """Keep other processes from changing the bank's file, from before it is loaded until it is saved.

    Raises:
        ConfigError: it cannot be written.
        InUseError: another process has it.
    """
    if not bank.parent.is_dir():
        raise ConfigError(f"--bank {bank}: there is no folder {bank.parent}")
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(bank))
        except OSError as error:
            raise ConfigError(f"--bank {bank} cannot be written: {error.strerror}") from None
        yield


def load_bank(bank: Path, embedder: str) -> MemoryBank:
    """Load the bank, or begin one; before the agent, since it is quick, and a model is not.

    Raises:
        ConfigError, BankFileError: it cannot be read.
    """
    try:
        if not bank.exists():
            return MemoryBank(embedder)
        return MemoryBank.load(bank, None if embedder == "hash" else embedder)
    except OSError as error:
        raise ConfigError(f"--bank {bank} cannot be read: {error.strerror}") from None


def save_bank(memory: MemoryBank, bank: Path) -> None:
    """Write the bank.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        memory.save(bank)
    except OSError as error:
        raise ConfigError(f"--bank {bank} cannot be written: {error.strerror}") from None
