"""How long `make demo` takes."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from benchmarks.figures import Result, Section
from benchmarks.machine import ROOT
from benchmarks.processes import environment, run
from benchmarks.project import scratch

SECOND_TIME_SECONDS = 90.0
FIRST_TIME_SECONDS = 300.0


def measure(repeat: int) -> Section:
    """`make demo` in this checkout, where everything is installed."""
    environment_folder = Path(sys.prefix)
    if not (environment_folder / "demo.installed").exists():
        print("demo: the first time, which installs what it needs", flush=True)
        _demo(ROOT, environment_folder)
    walls = []
    for index in range(repeat):
        print(f"demo: repetition {index + 1} of {repeat}", flush=True)
        walls.append(_demo(ROOT, environment_folder))
    seconds = median(walls)
    return Section(
        results=(Result(name="`make demo`, the second time", unit="s", ours=seconds, most=SECOND_TIME_SECONDS),)
    )


def measure_fresh(repeat: int) -> Section:
    """`make demo` in fresh clones of the last commit, with an empty environment and nothing kept by pip."""
    walls = []
    for index in range(repeat):
        print(f"demo-fresh: repetition {index + 1} of {repeat}", flush=True)
        with scratch() as folder:
            clone = folder / "clone"
            run(("git", "clone", "--quiet", str(ROOT), str(clone)), folder, environment())
            walls.append(_demo(clone, clone / ".venv"))
    seconds = median(walls)
    return Section(
        results=(Result(name="`make demo` in a fresh clone", unit="s", ours=seconds, most=FIRST_TIME_SECONDS),)
    )


def _demo(folder: Path, environment_folder: Path) -> float:
    line = ("make", "demo", f"VENV={environment_folder}")
    return run(line, folder, environment(PIP_NO_CACHE_DIR="1"), timeout=1800.0).wall
