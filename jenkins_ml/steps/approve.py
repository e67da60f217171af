"""`jenkins-ml approve`: agree to the release of a version into an environment, by a signature with one's own SSH key."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final

import click

from jenkins_ml.adapters import approvals, signing
from jenkins_ml.adapters.approvals import Approvals
from jenkins_ml.adapters.clock import now, rfc3339
from jenkins_ml.core.approvals import Wanted
from jenkins_ml.errors import JenkinsMLError, UsageError
from jenkins_ml.records import Approval, JournalEntry, Manifest, encode
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.reporting.text import one_line
from jenkins_ml.steps import approving
from jenkins_ml.steps.common import Project, built_by, environment_option, json_option, new_run, print_json

_DAYS: Final = 7  # that an approval counts: longer than a weekend, shorter than anybody remembers what it was about
_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_ed25519_sk", "id_ecdsa_sk", "id_rsa")  # as ssh looks for them


@click.command("approve")
@click.argument("version", type=click.IntRange(min=1))
@environment_option
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The SSH key to sign with, or the .pub of one in ssh-agent. Default: as ssh looks for it in ~/.ssh.",
)
@click.option("--reason", default="", help="Kept with it, and in the journal.")
@json_option
def command(version: int, environment: str | None, key: Path | None, reason: str, as_json: bool) -> None:
    """Agree that VERSION takes the place of what is in production in an environment now.

    The approval names the version by its digest and what it replaces. It counts for a week, and no more once production
    has moved. It releases nothing.
    """
    project = Project.here()
    environment = project.environment(environment)
    if not approving.needed(project, environment):
        raise UsageError(
            f"nobody has to agree to releases into {environment}",
            f"approval: true in serve.environments.{environment} asks for it",
        )
    manifest, reference = project.store.manifest(version)
    release = approving.wanted(project, environment, reference)
    if release.baseline == reference:
        raise UsageError(f"version {version} is in production in {environment} already")
    with reporter() as report:
        report.stage("approve")
        report.note(_subject(release, manifest))
        report.close()  # ssh-keygen may ask for a passphrase
        approval = approvals.sign(_made(release, reason), key or _default_key(), terminal=sys.stdin.isatty())
        name = _name(project, approval, report)
        path = Approvals(project.store, environment).keep(approval)
        _journal(project, approval, name, path, report)
        report.done(f"approved by {name}, until {approval.expires}")
    if as_json:
        print_json({**json.loads(encode(approval)), "approver": name, "file": str(path)})


def _subject(release: Wanted, manifest: Manifest) -> str:
    """What is agreed to, for whoever is about to sign it."""
    commit = f" of commit {manifest.lineage.commit.sha[:12]}" if manifest.lineage.commit.sha else ""
    instead = f"instead of version {release.baseline.version}" if release.baseline else "as the first one"
    number, digest = release.candidate.version, release.candidate.manifest_digest
    return f"version {number}{commit} (manifest {digest[:12]}) into {release.environment}, {instead}"


def _made(release: Wanted, reason: str) -> Approval:
    return Approval(
        model=release.model,
        environment=release.environment,
        candidate=release.candidate,
        baseline=release.baseline,
        entry=release.entry,
        by=built_by(),
        reason=one_line(reason),
        created=now(),
        expires=rfc3339(time.time() + _DAYS * 86_400),
    )


def _default_key() -> Path:
    """The key that ssh itself would take first.

    Raises:
        UsageError: there is none.
    """
    folder = Path.home() / ".ssh"
    for name in _KEYS:
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"there is no SSH key in {folder}",
        "name one with --key: a private key, or the .pub of one in ssh-agent; ssh-keygen makes one",
    )


def _name(project: Project, approval: Approval, report: Reporter) -> str:
    """Who has signed: as the file of signers has it, else by the fingerprint of their key.

    Raises:
        GateRejected: that key would not count.
    """
    signers = approving.signers_file(project)
    if signers is not None:
        return approvals.signer(approval, signers)
    report.warn("no file of signers can be seen from here: whether this key counts shows at the release")
    return signing.fingerprint(approvals.signed_part(approval), approval.signature)


def _journal(project: Project, approval: Approval, name: str, path: Path, report: Reporter) -> None:
    """Say so in the history. What counts is the signed file: whoever approves need not be able to write the journal."""
    about = f": {approval.reason}" if approval.reason else ""
    try:
        project.store.journal.append(
            lambda number: JournalEntry(
                number=number,
                time=approval.created,
                kind="decision",
                environment=approval.environment,
                version=approval.candidate.version,
                manifest_digest=approval.candidate.manifest_digest,
                previous=approval.baseline.version if approval.baseline else None,
                run=new_run(),  # of no pipeline: an approval is none of the decisions of its run
                by=approval.by,
                reason=f"approved by {name}{about}",
                evidence={"approver": name, "approval": path.name},
            )
        )
    except JenkinsMLError as error:
        report.warn(f"the approval is kept, but the journal does not show it: {error.what}")


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
