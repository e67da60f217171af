"""Which process this is, so that others on the same machine can tell later whether it still lives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_WORDS: Final = 4  # boot, process namespace, number, start


def this_process() -> str:
    """This process, in four words that no other process of any machine has; empty where they are not known (macOS)."""
    try:
        return f"{_machine()} {os.getpid()} {_started(os.getpid())}"
    except OSError:
        return ""


def is_dead(process: str) -> bool:
    """Whether a process is surely gone; one of another machine, boot or process namespace may live.

    Args:
        process: what `this_process` answered in it.
    """
    words = process.split()
    if len(words) != _WORDS:
        return False
    boot, namespace, number, started = words
    try:
        if f"{boot} {namespace}" != _machine():
            return False
    except OSError:
        return False
    try:
        return _started(int(number)) != started
    except ValueError:
        return False
    except OSError:
        return True


def _machine() -> str:
    """This boot of this machine and the process namespace: where numbers of processes mean the same."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def _started(number: int) -> str:
    """When a process was started, in ticks since the boot; of one that has ended and was not waited for another word."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
    return "ended" if fields[0] in "ZX" else fields[19]
