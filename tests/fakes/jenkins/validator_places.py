"""pipeline-model-converter/…: the validator, as far as a missing section or a wrong step goes."""

import re
from typing import Any

from tests.fakes.jenkins import pages
from tests.fakes.jenkins.application import need_post
from tests.fakes.jenkins.messages import Reply, Request
from tests.fakes.jenkins.recorded_answers import MODELS, NO_PIPELINE

_TEXT_STEPS = ("sh", "echo", "bat", "error", "unstable")


def answer(server: Any, request: Request, rest: list[str]) -> Reply:
    """validate (text), validateJenkinsfile (JSON) and the conversions."""
    what = rest[0] if rest else ""
    if what == "validate":
        need_post(request)
        return pages.text(_validated(request.get("jenkinsfile")))
    if what == "validateJenkinsfile":
        need_post(request)
        errors = problems(request.get("jenkinsfile") or "")
        failed = {"result": "failure", "errors": [{"error": error} for error, _ in errors]}
        return pages.plain_json({"status": "ok", "data": failed if errors else {"result": "success"}})
    if what in MODELS:
        need_post(request)
        empty = what == "toJenkinsfile" and "pipeline" not in (request.json or {})
        return pages.plain_json({"status": "ok", "data": NO_PIPELINE if empty else MODELS[what]})
    return server.pages.not_found()


def _validated(text: str | None) -> str:
    if text is None:
        return "No Jenkinsfile specified\n"
    if not re.search(r"\bpipeline\s*\{", text):
        return f"Jenkinsfile content '{text}' did not contain the 'pipeline' step\n"
    errors = problems(text)
    if not errors:
        return "Jenkinsfile successfully validated.\n"
    told = []
    for error, line in errors:
        shown = text.splitlines()[line - 1]
        column = int(re.search(r"column (\d+)", error)[1])  # type: ignore[index]
        told.append(f"WorkflowScript: {line}: {error}\n   {shown}\n   {' ' * (column - 1)}^\n")
    return "Errors encountered validating Jenkinsfile:\n" + "\n".join(told) + "\n"


def problems(text: str) -> list[tuple[str, int]]:
    """What is wrong, and in which line."""
    found = []
    start = re.search(r"\bpipeline\s*\{", text)
    if start is None:
        return [("did not contain the 'pipeline' step @ line 1, column 1.", 1)]
    line = text.count("\n", 0, start.start()) + 1
    top = re.sub(r"\{[^{}]*\}", "", text[start.end() :])
    for _ in range(20):
        top = re.sub(r"\{[^{}]*\}", "", top)
    found += [
        (f'Missing required section "{section}" @ line {line}, column 1.', line)
        for section in ("agent", "stages")
        if not re.search(rf"^\s*{section}\b", top, re.MULTILINE)
    ]
    for number, each in enumerate(text.splitlines(), 1):
        if match := re.fullmatch(rf"\s*(?:{'|'.join(_TEXT_STEPS)})\s+(\d+)\s*", each):
            said = f'Expecting "class java.lang.String" but got "{match[1]}" of type class java.lang.Integer instead'
            found.append((f"{said} @ line {number}, column {match.start(1) + 1}.", number))
    return found
