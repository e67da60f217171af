"""The checkout that a run works on: commit, branch, and whether it was changed since."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from jenkins_ml.errors import Unavailable
from jenkins_ml.records import Commit

_DEADLINE_SECONDS = 30.0


def describe(directory: Path, environment: Mapping[str, str] = os.environ) -> Commit:
    """The commit in `directory`; outside git (or without git) sha and branch are None.

    On a Jenkins agent the checkout is detached: the branch is then what Jenkins says in BRANCH_NAME (multibranch) or
    GIT_BRANCH ("origin/main").

    Raises:
        Unavailable: git does not answer in time.
    """
    sha = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD")
    if sha is None:
        return Commit(sha=None, branch=_git(directory, "symbolic-ref", "--short", "--quiet", "HEAD"), dirty=False)
    branch = _git(directory, "symbolic-ref", "--short", "--quiet", "HEAD") or _branch_in_jenkins(environment)
    dirty = bool(_git(directory, "status", "--porcelain", "--untracked-files=no", "--", "."))
    return Commit(sha=sha, branch=branch, dirty=dirty)


def _branch_in_jenkins(environment: Mapping[str, str]) -> str | None:
    if name := environment.get("BRANCH_NAME"):
        return name
    if name := environment.get("GIT_BRANCH"):
        return name.removeprefix("origin/")
    return None


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=directory, capture_output=True, text=True, timeout=_DEADLINE_SECONDS, check=False
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired as error:
        raise Unavailable("git did not answer within 30 s", "check the file system of the checkout") from error
    return done.stdout.strip() if done.returncode == 0 else None
