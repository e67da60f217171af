"""What serve, rollback, server and status share: the target of an environment, kept as the journal has it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jenkins_ml import names
from jenkins_ml.adapters import clock, identity, release_lock, server_process
from jenkins_ml.adapters.held import HeldTarget
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.adapters.local_target import LocalTarget
from jenkins_ml.adapters.processes import spawn_server
from jenkins_ml.adapters.release import Author
from jenkins_ml.adapters.target import Servable, Serving, Target, Watched
from jenkins_ml.config.model import seconds
from jenkins_ml.config.serve import Serve
from jenkins_ml.core import retention
from jenkins_ml.core.history import History, release_number
from jenkins_ml.errors import IntegrityError, JenkinsMLError, UsageError
from jenkins_ml.records import Manifest, Trained, VersionRef
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps import offline
from jenkins_ml.steps.common import Project, built_by, in_jenkins

if TYPE_CHECKING:
    from jenkins_ml.adapters.examples import Examples

_START_DEADLINE_SECONDS = 180.0


@contextlib.contextmanager
def releasing(project: Project, target: Target, environment: str, what: str, report: Reporter) -> Iterator[HeldTarget]:
    """Hold the release lock of an environment: one release or rollback at a time, here and wherever else it is changed from.

    Yields:
        the target, for as long as nobody takes the lock over.

    Raises:
        UsageError: this agent is not the one that has the server.
        Unavailable: somebody else holds it.
    """
    if project.config.serve.of(environment).target == "local":
        refuse_other_agents(project)
    holder = f"process {os.getpid()} ({what}) on {socket.gethostname()}"
    place = release_lock.Place(
        file=project.store.release_lock(environment),
        folder=project.store.release_holders(environment),
        environment=environment,
    )
    me = identity.this_process()
    with release_lock.held(place, holder, project.store.journal, me, report.step) as fence, target.hold(holder):
        yield HeldTarget(target, fence)


def refuse_other_agents(project: Project) -> None:
    """In a Jenkins build, make sure that this is the one agent on whose machine the server lives.

    Jenkins gives a stage any agent with the label. The next release on another machine would start a second server
    there, and leave the users with the first.

    Raises:
        UsageError: no agent is named, or this is another one.
    """
    if not in_jenkins():
        return
    named, here = project.config.jenkins.agent_of("serve").node, os.environ.get(names.ENV_NODE)
    where = f"jenkins.agents.serve: {{node: NAME}} in {names.CONFIG_FILE}"
    if named is None:
        raise UsageError(
            "with serve.target local the server lives on one machine, and no agent is named for it",
            f"name the agent that serves: {where}, then jenkins-ml generate",
        )
    if named != here:
        agent = f"agent {here!r}" if here else f"an agent without {names.ENV_NODE}"
        raise UsageError(
            f"the server lives on agent {named!r}, this is {agent}",
            f"run this stage on {named!r} (jenkins-ml generate writes it so), or change {where}",
        )


def author(project: Project, target: HeldTarget, environment: str, run: str, approver: str | None = None) -> Author:
    """Who writes the journal of a release, and who agreed to it."""
    return Author(
        journal=project.store.journal,
        environment=environment,
        run=run,
        by=built_by(),
        approver=approver,
        fence=target.fence,
    )


def target_of(project: Project, environment: str, report: Reporter) -> Target:
    """Where an environment is served. Nothing is started."""
    serve = project.config.serve.of(environment)
    if serve.target == "docker":
        from jenkins_ml.adapters.docker.target import DockerTarget

        return DockerTarget(project.config.model, environment, serve, report.step)
    if serve.target == "kubernetes":
        from jenkins_ml.adapters.kubernetes.target import KubernetesTarget

        return KubernetesTarget(project.config.model, environment, serve, report.step)
    return LocalTarget(
        state_file=project.store.server_state(environment),
        model=project.config.model,
        spawn=lambda: _spawn(project, environment, serve, report),
        slower_than_ms=serve.canary.max_latency_p99_ms,
    )


def evidence_of(project: Project, target: Target, environment: str) -> Watched:
    """What a release looks at: the target and its servers' own counters, or those as Prometheus has scraped them."""
    monitor, serve = project.config.monitor, project.config.serve.of(environment)
    if monitor is None or monitor.prometheus is None or not monitor.prometheus.judge:
        return target
    from jenkins_ml.adapters.prometheus import Prometheus
    from jenkins_ml.adapters.scraped import ScrapedAnswers

    return ScrapedAnswers(
        target=target,
        prometheus=Prometheus.of(monitor.prometheus),
        model=project.config.model,
        environment=environment,
        server="jenkins-ml" if serve.target == "local" else serve.server.kind,
        limit_ms=serve.canary.max_latency_p99_ms,
        scrape_seconds=seconds(monitor.scrape_interval),
    )


def _spawn(project: Project, environment: str, serve: Serve, report: Reporter) -> LocalServer:
    report.step("starting the model server")
    state_file = project.store.server_state(environment)
    state_file.parent.mkdir(parents=True, exist_ok=True)
    return server_process.start(
        state_file,
        model=project.config.model,
        environment=environment,
        rest_port=serve.rest_port,
        grpc_port=serve.grpc_port,
        log_file=state_file.with_suffix(".log"),
        logs=logs_of(project),
        answers=answers_of(project),
        # Jenkins reads a process's cookie where the kernel keeps the environment that it was started with. One that is
        # forked from the warm process has that one's there: the build's.
        spawn=server_process.spawn_detached if in_jenkins() else spawn_server,
        deadline_seconds=_START_DEADLINE_SECONDS,
        progress=report.step,
        hidden=_secrets(project),
    )


def logs_of(project: Project) -> Path | None:
    """The folder of the logs for machines; None without `monitor.logs`."""
    monitor = project.config.monitor
    return project.directory / monitor.logs.directory if monitor is not None and monitor.logs is not None else None


def answers_of(project: Project) -> tuple[Path, float] | None:
    """The folder of kept answers, and of which share of the requests; None without `monitor.live`."""
    monitor = project.config.monitor
    if monitor is None or monitor.live is None:
        return None
    return project.directory / monitor.live.directory, monitor.live.share


def _secrets(project: Project) -> frozenset[str]:
    """The variables of the build's credentials: the server needs none, and whoever may look at it would see them."""
    credentials = {f"{name}{part}" for name in project.config.jenkins.credentials for part in ("", "_USR", "_PSW")}
    return frozenset({*credentials, names.ENV_FORGE_TOKEN, names.ENV_ALERT_TOKEN, names.ENV_JENKINS_TOKEN})


def examples_of(project: Project, manifest: Manifest, data_digest: str | None = None) -> Examples:
    """The recorded examples of a version: those of one data set, or of what its run was gated on; none where they are gone."""
    from jenkins_ml.adapters import examples  # with NumPy, which most commands need not wait for
    from jenkins_ml.core.model_conditions import Tolerance

    if data_digest is None:
        made = project.store.read_run(Trained, manifest.lineage.run, "train")
        data_digest = made.data_digest if made else ""
    path = project.store.predictions(manifest.artefact_digest, data_digest)
    if path is None:
        return examples.Examples()
    serving = project.config.gate.serving
    tolerance = Tolerance(absolute=serving.tolerance, relative=serving.relative, outputs=serving.tolerances)
    return examples.read(path, manifest.signature, None if serving.check == "none" else tolerance)


def servable(
    reference: VersionRef, manifest: Manifest, path: Path, examples: Examples, release: int | None = None
) -> Servable:
    """A version for a target; its files at `path` were verified."""
    return Servable(
        reference=reference,
        manifest=manifest,
        path=path,
        golden=examples.golden,
        reader=examples.reader,
        by=built_by(),
        release=release,
    )


def release_of(project: Project, reference: VersionRef, environment: str) -> int | None:
    """The number of the journal's entry that began the last release of a version in an environment."""
    return release_number(project.store.journal.entries(), environment, reference.version)


def keeps_warm(project: Project, history: History, environment: str) -> bool:
    """Whether the version before is still to be kept ready."""
    return clock.age_seconds(history.since) < seconds(project.config.serve.of(environment).keep_warm)


def settle(
    project: Project, target: Target, history: History, environment: str, keep: frozenset[int] = frozenset()
) -> None:
    """Bring a target to what the journal says: production answers, the version before it is kept warm, no others stay.

    The version before is kept for as long as `serve.keep_warm` says; those in `keep` stay as well, without traffic.

    Raises:
        IntegrityError: production is not what was recorded; the target is left as it is.
    """
    production, previous = history.production, history.previous
    if production is not None:
        serving = _load(project, target, production, environment)
        if (serving.stable, serving.canary, serving.weight) != (production.version, None, 0):
            target.route(production.version, None, 0)
        kept = {production.version, *keep}
        if previous is not None and keeps_warm(project, history, environment):
            kept.add(previous.version)
            try:
                _load(project, target, previous, environment)
            except JenkinsMLError as error:
                sys.stderr.write(f"version {previous.version} cannot be kept ready for a rollback: {error}\n")
        for running in target.serving().versions:
            if running.version not in kept:
                target.unload(running.version)
        if production.version not in project.store.published():
            project.store.publish(production)
        offline.remember(target, production, previous if previous is not None and previous.version in kept else None)
    _withdraw_others(project)


def _load(project: Project, target: Target, reference: VersionRef, environment: str) -> Serving:
    """Make sure that a version that was released is ready; answers what runs."""
    serving = target.serving()
    running = serving.find(reference.version)
    if running is not None and 0 < running.replicas <= running.ready:
        return serving
    path = project.store.publish(reference)
    manifest, _ = project.store.manifest(reference.version)
    release = release_of(project, reference, environment)
    target.load(servable(reference, manifest, path, examples_of(project, manifest), release))
    return target.serving()


def _withdraw_others(project: Project) -> None:
    """Take out of `serving/` what no environment needs, whoever left it there."""
    for version in project.store.published() - retention.released(project.store.journal.entries()):
        project.store.withdraw(version)


def how_to_ask(project: Project, environment: str, serving: Serving) -> str:
    """The address that answers predictions, on which machine, and how the server is stopped."""
    address = f"{serving.rest}:predict (gRPC {serving.grpc})"
    other = "" if environment == project.config.serve.environment else f" --environment {environment}"
    if project.config.serve.of(environment).target != "local":
        return f"ask it: {address}; take it away: jenkins-ml destroy{other}"
    where = f" on {socket.gethostname()}" if in_jenkins() else ""
    return f"ask it{where}: {address}; stop it{where}: jenkins-ml server --stop{other}"


def end_what_was_left(project: Project, target: HeldTarget, environment: str, run: str, report: Reporter) -> History:
    """End what a release or rollback whose process died left open, so that journal and target agree again.

    A release is undone: nobody judged its canary to the end. A rollback is finished: its intention already holds.
    """
    offline.write_what_is_pending(target, author(project, target, environment, run), report.note)
    history = project.store.journal.history(environment)
    if history.open is None:
        return history
    if target.serving().versions:
        try:
            settle(project, target, history, environment)
        except IntegrityError as error:  # not what this is about: whoever needs that version will say so
            report.warn(error.what)
    return close_what_was_left(project, target, environment, run, report)


def close_what_was_left(project: Project, target: HeldTarget, environment: str, run: str, report: Reporter) -> History:
    """Write the end of what was left open into the journal; what serves is somebody else's business."""
    left = project.store.journal.history(environment).open
    if left is not None:
        version = VersionRef(version=left.version, manifest_digest=left.manifest_digest)
        writer = author(project, target, environment, run)
        if left.kind == "rollback_started":
            writer.write("rolled_back", version, left.previous, f"finished what entry {left.number} began")
        else:
            report.warn(f"run {left.run} died while it released version {left.version}; that release is abandoned")
            reason = f"the process that wrote entry {left.number} died"
            writer.write("release_abandoned", version, left.previous, reason)
    return project.store.journal.history(environment)
