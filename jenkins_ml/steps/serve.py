"""`jenkins-ml serve`: release the version of this run, by a canary, if it is approved for exactly this production."""

from __future__ import annotations

import os

import click

from jenkins_ml import names
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.adapters.local_target import LocalTarget, request_bodies
from jenkins_ml.adapters.release import Author, Release
from jenkins_ml.config.model import seconds
from jenkins_ml.core.history import History
from jenkins_ml.core.judge import Limits
from jenkins_ml.core.rollout import Plan
from jenkins_ml.errors import GateInconclusive, GateRejected, IntegrityError, RolledBack, Unavailable, UsageError
from jenkins_ml.records import Decision, Manifest, Served, Trained, encode
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.steps import serving
from jenkins_ml.steps.common import (
    Project,
    current_run,
    environment_option,
    in_jenkins,
    join_run,
    json_option,
    print_json,
    trained,
)
from jenkins_ml.steps.entry import StageCommand
from jenkins_ml.steps.gate import stage_name
from jenkins_ml.steps.gating import refusal


@click.command("serve", cls=StageCommand)
@environment_option
@json_option
def command(environment: str | None, as_json: bool) -> None:
    """Release the version of this run: load it, move traffic to it step by step, and roll back if it is worse."""
    project = Project.here()
    run = current_run()
    join_run(project, run)
    record = trained(project, run)
    refuse_other_branches(project, record)
    environment = project.environment(environment)
    with reporter() as report:
        report.stage("serve")
        with serving.releasing(project, environment, f"serve, run {run}"):
            server, previous = release(project, run, record, environment, report)
            _hand_over(project, run, record, environment, server, previous)
        report.done(serving.how_to_ask(server, project.config.model))
    if as_json:
        print_json(
            {
                "run": run,
                "environment": environment,
                "version": record.candidate.version,
                "rest": server.rest_url(project.config.model),
                "grpc": f"127.0.0.1:{server.grpc_port}",
            }
        )


def refuse_other_branches(project: Project, record: Trained) -> None:
    """Make sure that both the version and this checkout are of the release branch: a run's name proves neither.

    Raises:
        UsageError: one of them is not.
    """
    release_branch = project.config.serve.release_branch
    reason = project.not_released
    if reason is None and record.branch is not None:
        reason = f"branch {record.branch!r} does not release: only {release_branch!r} does"
    if reason is not None:
        hint = (
            "build it in a multibranch job, or let `checkout scm` of a declarative Pipeline set GIT_BRANCH"
            if project.commit.branch is None
            else f"merge it into {release_branch!r}, or change serve.release_branch"
        )
        raise UsageError(reason, hint)


def release(
    project: Project, run: str, record: Trained, environment: str, report: Reporter
) -> tuple[LocalServer, int | None]:
    """Bring the version of a run into production, if it is approved for exactly what is there; under the release lock.

    Args:
        project: the model.
        run: the run that trained and gated the version.
        record: what it handed over.
        environment: where it is released.
        report: hears of the progress.

    Returns:
        The server, and the version that was in production before; None for none.

    Raises:
        JenkinsMLError: see `_approval` and `_release`.
    """
    history = serving.end_what_was_left(project, environment, run, report)
    if history.production == record.candidate:
        report.step(f"version {record.candidate.version} is in production already")
        server = serving.find_or_start(project, environment, report)
    else:
        decision = _approval(project, run, record, environment, history)
        approver = _approver(project)
        manifest = project.store.verify(record.candidate)
        server = serving.find_or_start(project, environment, report)
        serving.settle(project, server, history)
        author = serving.author(project, environment, run, approver)
        _release(project, author, record, manifest, decision, history, server, report)
        history = project.store.journal.history(environment)
    serving.settle(project, server, history)
    return server, history.previous.version if history.previous else None


def _hand_over(
    project: Project, run: str, record: Trained, environment: str, server: LocalServer, previous: int | None
) -> None:
    served = Served(
        run=run,
        environment=environment,
        released=record.candidate,
        previous=previous,
        rest_url=server.rest_url(project.config.model),
        grpc_address=f"127.0.0.1:{server.grpc_port}",
        created=now(),
    )
    project.store.write_run(run, "serve", served)
    kept = project.store.read_run(Served, run, "serve") or served  # of a repeated stage the first one's
    project.report(run, "served.json", encode(kept).decode())


def _release(
    project: Project,
    author: Author,
    record: Trained,
    manifest: Manifest,
    decision: Decision,
    history: History,
    server: LocalServer,
    report: Reporter,
) -> None:
    """Move production to the candidate.

    Raises:
        RolledBack: the canary failed; production is as it was.
        Unavailable: the server went down. It is started again for production first.
    """
    version = record.candidate.version
    plan = _plan(project, record, history)
    release = Release(
        plan=plan,
        version=record.candidate,
        target=_target(project, server, record, manifest, decision),
        author=author,
        note=report.note,
        busy=report.step,
    )
    try:
        state = release.carry_out()
    except Unavailable:
        if plan.stable is not None:
            serving.settle(project, serving.find_or_start(project, author.environment, report), history)
        raise
    if state.phase == "rolled_back":
        serving.settle(project, server, history)
        stays = f"version {plan.stable} stays in production" if plan.stable else "nothing is in production, as before"
        raise RolledBack(f"version {version} was rolled back: {state.reason}", stays)


def _approval(project: Project, run: str, record: Trained, environment: str, history: History) -> Decision:
    """The decision that approves exactly this manifest against exactly this production.

    Raises:
        GateRejected: there is none, or it is no approval.
        GateInconclusive: production has moved since, or the gate could not decide.
        IntegrityError: the decision is about another manifest.
    """
    store, version = project.store, record.candidate.version
    decision = store.read_run(Decision, run, stage_name(environment, history.production))
    if decision is None:
        before = stage_name(environment, None)
        if any(name == before or name.startswith(f"{before}-against-") for name in store.handed_over(run)):
            again = (
                "build this commit again: its gate will compare with what is in production now"
                if in_jenkins()
                else f"gate again: {names.ENV_RUN}={run} jenkins-ml run --from gate"
            )
            raise GateInconclusive(f"production has moved since version {version} was gated", again)
        raise GateRejected(
            f"version {version} is not approved: it was not gated for {environment}",
            f"run `jenkins-ml gate --environment {environment}` first",
        )
    about = (decision.candidate, decision.baseline, decision.environment)
    if about != (record.candidate, history.production, environment):
        raise IntegrityError(f"the decision of run {run} is not about what would be released", "train and gate again")
    if failure := refusal(decision):
        raise failure
    return decision


def _approver(project: Project) -> str | None:
    """Who agreed to this release, as the Jenkinsfile's input stage has put it into the environment.

    Raises:
        GateRejected: somebody has to, and nobody did.
    """
    approver = os.environ.get(names.ENV_APPROVER, "").strip() or None
    if approver == "null":  # what Groovy makes of nobody: a plain "proceed" by the API has no submitter
        approver = None
    if approver is None and project.config.jenkins.approval is not None and in_jenkins():
        raise GateRejected(
            f"nobody has approved this release: {names.ENV_APPROVER} is not set",
            f"the stage that asks sets it; if the Jenkinsfile has none, run jenkins-ml generate "
            f"(or take jenkins.approval out of {names.CONFIG_FILE})",
        )
    return approver


def _plan(project: Project, record: Trained, history: History) -> Plan:
    canary = project.config.serve.canary
    return Plan(
        candidate=record.candidate.version,
        stable=history.production.version if history.production else None,
        steps=canary.steps,
        limits=Limits(
            max_error_rate_increase=canary.max_error_rate_increase,
            latency_limited=canary.max_latency_p99_ms is not None,
            min_requests=canary.min_requests,
        ),
    )


def _target(
    project: Project, server: LocalServer, record: Trained, manifest: Manifest, decision: Decision
) -> LocalTarget:
    canary = project.config.serve.canary
    predictions = project.store.predictions(manifest.artefact_digest, decision.data_digest)
    if predictions is None:
        raise IntegrityError("the predictions that the gate judged are gone", "gate again")
    return LocalTarget(
        server=server,
        # Not from serving/, where servers that load the latest version would find it before it is judged.
        paths={record.candidate.version: project.store.path(record.candidate.version)},
        bodies=request_bodies(predictions),
        interval=seconds(canary.interval),
        min_requests=canary.min_requests,
        slower_than_ms=canary.max_latency_p99_ms,
    )


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
