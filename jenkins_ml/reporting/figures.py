"""Which pictures a report has, and the file that holds each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jenkins_ml.reporting import differences, subject
from jenkins_ml.reporting.charts import (
    calibration,
    confusion,
    history,
    precision_recall,
    production,
    roc,
    slices,
    square,
    training,
)
from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.data import ReportData
from jenkins_ml.reporting.differences import SliceFinding
from jenkins_ml.reporting.svg import drawable


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture and the file of the report that holds it."""

    file: str
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The pictures of each part of a report."""

    production: tuple[Figure, ...]
    slices: tuple[Figure, ...]
    scores: tuple[Figure, ...]
    confusion: tuple[Figure, ...]
    training: tuple[Figure, ...]
    history: tuple[Figure, ...]

    @property
    def all(self) -> tuple[Figure, ...]:
        """Every picture."""
        return (*self.production, *self.slices, *self.scores, *self.confusion, *self.training, *self.history)


def figures(data: ReportData, findings: Iterable[SliceFinding]) -> Figures:
    """Draw everything that there is something to draw of.

    Args:
        data: what the report is made from.
        findings: its slices, the worst first.
    """
    compared = [item for item in differences.overall(data.decision) if drawable(item.value)]
    other = subject.other(data.decision)
    curves = {} if data.candidate is None else data.candidate.curves
    return Figures(
        production=(Figure(file="difference.svg", picture=production.draw(compared, other)),) if compared else (),
        slices=_numbered("slices", slices.draw(tuple(findings), other)),
        scores=_scores(data),
        confusion=_confusion(data),
        training=_numbered("curve", training.draw(curves)),
        history=_numbered("history", history.draw(data.decision, data.history)),
    )


def _numbered(name: str, pictures: Iterable[Picture]) -> tuple[Figure, ...]:
    return tuple(Figure(file=f"{name}-{number}.svg", picture=picture) for number, picture in enumerate(pictures, 1))


def _scores(data: ReportData) -> tuple[Figure, ...]:
    both = {square.CANDIDATE: data.curves, subject.other(data.decision): data.baseline_curves}
    versions = {whose: curves for whose, curves in both.items() if curves is not None}
    pictures = {
        "roc.svg": roc.draw(versions),
        "precision-recall.svg": precision_recall.draw(versions),
        "calibration.svg": calibration.draw(versions, data.decision.confidence),
    }
    return tuple(Figure(file=file, picture=picture) for file, picture in pictures.items() if picture is not None)


def _confusion(data: ReportData) -> tuple[Figure, ...]:
    matrices = {square.CANDIDATE: data.confusion, subject.other(data.decision): data.baseline_confusion}
    return tuple(
        Figure(file=f"confusion-{whose}.svg", picture=confusion.draw(whose, matrix))
        for whose, matrix in matrices.items()
        if matrix is not None
    )
