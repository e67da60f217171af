"""A plot whose axes both go from 0 to 1, with a line or marks for each of two versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from jenkins_ml.reporting.svg import ACCENT, GRID, MUTED, Drawing, Point, drawable, label, place

WIDTH: Final = 360
LEFT: Final = 52
RIGHT: Final = 344
TOP: Final = 60
BOTTOM: Final = 352

CANDIDATE: Final = "candidate"
_FIFTHS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_PIXEL: Final = 1.0  # points of a line that lie closer show nothing


def frame(title: str, across: str, upwards: str, below: int = 0) -> Drawing:
    """The grid with the names of its axes.

    Args:
        title: of the plot.
        across: name of the horizontal axis.
        upwards: name of the vertical axis.
        below: how many pixels stay free between the plot and the numbers below it.
    """
    drawing = Drawing(WIDTH, BOTTOM + 48 + below)
    drawing.heading(LEFT, 22, title)
    for tick in _FIFTHS:
        x, y = at((tick, tick))
        drawing.line((LEFT, y), (RIGHT, y), GRID)
        drawing.line((x, TOP), (x, BOTTOM), GRID)
        drawing.text(LEFT - 8, y + 4, label(tick), anchor="end")
        drawing.text(x, BOTTOM + 18 + below, label(tick), anchor="middle")
    drawing.text((LEFT + RIGHT) / 2, BOTTOM + 38 + below, across, anchor="middle")
    drawing.upright(14, (TOP + BOTTOM) / 2, upwards)
    return drawing


def at(point: Point) -> Point:
    """Where a point lies in pixels; what is outside of the square comes to its edge."""
    x, y = (min(max(value, 0.0), 1.0) for value in point)
    return place(x, 0, 1, LEFT, RIGHT), place(y, 0, 1, BOTTOM, TOP)


def line(drawing: Drawing, whose: str, points: Iterable[Point]) -> None:
    """The line of a version."""
    drawing.polyline(_thinned(points), colour(whose), _dash(whose))


def key(drawing: Drawing, versions: Iterable[str], *, dots: bool = False) -> None:
    """Which line, or which dots, are whose."""
    for whose, x in zip(versions, (LEFT, LEFT + 108), strict=False):
        if dots:
            dot(drawing, whose, (x + 16, 40))
        else:
            drawing.line((x, 40), (x + 24, 40), colour(whose), 2, _dash(whose))
        drawing.text(x + 30, 44, whose)


def dot(drawing: Drawing, whose: str, middle: Point) -> None:
    """A version's mark at a place in pixels."""
    if whose == CANDIDATE:
        drawing.dot(*middle, colour(whose))
    else:
        drawing.ring(*middle, colour(whose))


def colour(whose: str) -> str:
    """The candidate's colour, or the other one's."""
    return ACCENT if whose == CANDIDATE else MUTED


def known(points: Iterable[Point]) -> list[Point]:
    """The points that have a place."""
    return [point for point in points if drawable(point[0]) and drawable(point[1])]


def _dash(whose: str) -> str:
    return "" if whose == CANDIDATE else "5 4"


def _thinned(points: Iterable[Point]) -> list[Point]:
    """In pixels, without the points that lie on the one before; the last one stays."""
    kept: list[Point] = []
    last = None
    for x, y in map(at, points):
        last = (x, y)
        if not kept or max(abs(x - kept[-1][0]), abs(y - kept[-1][1])) >= _PIXEL:
            kept.append(last)
    if last is not None and kept[-1] != last:
        kept.append(last)
    return kept
