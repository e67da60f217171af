"""Precision against recall: how many of those found are right, at every share found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from jenkins_ml.reporting.charts import square
from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.svg import INK, Point
from jenkins_ml.reporting.text import number

if TYPE_CHECKING:
    from jenkins_ml.core.evaluation.curves import Curves  # it imports numpy

_TITLE: Final = "Precision and recall"
_TOLD: Final = (0.5, 0.8, 0.9, 0.95)  # recalls


def draw(versions: Mapping[str, Curves]) -> Picture | None:
    """All versions in one picture, with the share of class 1: the precision of a model that knows nothing.

    Args:
        versions: "candidate", then the other's name -> its curves.

    Returns:
        The picture; None where there is no point.
    """
    lines = {whose: points for whose, curves in versions.items() if (points := square.known(curves.precision_recall))}
    if not lines:
        return None
    drawing = square.frame(_TITLE, "recall", "precision")
    base = _share_of_class_1(versions)
    told = [f"{whose}: {_told(points)}" for whose, points in lines.items()]
    if base is not None:
        drawing.line(square.at((0, base)), square.at((1, base)), INK, 1, "2 4")
        y = square.at((0, base))[1]
        drawing.text(square.LEFT + 6, y - 6 if base < 0.9 else y + 16, f"share of class 1: {number(base, 3)}", size=11)
        told.append(f"share of class 1: {number(base, 4)}")
    for whose in reversed(lines):  # the candidate lies above
        square.line(drawing, whose, lines[whose])
    square.key(drawing, lines)
    return Picture(
        title=_TITLE,
        description="; ".join(told),
        width=square.WIDTH,
        height=drawing.height,
        svg=drawing.render(),
    )


def _share_of_class_1(versions: Mapping[str, Curves]) -> float | None:
    """Of the examples, by the bins that calibration is drawn from: the same examples for every version."""
    for curves in versions.values():
        if count := sum(examples for _, _, examples in curves.calibration):
            return sum(share * examples for _, share, examples in curves.calibration) / count
    return None


def _told(points: Sequence[Point]) -> str:
    found = []
    for recall in _TOLD:
        reached = [precision for share, precision in points if share >= recall]
        if reached:
            found.append(f"{number(max(reached), 4)} at {recall:g}")
    return f"precision {', '.join(found)} recall" if found else "no recall of 0.5"
