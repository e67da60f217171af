"""Calibration: whether of the examples with a score of 0.8 about 80 % belong to class 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from jenkins_ml.core.statistics.intervals import proportion
from jenkins_ml.reporting.charts import square
from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.estimate import Estimate
from jenkins_ml.reporting.svg import GRID, INK, Drawing, mix
from jenkins_ml.reporting.text import counted, number

if TYPE_CHECKING:
    from jenkins_ml.core.evaluation.curves import Curves  # it imports numpy

_TITLE: Final = "Calibration"
_STRIP: Final = 48  # pixels below the plot that show how many examples each bin has
_MOST_TOLD: Final = 20  # bins
_ASIDE: Final = 2.5  # pixels: bars of the same bin stand side by side

Bin = tuple[float, float, int]


def draw(versions: Mapping[str, Curves], confidence: float) -> Picture | None:
    """Share of class 1 against mean score, bin by bin, with intervals; below, how many examples each bin has.

    Args:
        versions: "candidate", then the other's name -> its curves.
        confidence: of each bound of an interval, in (0.5, 1).

    Returns:
        The picture; None where no bin has examples.
    """
    bins = {
        whose: found for whose, curves in versions.items() if (found := [b for b in curves.calibration if b[2] > 0])
    }
    if not bins:
        return None
    drawing = square.frame(_TITLE, "mean score", "share of class 1", below=_STRIP)
    drawing.line(square.at((0, 0)), square.at((1, 1)), INK, 1, "2 4")
    most = max(count for found in bins.values() for _, _, count in found)
    for whose in reversed(bins):  # the candidate lies above
        for score, share, count in bins[whose]:
            _draw_bin(drawing, whose, (score, share, count), confidence, most)
    floor = square.BOTTOM + _STRIP
    drawing.line((square.LEFT, floor), (square.RIGHT, floor), GRID)
    drawing.text(square.LEFT - 8, floor, "n", anchor="end")
    square.key(drawing, bins, dots=True)
    told = [f"{whose}: {_told(found, confidence)}" for whose, found in bins.items()]
    return Picture(
        title=_TITLE,
        description=f"{'; '.join(told)}; intervals with {100 * confidence:.4g} % confidence of each bound",
        width=square.WIDTH,
        height=drawing.height,
        svg=drawing.render(),
    )


def _draw_bin(drawing: Drawing, whose: str, item: Bin, confidence: float, most: int) -> None:
    score, share, count = item
    colour = square.colour(whose)
    low, high = _interval(share, count, confidence)
    x, y = square.at((score, share))
    drawing.line(square.at((score, low)), square.at((score, high)), colour, 2)
    square.dot(drawing, whose, (x, y))
    height = max((_STRIP - 12) * count / most, 1)
    aside = -_ASIDE if whose == square.CANDIDATE else _ASIDE
    drawing.rectangle(x + aside - 2, square.BOTTOM + _STRIP - height, 4, height, mix(colour, 0.6))


def _told(bins: list[Bin], confidence: float) -> str:
    found = []
    for score, share, count in bins[:_MOST_TOLD]:
        low, high = _interval(share, count, confidence)
        estimate = Estimate(value=share, low=low, high=high)
        found.append(f"{number(score, 3)} became {estimate.written()} of {count:,}")
    if len(bins) > _MOST_TOLD:
        found.append(f"{len(bins) - _MOST_TOLD} more bins")
    total = sum(count for _, _, count in bins)
    return f"{counted(total, 'example')}, mean score and share of class 1: {', '.join(found)}"


def _interval(share: float, count: int, confidence: float) -> tuple[float, float]:
    """What the share is not below and not above; of weighted examples as if there were so many without weights."""
    found = proportion(round(share * count), count, confidence)
    return found.low, found.high
