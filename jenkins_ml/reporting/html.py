"""The report of a decision: one page, one style sheet and SVG pictures in a folder.

Jenkins serves what builds archive under a content security policy that blocks scripts, styles inside the page and
data: addresses; the page needs none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jenkins_ml.records import Decision, Measurement
from jenkins_ml.reporting import estimate, subject, text
from jenkins_ml.reporting.charts import history
from jenkins_ml.reporting.conditions import lines, tally
from jenkins_ml.reporting.data import PastDecision, ReportData
from jenkins_ml.reporting.differences import worst_first
from jenkins_ml.reporting.figures import figures
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.reporting.lineage import origins
from jenkins_ml.resources import folder

PAGE: Final = "index.html"
STYLE: Final = "style.css"

_LONGEST_NAME: Final = 300  # characters in the page; the decision's record has all of it
_LONGEST_REASON: Final = 2000


def write(directory: Path, data: ReportData) -> Path:
    """Write a report.

    Args:
        directory: where to; made when missing. Files of an earlier report with the same names are replaced.
        data: what it is made from.

    Returns:
        The page, `index.html`, which is written last.

    Raises:
        StageFailed: the folder cannot be written.
    """
    source = folder("templates") / "report"
    templates = Environment(
        loader=FileSystemLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"number": text.number, "count": "{:,}".format, "name": _name, "reason": _reason}
    view = _view(data)
    page = templates.get_template("index.html.j2").render(view)
    for figure in view["figures"].all:
        if figure.picture.svg is not None:
            write_atomically(directory / figure.file, figure.picture.svg)
    write_atomically(directory / STYLE, (source / STYLE).read_text(encoding="utf-8"))
    write_atomically(directory / PAGE, text.printable(page))
    return directory / PAGE


def _view(data: ReportData) -> dict[str, Any]:
    """What the page says, by the names that the template knows."""
    decision = data.decision
    findings = worst_first(decision)
    whole = [_measured(item) for item in decision.measurements if not item.slice]
    sliced = [_measured(finding.measurement, finding.outcome) for finding in findings]
    return {
        "decision": decision,
        "subject": subject.candidate(decision),
        "other": subject.other(decision),
        "against": subject.against(decision),
        "style": STYLE,
        "conditions": lines(decision),
        "tally": tally,
        "measurements": {"overall": whole, "sliced": sliced},
        "figures": figures(data, findings),
        "history": _past(decision, data.history),
        "lineage": () if data.candidate is None else origins(data.candidate, data.baseline),
    }


def _measured(item: Measurement, outcome: str | None = None) -> Mapping[str, Any]:
    """One row of the table of measurements."""
    return {
        "metric": item.metric,
        "slice": item.slice,
        "outcome": outcome,
        "count": item.count,
        "candidate": estimate.candidate_of(item),
        "production": estimate.production_of(item),
        "difference": estimate.difference_of(item),
        "error": item.error,
    }


def _past(decision: Decision, decisions: Sequence[PastDecision]) -> Mapping[str, Any]:
    """The table of earlier decisions, latest first."""
    metrics = history.metrics_of(decision)[: history.MOST_METRICS]
    rows = [
        {
            "version": past.version,
            "created": past.created,
            "verdict": past.verdict,
            "values": [past.metrics.get(name) for name in metrics],
        }
        for past in reversed(decisions)
    ]
    return {"metrics": metrics, "rows": rows}


def _name(name: str) -> str:
    return text.one_line(name, _LONGEST_NAME)


def _reason(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "\u2026"
