"""What stands at the root of the server, by the first part of the path."""

from typing import Any

from tests.fakes.jenkins import (
    api,
    credential_places,
    item_places,
    node_places,
    recorded_answers,
    system_places,
    validator_places,
    view_places,
    webhook_places,
)
from tests.fakes.jenkins.application import Handler
from tests.fakes.jenkins.messages import Reply, Request


def _root(server: Any, request: Request, rest: list[str]) -> Reply:
    return server.pages.page(200, "<h1>Welcome to Jenkins!</h1>")


def _api(server: Any, request: Request, rest: list[str]) -> Reply:
    return api.answer(server, request, server.root, rest[0] if rest else "")


def _of_root(handler: Any) -> Handler:
    return lambda server, request, rest: handler(request, server.root, rest)


AT_ROOT: dict[str, Handler] = {
    "": _root,
    "api": _api,
    "createItem": _of_root(item_places.create),
    "checkJobName": _of_root(item_places.check),
    "createView": _of_root(view_places.create),
    "view": _of_root(view_places.answer),
    "credentials": _of_root(credential_places.answer),
    "descriptorByName": _of_root(view_places.descriptor),
    "whoAmI": system_places.who_am_i,
    "me": system_places.me,
    "user": system_places.user,
    "login": system_places.login,
    "crumbIssuer": system_places.crumb_issuer,
    "pluginManager": system_places.plugin_manager,
    "queue": system_places.queue,
    "quietDown": system_places.quiet_down,
    "cancelQuietDown": system_places.cancel_quiet_down,
    "safeRestart": system_places.safe_restart,
    "overallLoad": system_places.overall_load,
    "lockable-resources": system_places.lockable_resources,
    "computer": node_places.answer,
    "label": node_places.label,
    "generic-webhook-trigger": webhook_places.answer,
    "pipeline-model-converter": validator_places.answer,
    "scriptText": recorded_answers.script_text,
}
