"""The append-only journal of a model: entry N is one object, created only if it is absent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jenkins_ml.adapters import files
from jenkins_ml.core import history
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import JournalEntry, decode, encode

_RESTORE = "restore it from a backup: without it, what is in production is not known"
_NAME = re.compile(r"^(\d{8})\.json$")


@dataclass(frozen=True)
class Journal:
    """The journal in one directory."""

    directory: Path

    def entries(self) -> tuple[JournalEntry, ...]:
        """Every entry, in order.

        Raises:
            IntegrityError: an entry is damaged, misnumbered, or one in the middle is missing.
        """
        with files.translated("reading the journal"):
            names = sorted(path.name for path in self.directory.glob("*.json")) if self.directory.is_dir() else []
            numbers = [int(match[1]) for match in map(_NAME.match, names) if match]
            if numbers != list(range(1, len(numbers) + 1)):
                missing = next(index for index, number in enumerate(numbers, 1) if index != number)
                raise IntegrityError(
                    f"the journal {self.directory} lacks entry {missing}",
                    _RESTORE,
                )
            return tuple(self._read(number) for number in numbers)

    def history(self, environment: str) -> history.History:
        """What the entries say of one environment."""
        return history.after(self.entries(), environment)

    def append(self, make: Callable[[int], JournalEntry]) -> JournalEntry:
        """Append the entry that `make(number)` answers; when somebody else takes the number, the next one is tried."""
        with files.translated("writing the journal"):
            number = len(self.entries()) + 1
            while True:
                entry = make(number)
                if files.create_once(self._path(number), encode(entry)):
                    return entry
                number += 1

    def _path(self, number: int) -> Path:
        return self.directory / f"{number:08d}.json"

    def _read(self, number: int) -> JournalEntry:
        path = self._path(number)
        try:
            entry = decode(JournalEntry, path.read_bytes(), str(path))
        except IntegrityError as error:
            raise IntegrityError(error.what, _RESTORE) from error
        if entry.number != number:
            raise IntegrityError(f"{path} holds entry {entry.number}", _RESTORE)
        return entry
