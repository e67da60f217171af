"""GitHub and GitLab, as far as a run tells them about its gate: a commit's status, and one comment on a pull request.

What both have in common; what differs is in forge_github.py and forge_gitlab.py, each with the API's facts and their
sources. A pull request is what GitLab calls a merge request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar

from jenkins_ml.adapters.forge_http import Client, Unclear

State = Literal["success", "failure", "error", "pending"]

_CREATIONS: Final = 2
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a commit is said to be.

    Args:
        context: tells it from the statuses of other systems, and of other models.
        state: as GitHub calls it.
        description: one line; what is too long for the forge is cut.
        url: where the build can be looked at; None where there is no address.
    """

    context: str
    state: State
    description: str
    url: str | None


@dataclass(frozen=True, kw_only=True)
class Target:
    """The commit that a status goes to.

    Args:
        commit: its full hash.
        repository: where it lies, as the forge's API names it; a fork, for a merge request from one.
        branch: None where it is not known.
    """

    commit: str
    repository: str
    branch: str | None


class Forge(Protocol):
    """One repository at a forge."""

    name: str
    repository: str
    comment_limit: int  # characters

    def head(self, request: str) -> Target:
        """The commit that a pull request asks to merge, as the forge knows it now."""

    def set_status(self, target: Target, status: Status) -> None:
        """Set a commit's status; the same again changes nothing for people."""

    def own_comment(self, request: str, marker: str) -> int | None:
        """The first comment on a pull request that we wrote and that begins with `marker`."""

    def create_comment(self, request: str, body: str) -> str:
        """Write a comment; answers its address. Raises Unclear where it may have been written or not."""

    def update_comment(self, request: str, comment: int, body: str) -> str:
        """Replace a comment; answers its address."""


def put_comment(forge: Forge, request: str, marker: str, body: str) -> str:
    """Write our comment on a pull request, or replace the one that is there; answers its address.

    Args:
        forge: where.
        request: the number of the pull request.
        marker: what the body begins with, and no other comment of ours.
        body: Markdown.

    Raises:
        JenkinsMLError: as the forge's own operations do.
    """
    for attempt in range(1, _CREATIONS + 1):
        found = forge.own_comment(request, marker)
        if found is not None:
            return forge.update_comment(request, found, body)
        try:
            return forge.create_comment(request, body)
        except Unclear:  # perhaps it was written: look again before writing it twice
            if attempt == _CREATIONS:
                raise
    raise AssertionError("the last attempt returns or raises")


def first_own(client: Client, comments: Iterable[Any], author: str, marker: str, *, doing: str) -> int | None:
    """The id of the first comment that the token's user wrote and that begins with `marker`.

    The mark alone would not do: anybody can write it, or quote it.
    """
    asking = "ask whose the token is (our comment is known by its author)"
    me = field(client, asking, client.call("GET", "/user", doing=asking).value, "id", int)
    for comment in comments:
        writer = comment.get(author) if isinstance(comment, dict) else None  # null when the account was deleted
        if isinstance(writer, dict) and writer.get("id") == me:
            body = field(client, doing, comment, "body", str)
            if body.startswith(marker) and not comment.get("system"):
                return field(client, doing, comment, "id", int)
    return None


def field(client: Client, doing: str, value: Any, path: str, kind: type[T]) -> T:
    """A field of an answer, by its path ("head.sha").

    Raises:
        UsageError: it is not there, or of another kind: this is not the API that is documented.
    """
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if type(value) is not kind:
        raise client.unexpected(doing)
    return value


def commit_field(client: Client, doing: str, value: Any, path: str) -> str:
    """A field that holds the hash of a commit."""
    text = field(client, doing, value, path, str)
    if not _COMMIT.fullmatch(text):
        raise client.unexpected(doing)
    return text
