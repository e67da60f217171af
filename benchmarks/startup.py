"""How long the light commands take, beside importing the libraries that they use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.figures import Result, Section
from benchmarks.machine import ROOT
from benchmarks.processes import JENKINS_ML, PYTHON, environment, run
from benchmarks.project import Project, project, scratch
from jenkins_ml import names

MOST_RATIO = 1.5
BARE_PYTHON = 25.0  # CPU-ms of bare Python on the machine that the targets were set on
# name of the command -> its target in CPU-milliseconds
COMMANDS = {"--help": 120.0, "validate": 450.0, "generate --check": 450.0}
GATE = "gate"
GATE_MOST = 600.0
CANDIDATE = "candidate"

# Runs a command in this process, then tells which modules of other people's it has imported, in that order.
_LIST_IMPORTS = """
import json, runpy, sys
answer, sys.argv, before = sys.argv[1], ["jenkins-ml", *sys.argv[2:]], set(sys.modules)
try:
    runpy.run_module("jenkins_ml.cli", run_name="__main__", alter_sys=True)
except SystemExit as stop:
    assert not stop.code, f"exit code {stop.code}"
specs = [(name, getattr(module, "__spec__", None)) for name, module in sys.modules.items() if name not in before]
found = [name for name, spec in specs if spec is not None and "site-packages" in str(spec.origin)]
with open(answer, "w") as stream:
    json.dump(found, stream)
"""


def measure(repeat: int) -> Section:
    """CPU-milliseconds of each command and of its libraries, in turns."""
    quickstart = ROOT / "examples" / "quickstart"
    print("startup: training two models for `gate`", flush=True)
    with _gateable() as gateable, scratch() as copies:
        folders = dict.fromkeys(COMMANDS, quickstart)
        libraries = {name: third_party(name, quickstart, environment()) for name in COMMANDS}
        run_of_gate = environment(**{names.ENV_RUN: CANDIDATE})
        libraries[GATE] = third_party(GATE, gateable.copy(copies / "libraries").folder, run_of_gate)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in libraries}
        bare: list[float] = []
        for number in range(repeat + 1):
            print(f"startup: repetition {number} of {repeat}" if number else "startup: warming up", flush=True)
            folders[GATE] = gateable.copy(copies / str(number)).folder  # each repetition decides anew
            bare.append(_cpu_ms((PYTHON, "-c", "pass"), quickstart))
            for name, modules in libraries.items():
                variables = run_of_gate if name == GATE else environment()
                ours = run((*JENKINS_ML, *name.split()), folders[name], variables).cpu * 1000
                taken[name].append((ours, _cpu_ms((PYTHON, "-c", f"import {', '.join(modules)}"), quickstart)))
    speed = median(bare[1:])
    return Section(
        peer="its libraries alone",
        results=(
            *(_result(name, taken[name][1:], libraries[name], speed) for name in libraries),
            Result(name="bare Python, `python -c pass`", unit="CPU-ms", ours=speed),
        ),
    )


def third_party(command: str, folder: Path, variables: Mapping[str, str]) -> list[str]:
    """The modules out of site-packages that a command imports, in the order in which it does."""
    with scratch() as answers:
        answer = answers / "modules.json"
        run((PYTHON, "-c", _LIST_IMPORTS, str(answer), *command.split()), folder, variables)
        modules: list[str] = json.loads(answer.read_text())
    return modules


@contextmanager
def _gateable() -> Iterator[Project]:
    """A project with a version in production and a candidate to be gated, whose predictions are both kept."""
    with project("quickstart") as made:
        made.jenkins_ml("run", run_name="production")
        made.jenkins_ml("run", "--until", "train", run_name=CANDIDATE)
        made.jenkins_ml("server", "--stop")
        yield made


def _cpu_ms(argv: tuple[str, ...], folder: Path) -> float:
    return run(argv, folder, environment()).cpu * 1000


def _result(name: str, taken: list[tuple[float, float]], modules: list[str], speed: float) -> Result:
    ours, peer = (median(values) for values in zip(*taken, strict=True))
    packages = ", ".join(sorted({module.partition(".")[0] for module in modules}))
    scaled = ours * BARE_PYTHON / speed
    return Result(
        name=f"`jenkins-ml {name}`" + (" on kept predictions, against production" if name == GATE else ""),
        unit="CPU-ms",
        ours=ours,
        peer=peer,
        most=GATE_MOST if name == GATE else COMMANDS[name],
        most_ratio=MOST_RATIO,
        note=f"{scaled:.0f} where bare Python takes {BARE_PYTHON:.0f}; imports {packages}",
    )
