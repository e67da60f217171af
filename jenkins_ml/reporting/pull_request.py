"""The comment on a pull request: the gate's summary, with a hidden mark by which the next push finds it again."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from jenkins_ml.records import Decision
from jenkins_ml.reporting.markdown import MOST_ROWS, summary

# What the forges still read as a reference after Markdown has taken its backslash: they look at the text that is shown.
# GitHub: #12, GH-12. GitLab: #12, !12, &12, $12, ~bug, %1, ^alert, [vulnerability:1], *iteration:1. Each writes a line
# into the thing that it names.
_REFERENCE: Final = re.compile(r"(\\[#!&$~*\[]|[%^]|\bGH-)(?=\\?[\w\"'{])", re.IGNORECASE)


def marker(subject: str) -> str:
    """The hidden mark of a comment about `subject`, such as the model's name; different for different subjects."""
    return f"<!-- jenkins-ml: {quote(subject, safe=',=')} -->"


def comment(decision: Decision, *, subject: str, commit: str, build_url: str | None, limit: int) -> str:
    """The comment, as Markdown; nothing in the decision can break out of it, call a person or name an issue.

    Args:
        decision: what the gate decided.
        subject: what the comment is about; see `marker`.
        commit: hash of the commit that it is about.
        build_url: where the build can be looked at; None where it has no address.
        limit: the most characters the forge takes. Where it is too long, conditions that passed go first.
    """
    build = f"[This build](<{quote(build_url, safe=_URL_SAFE)}>)" if build_url else "The build"
    end = f"\nCommit `{commit}`. {build} has the whole report.\n"
    rows = MOST_ROWS
    while len(text := f"{marker(subject)}\n{_neutral(summary(decision, rows))}{end}") > limit and rows:
        rows //= 2
    return text


# What has a meaning in an address stays; < > and blanks would end it.
_URL_SAFE: Final = "/:?#[]@!$&'()*+,;=%~"


def _neutral(text: str) -> str:
    return _REFERENCE.sub("\\g<1>\u200b", text)
