"""generic-webhook-trigger/invoke: builds for whoever knows the token."""

import json
import re
from typing import Any

from tests.fakes.jenkins import pages
from tests.fakes.jenkins.builds import Parameter
from tests.fakes.jenkins.dom import Node
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Reply, Request
from tests.fakes.jenkins.understanding import TRIGGERS

_TRIGGER = "org.jenkinsci.plugins.gwt.GenericTrigger"
_NONE = "Did not find any jobs with GenericTrigger configured!\n"
_HOW = (
    "No token was supplied.\nIf you are using a token, you need to pass it like ...trigger/invoke?token=TOKENHERE\n"
    "If you are not using a token, you need to authenticate like http://user:passsword@example.org/generic-webhook...\n"
)


def answer(server: Any, request: Request, rest: list[str]) -> Reply:
    """invoke"""
    if rest != ["invoke"]:
        return server.pages.not_found()
    token = _token(request)
    found = [(job, trigger) for job in server.root.walk() if (trigger := _trigger(job, token)) is not None]
    if not found:
        said = _NONE + ("A token was supplied.\n" if token else _HOW)
        return pages.plain_json({"jobs": None, "message": said}, 404)
    jobs = {job.full_name: _invoke(server, request, job, trigger) for job, trigger in found}
    return pages.plain_json({"jobs": jobs, "message": "Triggered jobs."})


def _token(request: Request) -> str | None:
    given = (
        request.query.get("token", [None])[0] or request.headers.get("token") or request.headers.get("x-gitlab-token")
    )
    bearer = request.headers.get("authorization", "")
    return given or (bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else None)


def _trigger(job: Item, token: str | None) -> Node | None:
    found = job.read.find("properties", TRIGGERS, "triggers", _TRIGGER)
    return found if found is not None and token and found.text_of("token") == token and not job.disabled else None


def _invoke(server: Any, request: Request, job: Item, trigger: Node) -> dict[str, Any]:
    variables = _variables(trigger, request)

    def filled(text: str) -> str:
        return re.sub(r"\$(\w+)", lambda match: variables.get(match[1], match[0]), text)

    expression = trigger.text_of("regexpFilterExpression") or ""
    text = filled(trigger.text_of("regexpFilterText") or "")
    wanted = not expression or re.search(expression, text) is not None
    number = 0
    if wanted:
        said = filled(trigger.text_of("causeString") or "Generic Cause")
        cause = {"_class": "org.jenkinsci.plugins.gwt.GenericCause", "shortDescription": said}
        values = [Parameter("String", name, value) for name, value in variables.items()]
        item, _ = server.queue.add(job, float(job.read.text_of("quietPeriod") or server.quiet_period), values, cause)
        number = item.id
    return {
        "regexpFilterExpression": expression,
        "triggered": wanted,
        "resolvedVariables": variables,
        "regexpFilterText": text,
        "id": number,
        "url": f"queue/item/{number}/" if number else "",
    }


def _variables(trigger: Node, request: Request) -> dict[str, str]:
    try:
        content = json.loads(request.body or b"null")
    except ValueError:
        return {}
    listed = trigger.find("genericVariables")
    found = {}
    for each in listed.elements if listed else []:
        path = (each.text_of("value") or "").removeprefix("$").strip(".")
        # Not recorded: the plugin's author says (its issues 30 and 189) that "$" is the body, as it came.
        value: Any = content if path else (request.body or b"").decode()
        for part in path.split(".") if path else ():
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            found[each.text_of("key") or ""] = value if isinstance(value, str) else json.dumps(value)
    return found
