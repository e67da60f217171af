"""`jenkins-ml destroy`: take away what serves an environment."""

from __future__ import annotations

import sys

import click

from jenkins_ml.adapters.target import Target
from jenkins_ml.errors import UsageError
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.steps import observed, serving
from jenkins_ml.steps.common import Project, current_or_new_run, environment_option, json_option, print_json
from jenkins_ml.steps.entry import StageCommand


@click.command("destroy", cls=StageCommand)
@click.option("--yes", is_flag=True, help="Ask nothing.")
@environment_option
@json_option
def command(yes: bool, environment: str | None, as_json: bool) -> None:
    """Take away exactly what was made to serve an environment: servers, proxy, network, objects.

    The store stays as it is, with its versions and its journal: what is in production there stays known, and the next
    serve, server or rollback brings it up again.
    """
    project = Project.here()
    observed.under_way().environment = environment = project.environment(environment)
    with reporter() as report:
        report.stage("destroy")
        target = serving.target_of(project, environment, report)
        with serving.releasing(project, target, environment, "destroy", report) as held:
            if not yes:
                _ask(held, environment, report)
            serving.close_what_was_left(project, held, environment, current_or_new_run(), report)
            report.step(f"taking away what serves {environment}")
            removed = held.destroy()
        report.done(f"removed: {', '.join(removed)}" if removed else f"nothing served {environment}")
    if as_json:
        print_json({"environment": environment, "removed": list(removed)})


def _ask(target: Target, environment: str, report: Reporter) -> None:
    """Make sure that somebody means it.

    Raises:
        UsageError: nobody is there to be asked, or the answer was no.
    """
    now = target.serving()
    if now.stable is None:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"version {now.stable} answers users in {environment}, and nobody is here to be asked; nothing was taken away",
            "say --yes",
        )
    report.close()
    if not click.confirm(f"Version {now.stable} answers users in {environment}: take it away?", err=True):
        raise UsageError("nothing was taken away", "")


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
