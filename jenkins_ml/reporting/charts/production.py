"""Candidate against production, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence

from jenkins_ml.records import Number
from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.differences import Difference
from jenkins_ml.reporting.svg import ACCENT, ALARM, GRID, INK, MUTED, Drawing, drawable, known, label, mix, place, ticks
from jenkins_ml.reporting.text import NAME, counted, interval, number, one_line


def draw(compared: Sequence[Difference], other: str) -> Picture:
    """One row a difference, each on its own scale: dot, interval, zero, and the margin with what lies beyond it.

    Args:
        compared: what is drawn, from top to bottom.
        other: what stands beside the candidate, such as "production".
    """
    width, row_height, head = 960, 72, 36
    height = head + row_height * len(compared)
    drawing = Drawing(width, height)
    drawing.heading(24, 22, f"Candidate minus {other}")
    drawing.text(width - 24, 22, "dot: difference, bar: interval, shaded: worse than allowed", anchor="end")
    for index, difference in enumerate(compared):
        _draw_difference(drawing, difference, head + index * row_height)
    return Picture(
        title=f"Candidate against {other}",
        description="; ".join(map(_difference_told, compared)),
        width=width,
        height=height,
        svg=drawing.render(),
    )


def _draw_difference(drawing: Drawing, difference: Difference, top: float) -> None:
    left, right, bottom = 300, 912, top + 44
    middle = (top + bottom) / 2
    ends = known((0.0, difference.value, difference.low, difference.high, difference.margin))
    grid = ticks(min(ends), max(ends), 6)

    def at(value: float) -> float:
        return place(value, grid[0], grid[-1], left, right)

    def reached(bound: Number, edge: float) -> float:
        return edge if bound is None or not drawable(bound) else at(bound)

    drawing.heading(24, middle - 10, one_line(difference.name, 38), size=12)
    drawing.text(24, middle + 7, f"{number(difference.candidate)} against {number(difference.production)}")
    drawing.text(24, middle + 23, counted(difference.count, "example"), size=11)
    if difference.margin is not None and drawable(difference.margin):
        edge = at(difference.margin)
        start, end = (edge, right) if difference.lower_is_better else (left, edge)
        drawing.rectangle(start, top + 4, end - start, bottom - top - 4, mix(ALARM, 0.1))
        drawing.line((edge, top + 4), (edge, bottom), ALARM, 1, "4 3")
    drawing.line((left, bottom), (right, bottom), GRID)
    for tick in grid:
        drawing.line((at(tick), bottom), (at(tick), bottom + 4), MUTED)
        drawing.text(at(tick), bottom + 17, label(tick), anchor="middle", size=11)
    drawing.line((at(0), top + 4), (at(0), bottom), INK)
    if difference.low is not None or difference.high is not None:
        start, end = reached(difference.low, left), reached(difference.high, right)
        drawing.line((start, middle), (end, middle), ACCENT, 3)
    drawing.dot(at(difference.value), middle, ACCENT)


def _difference_told(difference: Difference) -> str:
    values = f"{number(difference.candidate)} minus {number(difference.production)} is {number(difference.value)}"
    told = f"{one_line(difference.name, NAME)}: {values}"
    if difference.low is not None or difference.high is not None:
        told += f", interval {interval(difference.low, difference.high)}"
    if difference.margin is not None:
        told += f", margin {number(difference.margin)}"
    return f"{told}, {counted(difference.count, 'example')}"
