"""`jenkins-ml rollback`: put the version before back into production."""

from __future__ import annotations

import click

from jenkins_ml.core.history import History
from jenkins_ml.errors import UsageError
from jenkins_ml.records import VersionRef
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps import serving
from jenkins_ml.steps.common import Project, current_or_new_run, environment_option, json_option, print_json


@click.command("rollback")
@click.option("--to", "target", type=click.IntRange(min=1), metavar="VERSION", help="Default: the version before.")
@click.option("--reason", default="asked for by hand", help="Kept in the journal.")
@environment_option
@json_option
def command(target: int | None, reason: str, environment: str | None, as_json: bool) -> None:
    """Put a version that was good back into production: one switch of traffic, no request fails."""
    project = Project.here()
    environment = project.environment(environment)
    with reporter() as report:
        report.stage("rollback")
        with serving.releasing(project, environment, "rollback"):
            history = project.store.journal.history(environment)
            goal, left = _goal(history, target, environment)
            project.store.verify(goal)
            writer = serving.author(project, environment, current_or_new_run())
            if history.open is None or history.open.kind != "rollback_started":
                writer.write("rollback_started", goal, left, reason)
            history = project.store.journal.history(environment)
            server = serving.find_or_start(project, environment, report)
            serving.settle(project, server, history)
            writer.write("rolled_back", goal, left, reason)
        report.done(f"version {goal.version} is in production again; version {left} was taken out")
    if as_json:
        print_json({"environment": environment, "version": goal.version, "from": left})


def _goal(history: History, target: int | None, environment: str) -> tuple[VersionRef, int]:
    """Where to go, and the version that is left."""
    if history.open is not None and history.open.kind == "rollback_started":
        # A rollback that died is finished, not followed by another one.
        open_goal = VersionRef(version=history.open.version, manifest_digest=history.open.manifest_digest)
        if target in (None, open_goal.version):
            return open_goal, history.open.previous or 0
    if history.production is None:
        raise UsageError(f"nothing is in production in {environment}", "release a version first: jenkins-ml run")
    earlier = history.good[:-1]
    if not earlier:
        raise UsageError(
            f"version {history.production.version} is the only one that was ever good in {environment}",
            "there is nothing to go back to; release a better version",
        )
    if target is None:
        return earlier[-1], history.production.version
    for reference in earlier:
        if reference.version == target:
            return reference, history.production.version
    known = ", ".join(str(reference.version) for reference in earlier)
    raise UsageError(f"version {target} is not one to go back to in {environment}", f"these were good: {known}")


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
