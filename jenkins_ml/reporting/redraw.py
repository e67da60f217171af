"""A picture on standard output that takes the place of the one before; elsewhere than at a terminal it follows it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from typing import Final

from jenkins_ml.reporting.terminal import is_terminal
from jenkins_ml.reporting.text import printable

_HOME: Final = "\x1b[H"
_CLEAR: Final = "\x1b[2J"
_END_OF_LINE: Final = "\x1b[K"
_END_OF_SCREEN: Final = "\x1b[J"


class Screen:
    """Standard output, for what is shown again and again.

    All methods raise BrokenPipeError when nobody reads any more: there is nothing left to do then.
    """

    def __init__(self) -> None:
        self._drawn = False

    def line(self, text: str) -> None:
        """Write one line, as it is."""
        _write(text + "\n")

    def draw(self, lines: Iterable[str]) -> None:
        """Show these lines, none of which has a line's end in it; at a terminal as many, and as much of each, as it has room for."""
        encoding = sys.stdout.encoding or "utf-8"
        fitted = [printable(line).encode(encoding, "replace").decode(encoding) for line in lines]
        if not is_terminal(sys.stdout):
            _write("".join(f"{line}\n" for line in fitted) + "\n")
            return
        width, height = shutil.get_terminal_size()
        shown = fitted if len(fitted) < height else [*fitted[: max(height - 2, 0)], "..."]
        begin = _HOME if self._drawn else _CLEAR + _HOME
        self._drawn = True
        _write(begin + "".join(f"{line[:width]}{_END_OF_LINE}\n" for line in shown) + _END_OF_SCREEN)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
