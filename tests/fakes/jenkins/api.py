"""The answers under …/api/."""

import re
from typing import Any
from xml.etree import ElementTree

from tests.fakes.jenkins import pages
from tests.fakes.jenkins.export import BadTree, Depth, as_json, as_python, as_xml, parse_tree, shown
from tests.fakes.jenkins.messages import Reply, Request

_TREES: dict[str, Any] = {}


def answer(server: Any, request: Request, target: Any, flavour: str, session: str | None = None) -> Reply:
    """The API's view of an object.

    Args:
        server: the application.
        request: what was asked.
        target: an object with a kind, or a dict.
        flavour: json, xml or python; empty is the page about them.
        session: a cookie that the answer sets.
    """
    more = pages.core(server.pages.session)
    if session:
        more["Set-Cookie"] = f"JSESSIONID={session}; Path=/; HttpOnly"
    if not flavour:
        said = "<h1>REST API</h1><p>Many objects of Jenkins provide the remote access API. They are available at "
        return server.pages.page(200, said + "<code>/.../api/</code></p>")
    if request.get("jsonp"):
        return pages.jetty(403, "jsonp forbidden; implement jenkins.security.SecureRequester", request)
    try:
        pruner = _pruner(request)
    except (BadTree, ValueError):
        return server.pages.oops()
    value = shown(target, pruner, request)
    if flavour == "json":
        body = as_json(value, request.get("pretty") == "true")
        return Reply(200, {**more, "Content-Type": pages.JSON}, body.encode())
    if flavour == "python":
        return Reply(200, {**more, "Content-Type": "text/x-python;charset=UTF-8"}, as_python(value).encode())
    if flavour == "xml":
        return _xml(request, as_xml(value), more)
    return server.pages.not_found()


def _pruner(request: Request) -> Any:
    text = request.get("tree")
    if text is None:
        return Depth(1 - int(request.get("depth") or 0))
    found = _TREES.get(text)
    if found is None:
        if len(_TREES) > 500:
            _TREES.clear()
        found = _TREES[text] = parse_tree(text)
    return found


def _xml(request: Request, text: str, more: dict[str, str]) -> Reply:
    kind = "application/xml;charset=UTF-8"
    path, wrapper = request.get("xpath"), request.get("wrapper")
    for excluded in request.all("exclude"):
        text = _without(text, excluded)
    if path is None:
        return Reply(200, {**more, "Content-Type": kind}, text.encode())
    root = ElementTree.fromstring(f"<top>{text}</top>")
    if match := re.fullmatch(r"concat\((.*)\)", path):
        parts = [part.strip() for part in match[1].split(",")]
        said = "".join(part[1:-1] if part[0] in "\"'" else root.findtext("." + part) or "" for part in parts)
        return Reply(200, {**more, "Content-Type": "text/plain;charset=utf-8"}, said.encode())
    try:
        found = root.findall("." + path if path.startswith("//") else f".{path}")
    except SyntaxError:
        found = []
    if wrapper:
        inside = "".join(_written(each) for each in found)
        return Reply(200, {**more, "Content-Type": kind}, f"<{wrapper}>{inside}</{wrapper}>".encode())
    if not found:
        return Reply(404, more, f"XPath {path} didn?t match".encode())
    return Reply(200, {**more, "Content-Type": kind}, _written(found[0]).encode())


def _written(element: ElementTree.Element) -> str:
    element.tail = None
    return ElementTree.tostring(element, encoding="unicode")


def _without(text: str, path: str) -> str:
    root = ElementTree.fromstring(text)
    excluded = set(root.findall("." + path))
    for parent in root.iter():
        for child in list(parent):
            if child in excluded:
                parent.remove(child)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}'
