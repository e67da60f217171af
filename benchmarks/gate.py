"""`jenkins-ml gate` on ready predictions: what it costs beside only reading them."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks import gate_runs
from benchmarks.figures import Result, Section
from benchmarks.gate_runs import Files
from benchmarks.processes import PYTHON, Cost, environment
from benchmarks.project import scratch
from benchmarks.startup import third_party

ROWS = 10_000_000
MANY_ROWS = 100_000_000
FEW_ROWS = 10_000
MOST_CPU = 3.0
MOST_MB = 250.0
MOST_RATIO = 2.5
MOST_CPU_FEW = 0.8
HEAVY = ("keras", "pandas", "scipy", "sklearn", "tensorflow")

# The columns that the gate reads: ids, labels and answers of both, the slice once; in blocks, as it reads them.
_READ = """
import sys
import pyarrow.parquet as pq
for path, columns in ((sys.argv[1], ["id", "label", "prediction", "segment"]), (sys.argv[2], ["id", "label", "prediction"])):
    for batch in pq.ParquetFile(path, read_dictionary=["segment"]).iter_batches(batch_size=2**17, columns=columns):
        pass
"""


def measure(repeat: int, rows: int = ROWS) -> Section:
    """Ready predictions of two models in equal order, then in any order; and only a few of them."""
    with scratch() as place:
        folder = gate_runs.project(place / "project")
        print(f"gate: writing {rows} rows, twice", flush=True)
        equal, shuffled, few = (
            gate_runs.written(place, rows),
            gate_runs.written(place, rows, shuffled=True),
            gate_runs.written(place, FEW_ROWS),
        )
        heavy = _heavy(folder, few)
        taken: dict[str, list[tuple[Cost, Cost]]] = {"equal": [], "shuffled": [], "few": []}
        for number in range(repeat + 1):
            print(f"gate: repetition {number} of {repeat}" if number else "gate: warming up", flush=True)
            for name, files in (("equal", equal), ("shuffled", shuffled), ("few", few)):
                if number or name != "shuffled":
                    taken[name].append((gate_runs.gate(folder, files).cost, _reading(files)))
        size = f"{equal.megabytes:.0f} MB in two files"
    of_equal, of_few = _medians(taken["equal"][1:]), _medians(taken["few"][1:])
    return Section(
        peer="only reading",
        results=(
            *_results(f"{rows} rows, ids in equal order", of_equal, most=MOST_CPU, most_ratio=MOST_RATIO, note=size),
            *_results(f"{rows} rows, ids in any order", _medians(taken["shuffled"])),
            *_results(f"{FEW_ROWS} rows", of_few, most=MOST_CPU_FEW, most_peak=None),
            Result(
                name=f"{FEW_ROWS} rows: packages imported that are too heavy",
                unit="packages",
                ours=len(heavy),
                most=0,
                note=f"of {', '.join(HEAVY)}" + (f": {', '.join(heavy)}" if heavy else ""),
            ),
        ),
    )


def measure_many(repeat: int, rows: int = MANY_ROWS) -> Section:
    """Ten times as many: what it takes must grow, the memory must not."""
    with scratch() as place:
        folder = gate_runs.project(place / "project")
        print(f"gate-many: writing {rows} rows", flush=True)
        files = gate_runs.written(place, rows)
        taken = []
        for number in range(repeat):
            print(f"gate-many: repetition {number + 1} of {repeat}", flush=True)
            taken.append((gate_runs.gate(folder, files).cost, _reading(files)))
        size = f"{files.megabytes:.0f} MB in two files"
    return Section(
        peer="only reading",
        results=tuple(_results(f"{rows} rows, ids in equal order", _medians(taken), most_ratio=MOST_RATIO, note=size)),
    )


def _reading(files: Files) -> Cost:
    argv = (PYTHON, "-c", _READ, str(files.candidate), str(files.baseline))
    return gate_runs.watched(argv, files.candidate.parent, environment())[0]


def _heavy(folder: Path, files: Files) -> list[str]:
    modules = third_party(" ".join(gate_runs.arguments(files)), folder, environment())
    return sorted({module.partition(".")[0] for module in modules} & set(HEAVY))


def _medians(taken: list[tuple[Cost, Cost]]) -> tuple[Cost, Cost]:
    ours, reading = (
        Cost(*(median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "peak")))
        for costs in zip(*taken, strict=True)
    )
    return ours, reading


def _results(
    name: str,
    costs: tuple[Cost, Cost],
    most: float | None = None,
    most_ratio: float | None = None,
    most_peak: float | None = MOST_MB,
    note: str = "",
) -> list[Result]:
    ours, reading = costs
    return [
        Result(
            name=f"{name}: CPU",
            unit="CPU-s",
            ours=ours.cpu,
            peer=reading.cpu,
            most=most,
            most_ratio=most_ratio,
            note=note,
        ),
        Result(name=f"{name}: by the clock", unit="s", ours=ours.wall, peer=reading.wall),
        Result(name=f"{name}: largest memory", unit="MB", ours=ours.peak, peer=reading.peak, most=most_peak),
    ]
