"""`jenkins-ml test`: run the tests of the model's code."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from xml.parsers import expat

import click

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.processes import run_command
from jenkins_ml.config.model import seconds
from jenkins_ml.errors import UsageError
from jenkins_ml.records import Tested
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps.common import Project, current_or_new_run, join_run
from jenkins_ml.steps.entry import StageCommand


@click.command("test", cls=StageCommand)
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
        results = _empty_folder(project.reports(run) / "tests")
        environment = {**os.environ, names.ENV_RUN: run, **_reporting_to(results, os.environ)}
        try:
            run_command(test.command, project.directory, environment, seconds(test.timeout), "the tests")
        finally:
            for path in _remove_halves(results):
                report.warn(
                    f"{path.name} is no whole XML document, and was removed: the tests were ended while they wrote it"
                )
        took = round(time.monotonic() - began, 3)
        project.store.write_run(run, "test", Tested(run=run, command=test.command, seconds=took, created=now()))
        report.done("passed")


def _empty_folder(folder: Path) -> Path:
    """A folder for the results; those of an earlier try of this stage are gone."""
    with files.translated("preparing the reports of the tests"):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    return folder


def _reporting_to(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that make pytest write its results as JUnit XML, and tell other tools where to."""
    option = shlex.quote(f"--junitxml={folder / 'junit.xml'}")  # pytest splits the variable as a shell does
    return {
        "PYTEST_ADDOPTS": " ".join(filter(None, (environment.get("PYTEST_ADDOPTS"), option))),
        names.ENV_TEST_REPORTS: str(folder),
    }


def _remove_halves(folder: Path) -> list[Path]:
    """Remove what no reader of JUnit XML could read; answers which files that were."""
    halves = []
    for path in sorted(folder.glob("*.xml")):
        try:
            with path.open("rb") as file:
                expat.ParserCreate().ParseFile(file)
        except expat.ExpatError:
            path.unlink()
            halves.append(path)
    return halves


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
