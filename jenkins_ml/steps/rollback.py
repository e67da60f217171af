"""`jenkins-ml rollback`: put the version before back into production."""

from __future__ import annotations

import os
import socket

import click

from jenkins_ml import names
from jenkins_ml.adapters.held import HeldTarget
from jenkins_ml.adapters.target import Target
from jenkins_ml.core.history import History
from jenkins_ml.errors import Unavailable, UsageError
from jenkins_ml.records import VersionRef
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.steps import offline, serving
from jenkins_ml.steps.common import Project, built_by, current_or_new_run, environment_option, json_option, print_json
from jenkins_ml.steps.entry import StageCommand

_ENDS = ("released", "release_rolled_back", "release_abandoned", "rolled_back")


@click.command("rollback", cls=StageCommand)
@click.option(
    "--to",
    "to",
    type=click.IntRange(min=1),
    metavar="VERSION",
    envvar=names.ENV_ROLLBACK_TO,
    show_envvar=True,
    help="Default: the version before.",
)
@click.option(
    "--reason",
    default="asked for by hand",
    envvar=names.ENV_ROLLBACK_REASON,
    show_envvar=True,
    help="Kept in the journal.",
)
@environment_option
@json_option
def command(to: int | None, reason: str, environment: str | None, as_json: bool) -> None:
    """Put a version that was good back into production: one switch of traffic, no request fails.

    Where a release or a rollback has died half-way, its end is what production returns to. On Docker and Kubernetes this
    also works while the store cannot be reached, as long as the version before is kept warm; the journal is written when
    the store is back.
    """
    project = Project.here()
    environment, run = project.environment(environment), current_or_new_run()
    with reporter() as report:
        report.stage("rollback")
        target = serving.target_of(project, environment, report)
        away = _store_is_away(project, target, environment)
        if away is not None:
            report.warn(f"{away}; going by what the target keeps")
            goal, left = _without_store(target, to, reason, run)
        else:
            with serving.releasing(project, target, environment, "rollback", report) as held:
                goal, left = _finish(project, held, environment, run, to, report) or _begin(
                    project, held, environment, run, to, reason, report
                )
        report.done(f"version {goal.version} is in production again; version {left} was taken out")
    if as_json:
        print_json({"environment": environment, "version": goal.version, "from": left})


def _store_is_away(project: Project, target: Target, environment: str) -> str | None:
    """Why the journal cannot be asked although the target serves; None when it can, or when only it can help."""
    if project.config.serve.of(environment).target == "local":
        return None  # its server is found through the store
    try:
        if project.store.journal.history(environment).production is not None:
            return None
        reason = f"the store {project.store.root} knows of no release in {environment}"
    except Unavailable as error:
        reason = error.what
    return reason if offline.known(target) is not None else None


def _without_store(target: Target, to: int | None, reason: str, run: str) -> tuple[VersionRef, int | None]:
    with target.hold(f"process {os.getpid()} (rollback) on {socket.gethostname()}"):
        return offline.roll_back(target, to, reason, run, built_by())


def _finish(
    project: Project, target: HeldTarget, environment: str, run: str, to: int | None, report: Reporter
) -> tuple[VersionRef, int | None] | None:
    """End what has died half-way, or find that this run has rolled back already.

    Returns:
        the version that is in production by that and the one that it took out; None when something else is asked for.
    """
    journal = project.store.journal
    died = journal.history(environment).open
    history = serving.end_what_was_left(project, target, environment, run, report)
    ended = [entry for entry in journal.entries() if entry.environment == environment and entry.kind in _ENDS]
    if history.production is None or not ended or to not in (None, history.production.version):
        return None
    last = ended[-1]
    if died is None and (last.kind, history.run) != ("rolled_back", run):
        return None
    target.start()
    serving.settle(project, target, history, environment)
    return history.production, last.previous if last.kind == "rolled_back" else last.version


def _begin(
    project: Project, target: HeldTarget, environment: str, run: str, to: int | None, reason: str, report: Reporter
) -> tuple[VersionRef, int]:
    """Roll back; answers the version that is in production now and the one that was."""
    journal = project.store.journal
    goal, left = _goal(journal.history(environment), to, environment)
    running = target.serving().find(goal.version)
    warm = running is not None and 0 < running.replicas <= running.ready
    if not warm:
        project.store.verify(goal)
    writer = serving.author(project, target, environment, run)
    writer.write("rollback_started", goal, left, reason)
    if warm:
        target.route(goal.version, None, 0)  # users first; the rest can take its time
        report.note(f"version {goal.version} gets the traffic")
    target.start()
    serving.settle(project, target, journal.history(environment), environment)
    writer.write("rolled_back", goal, left, reason)
    return goal, left


def _goal(history: History, to: int | None, environment: str) -> tuple[VersionRef, int]:
    """Where to go, and the version that is left."""
    if history.production is None:
        raise UsageError(f"nothing is in production in {environment}", "release a version first: jenkins-ml run")
    earlier = history.good[:-1]
    if not earlier:
        raise UsageError(
            f"version {history.production.version} is the only one that was ever good in {environment}",
            "there is nothing to go back to; release a better version",
        )
    if to is None:
        return earlier[-1], history.production.version
    for reference in earlier:
        if reference.version == to:
            return reference, history.production.version
    known = ", ".join(str(reference.version) for reference in earlier)
    raise UsageError(f"version {to} is not one to go back to in {environment}", f"these were good: {known}")


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
