"""`jenkins-ml rollback`: put the version before back into production."""

from __future__ import annotations

import click

from jenkins_ml import names
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps import observed
from jenkins_ml.steps.common import Project, current_or_new_run, environment_option, json_option, print_json
from jenkins_ml.steps.entry import StageCommand
from jenkins_ml.steps.rolling_back import Wanted, roll_back


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
    observed.under_way().environment = environment
    with reporter() as report:
        report.stage("rollback")
        goal, left = roll_back(project, environment, run, Wanted(reason=reason, to=to), report)
        observed.under_way().version = goal.version
        report.done(f"version {goal.version} is in production again; version {left} was taken out")
    if as_json:
        print_json({"environment": environment, "version": goal.version, "from": left})


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
