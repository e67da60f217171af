"""The stage view (wfapi) and the questions of a build."""

from typing import Any
from urllib.parse import quote

from tests.fakes.jenkins import pages
from tests.fakes.jenkins.application import need_post, refuse
from tests.fakes.jenkins.builds import Run, Stage
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Reply, Request

_STATUS = {"ABORTED": "ABORTED", "FAILURE": "FAILED", "NOT_BUILT": "NOT_EXECUTED"}


def _status(run: Run) -> str:
    if run.asking:
        return "PAUSED_PENDING_INPUT"
    return "IN_PROGRESS" if run.building else _STATUS.get(run.result or "", run.result or "")


def _stage(request: Request, run: Run, stage: Stage, full: bool) -> dict[str, Any]:
    at = f"/{run.path}execution/node/"
    started = int(run.started * 1000)
    took = int(((run.ended or request.server.now()) - run.started) * 1000)
    shown: dict[str, Any] = {
        "_links": {"self": {"href": f"{at}{stage.id}/wfapi/describe"}},
        "id": stage.id,
        "name": stage.name,
        "execNode": "",
        "status": _status(run),
        "startTimeMillis": started,
        "durationMillis": took,
        "pauseDurationMillis": 0,
    }
    if not full:
        return shown
    before, nodes = stage.id, []
    for number, name, argument in stage.steps:
        links = {
            "self": f"{at}{number}/wfapi/describe",
            "log": f"{at}{number}/wfapi/log",
            "console": f"{at}{number}/log",
        }
        node = {"_links": {key: {"href": href} for key, href in links.items()}, "id": number, "name": name}
        node |= {"execNode": "", "status": _status(run)}
        node |= {"parameterDescription": argument} if argument else {}
        node |= {"startTimeMillis": started, "durationMillis": took, "pauseDurationMillis": 0, "parentNodes": [before]}
        nodes.append(node)
        before = number
    return shown | {"stageFlowNodes": nodes}


def _described(request: Request, run: Run, full: bool = False) -> dict[str, Any]:
    at = f"/{run.path}wfapi/"
    links = {"self": {"href": f"{at}describe"}}
    if run.asking:
        links["pendingInputActions"] = {"href": f"{at}pendingInputActions"}
        links["nextPendingInputAction"] = {"href": f"{at}nextPendingInputAction"}
    if not run.building and run.does.artifacts:
        links["artifacts"] = {"href": f"{at}artifacts"}
    end = run.ended if run.ended is not None else request.server.now()
    return {
        "_links": links,
        "id": str(run.number),
        "name": run.display_name,
        "status": _status(run),
        "startTimeMillis": int(run.started * 1000),
        "endTimeMillis": int(end * 1000),
        "durationMillis": int((end - run.started) * 1000),
        "queueDurationMillis": int(run.waited * 1000),
        "pauseDurationMillis": 0,
        "stages": [_stage(request, run, stage, full) for stage in run.does.stages],
    }


def _pending(run: Run) -> dict[str, Any] | None:
    asked = run.does.input
    if not run.asking or asked is None:
        return None
    at = f"/{run.path}"
    kinds = [
        {"type": "StringParameterDefinition", "name": name, "definition": {"defaultVal": value}}
        for name, value in asked.parameters.items()
    ]
    return {
        "id": asked.id,
        "proceedText": asked.ok,
        "message": asked.message,
        "inputs": kinds,
        "proceedUrl": f"{at}wfapi/inputSubmit?inputId={asked.id}",
        "abortUrl": f"{at}input/{asked.id}/abort",
        "redirectApprovalUrl": f"{at}input/",
    }


def _artifacts(run: Run) -> list[dict[str, Any]]:
    files = {} if run.building else run.does.artifacts
    listed = []
    for place, (path, data) in enumerate(files.items(), 1):
        url = quote(path)
        listed.append({"id": f"n{place}", "name": path.rpartition("/")[2], "path": url})
        listed[-1] |= {"url": f"/{run.path}artifact/{url}", "size": len(data)}
    return listed


def of_run(request: Request, run: Run, rest: list[str]) -> Reply:
    """wfapi of a build."""
    what = rest[0] if rest else "describe"
    pending = _pending(run)
    if what == "inputSubmit":
        need_post(request)
        if pending is None or request.get("inputId") != pending["id"]:
            return request.server.pages.not_found()
        reply = decide(request, run, "proceed")
        return pages.done() if reply.status == 302 else reply
    if what == "describe":
        return pages.plain_json(_described(request, run, request.get("fullStages") == "true"))
    answers: dict[str, Any] = {
        "pendingInputActions": [pending] if pending else [],
        "nextPendingInputAction": pending,
        "changesets": [],
        "artifacts": _artifacts(run),
    }
    return pages.plain_json(answers[what]) if what in answers else request.server.pages.not_found()


def of_node(request: Request, run: Run, rest: list[str]) -> Reply:
    """execution/node/N/wfapi/describe"""
    if len(rest) == 4 and (rest[0], rest[2], rest[3]) == ("node", "wfapi", "describe"):
        for stage in run.does.stages:
            if stage.id == rest[1]:
                return pages.plain_json(_stage(request, run, stage, True))
    return request.server.pages.not_found()


def of_job(request: Request, job: Item, rest: list[str]) -> Reply:
    """wfapi of a job."""
    what = rest[0] if rest else "describe"
    if what == "runs":
        return pages.plain_json([_described(request, run) for run in reversed(job.runs.values())])
    if what == "describe":
        at = f"/{job.path}wfapi/"
        links = {"self": {"href": f"{at}describe"}, "runs": {"href": f"{at}runs"}}
        return pages.plain_json({"_links": links, "name": job.name, "runCount": len(job.runs)})
    return request.server.pages.not_found()


def decide(request: Request, run: Run, how: str) -> Reply:
    """Somebody answers a build's question."""
    server = request.server
    if not server.security.may(request.user, "Job/Build", run.job):
        return refuse(request, "You need to have Job/Build permissions to submit this.")
    rejected = how == "abort" or (how == "submit" and request.get("proceed") is None)
    server.decide(run, request.user.name, rejected)
    if how in ("proceedEmpty", "abort"):
        return pages.done()
    return pages.redirect(f"/{run.path}console")
