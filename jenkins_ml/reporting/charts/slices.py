"""Candidate minus production, slice by slice: a forest plot for each metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.differences import Difference, SliceFinding
from jenkins_ml.reporting.estimate import Estimate
from jenkins_ml.reporting.svg import (
    ACCENT,
    ALARM,
    GRID,
    INK,
    MUTED,
    OPEN,
    Drawing,
    drawable,
    known,
    label,
    mix,
    place,
    ticks,
)
from jenkins_ml.reporting.text import NAME, counted, number, one_line

MOST_ROWS: Final = 40  # in all pictures together

_WIDTH: Final = 960
_ROW: Final = 24
_LEFT, _RIGHT = 350, 700
_COLOURS: Final = {"failed": ALARM, "inconclusive": OPEN, "warned": OPEN}
_MOST_TOLD: Final = 5


@dataclass(frozen=True)
class _Axis:
    """The values at both ends; what lies beyond is drawn up to the edge."""

    low: float
    high: float

    def at(self, value: float) -> float:
        return place(min(max(value, self.low), self.high), self.low, self.high, _LEFT, _RIGHT)


def draw(findings: Sequence[SliceFinding], other: str) -> tuple[Picture, ...]:
    """A picture for each metric, the metric of the worst slice first.

    Args:
        findings: the worst first; the first `MOST_ROWS` that have a difference are drawn.
        other: what stands beside the candidate, such as "production".
    """
    rows: dict[str, list[Difference]] = {}
    left_out: dict[str, int] = {}
    drawn = 0
    for finding in findings:
        difference, metric = finding.difference, finding.measurement.metric
        if difference is None or not drawable(difference.value):
            continue
        if drawn < MOST_ROWS:
            rows.setdefault(metric, []).append(difference)
            drawn += 1
        else:
            left_out[metric] = left_out.get(metric, 0) + 1
    return tuple(_picture(metric, other, found, left_out.get(metric, 0)) for metric, found in rows.items())


def _picture(metric: str, other: str, rows: Sequence[Difference], left_out: int) -> Picture:
    head, foot = 64, 30
    bottom = head + _ROW * len(rows)
    axis_ticks = _ticks(rows)
    axis = _Axis(axis_ticks[0], axis_ticks[-1])
    drawing = Drawing(_WIDTH, bottom + foot)
    drawing.heading(24, 24, f"{one_line(metric, 40)}: candidate minus {other}")
    drawing.text(_WIDTH - 24, 24, "dot: difference, bar: interval, shaded: worse than allowed", anchor="end")
    drawing.text(24, 50, "slice, worst first" + (f"; {left_out:,} more are in the table" if left_out else ""), size=11)
    drawing.text(_LEFT - 24, 50, "examples", anchor="end", size=11)
    drawing.text(_RIGHT + 24, 50, "difference [interval]", size=11)
    for index, row in enumerate(rows):
        _shade(drawing, axis, row, head + index * _ROW)
    for tick in axis_ticks:
        drawing.line((axis.at(tick), head), (axis.at(tick), bottom + 4), GRID)
        drawing.text(axis.at(tick), bottom + 18, label(tick), anchor="middle", size=11)
    drawing.line((axis.at(0), head), (axis.at(0), bottom), INK)
    for index, row in enumerate(rows):
        _draw_row(drawing, axis, row, head + index * _ROW)
    title = f"{one_line(metric, NAME)} by slice"
    told = [_told(row) for row in rows[:_MOST_TOLD]]
    rest = len(rows) - len(told) + left_out
    description = "; ".join([*told, f"{rest:,} more in the table"] if rest else told)
    return Picture(title=title, description=description, width=_WIDTH, height=drawing.height, svg=drawing.render())


def _shade(drawing: Drawing, axis: _Axis, row: Difference, top: float) -> None:
    """Where the row's margin says that it is too much worse."""
    if row.margin is None or not drawable(row.margin):
        return
    edge = axis.at(row.margin)
    start, end = (edge, _RIGHT) if row.lower_is_better else (_LEFT, edge)
    drawing.rectangle(start, top, end - start, _ROW, mix(ALARM, 0.1))
    drawing.line((edge, top), (edge, top + _ROW), ALARM, 1, "4 3")


def _draw_row(drawing: Drawing, axis: _Axis, row: Difference, top: float) -> None:
    middle = top + _ROW / 2
    colour = ACCENT if row.outcome is None else _COLOURS.get(row.outcome, ACCENT)
    mark = "" if row.outcome not in _COLOURS else f"{row.outcome}: "
    drawing.text(24, middle + 4, one_line(mark + one_line(row.name), 36), colour=INK if not mark else colour)
    drawing.text(_LEFT - 24, middle + 4, f"{row.count:,}", anchor="end")
    if row.low is not None or row.high is not None:
        start = _LEFT if row.low is None else axis.at(row.low)
        end = _RIGHT if row.high is None else axis.at(row.high)
        drawing.line((start, middle), (end, middle), colour, 3)
    drawing.dot(axis.at(row.value), middle, colour)
    drawing.text(_RIGHT + 24, middle + 4, _estimate(row).written(), colour=MUTED)


def _ticks(rows: Sequence[Difference]) -> tuple[float, ...]:
    """An axis that holds every difference, margin and zero; of wide intervals only so much that these stay apart."""
    core = [0.0, *(row.value for row in rows), *known(row.margin for row in rows)]
    bounds = known(end for row in rows for end in (row.low, row.high))
    low, high = min(core), max(core)
    reach = high - low
    if reach == 0:
        return ticks(min([low, *bounds]), max([high, *bounds]), 6)
    return ticks(max(min([low, *bounds]), low - reach), min(max([high, *bounds]), high + reach), 6)


def _estimate(row: Difference) -> Estimate:
    return Estimate(value=row.value, low=row.low, high=row.high)


def _told(row: Difference) -> str:
    told = f"{one_line(row.name, NAME)}: {_estimate(row).written()}, {counted(row.count, 'example')}"
    if row.margin is not None:
        told += f", margin {number(row.margin)}"
    return told if row.outcome is None else f"{told}, {row.outcome}"
