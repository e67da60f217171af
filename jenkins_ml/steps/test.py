"""`jenkins-ml test`: run the tests of the model's code."""

from __future__ import annotations

import os
import time

import click

from jenkins_ml import names
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.processes import run_command
from jenkins_ml.config.model import seconds
from jenkins_ml.errors import UsageError
from jenkins_ml.records import Tested
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps.common import Project, current_or_new_run, join_run


@click.command("test")
def command() -> None:
    """Run the configured tests; their output goes to standard error."""
    project = Project.here()
    run = current_or_new_run()
    test = project.config.test
    if test is None:
        raise UsageError("no tests are configured", f"add `test: {{command: pytest -q}}` to {names.CONFIG_FILE}")
    join_run(project, run)
    with reporter() as report:
        report.stage("test")
        report.note(test.command)
        began = time.monotonic()
        environment = {**os.environ, names.ENV_RUN: run}
        run_command(test.command, project.directory, environment, seconds(test.timeout), "the tests")
        took = round(time.monotonic() - began, 3)
        project.store.write_run(run, "test", Tested(run=run, command=test.command, seconds=took, created=now()))
        report.done("passed")


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
