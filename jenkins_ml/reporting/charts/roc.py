"""ROC curves: what share of each class a version takes for class 1, at every threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from jenkins_ml.reporting.charts import square
from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.svg import INK, Point
from jenkins_ml.reporting.text import number

if TYPE_CHECKING:
    from jenkins_ml.core.evaluation.curves import Curves  # it imports numpy

_TITLE: Final = "ROC"
_TOLD: Final = (0.01, 0.05, 0.1, 0.2)  # false positive rates


def draw(versions: Mapping[str, Curves]) -> Picture | None:
    """All versions in one picture, with the diagonal of a model that knows nothing.

    Args:
        versions: "candidate", then the other's name -> its curves.

    Returns:
        The picture; None where there is no point.
    """
    lines = {whose: points for whose, curves in versions.items() if (points := square.known(curves.roc))}
    if not lines:
        return None
    drawing = square.frame(_TITLE, "false positive rate", "true positive rate")
    drawing.line(square.at((0, 0)), square.at((1, 1)), INK, 1, "2 4")
    for whose in reversed(lines):  # the candidate lies above
        square.line(drawing, whose, lines[whose])
    square.key(drawing, lines)
    return Picture(
        title=_TITLE,
        description="; ".join(f"{whose}: {_told(points)}" for whose, points in lines.items()),
        width=square.WIDTH,
        height=drawing.height,
        svg=drawing.render(),
    )


def _told(points: Sequence[Point]) -> str:
    rates = ", ".join(f"{number(_height(points, rate), 4)} at {rate:g}" for rate in _TOLD)
    return f"true positive rate {rates} false positive rate"


def _height(points: Sequence[Point], across: float) -> float:
    """Where the line crosses a place on the horizontal axis, at its highest."""
    for (left, low), (right, high) in reversed(list(pairwise(points))):
        if left <= across < right:
            return low + (high - low) * (across - left) / (right - left)
    return points[-1][1] if points[-1][0] <= across else points[0][1]
