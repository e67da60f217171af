"""`jenkins-ml promote`: release a version that a run has trained and gated, by its number."""

from __future__ import annotations

import click

from jenkins_ml import names
from jenkins_ml.core.history import after
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import Trained
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps import observed, serving
from jenkins_ml.steps.common import Project, environment_option, json_option, print_json, trained
from jenkins_ml.steps.entry import StageCommand
from jenkins_ml.steps.serve import refuse_other_branches, release, released_json


@click.command("promote", cls=StageCommand)
@click.argument("version", type=click.IntRange(min=1), envvar=names.ENV_PROMOTE_VERSION)
@environment_option
@json_option
def command(version: int, environment: str | None, as_json: bool) -> None:
    """Release VERSION into an environment, by a canary, if its gate approved it against what is in production there.

    It is `serve` for who knows the version and not its run, such as the promote job of jobs.yaml: the same checks, the
    same canary, the same journal. VERSION may come from JENKINS_ML_PROMOTE_VERSION.
    """
    project = Project.here()
    observed.under_way().environment = environment = project.environment(environment)
    observed.under_way().version = version
    record = _gated(project, _trained(project, version), environment)
    refuse_other_branches(project, record)
    with reporter() as report:
        report.stage("promote")
        target = serving.target_of(project, environment, report)
        with serving.releasing(project, target, environment, f"promote, version {version}", report) as held:
            gate = f"jenkins-ml gate --version {version} --environment {environment}"
            previous = release(project, held, record.run, record, environment, report, gate_again=gate)
            now_serving = target.serving()
        report.done(serving.how_to_ask(project, environment, now_serving))
    if as_json:
        answer = released_json(environment, version, now_serving)
        print_json({"run": record.run, "previous": previous, **answer})


def _trained(project: Project, version: int) -> Trained:
    """What the run that made a version handed over.

    Raises:
        UsageError: there is no such version, or nothing is known of its run.
        IntegrityError: the run made another version.
    """
    manifest, reference = project.store.manifest(version)
    record = trained(project, manifest.lineage.run)
    if record.candidate != reference:
        raise IntegrityError(
            f"run {record.run} handed over version {record.candidate.version}, not version {version} as it is now",
            "the version was changed after it was made: train again",
        )
    return record


def _gated(project: Project, made: Trained, environment: str) -> Trained:
    """What the run handed over that has gated a version last against what is in production in an environment now.

    That is the run that made it, or one of `gate --version`; the one that made it also where none has.
    """
    entries = project.store.journal.entries()
    production = after(entries, environment).production
    about = (environment, made.candidate.version, made.candidate.manifest_digest)
    for entry in reversed(entries):
        if entry.kind != "decision" or entry.is_approval:
            continue
        if (entry.environment, entry.version, entry.manifest_digest) == about and entry.previous == (
            production.version if production else None
        ):
            return trained(project, entry.run)
    return made


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
