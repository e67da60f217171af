"""Writing to a stream that may be a terminal, a log, closed, or lack characters; none of that fails the work."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO

from jenkins_ml.reporting.text import one_line


def write_line(stream: TextIO | None, line: str) -> None:
    """Write a line; that nobody reads it, or that it cannot be written, is no failure."""
    if stream is None:
        return
    try:
        stream.write(line + "\n")
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except (OSError, ValueError):  # a full disk, a closed stream
        pass


def silence(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, or Python would complain of the closed pipe when it exits."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether it is one that can move its cursor."""
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def fit(text: str, stream: TextIO | None) -> str:
    """One line that the stream's encoding has; what it lacks becomes a question mark."""
    encoding = (stream.encoding if stream is not None else None) or "utf-8"
    return one_line(text).encode(encoding, "replace").decode(encoding)
