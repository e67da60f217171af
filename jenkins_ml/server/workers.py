"""The threads of one version, with a bounded queue, so that a slow version keeps only its own requests waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from jenkins_ml.server.status import Code, VersionError

T = TypeVar("T")
THREADS = 4
QUEUE = 100


class Workers:
    """Threads for one version.

    Args:
        name: of the threads.
        threads: how many requests are answered at once.
        queue: how many more may wait.
    """

    def __init__(self, name: str, threads: int = THREADS, queue: int = QUEUE) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._room = threads + queue
        self._free = self._room
        self._lock = threading.Lock()

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return self._free == self._room

    async def run(self, function: Callable[[], T], seconds: float) -> T:
        """Run a function in one of the threads.

        A thread cannot be stopped: a function that takes too long keeps its thread, and its place in the queue, until
        it ends by itself.

        Raises:
            VersionError: UNAVAILABLE when the queue is full, DEADLINE_EXCEEDED after `seconds`.
            Exception: what the function raises.
        """
        with self._lock:
            if not self._free:
                raise VersionError(Code.UNAVAILABLE, "Too many requests wait for this version already")
            self._free -= 1
        future = self._pool.submit(function)
        future.add_done_callback(self._release)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise VersionError(Code.DEADLINE_EXCEEDED, f"The version did not answer within {seconds:g} s") from error

    def stop(self) -> None:
        """Drop what waits, and let the threads end; does not wait for them."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self, _: object) -> None:
        with self._lock:
            self._free += 1
