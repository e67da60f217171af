"""Failures that cross from one process to another, as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping

from jenkins_ml.errors import IntegrityError, JenkinsMLError, StageFailed, Unavailable, UsageError


def as_plain(error: JenkinsMLError) -> dict[str, str]:
    """What is passed on of a failure."""
    return {"kind": type(error).__name__, "what": error.what, "next_step": error.next_step}


def from_plain(value: Mapping[str, str]) -> JenkinsMLError:
    """The failure that `as_plain` passed on; of a kind that only the other process knows, a StageFailed."""
    known = {cls.__name__: cls for cls in (IntegrityError, Unavailable, UsageError)}
    return known.get(value["kind"], StageFailed)(value["what"], value["next_step"])
