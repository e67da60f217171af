"""`jenkins-ml run`: the whole pipeline, on this machine."""

from __future__ import annotations

import click

from jenkins_ml import names, runner
from jenkins_ml.pipeline import build
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps.common import Project, current_or_new_run


@click.command("run")
@click.option(
    "--from", "first", metavar="STAGE", help="Begin with this stage; JENKINS_ML_RUN names the run to go on with."
)
@click.option("--until", "last", metavar="STAGE", help="End with this stage.")
@click.pass_context
def command(ctx: click.Context, first: str | None, last: str | None) -> None:
    """Run the stages in order, each as a process of its own, with the exit code of the one that ended it."""
    project = Project.here()
    run = current_or_new_run()
    pipeline = build(project.config).between(first, last)
    branch = project.candidate_branch
    with reporter() as report:
        report.stage("run")
        planned = [stage for stage in pipeline.stages if branch is None or not stage.release_only]
        report.note(f"run {run}: {', '.join(stage.name for stage in planned)}")
        ended = runner.run(planned, project.directory, {**pipeline.environment, names.ENV_RUN: run})
        if ended.stage is not None:
            again = f"{names.ENV_RUN}={run} jenkins-ml run --from {ended.stage.name}"
            report.warn(f"ended in {ended.stage.name} with exit code {ended.exit_code}; to go on from there: {again}")
        elif len(planned) < len(pipeline.stages):
            report.done(f"not released: branch {branch!r} is not {project.config.serve.release_branch!r}")
        else:
            report.done(f"run {run} has ended well")
    ctx.exit(ended.exit_code)


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
