"""Compares the harness with recordings of a real server: what share of the verdicts, results, stages and posts agree.

python tests/groovy/compare.py [--kind KIND] [--json] [NAME..]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RECORDINGS = HERE / "recordings"
REPOSITORY = HERE / "repository"

# What a Jenkinsfile may do in general, as against what only some servers have or do.
AIMED_KINDS = (
    "structure",
    "agent",
    "options",
    "environment",
    "parameters",
    "triggers",
    "when",
    "post",
    "parallel",
    "matrix",
    "input",
    "sh",
    "result",
    "ml",
)
MEASURES = ("accepted", "result", "stages", "post_order")
DEADLINE_SECONDS = 600
BUILD_SECONDS = 20


def recordings(kind: str | None = None, names: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """What was recorded, by name."""
    found = {}
    for file in sorted(RECORDINGS.glob("*/expect.json")):
        expected = json.loads(file.read_text())
        if (kind is None or expected["kind"] == kind) and (not names or file.parent.name in names):
            found[file.parent.name] = expected
    return found


def options(expected: dict[str, Any]) -> list[list[str]]:
    """The options of the runs that repeat a recording: one run, or one for each branch."""
    builds = expected.get("builds", [])
    if any("branch" in build for build in builds):
        return [of_branch(build) for build in builds]
    given = [argument for action in expected.get("actions", []) for argument in of_answer(action)]
    if len(builds) > 1:
        for build in builds:
            given += ["--params", json.dumps(build.get("parameters", {}))]
    return [given]


def of_branch(build: dict[str, Any]) -> list[str]:
    """A build of a branch or tag of a repository, after a commit or without."""
    given = ["--scm", str(REPOSITORY), "--tag" if build["branch"].startswith("v") else "--branch", build["branch"]]
    if "changes" in build:
        given += ["--message", build["changes"]["message"]]
        given += [argument for file in build["changes"]["files"] for argument in ("--changed", file)]
    return given


def of_answer(action: list[Any]) -> list[str]:
    """What was answered to an input."""
    kind, *values = action
    return ["--input", " ".join([kind, *map(json.dumps, values)])] if kind in ("approve", "abort") else []


def run(files: list[Path], given: list[str]) -> list[dict[str, Any]]:
    """Runs Jenkinsfiles in one start of the harness."""
    command = [str(HERE / "run"), "--json", "--deadline", str(BUILD_SECONDS), *given, *map(str, files)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=DEADLINE_SECONDS, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def observe(expected: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Runs all recordings again: verdict and builds, by name. Those with the same options share a start."""
    together: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, recording in expected.items():
        for index, given in enumerate(options(recording)):
            together[tuple(given)].append((name, index))
    with ThreadPoolExecutor(2) as pool:
        starts = pool.map(lambda start: run([file_of(name) for name, _ in start[1]], list(start[0])), together.items())
        lines = dict(zip(chain(*together.values()), chain(*starts), strict=True))
    observed: dict[str, dict[str, Any]] = {}
    for name, index in sorted(lines):
        line = lines[name, index]
        known = observed.setdefault(name, {"accepted": line["accepted"], "builds": []})
        known["builds"] += line.get("builds", [line])
    return observed


def file_of(name: str) -> Path:
    return RECORDINGS / name / "Jenkinsfile"


def seen(measure: str, build: dict[str, Any]) -> Any:
    """One measure of a build in the form of the recordings."""
    if measure == "stages":
        return [[stage["name"], stage["status"]] for stage in build["stages"]]
    return build[measure]


def compare(expected: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each measure of each recording: what was expected, what was seen."""
    observed = observe(expected)
    entries = []
    for name, recording in expected.items():
        builds = observed[name]["builds"]
        want: dict[str, Any] = {"accepted": recording["accepted"]}
        got: dict[str, Any] = {"accepted": observed[name]["accepted"]}
        for measure in MEASURES[1:] if recording.get("builds") else ():
            want[measure] = [build[measure] for build in recording["builds"]]
            got[measure] = [seen(measure, build) for build in builds]
        entries += [
            {
                "name": name,
                "kind": recording["kind"],
                "measure": measure,
                "expected": want[measure],
                "seen": got[measure],
            }
            for measure in want
        ]
    return entries


def agreement(entries: list[dict[str, Any]]) -> dict[str, float]:
    """The share of recordings that agree, by measure."""
    shares = {}
    for measure in MEASURES:
        of_measure = [entry for entry in entries if entry["measure"] == measure]
        if of_measure:
            shares[measure] = sum(entry["expected"] == entry["seen"] for entry in of_measure) / len(of_measure)
    return shares


def differences(entries: list[dict[str, Any]]) -> list[str]:
    """What differs, for people."""
    return [
        f"{entry['kind']}/{entry['name']} {entry['measure']}: expected {entry['expected']}, saw {entry['seen']}"
        for entry in entries
        if entry["expected"] != entry["seen"]
    ]


def table(entries: list[dict[str, Any]]) -> str:
    """Agreement by kind."""
    lines = [f"{'kind':<14}" + "".join(f"{measure:>12}" for measure in MEASURES)]
    kinds = sorted({entry["kind"] for entry in entries})
    rows = [(kind, [entry for entry in entries if entry["kind"] == kind]) for kind in kinds]
    rows += [("aimed", [entry for entry in entries if entry["kind"] in AIMED_KINDS]), ("all", entries)]
    for title, chosen in rows:
        cells = []
        for measure in MEASURES:
            of_measure = [entry for entry in chosen if entry["measure"] == measure]
            agreeing = sum(entry["expected"] == entry["seen"] for entry in of_measure)
            cells.append(f"{f'{agreeing}/{len(of_measure)}':>12}")
        lines.append(f"{title:<14}" + "".join(cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kind")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    entries = compare(recordings(arguments.kind, tuple(arguments.names)))
    if arguments.json:
        json.dump(entries, sys.stdout, ensure_ascii=False)
    else:
        print("\n".join([*differences(entries), "", table(entries)]))


if __name__ == "__main__":
    main()
