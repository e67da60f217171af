"""What a look at a version's requests comes to: column by column, against the training data and against the version before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml import names
from jenkins_ml.core.drift.distances import MEASURES, total_variation
from jenkins_ml.core.drift.moved import Counted, log_evidence
from jenkins_ml.core.drift.summary import columns, comparable
from jenkins_ml.core.live_metrics import LiveMetric
from jenkins_ml.core.samples import Sample
from jenkins_ml.records import ColumnSummary, Summary

Against = Literal["training", "stable"]
# Each comparison has this part of the false alarms that are allowed; the first is what matters most.
SHARE: Final[Mapping[Against, float]] = {"training": 0.8, "stable": 0.2}


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """What was asked from the beginning of a chapter of a version's life until now."""

    number: int
    summary: Summary


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found about one column.

    Args:
        feature: its name; "prediction" for what the version answers.
        against: what it was compared with.
        drifted: whether it has moved by more than the tolerance; false with the confidence that the configuration asks for.
        evidence: logarithm (base 10) of the e-value; -inf for none.
        needed: how large that must be.
        moved: share of values that are in another cell now, net, as seen.
        distances: by measure, see `distances`.
        rows: how many there were; `reference` of what it is compared with.
        missing, missing_before: share of NaN, of empty texts.
        low, high, low_before, high_before: the least and the greatest number; None where there are none.
    """

    feature: str
    against: Against
    drifted: bool
    evidence: float
    needed: float
    moved: float
    distances: Mapping[str, float]
    rows: int
    reference: int
    missing: float
    missing_before: float
    low: float | None = None
    high: float | None = None
    low_before: float | None = None
    high_before: float | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found about a version.

    Args:
        version: which.
        rows: that it was asked, as far as servers have summarised them.
        findings: of each column and comparison; those that have drifted first, the strongest evidence first.
        missing: why something was not compared, one sentence each.
        accuracy: as estimated without labels; None where it cannot be.
    """

    version: int
    rows: int = 0
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    accuracy: LiveMetric | None = None

    @property
    def compared_with(self) -> tuple[Against, ...]:
        """What there was to compare with."""
        return tuple(dict.fromkeys(finding.against for finding in self.findings))

    @property
    def drifted(self) -> tuple[Finding, ...]:
        """What has moved."""
        return tuple(finding for finding in self.findings if finding.drifted)


def compared(
    reference: Summary,
    chapters: Sequence[Chapter],
    recent: Summary,
    against: Against,
    *,
    false_alarm_rate: float,
    tolerance: float,
) -> tuple[Finding, ...]:
    """Hold what a version was asked against a reference, column by column.

    Args:
        reference: of the training data, or what the version before was asked.
        chapters: what the test rests on; what was asked since each began, until now.
        recent: what the distances are of.
        against: which of the two the reference is.
        false_alarm_rate: how likely a column is ever called drifted that has not, over both comparisons, all columns and all looks.
        tolerance: the share of values that may have moved, net.

    Returns:
        The columns that are counted in the same cells in both, in their order.
    """
    before, now = columns(reference), columns(recent)
    both = [name for name, column in now.items() if name in before and comparable(column, before[name])]
    parts = [(chapter.number, columns(chapter.summary)) for chapter in chapters]
    needed = math.log(len(both) / (false_alarm_rate * SHARE[against])) if both else 0.0
    found = []
    for name in both:
        counted = [Counted(chapter=number, counts=of[name].counts) for number, of in parts]
        evidence = log_evidence(before[name], counted, tolerance)
        found.append(_finding(before[name], now[name], against, evidence, needed))
    return tuple(found)


def samples(findings: Findings) -> tuple[Sample, ...]:
    """What Prometheus gets of a look; the model and the environment are labels of all that a look reports."""
    return tuple(sample for finding in findings.findings for sample in _samples(finding, str(findings.version)))


def _samples(finding: Finding, version: str) -> Iterator[Sample]:
    labels = {"version": version, "feature": finding.feature, "against": finding.against}
    yield Sample(names.METRIC_DRIFT_DETECTED, float(finding.drifted), labels)
    for measure, value in finding.distances.items():
        yield Sample(names.METRIC_DRIFT_DISTANCE, value, {**labels, "measure": measure})


def _finding(before: ColumnSummary, now: ColumnSummary, against: Against, evidence: float, needed: float) -> Finding:
    rows, reference = sum(now.counts), sum(before.counts)
    return Finding(
        feature=now.name,
        against=against,
        drifted=evidence >= needed,
        evidence=evidence / math.log(10),
        needed=needed / math.log(10),
        moved=total_variation(before.counts, now.counts) if rows and reference else 0.0,
        distances={name: measure(before.counts, now.counts) for name, measure in MEASURES.items()} if rows else {},
        rows=rows,
        reference=reference,
        missing=now.counts[-1] / max(rows, 1),
        missing_before=before.counts[-1] / max(reference, 1),
        low=now.low,
        high=now.high,
        low_before=before.low,
        high_before=before.high,
    )
