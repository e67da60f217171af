"""Where a folder lies in its git repository, and what that repository leaves out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jenkins_ml.errors import Unavailable, UsageError

_DEADLINE_SECONDS: Final = 30.0


def prefix(directory: Path) -> str:
    """The path of `directory` below the root of its git repository, "models/digits"; "" at the root or outside of git.

    It is read from the folders, not asked of git: that is quick, and in a git hook GIT_DIR would hide the root.

    Raises:
        UsageError: the path is no UTF-8, so that no Jenkinsfile can name it.
    """
    resolved = directory.resolve()
    for root in (resolved, *resolved.parents):
        if _is_root(root):
            found = resolved.relative_to(root).as_posix()
            return "" if found == "." else _utf8(found)
    return ""


def ignored(folder: Path, names: Iterable[str]) -> list[str]:
    """Those of the files `names` of `folder` that git would not commit; none outside of git, and without git.

    Raises:
        Unavailable: git does not answer in time.
    """
    try:
        done = subprocess.run(
            ["git", "check-ignore", "-z", "--stdin"],
            cwd=folder,
            input="\0".join(names).encode(),
            capture_output=True,
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return []
    except subprocess.TimeoutExpired as error:
        raise Unavailable("git did not answer within 30 s", "check the file system of the checkout") from error
    return done.stdout.decode().split("\0")[:-1]


def _is_root(folder: Path) -> bool:
    """A worktree or a submodule has a file there; a folder without HEAD is no repository."""
    git = folder / ".git"
    return git.is_file() or (git / "HEAD").exists()


def _utf8(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the folder {path!r} has a name that is not UTF-8", "give it another name") from error
    return path
