"""A picture on a stream that takes the place of the one before; elsewhere than at a terminal it follows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Final, TextIO

from jenkins_ml.reporting.terminal import is_terminal
from jenkins_ml.reporting.text import printable

_HOME: Final = "\x1b[H"
_CLEAR: Final = "\x1b[2J"
_END_OF_LINE: Final = "\x1b[K"
_END_OF_SCREEN: Final = "\x1b[J"


class Screen:
    """A stream, for what is shown again and again.

    Args:
        stream: such as standard output.

    All methods raise BrokenPipeError when nobody reads any more: there is nothing left to do then.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = False

    def line(self, text: str) -> None:
        """Write one line, as it is."""
        self._write(text + "\n")

    def draw(self, lines: Iterable[str]) -> None:
        """Show these lines, none of which has a line's end in it; at a terminal as many, and as much of each, as it has room for."""
        encoding = self._stream.encoding or "utf-8"
        fitted = [printable(line).encode(encoding, "replace").decode(encoding) for line in lines]
        if not is_terminal(self._stream):
            self._write("".join(f"{line}\n" for line in fitted) + "\n")
            return
        width, height = shutil.get_terminal_size()
        shown = fitted if len(fitted) < height else [*fitted[: max(height - 2, 0)], "..."]
        begin = _HOME if self._drawn else _CLEAR + _HOME
        self._drawn = True
        self._write(begin + "".join(f"{line[:width]}{_END_OF_LINE}\n" for line in shown) + _END_OF_SCREEN)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
