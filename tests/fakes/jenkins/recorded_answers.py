"""Answers that nothing stands behind: recorded ones for what a test of a client hardly touches."""

from typing import Any

from tests.fakes.jenkins import pages
from tests.fakes.jenkins.application import need, need_post
from tests.fakes.jenkins.messages import Reply, Request

_MISSING = (
    "groovy.lang.MissingMethodException: No signature of method: Script1.nope() is applicable for argument types: () "
    "values: []\nPossible solutions: grep(), grep(java.lang.Object), use([Ljava.lang.Object;), use(java.util.List, "
    "groovy.lang.Closure), use(java.lang.Class, groovy.lang.Closure), sleep(long)\n\tat Script1.run(Script1.groovy:1)\n"
)
_SCRIPTS = {"println 1+1": "2\n", "nope()": _MISSING}


def script_text(server: Any, request: Request, _: list[str]) -> Reply:
    """scriptText: the output of the scripts that were recorded; every other one prints nothing."""
    need_post(request)
    need(request, "Overall/Administer")
    return pages.text(_SCRIPTS.get(request.get("script") or "", ""))


def _step(name: str, key: str, value: str) -> dict[str, Any]:
    return {"name": name, "arguments": [{"key": key, "value": {"isLiteral": True, "value": value}}]}


_BRANCH = {"name": "default", "steps": [_step("echo", "message", "hi")]}
_MODEL = {"pipeline": {"stages": [{"name": "A", "branches": [_BRANCH]}], "agent": {"type": "none"}}}
_TEXT = (
    "pipeline {\n  agent none\n  stages {\n    stage('A') {\n      steps {\n        echo 'hi'\n      }\n    }\n\n  }\n}"
)
MODELS: dict[str, dict[str, Any]] = {
    "toJson": {"result": "success", "json": _MODEL},
    "validateJson": {"result": "success"},
    "toJenkinsfile": {"result": "success", "jenkinsfile": _TEXT},
    "stepsToJson": {"result": "success", "json": [_step("echo", "message", "x"), _step("sh", "script", "y")]},
}
NO_PIPELINE = {
    "result": "failure",
    "errors": [{"location": [], "error": "Missing one or more required properties: 'pipeline'"}],
}


def cron_trace(problem: str) -> list[str]:
    """The stack trace that the form's check of a cron spec shows."""
    return [
        "org.antlr.v4.runtime.InputMismatchException",
        "\tat hudson.scheduler.BaseParser.error(BaseParser.java:131)",
        "\tat hudson.scheduler.BaseParser.rangeCheck(BaseParser.java:125)",
        "\tat hudson.scheduler.CrontabParser.term(CrontabParser.java:418)",
        f"Caused: antlr.ANTLRException: {problem}",
        "\tat jenkins.util.antlr.JenkinsANTLRErrorListener.syntaxError(JenkinsANTLRErrorListener.java:36)",
        "\tat org.antlr.v4.runtime.ProxyErrorListener.syntaxError(ProxyErrorListener.java:41)",
    ]
