"""Several requests at a time, so that Ctrl-C ends it soon and loses nothing.

What has been begun is brought to its end, since nobody could say otherwise what became of it; but nothing waits any
longer for a server that is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

from jenkins_ml.adapters.jenkins_conversation import Conversation
from jenkins_ml.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")
_SLICE_SECONDS: Final = 1.0  # of a long wait, after which it is looked whether to go on
_LOOK_UP_SECONDS: Final = 0.5


def side_by_side(
    server: Conversation,
    work: Callable[[T], R],
    items: Iterable[T],
    parallel: int,
    ended: Callable[[R], None],
) -> None:
    """Do something with each item, several at a time. An item is taken only when there is room for it.

    Args:
        server: whose waits end when this is interrupted.
        work: is called from any thread.
        items: with what.
        parallel: how many at a time.
        ended: is called in this thread with each result, as it comes.

    Raises:
        BaseException: what `work` raises, and KeyboardInterrupt; by then everything that was begun has ended.
    """
    waiting = iter(items)
    running: set[Future[R]] = set()
    with _waits_of(server) as stop, ThreadPoolExecutor(parallel, thread_name_prefix="jobs") as pool:
        try:
            while True:
                for item in islice(waiting, parallel - len(running)):
                    running.add(pool.submit(work, item))
                if not running:
                    return
                # A signal may reach another thread, and does not end this wait then.
                done, running = wait(running, _LOOK_UP_SECONDS, FIRST_COMPLETED)
                for future in done:
                    ended(future.result())
        except BaseException as error:
            stop.set()
            left = sum(not future.cancel() and not future.done() for future in running)
            if left and isinstance(error, KeyboardInterrupt):
                server.note(f"interrupted: {left} requests are under way, and are waited for")
            pool.shutdown()
            raise


@contextmanager
def _waits_of(server: Conversation) -> Iterator[threading.Event]:
    """While this lasts, an event ends the server's waits."""
    clock, stop = server.clock, threading.Event()

    def sleep(seconds: float) -> None:
        while seconds > 0:
            if stop.is_set():
                raise Unavailable("Jenkins is away, and it is not waited for any longer")
            clock.sleep(min(seconds, _SLICE_SECONDS))
            seconds -= _SLICE_SECONDS

    server.clock = replace(clock, sleep=sleep)
    try:
        yield stop
    finally:
        server.clock = clock
