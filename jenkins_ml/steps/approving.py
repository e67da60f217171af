"""What `approve` writes and a release asks for: a signed approval, and who may sign one."""

from __future__ import annotations

import os
from pathlib import Path

from jenkins_ml import names
from jenkins_ml.adapters import approvals, clock
from jenkins_ml.adapters.approvals import Approvals
from jenkins_ml.core.approvals import Wanted, brought, objection
from jenkins_ml.core.history import after
from jenkins_ml.errors import GateRejected, JenkinsMLError, UsageError
from jenkins_ml.records import Approval, VersionRef
from jenkins_ml.steps.common import Project, in_jenkins


def needed(project: Project, environment: str) -> bool:
    """Whether the environment's section says that somebody has to agree."""
    own = project.config.serve.environments.get(environment)
    return own is not None and own.approval


def wanted(project: Project, environment: str, candidate: VersionRef) -> Wanted:
    """What is asked for when a version is to be released into an environment as it is now."""
    entries = project.store.journal.entries()
    return Wanted(
        model=project.config.model,
        environment=environment,
        candidate=candidate,
        baseline=after(entries, environment).production,
        entry=brought(entries, environment),
    )


def signers_file(project: Project) -> Path | None:
    """The file of those whose signatures count; None where there is none. It never comes from the model's repository.

    Raises:
        UsageError: the one that is named is not there, or lies in the checkout.
    """
    named = os.environ.get(names.ENV_SIGNERS)
    if not named:
        kept = project.store.home / names.SIGNERS
        return kept if kept.is_file() else None
    path = Path(named)
    if not path.is_file():
        raise UsageError(f"{names.ENV_SIGNERS} names {named}, which is no file", "correct it, or make that file")
    if path.resolve().is_relative_to(project.directory.resolve()):
        raise UsageError(
            f"{names.ENV_SIGNERS} names {named}, which lies in the checkout: whoever can push would choose who approves",
            f"put it beside the store, as {project.store.home / names.SIGNERS}, or elsewhere",
        )
    return path


def approver(project: Project, environment: str, candidate: VersionRef) -> str | None:
    """Who agreed to a release: by a signed approval, or by the Jenkinsfile's input stage.

    Where there is a file of signers, only a signature counts in an environment that wants an approval.

    Args:
        project: the model.
        environment: where it is released.
        candidate: the version.

    Returns:
        Their name; None where nobody has to agree, and nobody did.

    Raises:
        GateRejected: somebody has to, and nobody did, or not to this.
        IntegrityError: an approval was changed.
        UsageError: somebody has to, and it cannot be told who may.
    """
    if needed(project, environment) and (signers := signers_file(project)) is not None:
        return _signed(project, environment, candidate, signers)
    name = os.environ.get(names.ENV_APPROVER, "").strip() or None
    if name == "null":  # what Groovy makes of nobody: a plain "proceed" by the API has no submitter
        name = None
    if not in_jenkins():
        if needed(project, environment):
            raise _nobody_may(project, environment)
        return name
    if name is None and project.config.jenkins.approval is not None:
        raise GateRejected(
            f"nobody has approved this release: {names.ENV_APPROVER} is not set",
            f"the stage that asks sets it; if the Jenkinsfile has none, run jenkins-ml generate "
            f"(or take jenkins.approval out of {names.CONFIG_FILE})",
        )
    if name is None and needed(project, environment):
        raise GateRejected(
            f"nobody has approved this release into {environment}: {names.ENV_APPROVER} is not set, and there is no file "
            "of signers",
            f"ask by an input (jenkins.approval, or `approval` of a promote job), or keep the signers in "
            f"{project.store.home / names.SIGNERS} and approve by jenkins-ml approve",
        )
    return name


def _nobody_may(project: Project, environment: str) -> UsageError:
    return UsageError(
        f"releases into {environment} want an approval, and no file says whose signatures count",
        f"keep it as {project.store.home / names.SIGNERS}, or name one in {names.ENV_SIGNERS}",
    )


def _signed(project: Project, environment: str, candidate: VersionRef, signers: Path) -> str:
    """Who has signed an approval of exactly this release; the newest that counts."""
    release = wanted(project, environment, candidate)
    found: list[Approval] = []
    refusals: list[JenkinsMLError] = []
    for path in Approvals(project.store, environment).files(candidate.version):
        try:
            found.append(approvals.read(path))
        except JenkinsMLError as error:
            refusals.append(error)
    for approval in sorted(found, key=lambda approval: approval.created, reverse=True):
        try:
            name = approvals.signer(approval, signers)
            refusal = objection(approval, release, expired=clock.age_seconds(approval.expires) >= 0)
        except JenkinsMLError as error:
            refusal = error
        if refusal is None:
            return name
        refusals.append(refusal)
    raise (
        refusals[0]
        if refusals
        else GateRejected(
            f"nobody has approved version {candidate.version} for {environment}",
            f"jenkins-ml approve {candidate.version} --environment {environment}",
        )
    )
