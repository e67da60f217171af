"""`jenkins-ml serve`: release the version of this run, by a canary, if it is approved for exactly this production."""

from __future__ import annotations

import click

from jenkins_ml import names
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.examples import Examples
from jenkins_ml.adapters.held import HeldTarget
from jenkins_ml.adapters.release import Author, Release
from jenkins_ml.adapters.target import Serving, Target
from jenkins_ml.adapters.watching import Watcher
from jenkins_ml.config.model import seconds
from jenkins_ml.core.history import History
from jenkins_ml.core.judge import Limits
from jenkins_ml.core.rollout import Begun, Plan
from jenkins_ml.errors import GateInconclusive, GateRejected, IntegrityError, RolledBack, Unavailable, UsageError
from jenkins_ml.records import Decision, Manifest, Served, Trained, VersionRef, encode
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.steps import approving, observed, serving
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
@click.option(
    "--resume",
    is_flag=True,
    help="Go on where a release of this version was left, instead of beginning anew.",
)
@environment_option
@json_option
def command(resume: bool, environment: str | None, as_json: bool) -> None:
    """Release the version of this run: load it, move traffic to it step by step, and roll back if it is worse.

    What a deployer that died has left is undone first; with --resume it is continued.
    """
    project = Project.here()
    observed.under_way().environment = environment = project.environment(environment)
    run = current_run()
    join_run(project, run)
    record = trained(project, run)
    observed.under_way().version = record.candidate.version
    refuse_other_branches(project, record)
    with reporter() as report:
        report.stage("serve")
        target = serving.target_of(project, environment, report)
        with serving.releasing(project, target, environment, f"serve, run {run}", report) as held:
            previous = release(project, held, run, record, environment, report, resume=resume)
            now_serving = target.serving()
            _hand_over(project, run, record, environment, now_serving, previous)
        report.done(serving.how_to_ask(project, environment, now_serving))
    if as_json:
        print_json({"run": run, **released_json(environment, record.candidate.version, now_serving)})


def released_json(environment: str, version: int, now_serving: Serving) -> dict[str, object]:
    """What `serve` and `promote` answer."""
    return {"environment": environment, "version": version, "rest": now_serving.rest, "grpc": now_serving.grpc}


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
    project: Project,
    target: HeldTarget,
    run: str,
    record: Trained,
    environment: str,
    report: Reporter,
    *,
    resume: bool = False,
    gate_again: str | None = None,
) -> int | None:
    """Bring the version of a run into production, if it is approved for exactly what is there.

    Args:
        project: the model.
        target: where the environment is served.
        run: the run that trained and gated the version.
        record: what it handed over.
        environment: where it is released.
        report: hears of the progress.
        resume: whether a release of this version that was left is continued.
        gate_again: the command that gates this version for this environment; None for the one of the run.

    Returns:
        The version that was in production before; None for none.

    Raises:
        JenkinsMLError: see `_make_sure_it_comes_after`, `_approval`, `approving.approver` and `_release`.
    """
    begun = _left_at(project.store.journal.history(environment), record.candidate, environment) if resume else Begun()
    history = (
        project.store.journal.history(environment)
        if begun.resumed
        else serving.end_what_was_left(project, target, environment, run, report)
    )
    if history.production == record.candidate:
        report.step(f"version {record.candidate.version} is in production already")
        target.start()
    else:
        _make_sure_it_comes_after(project, record.candidate, environment)
        decision = _approval(project, run, record, environment, history, gate_again)
        approver = approving.approver(project, environment, record.candidate)
        manifest = project.store.verify(record.candidate)
        if history.production is not None:  # a first release gets no share before it gets everything
            canary = project.config.serve.of(environment).canary
            target.check(canary.steps, canary.shadow)
        target.start()
        keep = frozenset({record.candidate.version} if begun.resumed else ())
        serving.settle(project, target, history, environment, keep)
        author = serving.author(project, target, environment, run, approver)
        _release(project, target, author, record, manifest, decision, history, begun, report)
        history = project.store.journal.history(environment)
    serving.settle(project, target, history, environment)
    return history.previous.version if history.previous else None


def _left_at(history: History, candidate: VersionRef, environment: str) -> Begun:
    """Where a release of this version was left.

    Raises:
        UsageError: none was.
    """
    left = history.left
    if history.production == candidate:
        return Begun()  # only the rest after its release may be missing
    if left is None or (left.version, left.manifest_digest) != (candidate.version, candidate.manifest_digest):
        other = f": the one that was left is of version {left.version}" if left else ""
        raise UsageError(
            f"there is no release of version {candidate.version} to continue in {environment}{other}",
            "run jenkins-ml serve without --resume",
        )
    return Begun(resumed=history.open is not None, weight=history.weight)


def _hand_over(
    project: Project, run: str, record: Trained, environment: str, now_serving: Serving, previous: int | None
) -> None:
    served = Served(
        run=run,
        environment=environment,
        released=record.candidate,
        previous=previous,
        rest_url=now_serving.rest or "",
        grpc_address=now_serving.grpc or "",
        created=now(),
    )
    project.store.write_run(run, "serve", served)
    kept = project.store.read_run(Served, run, "serve") or served  # of a repeated stage the first one's
    project.report(run, "served.json", encode(kept).decode())


def _release(
    project: Project,
    target: Target,
    author: Author,
    record: Trained,
    manifest: Manifest,
    decision: Decision,
    history: History,
    begun: Begun,
    report: Reporter,
) -> None:
    """Move production to the candidate.

    Raises:
        RolledBack: the canary failed; production is as it was.
        GateInconclusive: the judge could not decide in time; production is as it was.
        Unavailable: the server went down. It is started again for production first.
    """
    examples = serving.examples_of(project, manifest, decision.data_digest)
    if not examples.bodies:
        report.warn("no recorded examples to replay: only users' requests tell how the canary does")
    plan = _plan(project, record, history, author.environment, len(examples.bodies))
    # Not from serving/, where servers that load the latest version would find it before it is judged.
    path = project.store.path(record.candidate.version)
    release = Release(
        plan=plan,
        servable=serving.servable(
            record.candidate,
            manifest,
            path,
            examples,
            serving.release_of(project, record.candidate, author.environment),  # of one that is resumed
        ),
        target=target,
        watcher=_watcher(project, target, plan, examples, author.environment),
        author=author,
        note=report.note,
        busy=report.step,
        progress=report.progress,
    )
    try:
        state = release.carry_out(begun)
    except Unavailable:
        if plan.stable is not None:
            target.start()
            serving.settle(project, target, history, author.environment)
        raise
    if state.phase != "released":
        serving.settle(project, target, history, author.environment)
        stays = f"version {plan.stable} stays in production" if plan.stable else "nothing is in production, as before"
        if state.phase == "inconclusive":
            raise GateInconclusive(
                f"the canary of version {plan.candidate} was {state.reason}",
                f"{stays}; give it more traffic or a longer serve.canary.deadline",
            )
        raise RolledBack(f"version {plan.candidate} was rolled back: {state.reason}", stays)


def _make_sure_it_comes_after(project: Project, candidate: VersionRef, environment: str) -> None:
    """Make sure that exactly this version is in production in the environment that comes before.

    Raises:
        GateRejected: it is not.
    """
    own = project.config.serve.environments.get(environment)
    if own is None or own.after is None:
        return
    there = project.store.journal.history(own.after).production
    if there == candidate:
        return
    number = candidate.version
    if there is None:
        what = f"nothing is in production in {own.after}"
    elif there.version == number:
        what = f"version {number} has other files in {own.after}"
    else:
        what = f"version {there.version} is in production in {own.after}"
    raise GateRejected(
        f"version {number} comes into {environment} only from {own.after}, and {what}",
        f"jenkins-ml promote {number} --environment {own.after}",
    )


def _approval(
    project: Project, run: str, record: Trained, environment: str, history: History, gate_again: str | None
) -> Decision:
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
            if gate_again is not None:
                again = f"gate it again: {gate_again}"
            elif environment != project.config.serve.environment:
                again = f"gate it again: {names.ENV_RUN}={run} jenkins-ml gate --environment {environment}"
            elif in_jenkins():
                again = "build this commit again: its gate will compare with what is in production now"
            else:
                again = f"gate again: {names.ENV_RUN}={run} jenkins-ml run --from gate"
            raise GateInconclusive(f"production has moved since version {version} was gated", again)
        raise GateRejected(
            f"version {version} is not approved: it was not gated for {environment}",
            f"run `{gate_again or f'jenkins-ml gate --environment {environment}'}` first",
        )
    about = (decision.candidate, decision.baseline, decision.environment)
    if about != (record.candidate, history.production, environment):
        raise IntegrityError(f"the decision of run {run} is not about what would be released", "train and gate again")
    if failure := refusal(decision):
        raise failure
    return decision


def _plan(project: Project, record: Trained, history: History, environment: str, examples: int) -> Plan:
    """`examples`: how many there are to be replayed."""
    canary = project.config.serve.of(environment).canary
    return Plan(
        candidate=record.candidate.version,
        stable=history.production.version if history.production else None,
        steps=canary.steps,
        limits=Limits(
            max_error_rate_increase=canary.max_error_rate_increase,
            latency_limited=canary.max_latency_p99_ms is not None,
            min_requests=canary.min_requests,
            max_latency_factor=canary.max_latency_factor,
            max_prediction_shift=canary.max_prediction_shift if canary.max_prediction_shift < 1 else None,
            replayed_examples=examples,
        ),
        interval=seconds(canary.interval),
        deadline=seconds(canary.decided_within),
        shadow=canary.shadow,
    )


def _watcher(project: Project, target: Target, plan: Plan, examples: Examples, environment: str) -> Watcher:
    canary = project.config.serve.of(environment).canary
    return Watcher(
        target=serving.evidence_of(project, target, environment),
        candidate=plan.candidate,
        stable=plan.stable,
        bodies=examples.bodies,
        reader=examples.reader,
        min_requests=canary.min_requests,
        step_seconds=plan.step_seconds,
        slower_than_ms=canary.max_latency_p99_ms,
        shadow=plan.shadow,
    )


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
