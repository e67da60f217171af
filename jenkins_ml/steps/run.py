"""`jenkins-ml run`: the whole pipeline, on this machine."""

from __future__ import annotations

from dataclasses import replace

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
    not_released = project.not_released
    with reporter() as report:
        report.stage("run")
        planned = replace(
            pipeline, stages=tuple(stage for stage in pipeline.stages if not_released is None or not stage.release_only)
        )
        matrix = f" ({len(planned.cells)} cells)" if len(planned.cells) > 1 else ""
        report.note(f"run {run}: {', '.join(stage.name for stage in planned.stages)}{matrix}")
        ended = runner.run(planned, run, project.directory)
        if ended.job is not None:
            again = f"{names.ENV_RUN}={run} jenkins-ml run --from {ended.job.stage.name}"
            cell = f" ({ended.job.cell.suffix.removeprefix(',')})" if ended.job.cell and ended.job.cell.suffix else ""
            report.warn(
                f"ended in {ended.job.stage.name}{cell} with exit code {ended.exit_code}; to go on from there: {again}"
            )
        elif len(planned.stages) < len(pipeline.stages):
            report.done(f"not released: {not_released}")
        else:
            report.done(f"run {run} has ended well")
    ctx.exit(ended.exit_code)


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
