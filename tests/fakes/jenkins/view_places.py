"""List views, and the checks of forms."""

import html
import re
import time
from typing import Any

from tests.fakes.jenkins import api, cron, dom, pages
from tests.fakes.jenkins.application import need, need_post, refuse
from tests.fakes.jenkins.dom import BadXml, Node
from tests.fakes.jenkins.items import BadName, Item, check_name
from tests.fakes.jenkins.kinds import jobs
from tests.fakes.jenkins.messages import Reply, Request
from tests.fakes.jenkins.recorded_answers import cron_trace


def create(request: Request, folder: Item, _: list[str]) -> Reply:
    """createView"""
    need_post(request)
    need(request, "View/Create", folder)
    name = request.get("name") or ""
    try:
        check_name(name)
        read = dom.parse(request.body.decode()).root
    except BadName as bad:
        return refuse(request, str(bad))
    except (BadXml, UnicodeDecodeError):
        return request.server.pages.oops()
    if name in folder.views:
        return refuse(request, f'A view already exists with the name "{name}"')
    folder.views[name] = read
    return pages.done()


def answer(request: Request, folder: Item, rest: list[str]) -> Reply:
    """view/NAME/…"""
    view = folder.views.get(rest[0]) if rest else None
    if view is None:
        return request.server.pages.not_found()
    what = rest[1] if len(rest) > 1 else ""
    if what == "api":
        shown = {"_class": view.tag, "description": view.text_of("description"), "jobs": _jobs(folder, view, request)}
        shown |= {"name": rest[0], "property": [], "url": f"{request.server.url}{folder.path}view/{rest[0]}/"}
        return api.answer(request.server, request, shown, rest[2] if len(rest) > 2 else "")
    if what == "config.xml":
        return _config(request, view)
    need_post(request)
    if what == "doDelete":
        need(request, "View/Delete", folder)
        del folder.views[rest[0]]
        return pages.redirect(f"/{folder.path}")
    need(request, "View/Configure", folder)
    return _membership(request, folder, view, what)


def _jobs(folder: Item, view: Node, request: Request) -> list[Item]:
    pattern = view.text_of("includeRegex")
    named = view.find("jobNames")
    names = {each.text for each in named.elements} if named else set()
    return [
        each for each in jobs(folder, request) if each.name in names or (pattern and re.fullmatch(pattern, each.name))
    ]


def _config(request: Request, view: Node) -> Reply:
    if request.method == "POST":
        try:
            read = dom.parse(request.body.decode()).root
        except (BadXml, UnicodeDecodeError):
            return request.server.pages.oops()
        view.attributes, view.children = read.attributes, read.children
        return pages.done()
    return pages.text(dom.saved(view, '<?xml version="1.1" encoding="UTF-8"?>\n'), "application/xml")


def _membership(request: Request, folder: Item, view: Node, what: str) -> Reply:
    name = request.get("name") or ""
    if what not in ("addJobToView", "removeJobFromView"):
        return request.server.pages.not_found()
    if folder.child(name) is None:
        return refuse(request, "Query parameter 'name' does not correspond to a known item")
    named = view.find("jobNames")
    if named is None:
        named = dom.node("jobNames")
        view.children.append(named)
    named.children = [each for each in named.elements if each.text != name]
    if what == "addJobToView":
        named.children.append(dom.node("string", name))
    return pages.done()


def descriptor(request: Request, _: Item, rest: list[str]) -> Reply:
    """descriptorByName/CLASS/checkSpec: what a form says about a cron spec."""
    if rest[-1:] != ["checkSpec"]:
        return request.server.pages.not_found()
    spec = request.get("value") or ""
    problem: Any = cron.problem(spec)
    if problem is None:
        before, after = (_long_date(request.server.now() + hours * 3600) for hours in (-12, 12))
        return pages.text(f"<div>Would last have run at {before}; would next run at {after}.</div>", pages.HTML)
    trace = "<br>".join(html.escape(line) for line in cron_trace(problem))
    details = f"<a href='#' class='showDetails'>(show details)</a><pre style='display:none'>{trace}</pre>"
    said = html.escape(f'Invalid input: "{spec}": {problem}')
    return pages.text(f"<div>{said} </div><div>{details}</div>", pages.HTML)


def _long_date(seconds: float) -> str:
    """A date as Java writes it out in full."""
    at = time.gmtime(seconds)
    hour = time.strftime("%I:%M:%S %p", at).lstrip("0")
    return f"{time.strftime('%A, %B', at)} {at.tm_mday}, {at.tm_year} at {hour} Coordinated Universal Time"
