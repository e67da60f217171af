"""`jenkins-ml status`: what is in production, what is on its way, and why."""

from __future__ import annotations

from typing import Any

import click

from jenkins_ml.adapters.local_server import Elsewhere
from jenkins_ml.core.history import after
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.records import JournalEntry, VersionRef
from jenkins_ml.reporting import console
from jenkins_ml.steps import serving
from jenkins_ml.steps.common import Project, environment_option, json_option, print_json


@click.command("status")
@environment_option
@json_option
def command(environment: str | None, as_json: bool) -> None:
    """What is in production, since when, from which commit, why it was approved, and how it is reached."""
    project = Project.here()
    entries = project.store.journal.entries()
    known = {entry.environment for entry in entries} | {project.environment()}
    chosen = [project.environment(environment)] if environment else sorted(known)
    found = [_environment(project, entries, name) for name in chosen]
    if as_json:
        print_json({"model": project.config.model, "environments": found})
        return
    for item in found:
        rows = [(name, "-" if value is None else str(value)) for name, value in item.items()]
        console.table(f"{project.config.model} in {item['environment']}", ("what", "value"), rows)


def _environment(project: Project, entries: tuple[JournalEntry, ...], environment: str) -> dict[str, Any]:
    history = after(entries, environment)
    production = history.production
    answer: dict[str, Any] = {
        "environment": environment,
        "version": production.version if production else None,
        "since": history.since or None,
        "commit": _commit(project, production),
        "why": _why(entries, environment, production),
        "approved_by": _approver(entries, environment, production),
        "rollback_to": history.previous.version if history.previous else None,
        "under_way": f"{history.open.kind} of version {history.open.version}" if history.open else None,
    }
    return answer | _server(project, environment)


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
        if mine and came and entry.kind == "decision":
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


def _server(project: Project, environment: str) -> dict[str, Any]:
    try:
        server = serving.find(project, environment)
    except Elsewhere as elsewhere:  # this machine has the store, another one the server
        return {"server": elsewhere.what, "traffic": None}
    if server is None:
        return {"server": None, "traffic": None}
    state = server.state()
    traffic = state["traffic"]
    shown = f"version {traffic['stable']}" if traffic["stable"] is not None else "none"
    if traffic["canary"] is not None:
        shown += f", {traffic['weight']} % to version {traffic['canary']}"
    return {"server": server.rest_url(project.config.model), "traffic": shown}


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
