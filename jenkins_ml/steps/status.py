"""`jenkins-ml status`: what is in production, what is on its way, and why."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.target import Serving
from jenkins_ml.core.history import after
from jenkins_ml.core.live_picture import Live
from jenkins_ml.errors import JenkinsMLError, Unavailable, UsageError
from jenkins_ml.records import JournalEntry, VersionRef
from jenkins_ml.reporting import console, live_picture
from jenkins_ml.reporting.console import Reporter, say
from jenkins_ml.reporting.redraw import Screen
from jenkins_ml.reporting.terminal import silence
from jenkins_ml.reporting.text import NOTHING, one_line
from jenkins_ml.steps import serving, status_all
from jenkins_ml.steps.common import Project, duration, json_option, print_json
from jenkins_ml.steps.live_picture import Looker

_COUNTED_SECONDS: Final = 1.0  # between the two looks at the servers' own counters
# What a picture that is drawn again and again has room for.
_BRIEF: Final = ("version", "since", "under_way", "traffic", "replicas", "canary", "problem")
_SHORTEST_SECONDS: Final = 0.1
_RELEASE = ("release_started", "release_step", "released", "release_rolled_back", "release_abandoned")


@click.command("status")
@click.option("--all", "everything", is_flag=True, help="All models of a Kubernetes cluster; needs no jenkins-ml.yaml.")
@click.option("--context", metavar="NAME", help="With --all: a context of the kubeconfig; default the current one.")
@click.option("--namespace", metavar="NS", help="With --all: one namespace; default all of them.")
@click.option("--environment", metavar="NAME", help="Default: all of them.")
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option(
    "--interval",
    callback=duration,
    default="2s",
    show_default=True,
    metavar="DURATION",
    help="With --watch: how often.",
)
@json_option
def command(
    everything: bool,
    context: str | None,
    namespace: str | None,
    environment: str | None,
    watch: bool,
    interval: float,
    as_json: bool,
) -> None:
    """What is in production, since when, from which commit, why it was approved, and how it is reached.

    With a monitor section, or --watch, also how it does right now: requests, errors, latency, error budget, drift, alerts.
    It is asked of monitor.prometheus; without that the servers' own counters are looked at for a second. With --watch
    --json each look is one line.

    With --all what a Kubernetes cluster has of ours, as the cluster knows it: it takes no store and no model repository.
    """
    if watch and interval < _SHORTEST_SECONDS:
        raise UsageError(f"--interval of {interval:g} s: a look takes time", "look at most ten times a second: 100ms")
    if everything and watch:
        raise UsageError("--watch shows one model", "leave out --all, or --watch")
    if everything:
        _all(context, namespace, environment, as_json)
        return
    if context is not None or namespace is not None:
        raise UsageError("--context and --namespace go with --all", "jenkins-ml.yaml says where this model is served")
    project = Project.here()
    if watch:
        _watch(project, environment, interval, as_json)
        return
    entries = project.store.journal.entries()
    lookers = [_looker(project, name) for name in _chosen(project, entries, environment)]
    found = [_environment(project, entries, looker) for looker in lookers]
    pictures = _pictures(project, lookers, [each for _, each in found])
    if as_json:
        print_json({"model": project.config.model, "environments": _as_json([item for item, _ in found], pictures)})
        return
    for (item, _), picture in zip(found, pictures, strict=True):
        rows = [(name, "-" if value is None else str(value)) for name, value in item.items()]
        console.table(f"{project.config.model} in {item['environment']}", ("what", "value"), rows)
        if picture is not None:
            say("")
            console.table(live_picture.title(picture), live_picture.COLUMNS, live_picture.rows(picture))
            for line in live_picture.lines(picture):
                say(line)


def _chosen(project: Project, entries: tuple[JournalEntry, ...], environment: str | None) -> list[str]:
    """The environments that are shown."""
    if environment:
        return [project.environment(environment)]
    serve = project.config.serve
    return sorted({entry.environment for entry in entries} | {serve.environment, *serve.environments})


def _looker(project: Project, environment: str) -> Looker:
    return Looker(project, environment, serving.target_of(project, environment, Reporter(None)))


def _pictures(
    project: Project, lookers: Sequence[Looker], running: Sequence[Serving | None]
) -> list[Live] | list[None]:
    """How each environment does right now; nothing where nobody has asked to watch it."""
    if project.config.monitor is None:
        return [None] * len(lookers)
    pictures = [looker.look(each) for looker, each in zip(lookers, running, strict=True)]
    if not any(
        looker.counts and each is not None and each.versions for looker, each in zip(lookers, running, strict=True)
    ):
        return pictures
    time.sleep(_COUNTED_SECONDS)
    return [looker.look(each) for looker, each in zip(lookers, running, strict=True)]


def _as_json(found: Sequence[dict[str, Any]], pictures: Sequence[Live | None]) -> list[dict[str, Any]]:
    return [
        item if picture is None else {**item, "live": live_picture.as_json(picture)}
        for item, picture in zip(found, pictures, strict=True)
    ]


def _watch(project: Project, environment: str | None, interval: float, as_json: bool) -> None:
    """Look again and again. Ctrl-C is how that ends, and no failure."""
    lookers: dict[str, Looker] = {}
    screen = Screen(sys.stdout)
    try:
        while True:
            began = time.monotonic()
            entries = project.store.journal.entries()
            found, pictures = [], []
            for name in _chosen(project, entries, environment):
                if name not in lookers:
                    lookers[name] = _looker(project, name)
                item, running = _environment(project, entries, lookers[name])
                found.append(item)
                pictures.append(lookers[name].look(running))
            if as_json:
                answer = {"time": now(), "model": project.config.model, "environments": _as_json(found, pictures)}
                screen.line(json.dumps(answer, sort_keys=True))
            else:
                screen.draw(_frame(project.config.model, found, pictures))
            time.sleep(max(0.0, interval - (time.monotonic() - began)))
    except KeyboardInterrupt as stopped:
        if str(stopped) != signal.SIGINT.name:
            raise
    except BrokenPipeError:  # whoever read us has gone
        silence(sys.stdout)


def _frame(model: str, found: Sequence[dict[str, Any]], pictures: Sequence[Live]) -> Iterator[str]:
    """The lines of one look."""
    yield f"{now()}, Ctrl-C ends"
    for item, picture in zip(found, pictures, strict=True):
        yield ""
        yield f"{model} in {item['environment']}"
        for name in _BRIEF:
            value = item.get(name)
            yield f"  {name.replace('_', ' '):<10} {NOTHING if value is None else one_line(str(value))}"
        yield from (f"  {line}" for line in live_picture.text(picture))


def _all(context: str | None, namespace: str | None, environment: str | None, as_json: bool) -> None:
    found = status_all.look(context, namespace, environment)
    if as_json:
        print_json({"models": found})
        return
    if not found:
        console.say("there is no model of jenkins-ml", error=True)
    status_all.draw_table(found)


def _environment(
    project: Project, entries: tuple[JournalEntry, ...], looker: Looker
) -> tuple[dict[str, Any], Serving | None]:
    """What the journal and the target say of an environment, and what runs; None where the target does not answer."""
    environment = looker.environment
    history = after(entries, environment)
    production = history.production
    answer: dict[str, Any] = {
        "environment": environment,
        "version": production.version if production else None,
        "digest": production.manifest_digest if production else None,
        "since": history.since or None,
        "commit": _commit(project, production),
        "why": _why(entries, environment, production),
        "approved_by": _approver(entries, environment, production),
        "rollback_to": history.previous.version if history.previous else None,
        "under_way": f"{history.open.kind} of version {history.open.version}" if history.open else None,
        "canary": _canary(entries, environment),
    }
    running, said = _running(looker, production)
    return answer | said, running


def _canary(entries: tuple[JournalEntry, ...], environment: str) -> str | None:
    """How the last release went, or how far it is: its last entry, with what the judge rested on."""
    for entry in reversed(entries):
        if entry.environment == environment and entry.kind in _RELEASE:
            share = f" at {entry.weight} %" if entry.weight is not None and entry.kind == "release_step" else ""
            return f"version {entry.version} {entry.kind.replace('_', ' ')}{share}: {entry.reason}"
    return None


def _commit(project: Project, production: VersionRef | None) -> str | None:
    if production is None:
        return None
    try:
        commit = project.store.manifest(production.version)[0].lineage.commit
    except JenkinsMLError as error:
        return f"unknown: {error.what}"
    return f"{commit.sha}{' with changes' if commit.dirty else ''}" if commit.sha else None


def _why(entries: tuple[JournalEntry, ...], environment: str, production: VersionRef | None) -> str | None:
    """The last reason why the version came, or came back, into production; decisions since then have not moved it."""
    came = False
    for entry in reversed(entries):
        mine = entry.environment == environment and production and entry.version == production.version
        if mine and entry.kind == "rolled_back":
            return f"rollback: {entry.reason}"
        if mine and came and entry.kind == "decision" and not entry.is_approval:
            return entry.reason
        came |= bool(mine) and entry.kind == "released"
    return None


def _approver(entries: tuple[JournalEntry, ...], environment: str, production: VersionRef | None) -> str | None:
    """Who agreed to the last release of the version; None when nobody was asked."""
    for entry in reversed(entries):
        mine = entry.environment == environment and production and entry.version == production.version
        if mine and entry.kind == "released":
            return entry.approver
    return None


def _running(looker: Looker, production: VersionRef | None) -> tuple[Serving | None, dict[str, Any]]:
    """What the target says. That it does not answer is part of the picture, not the end of it."""
    try:
        running = looker.target.serving()
    except (Unavailable, UsageError) as error:  # this machine has the store, but perhaps not the server or its engine
        return None, {"server": error.what, "traffic": None, "replicas": None, "image": None, "problem": None}
    return running, _said(running, production)


def _said(now: Serving, production: VersionRef | None) -> dict[str, Any]:
    if not now.versions and now.rest is None:
        problem = None if production is None else f"nothing here serves version {production.version}"
        return {"server": None, "traffic": None, "replicas": None, "image": None, "problem": problem}
    running = now.find(production.version) if production else None
    problems = [f"version {each.version}: {each.problem}" for each in now.versions if each.problem]
    if production is not None and now.stable != production.version:
        problems.insert(0, f"the journal says version {production.version}: jenkins-ml rollback or serve puts it right")
    if (
        production is not None
        and running is not None
        and running.manifest_digest not in (None, production.manifest_digest)
    ):
        problems.insert(0, f"what runs as version {production.version} has another digest than the journal says")
    return {
        "server": now.rest,
        "grpc": now.grpc,
        "traffic": status_all.traffic(now),
        "replicas": f"{running.ready} of {running.replicas} ready" if running else None,
        "image": running.image if running else None,
        "warm": ", ".join(str(each.version) for each in now.versions if each.version not in (now.stable, now.canary))
        or None,
        "problem": "; ".join(problems) or None,
    }


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
