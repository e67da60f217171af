"""Where a server's lines for machines go: a file beside those of the stages, or the standard error of a container."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from jenkins_ml.adapters.log_file import LogFile
from jenkins_ml.server.line_writer import LineWriter
from jenkins_ml.server.request_log import RequestLog

_STANDARD_ERROR = 2


def request_log(model: str, environment: str | None, write: Callable[[bytes], bool]) -> tuple[LineWriter, RequestLog]:
    """The log of requests, and what writes it and all that this process logs; close the writer at the end.

    Args:
        model: that is served.
        environment: that it is served in; None where that is not known.
        write: writes some lines; answers whether it could.
    """
    writer = LineWriter(write, model, environment)
    writer.hear(logging.getLogger())
    return writer, RequestLog(model, environment, writer.put)


def into_file(folder: Path, model: str, environment: str) -> Callable[[bytes], bool]:
    """Writes into the file of this server; what goes wrong stands in the server's log for people, once."""
    path = folder / f"{model}.{environment}.server.ndjson"
    return LogFile(path, logging.getLogger(__name__).warning).append


def to_standard_error(lines: bytes) -> bool:
    """Write to where a container's log comes from; answers whether all of it was written."""
    left = memoryview(lines)
    try:
        while left:
            left = left[os.write(_STANDARD_ERROR, left) :]
    except OSError:
        return False
    return True
