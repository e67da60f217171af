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
    """A function of a module of this folder, and how often it repeats unless told otherwise."""

    module: str
    function: str
    repeat: int
    by_default: bool = True


BENCHMARKS = {
    "startup": Benchmark("startup", "measure", 15),
    "quickstart": Benchmark("quickstart", "measure", 5),
    "rollback": Benchmark("rollback", "measure", 10),
    "demo": Benchmark("demo", "measure", 1),
    "demo-fresh": Benchmark("demo", "measure_fresh", 1, by_default=False),
    "server": Benchmark("server", "measure", 3),
    "jobs": Benchmark("jobs", "measure", 3),
}


def main() -> None:
    """Exits with 0 also when a target is missed; the table says so."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default all but demo-fresh"
    )
    parser.add_argument("--repeat", type=int, metavar="N", help="how often each measures; default as it needs")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    if arguments.repeat is not None and arguments.repeat < 1:
        parser.error("--repeat must be at least 1")
    for name in arguments.names or [name for name, benchmark in BENCHMARKS.items() if benchmark.by_default]:
        benchmark = BENCHMARKS[name]
        repeat = arguments.repeat or benchmark.repeat
        measured_on = provenance(f"python -m benchmarks {name}", repeat)
        section: Section = getattr(importlib.import_module(f"benchmarks.{benchmark.module}"), benchmark.function)(
            repeat
        )
        body = f"{measured_on}\n\n{markdown(section)}"
        PAGE.write_text(replaced(PAGE.read_text(), name, body))
        print(f"\n{body}\n", flush=True)


if __name__ == "__main__":
    main()
