"""Commands, and what they cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jenkins_ml import names

PYTHON = sys.executable
JENKINS_ML = (PYTHON, "-m", "jenkins_ml.cli")

# What would change what is measured: a run or a store that we are part of, and bytecode that nobody may keep.
_LEFT_OUT = (
    names.ENV_RUN,
    names.ENV_STORE,
    names.ENV_PARAMS,
    names.ENV_WARM,
    names.ENV_BUILD_TAG,
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
)


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and CPU-seconds (user and system) of a command and of every process that it waited for."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


def environment(**more: str) -> dict[str, str]:
    """Our environment as a user's shell would have it, and more."""
    return {name: value for name, value in os.environ.items() if name not in _LEFT_OUT} | more


def run(argv: Sequence[str], directory: Path, variables: Mapping[str, str], timeout: float = 600.0) -> Cost:
    """Run a command to its end. One at a time: the CPU-seconds are those of all children that ended meanwhile.

    Raises:
        SystemExit: it failed; its output is in the message.
    """
    before, began = _children(), time.perf_counter()
    output(argv, directory, variables, timeout)
    return Cost(time.perf_counter() - began, _children() - before)


def output(argv: Sequence[str], directory: Path, variables: Mapping[str, str], timeout: float = 600.0) -> str:
    """Run a command to its end; answers its standard output.

    Raises:
        SystemExit: it failed; its output is in the message.
    """
    done = subprocess.run(
        argv,
        cwd=directory,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def cpu_of(pid: int) -> float:
    """CPU-seconds of a living process that is no child of ours."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
