"""One run of `jenkins-ml gate` on two files of predictions, or of a peer on the same: what it costs and what it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.environments import installed, variables
from benchmarks.machine import ROOT
from benchmarks.processes import JENKINS_ML, PYTHON, Cost, environment, measured, run
from jenkins_ml import names

METRICS = ("accuracy", "precision", "recall", "roc_auc", "log_loss")
SEED = 20_260_103
_HOUR = 3600.0
_PAUSE = 0.02

# Every metric is held against production, in all slices. The slices of ten thousand rows are too small to settle it; what
# is timed is the work, so that is let pass.
_CONFIG = f"""\
model: benchmark
data: {{load: "data:load"}}
train: {{entrypoint: "model:train"}}
gate:
  metrics: {{{", ".join(f"{name}: {{max_regression: 0.01}}" for name in METRICS)}}}
  slices: [{{feature: segment, min_examples: 200}}]
  inconclusive: pass
"""

_WRITE = """
import sys
from pathlib import Path
from benchmarks.prediction_data import write
write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "shuffled")
"""


@dataclass(frozen=True)
class Files:
    """Predictions of two models on the same examples."""

    candidate: Path
    baseline: Path

    @property
    def megabytes(self) -> float:
        """Of both."""
        return sum(path.stat().st_size for path in (self.candidate, self.baseline)) / 1e6


@dataclass(frozen=True)
class Answer:
    """What a run said.

    Args:
        cost: of the whole command.
        values: (model, slice, metric) -> value; the slice of all examples is "".
        widths: (slice, metric) -> how wide the interval of candidate - baseline is, where it has one.
        told: everything.
    """

    cost: Cost
    values: Mapping[tuple[str, str, str], float]
    widths: Mapping[tuple[str, str], float]
    told: Mapping[str, Any]


def written(folder: Path, rows: int, shuffled: bool = False) -> Files:
    """Two files of that many rows; by a process of its own, so that this one stays small."""
    name = f"{rows}-shuffled" if shuffled else f"{rows}"
    files = Files(folder / f"candidate-{name}.parquet", folder / f"baseline-{name}.parquet")
    order = "shuffled" if shuffled else "ascending"
    argv = (PYTHON, "-c", _WRITE, str(files.candidate), str(files.baseline), str(rows), str(SEED), order)
    run(argv, ROOT, environment(), _HOUR)
    return files


def project(folder: Path) -> Path:
    """A folder with the configuration that the gate is measured with."""
    folder.mkdir()
    (folder / names.CONFIG_FILE).write_text(_CONFIG)
    return folder


def arguments(files: Files) -> tuple[str, ...]:
    """Of the command line."""
    return ("gate", "--candidate", str(files.candidate), "--baseline", str(files.baseline), "--json")


def gate(folder: Path, files: Files) -> Answer:
    """Ours."""
    cost, text = watched((*JENKINS_ML, *arguments(files)), folder, environment())
    told = json.loads(text)
    values: dict[tuple[str, str, str], float] = {}
    widths: dict[tuple[str, str], float] = {}
    for each in told["measurements"]:
        name, metric = each["slice"].removeprefix("segment="), each["metric"]
        if metric in METRICS:
            values |= {(model, name, metric): each[model] for model in ("candidate", "baseline")}
            if None not in (each["low"], each["high"]):  # where the examples tell something
                widths[name, metric] = each["high"] - each["low"]
    if missing := set(METRICS) - {metric for _, _, metric in values}:
        raise SystemExit(f"the gate says nothing about {sorted(missing)}")
    return Answer(cost, values, widths, told)


def peer(requirements: str, script: str, files: Files, *more: str) -> Answer:
    """A script of benchmarks/gate_peers, in the environment of a peer."""
    python = installed(requirements) / "bin" / "python"
    path = ROOT / "benchmarks" / "gate_peers" / script
    cost, text = watched((str(python), str(path), str(files.candidate), str(files.baseline), *more), ROOT, variables())
    told = json.loads(text.splitlines()[-1])
    values = {
        (model, name, metric): value
        for model, slices in told["slices"].items()
        for name, metrics in slices.items()
        for metric, value in metrics.items()
    }
    widths = {
        (name, metric): high - low
        for name, metrics in told.get("intervals", {}).items()
        for metric, (low, high) in metrics.items()
    }
    return Answer(cost, values, widths, told)


def watched(argv: Sequence[str], folder: Path, within: Mapping[str, str]) -> tuple[Cost, str]:
    """Run a command to its end; `peak` is of all its processes together, as far as looking every 20 ms shows."""
    with _peak_of_children() as peaks:
        cost, text = measured(argv, folder, within, _HOUR)
    return replace(cost, peak=max(cost.peak, max(peaks, default=0.0))), text


@contextmanager
def _peak_of_children() -> Iterator[list[float]]:
    """Megabytes that the processes below this one have at once, each time that more are seen than before."""
    peaks: list[float] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_PAUSE):
            if (now := sum(map(_resident, _below("self")))) > max(peaks, default=0.0):
                peaks.append(now)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _below(pid: str) -> Iterator[str]:
    """The processes that a process has started, and that those have started. Those that end meanwhile are left out."""
    try:
        children = [
            child for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield child
        yield from _below(child)


def _resident(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS:"))
