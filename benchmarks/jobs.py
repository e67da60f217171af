"""Thousands of jobs of a Jenkins server: made, planned and rendered, beside jenkins-job-builder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import many_jobs
from benchmarks.environments import installed
from benchmarks.figures import Result, Section, number
from benchmarks.jenkins_server import LATENCY_SECONDS, Jenkins
from benchmarks.job_builder import NAME, REQUIREMENTS, JobBuilder
from benchmarks.processes import JENKINS_ML, Cost, environment, measured, run
from benchmarks.project import scratch
from jenkins_ml import names

FOLDERS, JOBS = 10, 990
ITEMS = FOLDERS + JOBS
CONNECTIONS = 8
RENDERED, RENDERED_FOLDERS = 10_000, 100
MOST_REQUESTS = 1010
MOST_TRUSTING_REQUESTS = 10
MOST_CREATE_RATIO = 0.25
MOST_PLAN_RATIO = 1.0
MOST_RENDER_SECONDS = 10.0
MOST_RENDER_MB = 150.0

# What somebody changes by hand at the server, one job each: text of the saved configuration, before and after.
EDITS = (
    ("<spec>H 3 * * *</spec>", "<spec>H 4 * * *</spec>"),
    ("<numToKeep>30</numToKeep>", "<numToKeep>300</numToKeep>"),
    ("<name>*/main</name>", "<name>*/develop</name>"),
    ("<description>What to train on.</description>", "<description>Which data.</description>"),
    ("<disabled>false</disabled>", "<disabled>true</disabled>"),
)


class Step(NamedTuple):
    """One command."""

    cost: Cost
    requests: int = 0


@dataclass(frozen=True)
class Files:
    """What both are given."""

    ours: Path
    peer: Path
    peer_folders: Path
    # each: written out one by one, by a template
    ours_rendered: tuple[Path, Path]
    peer_rendered: tuple[Path, Path]


def measure(repeat: int) -> Section:
    """Every command in turns with its peer, on servers that are new each time."""
    builder_environment = installed(REQUIREMENTS)
    taken: dict[str, list[tuple[Step, Step | None]]] = {}
    with scratch() as folder:
        files = _files(folder)
        for index in range(repeat):
            print(f"jobs: repetition {index + 1} of {repeat}", flush=True)
            with scratch() as place:
                for name, ours, peer in (
                    *_on_servers(files, place, builder_environment),
                    *_rendered(files, place, builder_environment),
                ):
                    taken.setdefault(name, []).append((ours, peer))
                    print(f"jobs: {name}: {_told(ours)}; {_told(peer) if peer else 'no peer'}", flush=True)
    return Section(results=tuple(_results(taken)), peer=NAME)


def _files(folder: Path) -> Files:
    few, many = many_jobs.jobs(JOBS, FOLDERS), many_jobs.jobs(RENDERED, RENDERED_FOLDERS)
    texts = {
        "jobs.yaml": many_jobs.ours(few),
        "peer.yaml": many_jobs.peer(few),
        "peer-folders.yaml": many_jobs.peer_folders(many_jobs.folders_of(few)),
        "many.yaml": many_jobs.ours(many),
        "many-by-template.yaml": many_jobs.ours_by_template(many),
        "many-peer.yaml": many_jobs.peer(many),
        "many-peer-by-template.yaml": many_jobs.peer_by_template(many),
    }
    for name, pieces in texts.items():
        with (folder / name).open("w") as stream:
            stream.writelines(pieces)  # a large process would make those that it starts look large
    paths = [folder / name for name in texts]
    return Files(paths[0], paths[1], paths[2], (paths[3], paths[4]), (paths[5], paths[6]))


def _on_servers(files: Files, place: Path, builder_environment: Path) -> list[tuple[str, Step, Step | None]]:
    """What needs a server, and what the peer does there."""
    with Jenkins() as server:
        created = _jobs(server, files.ours, "apply", "--yes")[0]
        _expect(server)
        sample = server.config(many_jobs.jobs(JOBS, FOLDERS)[-1].name)
        plan = _drifted_plan(server, files.ours)
        _jobs(server, files.ours, "apply", "--yes")
        trusting, found = _jobs(server, files.ours, "plan", "--trust-digests", "--check", "--json")
        _expect_plan(found, {})
    with Jenkins() as server:
        builder = JobBuilder(builder_environment, place, server)
        # Its workers do not wait for folders, so these are there before, and cost it nothing.
        builder.update(files.peer_folders, 1)
        server.requests()
        peer_created = Step(builder.update(files.peer, CONNECTIONS), server.requests())
        _expect(server)
        _expect_alike(sample, server.config(many_jobs.jobs(JOBS, FOLDERS)[-1].name))
        server.save()
        peer_updated = Step(builder.update(files.peer, CONNECTIONS), server.requests())
    return [("create", created, peer_created), ("plan", plan, peer_updated), ("trust", trusting, None)]


def _drifted_plan(server: Jenkins, file: Path) -> Step:
    """A plan that has to find what was changed by hand, and only that, among files that a server has written anew."""
    rewritten = server.save()
    if rewritten != ITEMS:
        raise SystemExit(f"the server saved {ITEMS} items, and only {rewritten} of them are other bytes than before")
    asked = many_jobs.jobs(JOBS, FOLDERS)
    edited = {asked[index * JOBS // len(EDITS)].name: edit for index, edit in enumerate(EDITS)}
    for name, (before, after) in edited.items():
        server.edit(name, before, after)
    step, found = _jobs(server, file, "plan", "--json")
    _expect_plan(found, {name: after for name, (_, after) in edited.items()})
    return step


def _jobs(server: Jenkins, file: Path, command: str, *options: str) -> tuple[Step, str]:
    variables = environment(
        **{
            names.ENV_JENKINS_URL: server.url,
            names.ENV_JENKINS_USER: server.user,
            names.ENV_JENKINS_TOKEN: server.token,
        }
    )
    server.requests()
    argv = (*JENKINS_ML, "jobs", command, "-f", str(file), "--parallel", str(CONNECTIONS), *options)
    cost, text = measured(argv, file.parent, variables)
    return Step(cost, server.requests()), text


def _expect(server: Jenkins) -> None:
    asked = many_jobs.jobs(JOBS, FOLDERS)
    if sorted(server.items()) != sorted([*many_jobs.folders_of(asked), *(job.name for job in asked)]):
        raise SystemExit(f"the server does not have the {ITEMS} items that were asked for")


def _expect_plan(text: str, edited: dict[str, str]) -> None:
    """The plan changes these jobs, each in the one setting, and looks at all others."""
    actions = {each["name"]: each for each in json.loads(text)["actions"]}
    busy = {name: each for name, each in actions.items() if each["action"] != "nothing"}
    if len(actions) != ITEMS or set(busy) != set(edited):
        raise SystemExit(f"of {ITEMS} items {sorted(edited)} are to change; the plan: {len(actions)}, {sorted(busy)}")
    for name, after in edited.items():
        value = after.partition(">")[2].partition("<")[0]
        changes = busy[name]["changes"]
        if busy[name]["action"] != "update" or len(changes) != 1 or value not in changes[0]["before"]:
            raise SystemExit(f"{name} was changed by hand to {after}; the plan: {busy[name]}")


def _expect_alike(ours: str, peer: str) -> None:
    """Both mean the same job: what it is made of stands in both."""
    job = many_jobs.jobs(JOBS, FOLDERS)[-1]
    for text in (
        f"<url>https://git.example.com/{job.name}.git</url>",
        "<scriptPath>ci/Jenkinsfile</scriptPath>",
        "<lightweight>true</lightweight>",
        f"<defaultValue>s3://{job.name}</defaultValue>",
        *(before for before, _ in EDITS),
    ):
        if text not in ours or text not in peer:
            raise SystemExit(f"both are to have {text}:\n{ours}\n{peer}")


def _rendered(files: Files, place: Path, builder_environment: Path) -> list[tuple[str, Step, Step | None]]:
    """What needs no server."""
    with Jenkins() as server:
        builder = JobBuilder(builder_environment, place, server)
        plugins = builder.keep_plugins()
    found: list[tuple[str, Step, Step | None]] = []
    for name, ours, peer in zip(("one by one", "template"), files.ours_rendered, files.peer_rendered, strict=True):
        argv = (*JENKINS_ML, "jobs", "render", "-f", str(ours), "-o", str(place / f"ours {name}"))
        cost = run(argv, place, environment())
        peer_cost = builder.render(peer, plugins, place / f"peer {name}")
        _expect_files(place / f"ours {name}", RENDERED + RENDERED_FOLDERS)
        _expect_files(place / f"peer {name}", RENDERED)
        found.append((name, Step(cost), Step(peer_cost)))
    return found


def _expect_files(folder: Path, count: int) -> None:
    there = sum(1 for _ in folder.rglob("config.xml"))
    if there != count:
        raise SystemExit(f"{folder} has {there} configurations and should have {count}")


def _told(step: Step) -> str:
    cost = step.cost
    return f"{cost.wall:.1f} s, {cost.cpu:.1f} CPU-s, {cost.peak:.0f} MB, {step.requests} requests"


class _Limits(NamedTuple):
    """The targets of one command; None for none."""

    requests: float | None = None
    wall: float | None = None
    ratio: float | None = None
    peak: float | None = None


def _results(taken: dict[str, list[tuple[Step, Step | None]]]) -> list[Result]:
    milliseconds = number(LATENCY_SECONDS * 1000)
    works = {
        "create": (
            f"`jobs apply` creates {ITEMS} items",
            _Limits(requests=MOST_REQUESTS, ratio=MOST_CREATE_RATIO),
            f"{FOLDERS} folders and {JOBS} jobs, {CONNECTIONS} connections, {milliseconds} ms a request; peer: `update` "
            f"of the {JOBS} jobs alone, {CONNECTIONS} workers",
        ),
        "plan": (
            f"`jobs plan` of {ITEMS} items, {len(EDITS)} changed by hand",
            _Limits(requests=MOST_REQUESTS, ratio=MOST_PLAN_RATIO),
            "reads and compares every one; peer: `update` with an empty cache, which overwrites and finds nothing",
        ),
        "trust": (
            "`jobs plan --trust-digests`, nothing to do",
            _Limits(requests=MOST_TRUSTING_REQUESTS),
            "",
        ),
        "one by one": (
            f"`jobs render` of {RENDERED} jobs, one by one",
            _Limits(wall=MOST_RENDER_SECONDS, peak=MOST_RENDER_MB),
            f"and the {RENDERED_FOLDERS} folders; peer: `test` of the {RENDERED} jobs",
        ),
        "template": (
            f"`jobs render` of {RENDERED} jobs, one template",
            _Limits(wall=MOST_RENDER_SECONDS, peak=MOST_RENDER_MB),
            "",
        ),
    }
    return [result for key, (name, limits, note) in works.items() for result in _of_one(name, limits, note, taken[key])]


def _of_one(name: str, limits: _Limits, note: str, steps: Sequence[tuple[Step, Step | None]]) -> list[Result]:
    """The figures of one command; its requests only where it makes some."""
    ours = [step for step, _ in steps]
    peers = [step for _, step in steps if step is not None]
    figures = (
        ("requests", "requests", lambda step: step.requests, limits.requests, None),
        ("by the clock", "s", lambda step: step.cost.wall, limits.wall, limits.ratio),
        ("CPU", "CPU-s", lambda step: step.cost.cpu, None, None),
        ("largest memory", "MB", lambda step: step.cost.peak, limits.peak, None),
    )
    results: list[Result] = []
    for what, unit, of, most, ratio in figures:
        value = median(map(of, ours))
        if value or what != "requests":
            peer = median(map(of, peers)) if peers else None
            results.append(
                Result(
                    name=f"{name}: {what}",
                    unit=unit,
                    ours=value,
                    peer=peer,
                    most=most,
                    most_ratio=ratio,
                    note="" if results else note,
                )
            )
    return results
