"""What is done about an alert: a rollback of the version that it names, or a training, each once."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Final

from jenkins_ml.adapters import clock
from jenkins_ml.config.alerts import Hook
from jenkins_ml.config.model import seconds
from jenkins_ml.core import alert_hook
from jenkins_ml.core.alert_hook import Alert, Outcome, Result
from jenkins_ml.errors import JenkinsMLError, Unavailable, UsageError
from jenkins_ml.records import Retraining
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.reporting.text import one_line, printable
from jenkins_ml.steps import observed
from jenkins_ml.steps.common import Project, built_by, current_or_new_run
from jenkins_ml.steps.jobs.connection import Span, connected
from jenkins_ml.steps.rolling_back import LeftAlone, Wanted, roll_back

_LONGEST_REASON: Final = 300  # characters of an alert's text that are kept
_LONGEST_NAME: Final = 100
_TIME_FOR_JENKINS: Final = Span("60s", 60.0)  # to start a build; who asked meanwhile is told to ask again
# Nor is a Jenkins that is away waited for: a rollback may stand behind this, and Alertmanager asks again.
_SECONDS_FOR_RESTART: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of one alert.

    Args:
        result: as it is answered.
        error: why it failed; None when it did not.
    """

    result: Result
    error: JenkinsMLError | None = None


def hook_of(project: Project) -> Hook:
    """What the configuration says about acting on alerts.

    Raises:
        UsageError: nothing.
    """
    monitor = project.config.monitor
    if monitor is None or monitor.alerts.hook is None:
        raise UsageError("jenkins-ml.yaml has no monitor.alerts.hook", "it says what alerts may do: see docs/alerts.md")
    return monitor.alerts.hook


def act(project: Project, body: bytes, profile: str | None, report: Reporter) -> list[Done]:
    """Do what a web hook's body asks for.

    Args:
        project: whose alerts are ours.
        body: from Alertmanager.
        profile: of the Jenkins server that trains; None for that of the environment.
        report: hears what was done.

    Raises:
        UsageError: it is no such body, or nothing says what alerts may do.
    """
    hook, found = hook_of(project), []
    for each in alert_hook.read(body, project.config.model):
        done = Done(result=each) if isinstance(each, Result) else _act(project, hook, each, profile, report)
        found.append(done)
        report.note(one_line(f"{done.result.alert or 'alert'}: {done.result.outcome}: {done.result.what}", 1000))
    return found


def _act(project: Project, hook: Hook, alert: Alert, profile: str | None, report: Reporter) -> Done:
    """Do what one alert asks for. Whatever fails is an outcome: the others still have their turn."""
    try:
        outcome, what = (
            _roll_back(project, hook, alert, report)
            if alert.action == "rollback"
            else _train(project, hook, alert, profile, report)
        )
    except LeftAlone as error:
        return _done(alert, "ignored", error.what)
    except JenkinsMLError as error:
        outcome = "unavailable" if isinstance(error, Unavailable) else "failed"
        return _done(alert, outcome, error.what, error)
    except Exception as error:  # one that nobody foresaw must not end the receiver
        report.note(printable(traceback.format_exc()))
        defect = JenkinsMLError(f"{type(error).__name__}: {error}", "this is a defect of jenkins-ml; please report it")
        return _done(alert, "failed", defect.what, defect)
    return _done(alert, outcome, what)


def _done(alert: Alert, outcome: Outcome, what: str, error: JenkinsMLError | None = None) -> Done:
    return Done(result=Result(alert=alert.name, outcome=outcome, what=what), error=error)


def _roll_back(project: Project, hook: Hook, alert: Alert, report: Reporter) -> tuple[Outcome, str]:
    environment, version = project.environment(alert.environment), alert.version
    assert version is not None  # noqa: S101 - `alert_hook.read` lets none through
    if not hook.rollback:
        return "ignored", f"monitor.alerts.hook.rollback is false: version {version} stays in {environment}"
    quiet = seconds(hook.rollback_at_most_every)
    end, run = observed.begin("rollback"), current_or_new_run()

    def tell(error: JenkinsMLError | None, now: int) -> None:
        stage = observed.under_way()
        stage.run, stage.environment, stage.version = run, environment, now
        observed.know(project)
        end(error.exit_code if error else 0, error, error)

    wanted = Wanted(
        reason=_reason(alert),
        leaving=version,
        why_not=lambda entries: alert_hook.why_not(entries, environment, version, clock.age_seconds, quiet),
        evidence={
            "alert": {
                "name": one_line(alert.name, _LONGEST_NAME),
                "fingerprint": one_line(alert.fingerprint, _LONGEST_NAME),
                "since": one_line(alert.starts, _LONGEST_NAME),
            }
        },
    )
    try:
        goal, left = roll_back(project, environment, run, wanted, report)
    except (LeftAlone, Unavailable):
        observed.under_way().project = project  # no rollback, or none yet: nobody is told of this stage
        raise
    except JenkinsMLError as error:
        tell(error, version)
        raise
    tell(None, goal.version)
    return "done", f"version {goal.version} is in production again in {environment}; version {left} was taken out"


def _train(project: Project, hook: Hook, alert: Alert, profile: str | None, report: Reporter) -> tuple[Outcome, str]:
    if hook.retrain_job is None:
        return "ignored", "monitor.alerts.hook.retrain_job names no job that trains"
    from jenkins_ml.adapters.jenkins_client import NobodyKnows, RequestedBuild

    job, kept = hook.retrain_job, project.store.retrainings
    with connected(profile, _TIME_FOR_JENKINS, report, restart=_SECONDS_FOR_RESTART) as server:
        mine, ours = kept.begin(
            lambda number: Retraining(
                number=number,
                model=project.config.model,
                job=job,
                reason=_reason(alert),
                alert=one_line(alert.fingerprint, _LONGEST_NAME),
                run=current_or_new_run(),
                by=built_by(),
                created=clock.now(),
            ),
            seconds(hook.retrain_at_most_every),
        )
        if not ours:
            return "ignored", f"{mine.job} was started at {mine.created} because of {mine.reason}"
        try:
            build = RequestedBuild(server, job)
            queued = build.trigger()
        except NobodyKnows as error:
            return "unknown", error.what
        except JenkinsMLError:
            kept.undo(mine)
            raise
    return "done", f"{job} was started: item {queued.queue_id} of the queue, {build.url}"


def _reason(alert: Alert) -> str:
    """What the journal keeps of an alert: one line, without what a terminal would obey."""
    return one_line(f"{alert.name}: {alert.text}" if alert.text else alert.name, _LONGEST_REASON)
