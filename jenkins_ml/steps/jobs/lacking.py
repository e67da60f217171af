"""What jobs need and a server lacks: plugins and credentials, told by the plan and not by the first failing build."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from jenkins_ml.core.jobs.plan import Live
from jenkins_ml.steps.jobs.desired import Wanted

if TYPE_CHECKING:
    from jenkins_ml.adapters.jenkins_server import Server


def look(server: Server, all_wanted: Sequence[Wanted], live: Mapping[str, Live]) -> tuple[list[str], list[str]]:
    """What the server lacks, and what could not be looked at, each a sentence.

    Args:
        server: where.
        all_wanted: what is asked for.
        live: what there is: only folders that are there have stores.
    """
    missing: list[str] = []
    unchecked: list[str] = []
    for part in (_plugins(server, all_wanted), _credentials(server, all_wanted, live)):
        missing += part[0]
        unchecked += part[1]
    return missing, unchecked


def _plugins(server: Server, all_wanted: Sequence[Wanted]) -> tuple[list[str], list[str]]:
    from jenkins_ml.adapters import jenkins_inventory

    installed = jenkins_inventory.plugins(server)
    if installed is None:
        hidden = f"user {server.user} may not see them (Overall/SystemRead or Overall/Administer)"
        return [], [f"which plugins there are: {hidden}"]
    used = _users(all_wanted, lambda each: each.needs.plugins)
    return [
        f"plugin {plugin!r} is not installed and active: {_some(names)}"
        for plugin, names in used
        if plugin not in installed
    ], []


def _credentials(server: Server, all_wanted: Sequence[Wanted], live: Mapping[str, Live]) -> tuple[list[str], list[str]]:
    """Credentials are looked for in the system's store, and only where they are not there in those of the job's folders."""
    from jenkins_ml.adapters import jenkins_inventory

    missing: list[str] = []
    system = jenkins_inventory.credential_ids(server)
    stores: dict[str, frozenset[str] | None] = {}
    hidden = system is None
    for identity, names in _users(all_wanted, lambda each: each.needs.credentials):
        if system is not None and identity in system:
            continue
        lacking = []
        for name in names:
            folders = [folder for folder in _folders(name) if folder in live]
            for folder in folders:
                if folder not in stores:
                    stores[folder] = jenkins_inventory.credential_ids(server, folder)
            known = [stores[folder] for folder in folders]
            hidden = hidden or None in known
            if not any(ids is not None and identity in ids for ids in known) and not (system is None or None in known):
                lacking.append(name)
        if lacking:
            missing.append(f"credential {identity!r} is in no store that these see: {_some(lacking)}")
    if not hidden:
        return missing, []
    told = f"all credentials: user {server.user} may not see some stores (Credentials/View), or they have none"
    return missing, [told]


def _users(all_wanted: Iterable[Wanted], of: Callable[[Wanted], Iterable[str]]) -> Iterator[tuple[str, list[str]]]:
    """Each thing that is needed, and the names of those that need it."""
    users: dict[str, list[str]] = {}
    for each in all_wanted:
        for thing in of(each):
            users.setdefault(thing, []).append(each.desired.name)
    return iter(sorted(users.items()))


def _folders(name: str) -> Iterator[str]:
    parts = name.split("/")
    for length in range(len(parts) - 1, 0, -1):
        yield "/".join(parts[:length])


def _some(names: Sequence[str]) -> str:
    more = f" (and {len(names) - 3} more)" if len(names) > 3 else ""
    return f"needed by {', '.join(names[:3])}{more}"
