"""A file of log lines that several processes append to, and that never becomes larger than told.

Each append is one write to a file opened for appending, so that lines of different processes do not mix; on a network file
system that has no such appends, give each machine a folder of its own. A file that is full is renamed (Filebeat goes on
with it under its new name), and the oldest one goes. A write that fails is told of once, and never raised.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 64 << 20
OLD_FILES: Final = 3  # beside the one that is written


@dataclass
class LogFile:
    """Where lines go.

    Args:
        path: the file; it and its folder are made when there is a line.
        warn: takes one line when it cannot be written, and nothing more until it could again.
        most_bytes: of one file, before it is renamed to `path`.1, and that one to .2, and so on.
        old_files: how many of those are kept.
    """

    path: Path
    warn: Callable[[str], None]
    most_bytes: int = MOST_BYTES
    old_files: int = OLD_FILES
    _failing: bool = field(default=False, init=False)

    def append(self, lines: bytes) -> bool:
        """Write whole lines; answers whether they are in the file."""
        try:
            self._append(lines)
        except OSError as error:
            if not self._failing:
                self.warn(f"the log {self.path} cannot be written: {error.strerror or error}")
            self._failing = True
            return False
        self._failing = False
        return True

    def _append(self, lines: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            # Who looks at the end of the file must not see half of what another process is writing there.
            fcntl.flock(file, fcntl.LOCK_EX)
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                lines = b"\n" + lines  # a disk that was full has cut off the last line: it must not spoil this one
            if os.write(file, lines) < len(lines):
                raise OSError(None, "the disk is full")
            if size + len(lines) >= self.most_bytes:
                self._rotate(file)
        finally:
            os.close(file)

    def _rotate(self, file: int) -> None:
        """Give the full file, whose lock is held, another name, unless another process has done so."""
        with contextlib.suppress(FileNotFoundError):
            if not os.path.samestat(os.fstat(file), self.path.stat()):
                return
            for number in range(self.old_files, 1, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._old(number - 1).replace(self._old(number))
            self.path.replace(self._old(1))

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
