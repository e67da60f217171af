"""Folders and jobs of a Jenkins server: list, read, create, change, delete.

A name that is taken is told apart from one that is refused. What is not there and what may not be seen are not:
Jenkins answers 404 to both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jenkins_ml.adapters.jenkins_answers import x_error
from jenkins_ml.adapters.jenkins_conversation import Conversation
from jenkins_ml.adapters.jenkins_paths import item_path
from jenkins_ml.core.jobs import classes
from jenkins_ml.core.jobs.plan import Live
from jenkins_ml.core.jobs.xml_tree import Element, NotXmlError, parse
from jenkins_ml.errors import StageFailed

_LEVELS: Final = 8  # of folders that one request lists
_XML: Final = "application/xml; charset=utf-8"


class ItemRefused(StageFailed):
    """Jenkins does not take a configuration, or a name; the text is its own reason."""


class AlreadyThere(ItemRefused):
    """There is an item of that name."""


class Missing(StageFailed):
    """There is no such item, or the user may not see it."""


def listing(server: Conversation, folder: str = "") -> Mapping[str, Live]:
    """Every folder and job below a folder (below the top for "") that the user may see, by its full name.

    Raises:
        Missing: there is no such folder.
    """
    found: dict[str, Live] = {}
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        value = _listed(server, parent)
        waiting += _collect(value, parent, 1, found)
    return found


def _listed(server: Conversation, folder: str) -> Any:
    tree = "name"
    for _ in range(_LEVELS):
        tree = f"name,description,jobs[{tree}]"
    tree = tree.removeprefix("name,description,")
    path = f"{item_path(folder)}/api/json" if folder else "api/json"
    answer = server.exchange("GET", path, query={"tree": tree})
    if answer.status == 404:
        raise Missing(f"there is no folder {folder!r}, or user {server.user} may not see it")
    return answer.object()


def _collect(value: Any, parent: str, level: int, found: dict[str, Live]) -> Iterator[str]:
    """Put what an answer lists into `found`; the folders that it does not look into any more."""
    for each in value.get("jobs") or ():
        name = f"{parent}/{each['name']}" if parent else str(each["name"])
        kind = str(each.get("_class", ""))
        found[name] = Live(name=name, kind=kind, description=each.get("description"))
        if kind == classes.FOLDER and level < _LEVELS - 1:
            yield from _collect(each, name, level + 1, found)
        elif kind == classes.FOLDER:
            yield name


def read(server: Conversation, name: str) -> Element | None:
    """The configuration of an item; None where there is none.

    Raises:
        StageFailed: what the server gives is no configuration.
    """
    answer = server.exchange("GET", f"{item_path(name)}/config.xml")
    if answer.status == 404:
        return None
    try:
        return parse(answer.text)
    except NotXmlError as error:
        raise StageFailed(f"what the server gives as the configuration of {name!r} is none: {error}") from error


def create(server: Conversation, name: str, config: str) -> None:
    """Make an item; its folder has to be there.

    Raises:
        AlreadyThere: the name is taken.
        Missing: its folder is not there.
        ItemRefused: the server takes the name or the configuration for a bad one.
        Unclear: the connection broke off, and nobody knows whether it was made.
    """
    parent, _, short = name.rpartition("/")
    path = f"{item_path(parent)}/createItem" if parent else "createItem"
    answer = server.exchange("POST", path, query={"name": short}, body=config.encode(), content_type=_XML)
    if answer.status == 404:
        raise Missing(f"{name!r} cannot be made: there is no folder {parent!r}, or user {server.user} may not see it")
    if answer.status >= 400:
        reason = x_error(answer)
        kind = AlreadyThere if "already exists" in reason else ItemRefused
        raise kind(f"Jenkins refused to make {name!r}: {reason or f'status {answer.status}'}")


def update(server: Conversation, name: str, config: str) -> None:
    """Replace the configuration of an item. Doing it twice is as good as once.

    Raises:
        Missing: it is not there.
        ItemRefused: the server does not take it.
    """
    path = f"{item_path(name)}/config.xml"
    answer = server.exchange("POST", path, body=config.encode(), content_type=_XML, repeat=True)
    if answer.status == 404:
        raise Missing(f"{name!r} is not there any more, or user {server.user} may not see it")
    if answer.status >= 400:
        raise ItemRefused(f"Jenkins refused the configuration of {name!r}: {x_error(answer) or answer.status}")


def delete(server: Conversation, name: str, *, repeat: bool = True) -> None:
    """Delete an item with everything in it; one that is not there is no failure.

    Args:
        server: where.
        name: full name.
        repeat: whether twice is as good as once: not where something new takes its place.

    Raises:
        ItemRefused: the server does not.
        Unclear: the connection broke off, and it is not to be repeated.
    """
    answer = server.exchange("POST", f"{item_path(name)}/doDelete", repeat=repeat)
    if answer.status >= 400 and answer.status != 404:
        raise ItemRefused(f"Jenkins refused to delete {name!r}: {x_error(answer) or answer.status}")


def inside(server: Conversation, name: str) -> tuple[str, ...]:
    """The names of what lies in a folder; none for what is no folder, or is not there."""
    answer = server.exchange("GET", f"{item_path(name)}/api/json", query={"tree": "jobs[name]"})
    return () if answer.status == 404 else tuple(str(each["name"]) for each in answer.object().get("jobs") or ())
