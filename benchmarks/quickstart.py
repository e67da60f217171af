"""The quickstart through separate train, gate and serve processes, beside the bare scripts that people write today."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.figures import Result, Section, Table, number
from benchmarks.machine import ROOT
from benchmarks.processes import PYTHON, Cost, cpu_of, environment, run
from benchmarks.project import project, scratch

MOST_RATIO = 1.0
STAGES = ("train", "gate", "serve")
BARE_SCRIPTS = ("train.py", "evaluate.py", "serve.py")  # what people do instead of each stage
# Words of a process's command line -> what it is called here.
PROCESSES = {
    "train.py": "`train.py`",
    "evaluate.py": "`evaluate.py`",
    "serve.py": "`serve.py`",
    "jenkins_ml.adapters.keras_worker": "worker of `train`: load, export, predict",
    "jenkins_ml.server": "the server, until the release has ended",
    "train": "`jenkins-ml train` itself",
    "gate": "`jenkins-ml gate` itself",
    "serve": "`jenkins-ml serve` itself",
}


@dataclass(frozen=True)
class Process:
    """CPU-seconds of one process, and of TensorFlow's import in it; None where it did not import it."""

    name: str
    cpu: float
    tensorflow: float | None


@dataclass(frozen=True)
class Road:
    """One way from code to a served model: what each stage cost, and each process."""

    stages: tuple[Cost, ...]
    processes: tuple[Process, ...]

    @property
    def whole(self) -> Cost:
        """All stages together."""
        return sum(self.stages, Cost())


def measure(repeat: int) -> Section:
    """Both roads in turns; a first round only warms the caches up."""
    rounds: list[tuple[Road, Road]] = []
    for index in range(repeat + 1):
        print(f"quickstart: repetition {index} of {repeat}" if index else "quickstart: warming up", flush=True)
        rounds.append((_jenkins_ml(), _bare()))
        for name, road in zip(("jenkins-ml", "bare scripts"), rounds[-1], strict=True):
            print(f"  {name}: {road.whole.wall:.1f} s, {road.whole.cpu:.1f} CPU-s", flush=True)
    ours, bare = ([pair[road] for pair in rounds[1:]] for road in (0, 1))
    return Section(
        peer="bare scripts",
        results=(
            Result(
                name="train, gate and serve, by the clock",
                unit="s",
                ours=median(road.whole.wall for road in ours),
                peer=median(road.whole.wall for road in bare),
                most_ratio=MOST_RATIO,
            ),
            Result(
                name="train, gate and serve, CPU",
                unit="CPU-s",
                ours=median(road.whole.cpu for road in ours),
                peer=median(road.whole.cpu for road in bare),
                most_ratio=MOST_RATIO,
            ),
        ),
        tables=(_stages(ours, bare), _processes("jenkins-ml", ours), _processes("the bare scripts", bare)),
    )


def processes(events: str, still_running: Mapping[int, float]) -> tuple[Process, ...]:
    """The processes of a road, in the order in which they first told something.

    Args:
        events: what benchmarks/counting wrote.
        still_running: CPU-seconds by pid of processes that have not ended.

    Raises:
        KeyError: a process has ended without telling, so that its cost is not known.
    """
    told = [json.loads(line) for line in events.splitlines()]
    imports = {event["pid"]: event["cpu"] for event in told if event["event"] == "import"}
    arguments = {event["pid"]: event["argv"] for event in told}
    cpu = {event["pid"]: event["cpu"] for event in told if event["event"] == "exit"} | dict(still_running)
    return tuple(Process(_name(arguments[pid]), cpu[pid], imports.get(pid)) for pid in arguments)


def _name(argv: list[str]) -> str:
    for word in argv[1:]:
        if word in PROCESSES:
            return PROCESSES[word]
    return " ".join(argv[1:])


def _jenkins_ml() -> Road:
    with scratch() as logs, project("quickstart") as made:
        variables = _counting(logs / "events")
        stages = [made.jenkins_ml(stage, run_name="bench", **variables) for stage in STAGES]
        server = cpu_of(pid := made.server()["pid"])
        stages[-1] += Cost(cpu=server)  # it lives on, so nobody has waited for it
        return Road(tuple(stages), processes((logs / "events").read_text(), {pid: server}))


def _bare() -> Road:
    with scratch() as folder:
        for script in (*(ROOT / "examples/quickstart").glob("*.py"), *(ROOT / "benchmarks/bare").glob("*.py")):
            shutil.copy(script, folder)
        variables = environment(**_counting(folder / "events"))
        stages = tuple(run((PYTHON, script), folder, variables) for script in BARE_SCRIPTS)
        return Road(stages, processes((folder / "events").read_text(), {}))


def _counting(events: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT / "benchmarks/counting"), os.environ.get("PYTHONPATH"))))
    return {"BENCHMARK_EVENTS": str(events), "PYTHONPATH": path}


def _stages(ours: list[Road], bare: list[Road]) -> Table:
    def cells(roads: list[Road], stage: int) -> tuple[str, str]:
        costs = [road.stages[stage] for road in roads]
        return number(median(cost.wall for cost in costs)), number(median(cost.cpu for cost in costs))

    return Table(
        title="By stage",
        columns=("stage", "jenkins-ml: s", "CPU-s", "bare script", "bare: s", "CPU-s"),
        rows=tuple(
            (f"`{stage}`", *cells(ours, index), f"`{BARE_SCRIPTS[index]}`", *cells(bare, index))
            for index, stage in enumerate(STAGES)
        ),
    )


def _processes(whose: str, roads: list[Road]) -> Table:
    kinds = list(dict.fromkeys(process.name for process in roads[0].processes))
    rows = []
    for kind in kinds:
        found = [process for road in roads for process in road.processes if process.name == kind]
        imports = [process.tensorflow for process in found if process.tensorflow is not None]
        rows.append(
            (
                kind,
                f"{len(found) / len(roads):g}",
                number(median(process.cpu for process in found)),
                f"{len(imports) / len(roads):g}",
                number(median(imports)) if imports else "",
            )
        )
    paid = sum(process.tensorflow is not None for process in roads[0].processes)
    return Table(
        title=f"By process, {whose} (TensorFlow is imported {paid} times)",
        columns=("process", "how many", "CPU-s of each", "imports of TensorFlow", "CPU-s of the import"),
        rows=tuple(rows),
    )
