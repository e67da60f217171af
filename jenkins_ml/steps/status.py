"""`jenkins-ml status`: what is in production, what is on its way, and why."""

from __future__ import annotations

from typing import Any

import click

from jenkins_ml.core.history import after
from jenkins_ml.errors import JenkinsMLError, Unavailable, UsageError
from jenkins_ml.records import JournalEntry, VersionRef
from jenkins_ml.reporting import console
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps import serving, status_all
from jenkins_ml.steps.common import Project, json_option, print_json

_RELEASE = ("release_started", "release_step", "released", "release_rolled_back", "release_abandoned")


@click.command("status")
@click.option("--all", "everything", is_flag=True, help="All models of a Kubernetes cluster; needs no jenkins-ml.yaml.")
@click.option("--context", metavar="NAME", help="With --all: a context of the kubeconfig; default the current one.")
@click.option("--namespace", metavar="NS", help="With --all: one namespace; default all of them.")
@click.option("--environment", metavar="NAME", help="Default: all of them.")
@json_option
def command(
    everything: bool, context: str | None, namespace: str | None, environment: str | None, as_json: bool
) -> None:
    """What is in production, since when, from which commit, why it was approved, and how it is reached.

    With --all what a Kubernetes cluster has of ours, as the cluster knows it: it takes no store and no model repository.
    """
    if everything:
        _all(context, namespace, environment, as_json)
        return
    if context is not None or namespace is not None:
        raise UsageError("--context and --namespace go with --all", "jenkins-ml.yaml says where this model is served")
    project = Project.here()
    entries = project.store.journal.entries()
    serve = project.config.serve
    known = {entry.environment for entry in entries} | {serve.environment, *serve.environments}
    chosen = [project.environment(environment)] if environment else sorted(known)
    found = [_environment(project, entries, name) for name in chosen]
    if as_json:
        print_json({"model": project.config.model, "environments": found})
        return
    for item in found:
        rows = [(name, "-" if value is None else str(value)) for name, value in item.items()]
        console.table(f"{project.config.model} in {item['environment']}", ("what", "value"), rows)


def _all(context: str | None, namespace: str | None, environment: str | None, as_json: bool) -> None:
    found = status_all.look(context, namespace, environment)
    if as_json:
        print_json({"models": found})
        return
    if not found:
        console.say("there is no model of jenkins-ml", error=True)
    status_all.draw_table(found)


def _environment(project: Project, entries: tuple[JournalEntry, ...], environment: str) -> dict[str, Any]:
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
    return answer | _running(project, environment, production)


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


def _running(project: Project, environment: str, production: VersionRef | None) -> dict[str, Any]:
    """What the target says. That it does not answer is part of the picture, not the end of it."""
    target = serving.target_of(project, environment, Reporter(None))
    try:
        now = target.serving()
    except (Unavailable, UsageError) as error:  # this machine has the store, but perhaps not the server or its engine
        return {"server": error.what, "traffic": None, "replicas": None, "image": None, "problem": None}
    if not now.versions and now.rest is None:
        return {"server": None, "traffic": None, "replicas": None, "image": None, "problem": None}
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
