"""Trainings that alerts have started, kept so that receivers on several machines start one at a time between them.

retrainings/<n>.json: one that was started, or is about to be. Whoever creates the file may start it; where that surely
failed, the same one removes it. Where nobody knows whether it was started, the file stays: at most one is started within the
time, at the price of none when a receiver dies in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jenkins_ml.adapters import clock, files
from jenkins_ml.records import Retraining, decode, encode

_NAME: Final = re.compile(r"^(\d{8})\.json$")


@dataclass(frozen=True)
class Retrainings:
    """What was started for one model.

    Args:
        folder: where it is kept.
        age: how many seconds ago a time of a record was.
    """

    folder: Path
    age: Callable[[str], float] = clock.age_seconds

    def last(self) -> Retraining | None:
        """The latest one.

        Raises:
            IntegrityError: it cannot be read.
        """
        with files.translated("reading what trainings were started"):
            while self.folder.is_dir():
                numbers = [int(match[1]) for path in self.folder.iterdir() if (match := _NAME.match(path.name))]
                if not numbers:
                    break
                path = self._path(max(numbers))
                try:
                    return decode(Retraining, path.read_bytes(), str(path))
                except FileNotFoundError:  # whoever created it has not started anything
                    continue
        return None

    def begin(self, make: Callable[[int], Retraining], seconds: float) -> tuple[Retraining, bool]:
        """Take the right to start one.

        Args:
            make: the record of a number.
            seconds: that have to lie between two.

        Returns:
            The record, and whether it is ours to start; else it is the one that was started too short a time ago.
        """
        while True:
            last = self.last()
            if last is not None and self.age(last.created) < seconds:
                return last, False
            mine = make(last.number + 1 if last is not None else 1)
            with files.translated("noting that a training is started"):
                if files.create_once(self._path(mine.number), encode(mine)):
                    return mine, True

    def undo(self, mine: Retraining) -> None:
        """Give the right back: nothing was started."""
        with files.translated("noting that no training was started"):
            self._path(mine.number).unlink()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.json"
