"""What a server that has no admin interface says that it was asked: its answer at names.SUMMARY_PATH."""

from __future__ import annotations

import json

from jenkins_ml.adapters.target import Answer
from jenkins_ml.errors import IntegrityError, UsageError
from jenkins_ml.records import ServerSummary, Summary, decode


def check_kept(kind: str) -> None:
    """Make sure that a server summarises its requests.

    Args:
        kind: of server, as `serve.server.kind` has it.

    Raises:
        UsageError: it does not.
    """
    if kind != "jenkins-ml":
        raise UsageError(
            "TensorFlow Serving does not summarise what it is asked",
            "set `serve.server.kind: jenkins-ml` and an image of our server",
        )


def told(server: str, answer: Answer) -> ServerSummary | None:
    """What a server says; None where it says nothing, or something else.

    Args:
        server: its name, which no other one of the version has at the same time.
        answer: of it.
    """
    if answer.status != 200:
        return None
    try:
        said = json.loads(answer.body)
        if said["summary"] is None:
            return None
        summary = decode(Summary, json.dumps(said["summary"]).encode(), f"the summary of {server}")
        return ServerSummary(server=server, since=float(said["since"]), summary=summary)
    except (ValueError, KeyError, TypeError, IntegrityError):
        return None
