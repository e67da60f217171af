"""What a checkout says about its forge: which repository it comes from, and which commits it holds."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from jenkins_ml.errors import Unavailable, UsageError

_DEADLINE_SECONDS: Final = 30.0
_SCHEMES: Final = ("https", "http", "ssh", "git", "git+ssh", "git+https")
_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]+", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)
# As git reads it: "host:path" is SSH, unless a slash comes before the colon.
_SCP: Final = re.compile(r"(?:[^@/]*@)?(\[[0-9A-Fa-f:.]+\]|[^:/\[\]@]+):(?!//)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Remote:
    """Where a repository comes from: a host, and the path of the repository there. No user, no password."""

    host: str
    path: str


def remote(directory: Path, environment: Mapping[str, str]) -> Remote:
    """The remote `origin` of the checkout; without git, what Jenkins says in GIT_URL.

    Raises:
        UsageError: there is none, or it is at no host.
        Unavailable: git does not answer in time.
    """
    url = _git(directory, "remote", "get-url", "origin") or environment.get("GIT_URL", "")
    return parse_remote(url.strip())


def parse_remote(url: str) -> Remote:
    """Read the address of a remote as git does: `git@host:acme/x.git`, `ssh://`, `https://`, with port or without.

    Raises:
        UsageError: it names no repository at a host. What it holds is not shown: it may have a password.
    """
    if "://" in url:
        try:
            parts = urlsplit(url)
            known = parts.scheme in _SCHEMES and parts.port != 0 and not parts.query and not parts.fragment
        except ValueError:  # a port or a bracket that is none
            return _no_remote()
        host = parts.hostname or ""
        return Remote(host, repository_path(unquote(parts.path))) if known and host else _no_remote()
    if match := _SCP.fullmatch(url):
        return Remote(match[1].strip("[]").lower(), repository_path(match[2]))
    return _no_remote()


def repository_path(text: str) -> str:
    """A repository's path at its forge ("acme/digits"), without what git adds to it.

    Raises:
        UsageError: it is none.
    """
    path = text.strip("/").removesuffix(".git")
    segments = path.split("/")
    if len(segments) < 2 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise UsageError(
            "the repository's path at its forge is not of the form owner/name",
            'set jenkins.forge.repository: "acme/digits"',
        )
    return path


def commits(directory: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The commit of the checkout, then its parents; without git, what Jenkins says in GIT_COMMIT; or nothing.

    Raises:
        Unavailable: git does not answer in time.
    """
    # The object itself: a shallow clone hides parents from `git log`.
    text = _git(directory, "cat-file", "commit", "HEAD")
    head = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD")
    if text is not None and head is not None:
        return (head.strip(), *re.findall(r"^parent ([0-9a-f]+)$", text.split("\n\n")[0], re.MULTILINE))
    given = environment.get("GIT_COMMIT", "").strip()
    return (given,) if _HASH.fullmatch(given) else ()


def _no_remote() -> Remote:
    raise UsageError(
        "the checkout has no remote `origin` at a forge, so its repository is not known",
        'set jenkins.forge.repository: "acme/digits"',
    )


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=directory, capture_output=True, text=True, errors="replace",
            timeout=_DEADLINE_SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired as error:
        raise Unavailable("git did not answer within 30 s", "check the file system of the checkout") from error
    return done.stdout if done.returncode == 0 else None
