"""What stands below /job/…: configuration, names, creating and deleting; builds and credentials have modules."""

from typing import Any

from tests.fakes.jenkins import api, build_places, credential_places, dom, pages, secrets, view_places, workflow_places
from tests.fakes.jenkins.application import need, need_found, need_post, refuse
from tests.fakes.jenkins.dom import BadXml
from tests.fakes.jenkins.items import BadName, Item, check_name
from tests.fakes.jenkins.kinds import PERMALINKS
from tests.fakes.jenkins.messages import Reply, Request
from tests.fakes.jenkins.pages import quoted


def answer(request: Request, item: Item, rest: list[str]) -> Reply:
    """The answer of an item or of something below it."""
    server = request.server
    if not rest:
        return _page(request, item)
    first = rest[0]
    if first == "api":
        return api.answer(server, request, item, rest[1] if len(rest) > 1 else "")
    handler = _ALL.get(first) or (_CONTAINERS if item.is_container else _JOBS).get(first)
    if handler is not None:
        return handler(request, item, rest[1:])
    if not item.is_container and (first.isdigit() or first in PERMALINKS):
        found = PERMALINKS[first](item) if first in PERMALINKS else item.runs.get(int(first))
        return build_places.answer(request, need_found(found, request), rest[1:])
    return server.pages.not_found()


def _page(request: Request, item: Item) -> Reply:
    if not request.raw_path.endswith("/"):
        return pages.redirect(f"{request.raw_path}/")
    if request.method == "DELETE":
        need(request, "Job/Delete", item)
        request.server.delete(item)
        return pages.done(204)
    return request.server.pages.page(200, f"<h1>{item.display_name}</h1>")


def _config(request: Request, item: Item, _: list[str]) -> Reply:
    server = request.server
    if request.method == "GET" or request.method == "HEAD":
        if server.security.may(request.user, "Job/Configure", item):
            return pages.text(item.stored, "application/xml")
        need(request, "Job/ExtendedRead" if server.extended_read else "Job/Configure", item)
        return pages.text(secrets.redacted(item.stored), "application/xml")
    if request.method != "POST":
        return pages.done(400)
    need(request, "Job/Configure", item)
    try:
        server.configure(item, dom.parse(request.body.decode()))
    except (BadXml, UnicodeDecodeError):
        return server.pages.oops()
    return pages.done()


def create(request: Request, folder: Item, _: list[str]) -> Reply:
    """createItem: from XML, as a copy, or empty."""
    need_post(request)
    need(request, "Job/Create", folder)
    server = request.server
    name, mode = request.get("name"), request.get("mode")
    if name is None:
        return refuse(request, "Query parameter 'name' is required")
    try:
        check_name(name)
    except BadName as bad:
        return refuse(request, str(bad))
    name = name.strip()
    if folder.child(name) is not None:
        return refuse(request, f"A job already exists with the name {quoted(name)}")
    if mode == "copy":
        return _copy(request, folder, name)
    kind = request.headers.get("content-type")
    if kind is None:
        return refuse(request, "No Content-Type header set")
    if kind.partition(";")[0].strip() in ("application/xml", "text/xml"):
        if len(name.encode()) > 255:
            return server.pages.oops()
        try:
            server.create(folder, name, dom.parse(request.body.decode()))
        except (BadXml, UnicodeDecodeError):
            return server.pages.oops()
        return pages.done()
    if mode is None:
        return refuse(request, "No mode given")
    return _empty(request, folder, name, mode)


def _empty(request: Request, folder: Item, name: str, mode: str) -> Reply:
    tag = {
        "org.jenkinsci.plugins.workflow.job.WorkflowJob": "flow-definition",
        "hudson.model.FreeStyleProject": "project",
    }
    try:
        item = request.server.create(folder, name, dom.Document(dom.node(tag.get(mode, mode)), "1.1"))
    except BadXml:
        return refuse(request, f"No such item type: {mode}")
    item.save()
    return pages.redirect(f"/{item.path}configure")


def _copy(request: Request, folder: Item, name: str) -> Reply:
    server = request.server
    source = request.get("from") or ""
    start = server.root if source.startswith("/") else folder
    found = server.find(source, start)
    if found is None or not server.security.may(request.user, "Job/Read", found):
        return refuse(request, f"No such job: {source}")
    item = server.create(folder, name, dom.parse(found.stored))
    item.held = not item.is_container
    return pages.redirect(f"/{item.path}configure")


def check(request: Request, folder: Item, _: list[str]) -> Reply:
    name = request.get("value") or ""
    try:
        check_name(name)
    except BadName as bad:
        return pages.text(f"<div>{bad}</div>", pages.HTML)
    if folder.child(name) is not None:
        return pages.text(f"<div>A job already exists with the name {quoted(name)}</div>", pages.HTML)
    return pages.text("<div/>", pages.HTML)


def _delete(request: Request, item: Item, _: list[str]) -> Reply:
    need_post(request)
    need(request, "Job/Delete", item)
    request.server.delete(item)
    return pages.redirect(f"/{item.parent.path}" if item.parent else "/")


def _switch(disabled: bool) -> Any:
    def handler(request: Request, item: Item, _: list[str]) -> Reply:
        need_post(request)
        need(request, "Job/Configure", item)
        if item.tag != "com.cloudbees.hudson.plugins.folder.Folder":
            item.set_text("disabled", "true" if disabled else "false")
        return pages.redirect(f"/{item.path}")

    return handler


def _rename(request: Request, item: Item, _: list[str]) -> Reply:
    need_post(request)
    assert item.parent is not None
    if not request.server.security.may(request.user, "Job/Configure", item):
        need(request, "Job/Create", item.parent)
        need(request, "Job/Delete", item)
    name = request.get("newName") or ""
    try:
        check_name(name)
    except BadName as bad:
        return refuse(request, str(bad))
    if name == item.name:
        return refuse(request, "The new name is the same as the current name.")
    taken = item.parent.child(name)
    if taken is not None and taken is not item:
        return refuse(request, f"The name \u201c{name}\u201d is already in use.")
    request.server.move(item, item.parent, name)
    return pages.redirect(f"/{item.path}".removesuffix("/"))


def _move(request: Request, item: Item, rest: list[str]) -> Reply:
    if rest != ["move"]:
        return request.server.pages.page(200, "<h1>Move</h1>")
    need_post(request)
    need(request, "Job/Delete", item)
    destination = request.get("destination") or ""
    target = request.server.find(destination, request.server.root)
    if target is None or not target.is_container or item in (target, *_above(target)):
        return pages.redirect(f"/{item.path}move/")
    need(request, "Job/Create", target)
    if target.child(item.name) is not None:
        return refuse(request, f"A job already exists with the name {quoted(item.name)}")
    request.server.move(item, target, item.name)
    return pages.redirect(f"/{item.path}")


def _above(item: Item) -> list[Item]:
    return [] if item.parent is None else [item.parent, *_above(item.parent)]


def _description(request: Request, item: Item, _: list[str]) -> Reply:
    if request.method == "POST":
        need(request, "Job/Configure", item)
        item.set_text("description", request.get("description") or "")
        return pages.done(204)
    return pages.text(item.description or "")


def _submit_description(request: Request, item: Item, _: list[str]) -> Reply:
    need_post(request)
    need(request, "Job/Configure", item)
    item.set_text("description", request.get("description") or "")
    return pages.redirect(f"/{item.path}")


def _reload(request: Request, item: Item, _: list[str]) -> Reply:
    need_post(request)
    need(request, "Job/Configure", item)
    return pages.done()


def _configure(request: Request, item: Item, _: list[str]) -> Reply:
    """The page on which people configure; answers that create something lead there."""
    need(request, "Job/Configure", item)
    return request.server.pages.page(200, "<h1>Configure</h1>")


_ALL = {
    "configure": _configure,
    "config.xml": _config,
    "doDelete": _delete,
    "disable": _switch(True),
    "enable": _switch(False),
    "confirmRename": _rename,
    "doRename": _rename,
    "move": _move,
    "description": _description,
    "submitDescription": _submit_description,
    "reload": _reload,
    "descriptorByName": view_places.descriptor,
}
_CONTAINERS = {
    "createItem": create,
    "checkJobName": check,
    "credentials": credential_places.answer,
    "createView": view_places.create,
    "view": view_places.answer,
}
_JOBS = {
    "build": build_places.build,
    "buildWithParameters": build_places.build_with_parameters,
    "wfapi": workflow_places.of_job,
}
