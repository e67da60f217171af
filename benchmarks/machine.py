"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def provenance(command: str, repeat: int) -> str:
    """One sentence: command, date, repetitions, machine, versions and commit."""
    packages = ", ".join(
        f"{name} {found}" for name in ("TensorFlow", "Keras", "NumPy", "PyArrow") if (found := _version(name))
    )
    return (
        f"`{command}` on {datetime.now(UTC):%Y-%m-%d}, {repeat} repetition{'s' * (repeat != 1)}, at {_commit()}; "
        f"{_cpu()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} when it began; "
        f"Python {platform.python_version()}, {packages}."
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()


def _version(name: str) -> str:
    for package in (name.lower(), f"{name.lower()}-cpu"):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return ""


def _commit() -> str:
    line = ["git", "describe", "--always", "--dirty=, changed"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else "no commit"
