"""`jenkins-ml publish`: tell GitHub or GitLab what the gate decided."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from jenkins_ml import names
from jenkins_ml.adapters import forge_checkout, forge_github, forge_gitlab
from jenkins_ml.adapters.forge import Forge, State, Status, Target, put_comment
from jenkins_ml.config.jenkins import Forge as Settings
from jenkins_ml.config.model import Config
from jenkins_ml.errors import IntegrityError, UsageError
from jenkins_ml.pipeline import build
from jenkins_ml.records import Decision, RunStart, Verdict
from jenkins_ml.reporting import pull_request
from jenkins_ml.reporting.console import reporter
from jenkins_ml.reporting.text import one_line
from jenkins_ml.steps.common import Project, current_run, json_option, print_json
from jenkins_ml.steps.gating import named

_STATES: Final[Mapping[Verdict, State]] = {"approved": "success", "rejected": "failure", "inconclusive": "error"}
_LONGEST_FAILURE: Final = 4096  # bytes; a description takes far less


@click.command("publish")
@json_option
def command(as_json: bool) -> None:
    """Set the commit's status, and write the summary on its pull request; `jenkins.forge` says where."""
    project = Project.here()
    run = current_run()
    forge = _forge(project.config.jenkins.forge, project.directory, os.environ)
    subject = _subject(project.config, os.environ)
    decision = _decision(project, run)
    request = _request(os.environ)
    with reporter() as report:
        report.stage("publish")
        target, newer = _target(project, forge, request)
        status = _status(subject, decision, project.directory, os.environ)
        address = None
        if newer:
            report.warn(
                f"nothing published: the head of pull request {request} is now {target.commit}, which is not what "
                "this build has; a newer push has a build of its own (without git on the agent this cannot be told)"
            )
        else:
            forge.set_status(target, status)
            report.note(f"{forge.name}: {status.context} is {status.state} at commit {target.commit}")
            if decision is not None and request is not None:
                address = put_comment(
                    forge,
                    request,
                    pull_request.marker(subject),
                    pull_request.comment(
                        decision,
                        subject=subject,
                        commit=target.commit,
                        build_url=status.url,
                        limit=forge.comment_limit,
                    ),
                )
                report.note(f"comment: {one_line(address)}")
    if as_json:
        print_json(_answer(run, request, target, status, address, published=not newer))


def _answer(
    run: str, request: str | None, target: Target, status: Status, address: str | None, *, published: bool
) -> dict[str, Any]:
    return {
        "run": run,
        "published": published,
        "commit": target.commit,
        "context": status.context,
        "state": status.state,
        "description": status.description,
        "pull_request": request,
        "comment": address,
    }


def _forge(settings: Settings | None, directory: Path, environment: Mapping[str, str]) -> Forge:
    """The forge that the configuration names, with the token of the environment."""
    if settings is None:
        raise UsageError(
            "jenkins.forge is not configured, so there is nobody to tell",
            f"add `forge: {{kind: github, credentials: ID}}` to `jenkins` in {names.CONFIG_FILE}",
        )
    token = environment.get(names.ENV_FORGE_TOKEN, "")
    if not token:
        raise UsageError(
            f"{names.ENV_FORGE_TOKEN} is not set",
            "in Jenkins the generated Jenkinsfile sets it from the credential jenkins.forge.credentials",
        )
    if settings.kind == "github":
        repository = _repository(settings, directory, environment, forge_github.HOSTS)
        if repository.count("/") != 1:
            raise UsageError(f"{repository} is no repository at GitHub", 'set jenkins.forge.repository: "owner/name"')
        return forge_github.GitHub(repository, token, settings.api or forge_github.DEFAULT_API)
    repository = _repository(settings, directory, environment, forge_gitlab.HOSTS)
    return forge_gitlab.GitLab(repository, token, settings.api or forge_gitlab.DEFAULT_API)


def _repository(settings: Settings, directory: Path, environment: Mapping[str, str], hosts: tuple[str, ...]) -> str:
    if settings.repository is not None:
        return forge_checkout.repository_path(settings.repository)
    remote = forge_checkout.remote(directory, environment)
    if settings.api is None and remote.host not in hosts:
        # Somebody else may have a repository of that name at the public forge, and the token is not for them to see.
        raise UsageError(
            f"the checkout comes from {remote.host}, and jenkins.forge.api is not set",
            f"set jenkins.forge.api to the address of the API at {remote.host}, or jenkins.forge.repository",
        )
    return remote.path


def _subject(config: Config, environment: Mapping[str, str]) -> str:
    """What is told about: the model; in a cell of a matrix that is not released, also which cell.

    Cells run side by side: each needs a status and a comment of its own, and the model's are those of its release.
    """
    for cell in build(config).cells[1:]:
        chosen = cell.environment("")
        if all(environment.get(name) == value for name, value in chosen.items() if name != names.ENV_RUN):
            return config.model + cell.suffix
    return config.model


def _decision(project: Project, run: str) -> Decision | None:
    """The last decision of the run; None when there is none yet.

    Raises:
        IntegrityError: the run began at another commit.
    """
    store = project.store
    begun = store.read_run(RunStart, run, "run")
    if begun is not None and begun.commit.sha != project.commit.sha:
        raise IntegrityError(
            f"run {run} began at commit {begun.commit.sha}, this checkout is at {project.commit.sha}",
            "check out that commit",
        )
    gates = [name for name in store.handed_over(run) if name.startswith("gate-")]
    decisions = filter(None, (store.read_run(Decision, run, name) for name in gates))
    return max(decisions, key=lambda decision: decision.created, default=None)


def _request(environment: Mapping[str, str]) -> str | None:
    """The number of the pull request that is built; None for a branch."""
    number = environment.get("CHANGE_ID", "")
    if number and not re.fullmatch(r"[0-9]{1,18}", number, re.ASCII):
        raise UsageError("CHANGE_ID is not the number of a pull request", "Jenkins sets it, in a multibranch job")
    return number or None


def _target(project: Project, forge: Forge, request: str | None) -> tuple[Target, bool]:
    """Where the status goes, and whether that is a newer commit than this build has.

    A pull request may be built merged with its target: that commit is nowhere but here, and the request's head is one
    of its parents. A head that is neither was pushed since; its gate has not looked at it.
    """
    known = forge_checkout.commits(project.directory, os.environ)
    if not known:
        raise UsageError("the commit is not known", "run it in a checkout, with git on the agent")
    if request is None:
        return Target(commit=known[0], repository=forge.repository, branch=project.commit.branch), False
    head = forge.head(request)
    return head, head.commit not in known


def _status(subject: str, decision: Decision | None, directory: Path, environment: Mapping[str, str]) -> Status:
    state, description = _verdict(decision, directory)
    url = environment.get("BUILD_URL") or environment.get("RUN_DISPLAY_URL") or ""
    return Status(
        context=f"jenkins-ml/{one_line(subject)}",
        state=state,
        description=description,
        url=url if re.match(r"https?://[^\s/]", url) else None,
    )


def _verdict(decision: Decision | None, directory: Path) -> tuple[State, str]:
    """The state, and one line that says why."""
    if decision is not None:
        return _STATES[decision.verdict], one_line(f"{named(decision)}: {decision.summary}")
    try:
        with (directory / names.FAILURE_FILE).open("rb") as file:
            failure = file.read(_LONGEST_FAILURE).decode(errors="replace")
    except FileNotFoundError:
        return "pending", "the gate has not decided yet"
    return "failure", one_line(failure) or "a stage before the gate failed"


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
