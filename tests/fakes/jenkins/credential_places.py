"""The credentials stores of folders and of the system."""

from typing import Any

from tests.fakes.jenkins import api, dom, pages
from tests.fakes.jenkins.application import need
from tests.fakes.jenkins.dom import BadXml, Node
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Answered, Reply, Request
from tests.fakes.jenkins.understanding import CREDENTIALS

_PACKAGE = "com.cloudbees.plugins.credentials."
_TYPES = {
    "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl": "Secret text",
    "org.jenkinsci.plugins.plaincredentials.impl.FileCredentialsImpl": "Secret file",
    "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl": "Username with password",
    "com.cloudbees.jenkins.plugins.sshcredentials.impl.BasicSSHUserPrivateKey": "SSH Username with private key",
}
_GLOBAL = "Credentials that should be available irrespective of domain specification to requirements matching."


def answer(request: Request, item: Item, rest: list[str]) -> Reply:
    """credentials/store/folder/domain/_/…; the system's store stands at the root."""
    server = request.server
    kind = "folder" if item.parent else "system"
    if not server.security.may(request.user, "Credentials/View", item):
        return server.pages.not_found()
    if rest[:4] != ["store", kind, "domain", "_"]:
        return server.pages.not_found()
    rest = rest[4:]
    if not rest:
        return server.pages.page(200, "<h1>Global credentials (unrestricted)</h1>")
    if rest[:1] == ["api"]:
        return api.answer(server, request, _domain(item, kind, request), rest[1] if len(rest) > 1 else "")
    if rest == ["createCredentials"]:
        return _create(request, item, kind)
    if len(rest) >= 2 and rest[0] == "credential":
        return _one(request, item, kind, rest[1], rest[2:])
    return server.pages.not_found()


def _domain(item: Item, kind: str, request: Request) -> dict[str, Any]:
    where = f"{item.full_display_name} » Folder" if item.parent else "System"
    listed = [_shown(item, kind, each) for each in item.credentials.values()]
    deep = request.get("tree") is not None or int(request.get("depth") or 0) > 0
    return {
        "_class": f"{_PACKAGE}CredentialsStoreAction$DomainWrapper",
        "credentials": listed if deep else [{} for _ in listed],
        "description": _GLOBAL,
        "displayName": "Global credentials (unrestricted)",
        "fullDisplayName": f"{where} » Global credentials (unrestricted)",
        "fullName": f"{_store(item, kind)}/_",
        "global": True,
        "urlName": "_",
    }


def _store(item: Item, kind: str) -> str:
    return f"{item.full_name}/folder" if kind == "folder" else kind


def _shown(item: Item, kind: str, credential: Node) -> dict[str, Any]:
    name, description = credential.text_of("id"), credential.text_of("description") or ""
    user = credential.text_of("username")
    display = description or (f"{user}/******" if user is not None else name)
    if user is not None and description:
        display = f"{user}/****** ({description})"
    return {
        "description": description,
        "displayName": display,
        "fingerprint": None,
        "fullName": f"{_store(item, kind)}/_/{name}",
        "id": name,
        "typeName": _TYPES.get(credential.tag, credential.tag.rpartition(".")[2]),
    }


def _read(request: Request) -> Node:
    try:
        read = request.server.understanding.object(dom.parse(request.body.decode()).root)
    except (BadXml, UnicodeDecodeError):
        read = None
    if read is None or not read.text_of("id"):
        raise Answered(request.server.pages.oops())
    return read


def _create(request: Request, item: Item, kind: str) -> Reply:
    need(request, "Credentials/Create", item)
    server = request.server
    if request.headers.get("content-type", "").partition(";")[0] in ("application/xml", "text/xml"):
        read = _read(request)
        if read.text_of("id") in item.credentials:
            return pages.done(409)
        server.put_credential(item, read)
        return pages.done()
    form = (request.json or {}).get("credentials") or {}
    tag = form.pop("$class", form.pop("stapler-class", ""))
    fields = [dom.node(name, str(value)) for name, value in form.items()]
    read = server.understanding.object(dom.node(tag, *fields)) if tag else None
    if read is None:
        return server.pages.oops()
    server.put_credential(item, read)
    return pages.redirect(f"/{item.path}credentials/store/{kind}/domain/_")


def _one(request: Request, item: Item, kind: str, name: str, rest: list[str]) -> Reply:
    server = request.server
    credential = item.credentials.get(name)
    if credential is None:
        return server.pages.not_found()
    if rest[:1] == ["api"]:
        shown = {"_class": f"{_PACKAGE}CredentialsStoreAction$CredentialsWrapper", **_shown(item, kind, credential)}
        return api.answer(server, request, shown, rest[1] if len(rest) > 1 else "")
    if rest == ["doDelete"] and request.method == "POST":
        need(request, "Credentials/Delete", item)
        server.drop_credential(item, name)
        return pages.redirect(f"/{item.path}credentials/store/{kind}/domain/_/")
    if rest != ["config.xml"]:
        return server.pages.not_found()
    if request.method == "DELETE":
        need(request, "Credentials/Delete", item)
        server.drop_credential(item, name)
        return pages.done()
    if request.method == "POST":
        need(request, "Credentials/Update", item)
        read = _read(request)
        if read.text_of("id") != name:
            return server.pages.oops()
        server.put_credential(item, read)
        return pages.done()
    return pages.text(dom.saved(_redacted(credential), ""), "application/xml")


def _redacted(credential: Node) -> Node:
    shown = credential.copy()
    for each in shown.walk():
        if not each.elements and each.text.startswith("{AQAAAB"):
            each.children = [dom.node("secret-redacted")]
    return shown


def written(item: Item) -> None:
    """A folder keeps its credentials in a property of its configuration."""
    properties = item.read.find("properties")
    assert properties is not None
    found = properties.find(CREDENTIALS)
    if found is None:
        found = dom.node(CREDENTIALS)
        properties.children.append(found)
    domain = dom.node("com.cloudbees.plugins.credentials.domains.Domain", dom.node("specifications"))
    lists = dom.node("java.util.concurrent.CopyOnWriteArrayList", *item.credentials.values())
    hashes = dom.node("entry", domain, lists)
    comparator = {"class_": "hudson.util.CopyOnWriteMap$Hash"}
    found.children = [dom.node("domainCredentialsMap", hashes, **comparator)]


def kept(item: Item) -> dict[str, Node]:
    """The credentials that stand in a folder's configuration."""
    found = item.property_named(CREDENTIALS)
    if found is None:
        return {}
    lists = [each for each in found.walk() if each.tag == "java.util.concurrent.CopyOnWriteArrayList"]
    return {each.text_of("id") or "": each for one in lists for each in one.elements}
