"""A build's log: text with hidden console notes in it, which count in every offset."""

import base64
import hashlib
import re

_NOTE = re.compile(rb"\x1b\[8mha:.*?\x1b\[0m", re.DOTALL)
_NOTED = ("[Pipeline]", "Started by user", "Running on")


def line(text: str) -> bytes:
    """A line as it stands in the raw log."""
    data = (text if text.endswith("\n") else text + "\n").encode()
    return note(text) + data if text.startswith(_NOTED) else data


def note(text: str) -> bytes:
    """An annotation, as long as real ones are."""
    noise = b"".join(hashlib.sha512(f"{text}{i}".encode()).digest() for i in range(2))
    return b"\x1b[8mha:////" + base64.b64encode(noise) + b"\x1b[0m"


def visible(raw: bytes) -> bytes:
    """What a reader sees: a note that was cut in two is rubbish in the text."""
    return _NOTE.sub(b"", raw)


class Log:
    """Lines and when they are written.

    Args:
        start: seconds, of the clock of the builds.
    """

    def __init__(self, start: float) -> None:
        self.start = start
        self._lines: list[tuple[float, bytes]] = []
        self._cached: tuple[int, bytes] = (0, b"")

    def write(self, at: float, text: str) -> None:
        """A line that appears at this time; times do not go backwards."""
        self._lines.append((at, line(text)))

    def forget_after(self, now: float) -> None:
        """What was to come does not come."""
        self._lines = [each for each in self._lines if each[0] <= now]

    def later(self, now: float, seconds: float) -> None:
        """What is still to come is late."""
        self._lines = [(at + seconds if at > now else at, text) for at, text in self._lines]

    def raw(self, now: float) -> bytes:
        lines = self._lines
        count = len(lines)
        if not count or lines[-1][0] > now:
            count = sum(at <= now for at, _ in lines)
        if self._cached[0] != count:
            self._cached = (count, b"".join(text for _, text in lines[:count]))
        return self._cached[1]

    def text(self, now: float) -> str:
        return visible(self.raw(now)).decode("utf-8", "replace")


def open_blocks(text: str) -> list[str]:
    """The steps that have not ended, innermost first."""
    opened: list[str] = []
    last = ""
    for each in text.splitlines():
        if not each.startswith("[Pipeline] "):
            continue
        said = each.removeprefix("[Pipeline] ")
        if said.startswith("{"):
            opened.append(last)
        elif said.startswith("//") and opened:
            opened.pop()
        elif said != "}":
            last = said
    return opened[::-1]
