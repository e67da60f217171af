"""Processes that do not outlive the one that started them, however that one ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def signal_when_parent_ends(number: signal.Signals) -> None:
    """In a child: let the kernel (Linux) send it a signal when its parent ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number)


@contextlib.contextmanager
def ending_with_us(group: int) -> Iterator[None]:
    """Have a process group killed if this process ends within the block.

    The kernel's signal would reach the child that we started, but not what that one has started; so a small shell waits
    for the end of a pipe that only we hold.
    """
    reader, writer = os.pipe()
    try:
        guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -s KILL -- "-$1"', "sh", str(group)],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield
        finally:
            guard.kill()  # before the pipe is closed: it has nothing to do any more
            guard.wait()
    finally:
        os.close(reader)
        os.close(writer)
