"""Rows of data sets on the Hugging Face hub (extra ``data``)."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from memgym.data.rows import Rows
from memgym.errors import DataError, MissingExtraError

HUB_PREFIX = "hf:"


class HubRows(Rows):
    """Rows of a data set on the Hugging Face hub, read through the ``datasets`` package (extra ``data``).

    Args:
        name: ``hf:ORG/NAME``, ``hf:ORG/NAME:CONFIG`` or ``hf:ORG/NAME:CONFIG:SPLIT``; parts may be left empty.
            A local folder of data files may stand for ``ORG/NAME``.

    Raises:
        MissingExtraError: ``datasets`` is not installed.
        DataError: the data set, its configuration or its split cannot be had.
    """

    def __init__(self, name: str):
        repository, _, rest = name.removeprefix(HUB_PREFIX).partition(":")
        folder = os.path.abspath(repository) if os.path.isdir(repository) else repository
        super().__init__(name, f"{HUB_PREFIX}{folder}:{rest}")
        try:
            import datasets
        except ImportError:
            raise MissingExtraError(f"reading {name} from the Hugging Face hub", "data") from None
        config, _, split = rest.partition(":")
        try:
            found = datasets.load_dataset(repository, config or None, split=split or None)
        except Exception as error:  # network, hub and format errors share no base class
            raise DataError(f"{name} cannot be loaded ({type(error).__name__}: {error})") from error
        if isinstance(found, dict):
            if len(found) > 1:
                raise DataError(
                    f"{name} has several splits; append one: {name}{':' * (2 - name.count(':', 3))}"
                    f"SPLIT with SPLIT one of {', '.join(found)}"
                )
            found = next(iter(found.values()))
        self._rows = found

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._rows[index]

    @property
    def nbytes(self) -> int:
        """The size of the Arrow table."""
        return self._rows.data.nbytes

    def _digest(self) -> str:
        """Hash all rows, written as JSON."""
        total = hashlib.sha256()
        for row in self:
            total.update(json.dumps(row, sort_keys=True, default=str).encode())
        return total.hexdigest()
