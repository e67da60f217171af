"""What serve, rollback, server and status share: the server of an environment, kept as the journal has it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator

from jenkins_ml import names
from jenkins_ml.adapters import files, local_server, server_process
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.adapters.processes import spawn_server
from jenkins_ml.adapters.release import Author
from jenkins_ml.core import retention
from jenkins_ml.core.history import History
from jenkins_ml.errors import IntegrityError, JenkinsMLError, Unavailable, UsageError
from jenkins_ml.records import VersionRef
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps.common import Project, built_by, in_jenkins

_START_DEADLINE_SECONDS = 180.0


@contextlib.contextmanager
def releasing(project: Project, environment: str, what: str) -> Iterator[None]:
    """Hold the release lock of an environment: one release or rollback at a time, on the machine of its server.

    Raises:
        UsageError: this agent is not the one that has the server.
        Unavailable: somebody else holds it.
    """
    refuse_other_agents(project)
    try:
        holder = f"process {os.getpid()} ({what}) on {socket.gethostname()}"
        with files.lock(project.store.release_lock(environment), holder):
            yield
    except files.Locked as error:
        raise Unavailable(
            f"{environment} is being changed by {error.holder}",
            "wait until it has ended, or stop it, then run this again",
        ) from error


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


def author(project: Project, environment: str, run: str, approver: str | None = None) -> Author:
    """Who writes the journal of a release, and who agreed to it."""
    return Author(journal=project.store.journal, environment=environment, run=run, by=built_by(), approver=approver)


def find(project: Project, environment: str) -> LocalServer | None:
    """The server of an environment; None when none runs."""
    return local_server.find(project.store.server_state(environment))


def find_or_start(project: Project, environment: str, report: Reporter) -> LocalServer:
    """The server of an environment, started when none runs."""
    server = find(project, environment)
    if server is not None:
        return server
    report.step("starting the model server")
    state_file = project.store.server_state(environment)
    state_file.parent.mkdir(parents=True, exist_ok=True)
    return server_process.start(
        state_file,
        model=project.config.model,
        environment=environment,
        rest_port=project.config.serve.rest_port,
        grpc_port=project.config.serve.grpc_port,
        log_file=state_file.with_suffix(".log"),
        # Jenkins reads a process's cookie where the kernel keeps the environment that it was started with. One that is
        # forked from the warm process has that one's there: the build's.
        spawn=server_process.spawn_detached if in_jenkins() else spawn_server,
        deadline_seconds=_START_DEADLINE_SECONDS,
        progress=report.step,
        hidden=_secrets(project),
    )


def _secrets(project: Project) -> frozenset[str]:
    """The variables of the build's credentials: the server needs none, and whoever may look at it would see them."""
    credentials = {f"{name}{part}" for name in project.config.jenkins.credentials for part in ("", "_USR", "_PSW")}
    return frozenset({*credentials, names.ENV_FORGE_TOKEN})


def settle(project: Project, server: LocalServer, history: History) -> None:
    """Bring a server to what the journal says: production answers, the version before it is kept warm, no others stay.

    Raises:
        IntegrityError: production is not what was recorded; the server is left as it is.
    """
    production, previous = history.production, history.previous
    if production is not None:
        _load(project, server, production)
        server.set_traffic(production.version, None, 0, 0.0)
        if previous is not None:
            try:
                _load(project, server, previous)
            except JenkinsMLError as error:
                sys.stderr.write(f"version {previous.version} cannot be kept ready for a rollback: {error}\n")
        kept = {reference.version for reference in (production, previous) if reference is not None}
        for version, loaded in server.state()["versions"].items():
            # One that is still loading gets no traffic; it is taken out when a server is settled the next time.
            if int(version) not in kept and loaded["state"] == "AVAILABLE":
                server.unload(int(version))
        if production.version not in project.store.published():
            project.store.publish(production)
    _withdraw_others(project)


def _load(project: Project, server: LocalServer, reference: VersionRef) -> None:
    if not server.has(reference.version):
        server.load(reference.version, project.store.publish(reference))


def _withdraw_others(project: Project) -> None:
    """Take out of `serving/` what no environment needs, whoever left it there."""
    for version in project.store.published() - retention.released(project.store.journal.entries()):
        project.store.withdraw(version)


def how_to_ask(server: LocalServer, model: str) -> str:
    """The address that answers predictions, on which machine, and how the server is stopped."""
    where = f" on {socket.gethostname()}" if in_jenkins() else ""
    address = f"{server.rest_url(model)}:predict (gRPC 127.0.0.1:{server.grpc_port})"
    return f"ask it{where}: {address}; stop it{where}: jenkins-ml server --stop"


def end_what_was_left(project: Project, environment: str, run: str, report: Reporter) -> History:
    """End what a release or rollback whose process died left open, so that journal and server agree again.

    A release is undone: nobody judged its canary to the end. A rollback is finished: its intention already holds.
    The release lock must be held.
    """
    history = project.store.journal.history(environment)
    left = history.open
    if left is None:
        return history
    server = find(project, environment)
    if server is not None:
        try:
            settle(project, server, history)
        except IntegrityError as error:  # not what this is about: whoever needs that version will say so
            report.warn(error.what)
    version = VersionRef(version=left.version, manifest_digest=left.manifest_digest)
    writer = author(project, environment, run)
    if left.kind == "rollback_started":
        writer.write("rolled_back", version, left.previous, f"finished what entry {left.number} began")
    else:
        report.warn(f"run {left.run} died while it released version {left.version}; that release is abandoned")
        writer.write("release_abandoned", version, left.previous, f"the process that wrote entry {left.number} died")
    return project.store.journal.history(environment)
