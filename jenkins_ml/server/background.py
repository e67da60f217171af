"""Work that no request waits for: a thread that comes by again and again, and once more at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

EVERY_SECONDS: Final = 0.25
_CLOSE_SECONDS: Final = 5.0


class Background:
    """Does something again and again, in a thread of its own, until it is closed.

    Args:
        name: of the thread.
        work: what is done; called in one thread at a time.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._do = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Do it once more, and end; gives up after some seconds."""
        self._stop.set()
        self._thread.join(_CLOSE_SECONDS)

    def _work(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._do()
        self._do()
