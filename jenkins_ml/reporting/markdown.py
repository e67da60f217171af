"""A decision as Markdown (GitHub's and GitLab's kind), for a pull request."""

from __future__ import annotations

import re
from typing import Final

from jenkins_ml.records import Condition, Decision
from jenkins_ml.reporting.text import interval, number, one_line

_MARKUP: Final = re.compile(r"[\\`*_\[\]<>|~#&$!]|:(?=//)|(?<=www)\.")


def escape(text: str) -> str:
    """Text that Markdown shows as it is, in one line: no markup, HTML, links or table borders; @ calls nobody."""
    # No backslash keeps a name after @ from being called; a blank of no width does.
    return _MARKUP.sub(r"\\\g<0>", one_line(text)).replace("@", "@\u200b")


def summary(decision: Decision) -> str:
    """The verdict and a table of the conditions."""
    against = "no version" if decision.baseline is None else f"version {decision.baseline.version}"
    lines = [
        f"### {escape(decision.model)} version {decision.candidate.version}: {decision.verdict}",
        "",
        f"**{decision.verdict}**: {escape(decision.summary)}",
        "",
    ]
    if decision.conditions:
        lines += [
            "| condition | outcome | candidate | production | limit | interval | examples | reason |",
            "|---|---|---:|---:|---:|---|---:|---|",
            *map(_row, decision.conditions),
            "",
        ]
    lines += [
        f"{decision.count} examples, confidence {number(decision.confidence)}, against {against} in "
        f"{escape(decision.environment)}; run {escape(decision.run)}",
    ]
    return "\n".join(lines) + "\n"


def _row(condition: Condition) -> str:
    outcome = condition.outcome if condition.outcome == "passed" else f"**{condition.outcome}**"
    cells = (
        escape(condition.name),
        outcome,
        number(condition.candidate),
        number(condition.baseline),
        number(condition.limit),
        interval(condition.low, condition.high),
        str(condition.count),
        escape(condition.reason),
    )
    return f"| {' | '.join(cells)} |"
