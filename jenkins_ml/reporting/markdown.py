"""A decision as Markdown (GitHub's and GitLab's kind), for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from jenkins_ml.records import Decision, Measurement
from jenkins_ml.reporting import subject
from jenkins_ml.reporting.conditions import Line, lines, needs_a_look, tally
from jenkins_ml.reporting.differences import worst_first
from jenkins_ml.reporting.estimate import candidate_of, difference_of, production_of
from jenkins_ml.reporting.text import NAME, number, one_line

_MARKUP: Final = re.compile(r"[\\`*_\[\]<>|~#&$!]|:(?=//)|(?<=www)\.")

# A comment on GitHub holds 65,536 characters. With these limits a summary stays below that even where every character
# of every text has to be escaped.
MOST_ROWS: Final = 40
_MOST_MEASUREMENTS: Final = 20
_LONGEST_REASON: Final = 300
_LONGEST_TEXT: Final = 1000


def escape(text: str, limit: int | None = None) -> str:
    """Text that Markdown shows as it is, in one line: no markup, HTML, links or table borders; @ calls nobody."""
    # No backslash keeps a name after @ from being called; a blank of no width does.
    return _MARKUP.sub(r"\\\g<0>", one_line(text, limit)).replace("@", "@\u200b")


def summary(decision: Decision, most_rows: int = MOST_ROWS) -> str:
    """The verdict, a table of the conditions and one of what was measured; below 65,536 characters.

    Args:
        decision: what the gate decided.
        most_rows: how many conditions are listed, those that did not pass first; half as many measurements.
    """
    title = f"{escape(decision.model, NAME)} {escape(subject.candidate(decision))}"
    parts = [
        f"### {title}: {decision.verdict}",
        f"**{decision.verdict}**: {escape(decision.summary, _LONGEST_TEXT)}",
        *_conditions(decision, most_rows),
        *_measurements(decision, min(_MOST_MEASUREMENTS, most_rows // 2)),
        f"{decision.count:,} examples, confidence {number(decision.confidence)} of each bound, against "
        f"{escape(subject.against(decision), NAME * 2)}; run {escape(decision.run, NAME * 2)}",
    ]
    return "\n\n".join(parts) + "\n"


def _conditions(decision: Decision, most: int) -> Iterable[str]:
    found = lines(decision)
    # Conditions about all examples are few; of slices only what did not hold needs a line.
    listed = [*found.overall, *(line for line in found.sliced if needs_a_look(line.condition))]
    shown = listed[:most]
    if shown:
        other = subject.other(decision)
        columns = ("condition", "outcome", "candidate", other, "difference", "limit", "examples", "reason")
        yield _table(columns, "--:::::-", [_condition(line) for line in shown])
    names = {id(line) for line in shown}
    rest = [line.condition for line in (*found.overall, *found.sliced) if id(line) not in names]
    if rest:
        yield f"{len(rest):,} more conditions are in the report: {tally(rest)}."


def _measurements(decision: Decision, most: int) -> Iterable[str]:
    whole = [item for item in decision.measurements if not item.slice]
    slices = [finding.measurement for finding in worst_first(decision)]
    shown = [*whole, *slices][:most]
    if not shown:
        return
    columns = ("metric", "slice", "examples", "candidate", subject.other(decision), "difference")
    yield _table(columns, "--::::", [_measurement(item) for item in shown])
    rest = len(decision.measurements) - len(shown)
    if rest:
        yield f"{rest:,} more measurements are in the report; the worst slices are listed here."


def _table(columns: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> str:
    """A table; `sides` has for each column a colon where its cells stand at the right."""
    rule = "|".join("---:" if side == ":" else "---" for side in sides)
    return "\n".join([f"| {' | '.join(columns)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)])


def _condition(line: Line) -> tuple[str, ...]:
    condition = line.condition
    return (
        escape(condition.name, NAME),
        condition.outcome if condition.outcome == "passed" else f"**{condition.outcome}**",
        line.candidate.written(),
        line.production.written(),
        line.difference.written(),
        number(condition.limit),
        f"{condition.count:,}",
        escape(condition.reason, _LONGEST_REASON),
    )


def _measurement(item: Measurement) -> tuple[str, ...]:
    off = f", off by at most {number(item.error, 2)}" if item.error else ""
    return (
        escape(item.metric, NAME),
        escape(item.slice, NAME),
        f"{item.count:,}",
        candidate_of(item).written() + off,
        production_of(item).written(),
        difference_of(item).written(),
    )
