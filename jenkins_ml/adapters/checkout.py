"""The checkout that a run works on: commit, branch, and whether it was changed since."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from jenkins_ml import names
from jenkins_ml.errors import Unavailable, UsageError
from jenkins_ml.records import Commit

_DEADLINE_SECONDS: Final = 30.0
_FATAL: Final = 128  # how git ends when it cannot work at all
# Set by multibranch jobs; by the gitlab-plugin and by GitHub's pull request builder in jobs of one branch.
_CHANGES: Final = ("CHANGE_ID", "gitlabMergeRequestIid", "ghprbPullId")


def describe(directory: Path, environment: Mapping[str, str] = os.environ) -> Commit:
    """The commit in `directory`; outside git sha and branch are None.

    In a Jenkins build the branch is what Jenkins says: a checkout there is detached, or has a local branch of any name.

    Args:
        directory: a folder of the checkout.
        environment: the variables of this process.

    Raises:
        Unavailable: git does not answer in time.
        UsageError: git is missing, or refuses the checkout. Without its commit nothing holds the stages together.
    """
    sha = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD")
    # Not --short: it writes "heads/x" where there is a tag of the same name.
    head = _git(directory, "symbolic-ref", "--quiet", "HEAD")
    local = head.removeprefix("refs/heads/") if head else None
    if environment.get(names.ENV_BUILD_TAG):
        branch = _said_by_jenkins(directory, environment) or _confirmed(directory, local)
    else:
        branch = local or (_said_by_jenkins(directory, environment) if sha else None)
    if sha is None:
        return Commit(sha=None, branch=branch, dirty=False)
    dirty = bool(_git(directory, "status", "--porcelain", "--untracked-files=no", "--", "."))
    return Commit(sha=sha, branch=branch, dirty=dirty)


def no_branch(environment: Mapping[str, str]) -> str | None:
    """What a Jenkins build builds when that is no branch ("pull request 7", "tag v1"); None when it is one.

    A pull request out of a fork, and a tag, can be named like any branch. CHANGE_BRANCH is a name in a fork, too.
    """
    for variable in _CHANGES:
        if number := environment.get(variable):
            return f"pull request {number}"
    if tag := environment.get("TAG_NAME"):
        return f"tag {tag}"
    return None


def _said_by_jenkins(directory: Path, environment: Mapping[str, str]) -> str | None:
    """BRANCH_NAME of a multibranch job ("feature/x", "PR-7"), or GIT_BRANCH of others ("origin/main")."""
    if name := environment.get("BRANCH_NAME"):
        return name
    if number := environment.get("CHANGE_ID"):
        return f"PR-{number}"
    return _without_remote(environment.get("GIT_BRANCH", ""), _remote(directory))


def _without_remote(name: str, remote: str) -> str | None:
    """A branch as its own repository calls it; None for what is no branch (refs/tags/v1, detached).

    Only the prefix of the job's own remote is taken off: "fork/main" is not the branch "main".
    """
    if name.startswith("refs/heads/"):
        return name.removeprefix("refs/heads/")
    name = name.removeprefix("refs/remotes/").removeprefix("remotes/")
    if name in ("", "HEAD", "detached") or name.startswith("refs/"):
        return None
    return name.removeprefix(f"{remote}/")


def _confirmed(directory: Path, local: str | None) -> str | None:
    """A local branch whose commit the remote's branch of that name has: anybody can call a local branch "main"."""
    if local is None:
        return None
    remote = _git(directory, "rev-parse", "--verify", "--quiet", f"refs/remotes/{_remote(directory)}/{local}")
    return local if remote is not None and remote == _git(directory, "rev-parse", "HEAD") else None


def _remote(directory: Path) -> str:
    """The remote that a job builds: its only one, or of several the one that Jenkins calls so by default."""
    remotes = (_git(directory, "remote") or "").split()
    return remotes[0] if len(remotes) == 1 else "origin"


def _git(directory: Path, *arguments: str) -> str | None:
    """What git says, without the white space around; None when it says no, and outside git."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=directory,
            env={**os.environ, "LC_ALL": "C"},  # its words are looked at below
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        if _is_below_git(directory):
            raise UsageError("this is a git checkout, and git is not installed here", "install git") from error
        return None
    except subprocess.TimeoutExpired as error:
        raise Unavailable("git did not answer within 30 s", "check the file system of the checkout") from error
    if done.returncode == 0:
        return done.stdout.removesuffix("\n")  # a branch may end in what looks like a blank
    if done.returncode == _FATAL and _is_below_git(directory):
        _explain(directory, done.stderr.splitlines())
    return None


def _explain(directory: Path, words: Sequence[str]) -> None:
    """Raise what git's fatal words stand for, where the checkout cannot be read at all."""
    said = words[0] if words else ""
    if "dubious ownership" in said:  # a container whose user is not the one that checked out
        raise UsageError(
            f"git refuses the checkout {directory}: it belongs to another user",
            f"run as its owner, or: git config --global --add safe.directory {directory}",
        )
    if said.startswith("fatal: not a git repository"):
        raise UsageError(f"{directory} is no whole git checkout: {said}", "check it out again")


def _is_below_git(directory: Path) -> bool:
    return any((folder / ".git").exists() for folder in (directory, *directory.parents))
