"""Runs benchmarks, prints what they find, and writes it into docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass

from benchmarks.figures import Section, markdown, replaced
from benchmarks.machine import ROOT, provenance

PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Benchmark:
    """A function of a module of this folder, and how often it repeats unless told otherwise.

    `sized`: whether it takes another number of rows than its own, to try it.
    """

    module: str
    function: str
    repeat: int
    by_default: bool = True
    sized: bool = False


BENCHMARKS = {
    "startup": Benchmark("startup", "measure", 15),
    "quickstart": Benchmark("quickstart", "measure", 5),
    "rollback": Benchmark("rollback", "measure", 10),
    "demo": Benchmark("demo", "measure", 1),
    "demo-fresh": Benchmark("demo", "measure_fresh", 1, by_default=False),
    "server": Benchmark("server", "measure", 3),
    "jobs": Benchmark("jobs", "measure", 3),
    "gate": Benchmark("gate", "measure", 5, sized=True),
    "gate-many": Benchmark("gate", "measure_many", 1, by_default=False, sized=True),
    "gate-peers": Benchmark("gate_evaluators", "measure", 3, sized=True),
    "gate-errors": Benchmark("gate_error_rates", "measure", 10_000),
    "drift": Benchmark("drift", "measure", 300),
    "accuracy-estimates": Benchmark("accuracy_estimates", "measure", 100),
    "server-monitoring": Benchmark("server_monitoring", "measure", 10),
    "alerts": Benchmark("alerts", "measure", 5),
    "judges": Benchmark("judges", "measure", 1_000),
    "releases": Benchmark("releases", "measure", 10),
    "release-kills": Benchmark("release_kills", "measure", 200, by_default=False),
}
ASKED_FOR = [name for name, benchmark in BENCHMARKS.items() if not benchmark.by_default]


def main() -> None:
    """Exits with 0 also when a target is missed; the table says so."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default all but {', '.join(ASKED_FOR)}"
    )
    parser.add_argument("--repeat", type=int, metavar="N", help="how often each measures; default as it needs")
    sized = [name for name, benchmark in BENCHMARKS.items() if benchmark.sized]
    parser.add_argument(
        "--rows",
        type=int,
        metavar="N",
        help=f"of {', '.join(sized)}: another number, to try them; the page stays as it is",
    )
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    if arguments.repeat is not None and arguments.repeat < 1:
        parser.error("--repeat must be at least 1")
    names = arguments.names or [name for name in BENCHMARKS if name not in ASKED_FOR]
    if arguments.rows is not None and (arguments.rows < 1 or set(names) - set(sized)):
        parser.error(f"--rows must be at least 1, and goes with {', '.join(sized)}")
    tried = {} if arguments.rows is None else {"rows": arguments.rows}
    for name in names:
        benchmark = BENCHMARKS[name]
        repeat = arguments.repeat or benchmark.repeat
        measured_on = provenance(f"python -m benchmarks {name}", repeat)
        section: Section = getattr(importlib.import_module(f"benchmarks.{benchmark.module}"), benchmark.function)(
            repeat, **tried
        )
        body = f"{measured_on}\n\n{markdown(section)}"
        if not tried:
            PAGE.write_text(replaced(PAGE.read_text(), name, body))
        print(f"\n{body}\n", flush=True)


if __name__ == "__main__":
    main()
