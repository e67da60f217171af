"""`jenkins-ml monitor`: one bounded look at production: is it what the journal says, and does it answer?"""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from jenkins_ml.config.section import DURATION_PATTERN, parse_duration
from jenkins_ml.core.judge import Evidence, Limits, Seen, Window, judge
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable, UsageError
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.steps import drift, live_metrics, observed, serving
from jenkins_ml.steps.common import Project, environment_option, json_option, print_json
from jenkins_ml.steps.entry import StageCommand

if TYPE_CHECKING:
    from jenkins_ml.core.live_metrics import LiveMetric

_LONGEST_SECONDS = 3600.0


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """The length of the look in seconds."""
    if re.fullmatch(DURATION_PATTERN, value) is None:
        raise click.BadParameter(f"{value!r} is no duration: write 500ms, 90s or 10m", ctx, param)
    seconds: float = parse_duration(value).total_seconds()
    if seconds > _LONGEST_SECONDS:
        raise click.BadParameter("a look takes at most an hour: run it again, on a schedule", ctx, param)
    return seconds


@click.command("monitor", cls=StageCommand)
@click.option(
    "--for",
    "seconds",
    callback=_seconds,
    default="10s",
    show_default=True,
    metavar="DURATION",
    help="How long to look.",
)
@click.option(
    "--labels",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Labels that have come since: a CSV, Parquet or .npz file with columns `id` and `label`. Default: those of "
    "monitor.live.labels.",
)
@environment_option
@json_option
def command(seconds: float, files: tuple[Path, ...], environment: str | None, as_json: bool) -> None:
    """Look at production for a while; fails when it does not answer, or fails more often than a canary may.

    For a job of its own with a schedule. The limits are those of serve.canary. With a `monitor` section, also whether
    what it is asked and answers has moved away from the data that it was evaluated on; that never fails.
    """
    project = Project.here()
    stage = observed.under_way()
    stage.environment = environment = project.environment(environment)
    with reporter() as report:
        report.stage("monitor")
        version, window, verdict, reason = _look(project, environment, seconds, report)
        stage.version, stage.rows = version, window.requests
        report.done(f"version {version}: {reason}")
        moved = _drift(project, environment, report)
        good: tuple[LiveMetric, ...] = () if moved.accuracy is None else (moved.accuracy,)
        # Before labels are read: what is wrong with them must not hide what was found.
        stage.measured = [*moved.samples, *live_metrics.samples(good, project.config.model, environment, version)]
        if verdict != "failing":  # a rollback may be near
            good += live_metrics.by_labels(project, environment, version, files, report)
            _let_go(project, environment, report)
        for each in good:
            report.note(live_metrics.sentence(each))
        stage.measured = [*moved.samples, *live_metrics.samples(good, project.config.model, environment, version)]
    if as_json:
        print_json(
            {
                "environment": environment,
                "version": version,
                "seconds": seconds,
                "requests": window.requests,
                "failed": window.failed + window.nan,
                "slow": window.slow,
                "verdict": verdict,
                "reason": reason,
                "drift": moved.told,
                "live": [live_metrics.plain(each) for each in good],
            }
        )
    if verdict == "failing":
        raise StageFailed(f"version {version} fails in {environment}: {reason}", "jenkins-ml rollback")


def _drift(project: Project, environment: str, report: Reporter) -> drift.Told:
    """Whether inputs and predictions have moved; nothing where the configuration does not ask."""
    monitor, history = project.config.monitor, project.store.journal.history(environment)
    if monitor is None or history.production is None:
        return drift.Told()
    target = serving.target_of(project, environment, report)
    told = drift.told(project, target, environment, history, monitor.drift)
    for line in told.lines:
        report.note(line)
    return told


def _let_go(project: Project, environment: str, report: Reporter) -> None:
    """Take out the version before, once it was kept warm for as long as the configuration says."""
    history = project.store.journal.history(environment)
    if history.previous is None or history.open is not None or serving.keeps_warm(project, history, environment):
        return
    target = serving.target_of(project, environment, report)
    if target.serving().find(history.previous.version) is None:
        return
    with contextlib.suppress(Unavailable), serving.releasing(project, target, environment, "monitor", report) as held:
        serving.settle(project, held, project.store.journal.history(environment), environment)
        report.note(f"version {history.previous.version} was kept ready for a rollback long enough: it is taken out")


def _look(
    project: Project, environment: str, seconds: float, report: Reporter
) -> tuple[int, Window, Literal["healthy", "failing", "silent"], str]:
    production = project.store.journal.history(environment).production
    if production is None:
        raise UsageError(f"nothing is in production in {environment}", "release a version first: jenkins-ml run")
    target = serving.target_of(project, environment, report)
    now_serving = target.serving()
    if not now_serving.versions:
        raise Unavailable(
            f"no server runs for {environment}: version {production.version} answers nobody",
            "jenkins-ml server" if project.config.serve.of(environment).target == "local" else "jenkins-ml serve",
        )
    if now_serving.stable != production.version:
        raise IntegrityError(
            f"version {now_serving.stable} answers in {environment}, the journal says {production.version}",
            "jenkins-ml server puts it right",
        )
    canary = project.config.serve.of(environment).canary
    target.seen(production.version)  # from here on
    time.sleep(seconds)
    window = target.seen(production.version)
    limits = Limits(
        max_error_rate_increase=canary.max_error_rate_increase,
        latency_limited=canary.max_latency_p99_ms is not None,
        min_requests=1,
    )
    evidence = Evidence(step=0, live=window, live_stable=Window(), replayed=Window(), replayed_stable=Window())
    verdict = judge(Seen().after(evidence, limits), limits).verdict
    if not window.requests:
        return production.version, window, "silent", f"ready; nobody asked it within {seconds:g} s"
    failed = window.failed + window.nan
    if verdict == "roll_back":
        reason = f"{failed} of {window.requests} answers failed, {window.slow} were too slow"
        return production.version, window, "failing", reason
    return production.version, window, "healthy", f"{window.requests} answers, {failed} failed"


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
