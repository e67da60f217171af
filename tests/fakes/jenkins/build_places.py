"""Starting builds, and what stands below a build."""

import html
import re
import time
from typing import Any

from tests.fakes.jenkins import api, artifact_places, pages, parameters, workflow_places
from tests.fakes.jenkins.application import need, need_found, need_post
from tests.fakes.jenkins.builds import Run
from tests.fakes.jenkins.console import visible
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Answered, Reply, Request
from tests.fakes.jenkins.parameters import BadValue

_UNITS = {"": 0.001, "s": 1, "sec": 1, "secs": 1, "min": 60, "mins": 60, "ms": 0.001}


def _allowed(request: Request, job: Item) -> None:
    if not _by_remote_token(request, job):
        if request.method != "POST":
            raise Answered(request.server.pages.build_needs_post())
        need(request, "Job/Build", job)
    if job.disabled or job.held:
        raise Answered(request.server.pages.oops(409))


def _by_remote_token(request: Request, job: Item) -> bool:
    """A job may have a token of its own, with which whoever sees it may build it."""
    own = job.read.text_of("authToken")
    return bool(own) and request.get("token") == own


def _delay(request: Request, job: Item) -> float:
    text = request.get("delay")
    if text is None:
        own = job.read.text_of("quietPeriod")
        return float(own) if own else request.server.quiet_period
    match = re.fullmatch(r"(\d+)(\w*)", text)
    if not match or match[2] not in _UNITS:
        raise Answered(request.server.pages.oops())
    return int(match[1]) * _UNITS[match[2]]


def _cause(request: Request, job: Item) -> dict[str, Any]:
    user = request.user
    if _by_remote_token(request, job):
        note = f" with note: {cause}" if (cause := request.get("cause")) else ""
        return {
            "_class": "hudson.model.Cause$RemoteCause",
            "shortDescription": f"Started by remote host 127.0.0.1{note}",
        }
    said = {"_class": "hudson.model.Cause$UserIdCause", "shortDescription": f"Started by user {user.full_name}"}
    return said | {"userId": user.name, "userName": user.full_name}


def build(request: Request, job: Item, _: list[str]) -> Reply:
    """…/build"""
    _allowed(request, job)
    server = request.server
    if parameters.definitions(job):
        if request.json is None:
            return pages.jetty(400, "This page expects a form submission", request)
        try:
            values = parameters.submitted(job, request.json)
        except BadValue:
            return server.pages.oops()
        server.queue.add(job, _delay(request, job), values, _cause(request, job))
        return Reply(201, {"X-Content-Type-Options": "nosniff", "Location": server.url + job.path})
    item, _new = server.queue.add(job, _delay(request, job), [], _cause(request, job))
    return pages.redirect(f"{server.url}queue/item/{item.id}/", 201)


def build_with_parameters(request: Request, job: Item, _: list[str]) -> Reply:
    """…/buildWithParameters"""
    _allowed(request, job)
    server = request.server
    if not parameters.definitions(job):
        return server.pages.oops()
    try:
        values = parameters.given(job, request)
    except BadValue:
        return server.pages.oops()
    item, new = server.queue.add(job, _delay(request, job), values, _cause(request, job))
    return pages.redirect(f"{server.url}queue/item/{item.id}/", 201 if new else 303)


def answer(request: Request, run: Run, rest: list[str]) -> Reply:
    """What stands at a build."""
    if not rest:
        if not request.raw_path.endswith("/"):
            return pages.redirect(f"{request.raw_path}/")
        return request.server.pages.page(200, f"<h1>{run.display_name}</h1>")
    if rest[0] == "api":
        return api.answer(request.server, request, run, rest[1] if len(rest) > 1 else "")
    handler = need_found(_PLACES.get(rest[0]), request)
    return handler(request, run, rest[1:])


def _interrupt(how: str) -> Any:
    def handler(request: Request, run: Run, _: list[str]) -> Reply:
        need_post(request)
        need(request, "Job/Cancel", run.job)
        request.server.interrupt(run, how, request.user.name)
        return pages.redirect(f"/{run.path}")

    return handler


def _log_text(request: Request, run: Run, rest: list[str]) -> Reply:
    """progressiveText and progressiveHtml: offsets are those of the raw log."""
    flavour = rest[0] if rest else ""
    if flavour not in ("progressiveText", "progressiveHtml"):
        return request.server.pages.not_found()
    raw = run.log.raw(request.server.now())
    text = request.get("start") or "0"
    start = int(text) if re.fullmatch(r"-?\d+", text) else -1
    if start < 0:
        return request.server.pages.oops()
    body = visible(raw[start if start <= len(raw) else 0 :]).replace(b"\n", b"\r\n")  # consoleText does not do that
    more = {"X-Text-Size": str(len(raw))} | ({"X-More-Data": "true"} if run.building else {})
    if flavour == "progressiveHtml":
        text = body.decode("utf-8", "replace").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        user = re.compile(r"^Started by user (\w+)", re.MULTILINE)
        return pages.text(
            user.sub(r"Started by user <a href='/user/\1' class='model-link'>\1</a>", text), pages.HTML, **more
        )
    return pages.text(body, pages.TEXT, **more)


def _console_text(request: Request, run: Run, _: list[str]) -> Reply:
    return pages.text(visible(run.log.raw(request.server.now())))


def _console(request: Request, run: Run, _: list[str]) -> Reply:
    """The page with the log."""
    log = visible(run.log.raw(request.server.now())).decode("utf-8", "replace")
    return request.server.pages.page(200, f"<h1>Console Output</h1><pre>{html.escape(log)}</pre>")


def _delete(request: Request, run: Run, _: list[str]) -> Reply:
    need_post(request)
    need(request, "Run/Delete", run.job)
    if run.building or run.keep:
        return request.server.pages.oops()
    del run.job.runs[run.number]
    return pages.redirect(f"/{run.job.path}")


def _keep(request: Request, run: Run, _: list[str]) -> Reply:
    need_post(request)
    need(request, "Run/Update", run.job)
    run.keep = not run.keep
    return pages.redirect(f"/{run.path}")


def _describe(request: Request, run: Run, _: list[str]) -> Reply:
    need_post(request)
    need(request, "Run/Update", run.job)
    run.description = request.get("description") or ""
    return pages.redirect(f"/{run.path}")


def _configure(request: Request, run: Run, _: list[str]) -> Reply:
    need_post(request)
    need(request, "Run/Update", run.job)
    form = request.json or {}
    run.given_name = form.get("displayName") or None
    run.description = form.get("description") or None
    return pages.redirect(f"/{run.path}")


def _number(request: Request, run: Run, _: list[str]) -> Reply:
    return pages.text(str(run.number), "text/plain;charset=US-ASCII")


def _timestamp(request: Request, run: Run, _: list[str]) -> Reply:
    """The date of a build, in a pattern of SimpleDateFormat as far as its letters stand for numbers."""
    pattern = request.get("format") or "yyyy-MM-dd HH:mm:ss"
    for java, python in (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S")):
        pattern = pattern.replace(java, python)
    return pages.text(time.strftime(pattern, time.gmtime(run.started)), "text/plain;charset=US-ASCII")


def _replay(request: Request, run: Run, _: list[str]) -> Reply:
    need(request, "Job/Build", run.job)
    said = "Allows you to run a Pipeline build again."
    if not request.server.security.may(request.user, "Run/Replay", run.job):
        said += " (Without the Run/Replay permission, you are not permitted to modify the Pipeline script.)"
    return request.server.pages.page(200, f"<h1>Rebuild {run.display_name}</h1><p>{said}</p>")


def _input(request: Request, run: Run, rest: list[str]) -> Reply:
    """input/ID/proceedEmpty, submit and abort."""
    asked = run.does.input
    if not run.asking or asked is None or len(rest) != 2 or rest[0] != asked.id:
        return request.server.pages.not_found()
    need_post(request)
    return workflow_places.decide(request, run, rest[1])


def _test_report(request: Request, run: Run, rest: list[str]) -> Reply:
    report = run.does.test_report
    if report is None or run.building:
        script = "<script id='redirect' data-redirect-url='..' src='/static/0/scripts/redirect.js'></script>"
        head = f"<head><meta http-equiv='refresh' content='1;url=..'/>{script}</head>"
        style = "background-color:white; color:white;"
        said = f"<html>{head}<body style='{style}'>\nNot found\n<!--\n-->\n\n</body></html>"
        return pages.text(said, pages.HTML, 404)
    return api.answer(request.server, request, report, rest[1] if len(rest) > 1 else "")


_PLACES = {
    "stop": _interrupt("stop"),
    "term": _interrupt("term"),
    "kill": _interrupt("kill"),
    "logText": _log_text,
    "console": _console,
    "consoleText": _console_text,
    "doDelete": _delete,
    "toggleLogKeep": _keep,
    "submitDescription": _describe,
    "configSubmit": _configure,
    "buildNumber": _number,
    "buildTimestamp": _timestamp,
    "replay": _replay,
    "input": _input,
    "testReport": _test_report,
    "artifact": artifact_places.answer,
    "wfapi": workflow_places.of_run,
    "execution": workflow_places.of_node,
}
