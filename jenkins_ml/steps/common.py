"""What every stage begins with: its configuration, its store, its run, and the checks that hold for all of them."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from jenkins_ml import names
from jenkins_ml.adapters import checkout, files
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.config.loader import load
from jenkins_ml.config.model import Config
from jenkins_ml.config.section import DURATION_PATTERN, parse_duration
from jenkins_ml.errors import IntegrityError, UsageError
from jenkins_ml.records import Commit, RunStart, Trained
from jenkins_ml.reporting.console import say
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.steps import observed

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

json_option = click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
environment_option = click.option("--environment", metavar="NAME", help="Default: serve.environment.")


@dataclass(frozen=True)
class Project:
    """A model repository, or one folder of it: where jenkins-ml.yaml lies."""

    directory: Path
    config: Config
    store: ModelStore

    @classmethod
    def here(cls) -> Project:
        """The project in the current folder."""
        directory = Path.cwd()
        config = load(directory)
        project = cls(directory, config, ModelStore(_store_root(directory, config), config.model))
        observed.know(project)
        return project

    @cached_property
    def commit(self) -> Commit:
        """The checkout."""
        return checkout.describe(self.directory)

    @property
    def not_released(self) -> str | None:
        """Why nothing is released from this checkout; None for the release branch.

        Outside Jenkins also None where no branch is checked out: there it is the user who decides.
        """
        branch, release_branch = self.commit.branch, self.config.serve.release_branch
        if in_jenkins() and (other := checkout.no_branch(os.environ)):
            return f"this is a build of {other}, not of branch {release_branch!r}"
        if in_jenkins() and branch is None:
            return "this build does not say of which branch it is: BRANCH_NAME and GIT_BRANCH are not set"
        if branch in (None, release_branch):
            return None
        return f"branch {branch!r} does not release: only {release_branch!r} does"

    @property
    def candidate_branch(self) -> str | None:
        """Under which branch candidates of this checkout lie; None for those that may be released."""
        return None if self.not_released is None else self.commit.branch or "detached"

    def reports(self, run: str) -> Path:
        """Where the reports of a run go."""
        return self.directory / names.REPORTS_DIR / run

    def report(self, run: str, name: str, text: str) -> None:
        """Write one report of a run; it is there whole or not at all."""
        write_atomically(self.reports(run) / name, text)

    def clear_other_reports(self, run: str) -> None:
        """Remove the reports of other runs: Jenkins reuses workspaces, and what lies there would count for this build."""
        folder = self.directory / names.REPORTS_DIR
        with files.translated("removing the reports of other runs"):
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.name != run:
                    _remove_report(path)

    def environment(self, chosen: str | None = None) -> str:
        """The environment that a command works on."""
        if chosen is not None and not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", chosen):
            raise UsageError(f"{chosen!r} is no name of an environment", "use small letters, digits, '.', '_' and '-'")
        serve = self.config.serve
        known = (serve.environment, *serve.environments)
        # Where none is configured, any may be meant. A misspelt one would have neither `after` nor `approval`.
        if chosen is not None and serve.environments and chosen not in known:
            raise UsageError(f"there is no environment {chosen!r}", f"serve.environments has {', '.join(known)}")
        return chosen or self.config.serve.environment


def duration(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """The seconds of an option that is a duration, such as "90s".

    Raises:
        click.BadParameter: it is none.
    """
    if re.fullmatch(DURATION_PATTERN, value) is None:
        raise click.BadParameter(f"{value!r} is no duration: write 500ms, 90s or 10m", ctx, param)
    seconds: float = parse_duration(value).total_seconds()
    return seconds


def in_jenkins() -> bool:
    """Whether this is a Jenkins build."""
    return bool(os.environ.get(names.ENV_BUILD_TAG))


def current_run() -> str:
    """The run that this stage belongs to, as a file name.

    Raises:
        UsageError: JENKINS_ML_RUN is not set: no stage ever asks for "the latest".
    """
    run = os.environ.get(names.ENV_RUN, "")
    if not run:
        raise UsageError(
            f"{names.ENV_RUN} is not set, so this stage does not know which run it belongs to",
            f"set it for all stages, as a generated Jenkinsfile does: {names.ENV_RUN} = "
            '"${env.JOB_NAME}-${env.BUILD_NUMBER}"'
            if in_jenkins()
            else "use `jenkins-ml run`, or set it to the run that `jenkins-ml train` printed",
        )
    # One word of the shell too; and a name made here is its own name, so that what is printed names the same run.
    observed.under_way().run = name = files.component(run, safe="+@=,%")
    return name


def current_or_new_run() -> str:
    """The run of the environment, or a new one: for the stages that may begin a run."""
    if os.environ.get(names.ENV_RUN):
        return current_run()
    observed.under_way().run = run = new_run()
    return run


def new_run() -> str:
    """A new run: a ULID (48 bits of milliseconds, 80 of chance, in Crockford's base 32), so that runs sort by time."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def join_run(project: Project, run: str) -> None:
    """Begin a run, or make sure that this stage works on the commit that the run began with.

    In a Jenkins build the reports of other runs are removed first.

    Raises:
        IntegrityError: the checkout is at another commit.
    """
    if in_jenkins():
        project.clear_other_reports(run)
    start = RunStart(run=run, model=project.config.model, commit=project.commit, created=now())
    if project.store.write_run(run, "run", start):
        return
    begun = project.store.read_run(RunStart, run, "run")
    if begun is not None and begun.commit.sha != project.commit.sha:
        raise IntegrityError(
            f"run {run} began at commit {begun.commit.sha}, this checkout is at {project.commit.sha}",
            "check out that commit, or start a new run; in Jenkins `checkout scm` brings all stages to the same one",
        )


def trained(project: Project, run: str) -> Trained:
    """What the train stage of a run handed over."""
    record = project.store.read_run(Trained, run, "train")
    if record is None:
        hint = (
            f"do all agents have the same store ({names.ENV_STORE})? a build that is restarted from a stage is a new "
            "run: start one from its beginning"
            if in_jenkins()
            else "run `jenkins-ml train` with the same JENKINS_ML_RUN first"
        )
        raise UsageError(f"run {run} has no trained version in the store {project.store.root}", hint)
    return record


def built_by() -> str:
    """The build's URL in Jenkins, else who runs this and where."""
    if in_jenkins():
        return os.environ.get("BUILD_URL") or os.environ[names.ENV_BUILD_TAG]
    return f"{os.environ.get('USER') or os.getuid()}@{socket.gethostname()}"


def print_json(value: Any) -> None:
    """One JSON document on standard output, in its encoding. That nobody reads it changes no exit code."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, sort_keys=True)
    say(text)


def _store_root(directory: Path, config: Config) -> Path:
    text = os.environ.get(names.ENV_STORE) or config.store
    if "://" in text:
        raise UsageError(f"the store {text} is not a folder", "object stores are not supported yet: give a folder")
    if in_jenkins() and not Path(text).is_absolute():
        raise UsageError(
            f"the store {text!r} is relative, and Jenkins wipes workspaces",
            f"set {names.ENV_STORE} on the agents, or `store:` in {names.CONFIG_FILE}, to an absolute folder that lasts",
        )
    return directory / text


def _remove_report(path: Path) -> None:
    """Remove the reports of a run; single files beside them are not reports of any run."""
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
