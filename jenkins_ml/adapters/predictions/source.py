"""What every format of predictions offers, and how large its pieces are."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Protocol

from jenkins_ml.adapters.predictions.columns import Field, Layout, width
from jenkins_ml.adapters.predictions.rows import Rows

BLOCK_ROWS = 2**16
_BLOCK_BYTES = 2**24
_LEAST_ROWS = 2**6


class Source(Protocol):
    """A file of predictions that is open."""

    path: Path
    rows: int | None
    fields: tuple[Field, ...]

    def read(self, layout: Layout, rows: int) -> Generator[Rows, None, None]:
        """The rows from the first on, in pieces of at most `rows`; can be called again.

        Raises:
            UsageError: the file ends too early, is damaged, or lacks a value that it must have.
        """


def block_rows(layout: Layout) -> int:
    """Rows in a block: 65,536, or a smaller power of two where there are so many columns that these would be large."""
    rows = BLOCK_ROWS
    while rows > _LEAST_ROWS and rows * 8 * width(layout.fields) > _BLOCK_BYTES:
        rows //= 2
    return rows
