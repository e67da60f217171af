"""What stands at the root: who somebody is, crumbs, plugins, the queue, quieting down, restarting."""

from typing import Any

from tests.fakes.jenkins import api, pages
from tests.fakes.jenkins.application import need, need_post
from tests.fakes.jenkins.messages import Reply, Request


def who_am_i(server: Any, request: Request, rest: list[str]) -> Reply:
    anonymous = request.user is server.security.anonymous
    shown = {
        "_class": "hudson.security.WhoAmI",
        "anonymous": anonymous,
        "authenticated": True,
        "authorities": ["anonymous" if anonymous else "authenticated"],
        "name": request.user.name,
    }
    return api.answer(server, request, shown, rest[1] if len(rest) > 1 else "")


def _user(server: Any, user: Any) -> dict[str, Any]:
    return {
        "_class": "hudson.model.User",
        "absoluteUrl": f"{server.url}user/{user.name}",
        "description": None,
        "fullName": user.full_name,
        "id": user.name,
        "property": [],
    }


def me(server: Any, request: Request, rest: list[str]) -> Reply:
    return api.answer(server, request, _user(server, request.user), rest[1] if len(rest) > 1 else "")


def user(server: Any, request: Request, rest: list[str]) -> Reply:
    found = server.security.users.get(rest[0]) if rest else None
    if found is None:
        return server.pages.not_found()
    return api.answer(server, request, _user(server, found), rest[2] if len(rest) > 2 else "")


def login(server: Any, request: Request, rest: list[str]) -> Reply:
    return server.pages.page(200, "<section><h1>Sign in to Jenkins</h1></section>")


def crumb_issuer(server: Any, request: Request, rest: list[str]) -> Reply:
    if not server.security.csrf:
        return server.pages.not_found()
    new = None
    if not request.session:
        new = request.session = server.security.new_session()
    shown = {
        "_class": "hudson.security.csrf.DefaultCrumbIssuer",
        "crumb": server.security.crumb(request.user, request.session),
        "crumbRequestField": "Jenkins-Crumb",
    }
    return api.answer(server, request, shown, rest[1] if len(rest) > 1 else "", session=new)


def plugin_manager(server: Any, request: Request, rest: list[str]) -> Reply:
    need(request, "Overall/Administer")
    listed = [
        {"active": True, "enabled": True, "hasUpdate": False, "longName": name, "shortName": name, "version": version}
        for name, version in server.plugins.items()
    ]
    deep = request.get("tree") is not None or int(request.get("depth") or 0) > 0
    shown = {"_class": "hudson.LocalPluginManager", "plugins": listed if deep else [{} for _ in listed]}
    return api.answer(server, request, shown, rest[1] if len(rest) > 1 else "")


def queue(server: Any, request: Request, rest: list[str]) -> Reply:
    what = rest[0] if rest else ""
    if what == "api":
        shown = [server.queue.shown(each) for each in server.queue.listed()]
        whole = {"_class": "hudson.model.Queue", "discoverableItems": [], "items": shown}
        return api.answer(server, request, whole, rest[1] if len(rest) > 1 else "")
    if what == "cancelItem":
        need_post(request)
        text = request.get("id") or ""
        return _cancel(server, request, int(text) if text.isdigit() else 0)
    if what == "item" and len(rest) >= 3 and rest[1].isdigit():
        item = server.queue.find(int(rest[1]))
        if item is None:
            return server.pages.not_found()
        if rest[2] == "cancelQueue":
            need_post(request)
            return _cancel(server, request, item.id)
        if rest[2] == "api":
            return api.answer(server, request, server.queue.shown(item), rest[3] if len(rest) > 3 else "")
    return server.pages.not_found()


def _cancel(server: Any, request: Request, number: int) -> Reply:
    item = server.queue.find(number)
    if item is None:
        return server.pages.oops(404)
    job = item.task or item.node_of.job
    if not server.security.may(request.user, "Job/Cancel", job):
        return server.pages.oops(422)
    if item.left is not None:
        return server.pages.oops()
    server.queue.leave(item, server.now(), cancelled=True)
    return pages.done(204)


def quiet_down(server: Any, request: Request, rest: list[str]) -> Reply:
    need_post(request)
    need(request, "Overall/Administer")
    server.quiet_down(request.get("message"))
    return pages.redirect("/")


def cancel_quiet_down(server: Any, request: Request, rest: list[str]) -> Reply:
    need_post(request)
    need(request, "Overall/Administer")
    server.cancel_quiet_down()
    return pages.redirect("/")


def safe_restart(server: Any, request: Request, rest: list[str]) -> Reply:
    need(request, "Overall/Administer")
    if request.method != "POST":
        said = (
            "Jenkins will try to pause jobs and restart once all running jobs are either finished or paused. "
            "(Pipeline builds may prevent Jenkins from restarting for a short period of time.)"
        )
        return server.pages.page(200, f"<h1> Safe restart </h1><p>{said}</p>")
    server.restart()
    return pages.redirect("/")


def overall_load(server: Any, request: Request, rest: list[str]) -> Reply:
    least = {"latest": float(bool(server.queue.items)) * 0.6513217}
    shown = {"_class": "hudson.model.OverallLoadStatistics", "queueLength": {"min": least}}
    return api.answer(server, request, shown, rest[1] if len(rest) > 1 else "")


def lockable_resources(server: Any, request: Request, rest: list[str]) -> Reply:
    shown = {"_class": "org.jenkins.plugins.lockableresources.actions.LockableResourcesRootAction", "resources": []}
    return api.answer(server, request, shown, rest[1] if len(rest) > 1 else "")
