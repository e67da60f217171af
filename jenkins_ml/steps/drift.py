"""What `monitor` finds about drift: the summaries of the servers, kept in the store, and held against the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jenkins_ml.adapters.clock import now
from jenkins_ml.config.drift import Drift
from jenkins_ml.core.history import History
from jenkins_ml.core.samples import Sample
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.records import DriftLook, Summary, VersionRef
from jenkins_ml.steps.common import Project

if TYPE_CHECKING:  # NumPy comes with them: only who compares needs it
    from jenkins_ml.adapters.summaries import SummaryStore
    from jenkins_ml.adapters.target import Target
    from jenkins_ml.core.drift.findings import Against, Chapter, Finding, Findings
    from jenkins_ml.core.live_metrics import LiveMetric

RECENT_ROWS: Final = 1000  # that distances are of, at least, where there are so many
MOST_LINES: Final = 5  # about columns that have moved
MOST_CHAPTERS: Final = 32  # that are looked at: the first one, and the last ones
_NO_REFERENCE: Final = "it has no reference: it was trained before there were any; the next training makes one"
_OF: Final = {
    "training": "the data it was evaluated on",
    "stable": "what the version before was asked",
}


@dataclass(frozen=True)
class Told:
    """What a look says about drift, for people, for programs and for Prometheus; nothing where nobody asks."""

    lines: tuple[str, ...] = ()
    told: dict[str, Any] | None = None
    samples: tuple[Sample, ...] = ()
    accuracy: LiveMetric | None = None


def told(project: Project, target: Target, environment: str, history: History, settings: Drift) -> Told:
    """Look at what production was asked and has answered since the last look; see `findings`."""
    from jenkins_ml.core.drift.findings import samples

    found = findings(project, target, environment, history, settings)
    return Told(lines(found), as_json(found), samples(found), found.accuracy)


def findings(project: Project, target: Target, environment: str, history: History, settings: Drift) -> Findings:
    """Look at what production was asked and has answered since the last look; keeps what it was in the store.

    Args:
        project: whose model.
        target: where it is served.
        environment: which one.
        history: of the environment, with a version in production.
        settings: what is asked.
    """
    from jenkins_ml.adapters.summaries import Summarising, SummaryStore
    from jenkins_ml.core.drift.findings import Findings

    production = history.production
    assert production is not None  # noqa: S101 - the caller has looked
    number = production.version
    if not isinstance(target, Summarising):
        return Findings(version=number, missing=("what it is asked is not summarised on this target",))
    store = SummaryStore(project.store, environment)
    try:
        reference = store.reference(number)
        if reference is None:
            return Findings(
                version=number,
                missing=("it has no reference: it was trained before there were any; the next training makes one",),
            )
        servers = target.summaries(number)
        if not servers:
            return Findings(version=number, missing=("its server keeps no summaries: start it anew",))
        looks = store.append(production, servers, now())
        return _found(
            reference, looks, _life(store, history.previous), settings, number, project.config.gate.confidence
        )
    except JenkinsMLError as error:
        return Findings(version=number, missing=(error.what,))


def lines(found: Findings) -> tuple[str, ...]:
    """What a person is told, one sentence each."""
    told = [f"drift: {reason}" for reason in found.missing]
    if found.findings and not found.rows:
        return (*told, "drift: nobody has asked it, so there is nothing to compare")
    for against in found.compared_with:
        of = [finding for finding in found.findings if finding.against == against]
        moved = [finding for finding in of if finding.drifted]
        what = f"{len(moved)} of {len(of)} columns have moved" if moved else "nothing has moved"
        told.append(f"drift: {what}: {found.rows} rows beside {_OF[against]}, {of[0].reference} rows")
        told += [f"drift: {_line(finding)}" for finding in moved[:MOST_LINES]]
        if len(moved) > MOST_LINES:
            told.append(f"drift: and {len(moved) - MOST_LINES} more: jenkins-ml monitor --json has all")
    return tuple(told)


def as_json(found: Findings) -> dict[str, Any]:
    """What programs are told."""
    return {
        "rows": found.rows,
        "drifted": [{"feature": finding.feature, "against": finding.against} for finding in found.drifted],
        "findings": [_finding(finding) for finding in found.findings],
        "missing": list(found.missing),
    }


def _found(
    reference: Summary,
    looks: Sequence[DriftLook],
    before: Summary | None,
    settings: Drift,
    version: int,
    confidence: float,
) -> Findings:
    from jenkins_ml.core.drift.certainty import accuracy
    from jenkins_ml.core.drift.findings import Findings, compared

    chapters = _chapters(looks)
    recent = next(
        (each.summary for each in reversed(chapters) if each.summary.rows >= RECENT_ROWS), chapters[0].summary
    )
    total = looks[-1].total
    references: list[tuple[Against, Summary]] = [("training", reference)]
    missing = []
    if before is not None and before.rows:
        references.append(("stable", before))
    else:
        missing.append("there is nothing that the version before was asked to compare with")
    found = [
        finding
        for against, other in references
        for finding in compared(
            other,
            chapters,
            recent,
            against,
            false_alarm_rate=settings.false_alarm_rate,
            tolerance=settings.tolerance,
        )
    ]
    if before is not None and before.rows and not any(finding.against == "stable" for finding in found):
        missing.append("what the version before was asked is counted in other cells")
    found.sort(key=lambda finding: (not finding.drifted, -finding.evidence, -finding.moved))
    return Findings(
        version=version,
        rows=total.rows,
        findings=tuple(found),
        missing=tuple(missing),
        accuracy=accuracy(reference, recent, confidence),
    )


def _chapters(looks: Sequence[DriftLook]) -> list[Chapter]:
    """What was asked since the beginning of each chapter that is looked at, until now."""
    from jenkins_ml.core.drift.findings import Chapter
    from jenkins_ml.core.drift.summary import later

    total = looks[-1].total
    first = Chapter(number=1, summary=total)
    ends = looks[:-1][-(MOST_CHAPTERS - 1) :]
    return [first, *(Chapter(number=end.chapter + 1, summary=later(total, end.total)) for end in ends)]


def _life(store: SummaryStore, version: VersionRef | None) -> Summary | None:
    looks = () if version is None else store.looks(version)
    return looks[-1].total if looks else None


def _line(finding: Finding) -> str:
    distances = ", ".join(f"{name} {value:.3g}" for name, value in finding.distances.items())
    missing = f"; {finding.missing:.1%} missing, {finding.missing_before:.1%} before" if finding.missing else ""
    return (
        f"{finding.feature} has moved from {_OF[finding.against]}: {finding.moved:.1%} of the values, net ({distances}); "
        f"evidence 10^{finding.evidence:.1f}, 10^{finding.needed:.1f} is enough{missing}"
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "feature": finding.feature,
        "against": finding.against,
        "drifted": finding.drifted,
        "evidence_log10": finding.evidence if math.isfinite(finding.evidence) else None,
        "needed_log10": finding.needed,
        "moved": finding.moved,
        "distances": dict(finding.distances),
        "rows": finding.rows,
        "reference_rows": finding.reference,
        "missing": finding.missing,
        "missing_before": finding.missing_before,
        "range": [finding.low, finding.high],
        "range_before": [finding.low_before, finding.high_before],
    }
