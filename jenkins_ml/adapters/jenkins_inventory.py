"""What a Jenkins server has that jobs need: plugins, and credentials by their ids. What may not be looked at is None."""

from __future__ import annotations

from jenkins_ml.adapters.jenkins_answers import Forbidden
from jenkins_ml.adapters.jenkins_conversation import Conversation
from jenkins_ml.adapters.jenkins_paths import item_path


def plugins(server: Conversation) -> frozenset[str] | None:
    """Ids of the plugins that are active; None where the user may not see them (Overall/Administer or SystemRead)."""
    try:
        answer = server.exchange("GET", "pluginManager/api/json", query={"tree": "plugins[shortName,active]"})
    except Forbidden:
        return None
    if answer.status >= 400:
        return None
    return frozenset(str(each["shortName"]) for each in answer.object().get("plugins") or () if each.get("active"))


def credential_ids(server: Conversation, folder: str = "") -> frozenset[str] | None:
    """Ids in the credentials store of a folder, or of the system for ""; None where the user may not see it.

    Only the general domain is looked at. Jenkins answers 404 both to who lacks Credentials/View and for a folder that
    is not there.
    """
    store = f"{item_path(folder)}/credentials/store/folder" if folder else "credentials/store/system"
    try:
        answer = server.exchange("GET", f"{store}/domain/_/api/json", query={"tree": "credentials[id]"})
    except Forbidden:
        return None
    if answer.status >= 400:
        return None
    return frozenset(str(each["id"]) for each in answer.object().get("credentials") or ())
