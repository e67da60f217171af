"""The append-only journal of a model: entry N is one object, created only if it is absent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jenkins_ml.adapters import files
from jenkins_ml.core import history
from jenkins_ml.errors import IntegrityError, Unavailable
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
            return tuple(self._read(number) for number in range(1, self.last() + 1))

    def last(self) -> int:
        """The number of the last entry; 0 for none.

        Raises:
            IntegrityError: one before it is missing.
        """
        with files.translated("reading the journal"):
            names = sorted(path.name for path in self.directory.glob("*.json")) if self.directory.is_dir() else []
        numbers = [int(match[1]) for match in map(_NAME.match, names) if match]
        if numbers != list(range(1, len(numbers) + 1)):
            missing = next(index for index, number in enumerate(numbers, 1) if index != number)
            raise IntegrityError(f"the journal {self.directory} lacks entry {missing}", _RESTORE)
        return len(numbers)

    def history(self, environment: str) -> history.History:
        """What the entries say of one environment."""
        return history.after(self.entries(), environment)

    def append(self, make: Callable[[int], JournalEntry]) -> JournalEntry:
        """Append the entry that `make(number)` answers; when somebody else takes the number, the next one is tried."""
        with files.translated("writing the journal"):
            number = self.last() + 1
            while True:
                entry = make(number)
                if files.create_once(self._path(number), encode(entry)):
                    return entry
                number += 1

    def append_after(self, seen: int, make: Callable[[int], JournalEntry]) -> JournalEntry:
        """Append an entry as `append` does, unless somebody else has released or rolled back in its environment.

        Args:
            seen: the number of the last entry that the writer knows: its own, or the last one when it began.
            make: answers the entry of a number.

        Raises:
            Unavailable: there is such an entry after `seen`; the writer was taken over, or somebody does not know that
                they were.
        """

        def checked(number: int) -> JournalEntry:
            entry = make(number)
            for between in range(seen + 1, number):
                other = self._read(between)
                if other.environment == entry.environment and other.kind != "decision":
                    raise Unavailable(
                        f"run {other.run} wrote entry {between} ({other.kind} of version {other.version}) into the "
                        f"journal of {entry.environment} meanwhile",
                        "look at jenkins-ml status, then run this again",
                    )
            return entry

        return self.append(checked)

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
