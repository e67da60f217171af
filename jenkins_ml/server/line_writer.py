"""Lines of a log, written by a thread of their own, in batches: a slow or full disk keeps no request waiting."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Final

from jenkins_ml.adapters.clock import now, rfc3339
from jenkins_ml.core import ecs
from jenkins_ml.server.background import Background

MOST_LINES: Final = 20_000  # that wait: about 12 MB
_BATCH: Final = 2_000
_LOGGER: Final = "jenkins_ml.server"
_LEVELS: Final[tuple[tuple[int, ecs.Level], ...]] = (
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)


class LineWriter:
    """Takes lines and writes them later; when too many wait, lines are dropped, and a line says how many.

    Args:
        write: writes some whole lines; answers whether it could. Called in one thread at a time.
        model: the name that is served, for lines of its own.
        environment: that it is served in.
        most_lines: how many may wait.
    """

    def __init__(
        self, write: Callable[[bytes], bool], model: str, environment: str | None, most_lines: int = MOST_LINES
    ) -> None:
        self._write = write
        self._about: dict[str, object] = {
            "log.logger": _LOGGER,
            "event.dataset": ecs.DATASET_SERVER,
            "event.kind": "event",
            "service.name": model,
            "service.environment": environment,
            "process.pid": os.getpid(),
        }
        self._most = most_lines
        self._lines: deque[bytes] = deque()  # both of its ends are safe to use in different threads
        self._heard: list[tuple[logging.Logger, logging.Handler]] = []
        self._told = 0
        self.dropped = 0
        self._background = Background("log", self._drain)

    def put(self, line: bytes) -> None:
        """Take a line; costs next to nothing, and never waits."""
        if len(self._lines) < self._most:
            self._lines.append(line)
        else:
            self.dropped += 1

    def say(self, at: str, level: ecs.Level, message: str, fields: dict[str, object] | None = None) -> None:
        """Take a line about the server itself."""
        self.put(ecs.line(at, level, message, {**self._about, **(fields or {})}))

    def hear(self, logger: logging.Logger) -> None:
        """From here on, until it is closed, take what a logger is told for people, too."""
        handler = LogHandler(self)
        logger.addHandler(handler)
        self._heard.append((logger, handler))

    def close(self) -> None:
        """Write what waits; gives up after some seconds."""
        for logger, handler in self._heard:
            logger.removeHandler(handler)
        self._background.close()

    def _drain(self) -> None:
        while self._write_some():
            pass
        if (dropped := self.dropped) > self._told:
            told = f"lines of this log that could not be written: {dropped - self._told}"
            if self._write(ecs.line(now(), "warning", told, self._about)):
                self._told = dropped

    def _write_some(self) -> bool:
        """Write some of the lines; answers whether there were any, and they could be written."""
        lines = [self._lines.popleft() for _ in range(min(len(self._lines), _BATCH))]
        if not lines:
            return False
        written = self._write(b"".join(lines))
        if not written:
            self.dropped += len(lines)
        return written


class LogHandler(logging.Handler):
    """Gives what the server logs for people to a writer of lines."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """One record as a line."""
        level: ecs.Level = next((name for number, name in _LEVELS if record.levelno >= number), "debug")
        fields: dict[str, object] = {"log.logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error.type"] = type(record.exc_info[1]).__name__
            fields["error.message"] = str(record.exc_info[1])
            fields["error.stack_trace"] = logging.Formatter().formatException(record.exc_info)
        self._writer.say(rfc3339(record.created), level, record.getMessage(), fields)
