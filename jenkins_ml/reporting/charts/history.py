"""What the candidates of the past decisions reached, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jenkins_ml.records import Condition, Decision, Number, Verdict
from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.data import PastDecision
from jenkins_ml.reporting.svg import ALARM, GOOD, GRID, INK, MUTED, OPEN, Drawing, drawable, known, label, place, ticks
from jenkins_ml.reporting.text import NAME, counted, number, one_line

MOST_METRICS: Final = 8
_MOST_DECISIONS: Final = 40  # the latest; more marks than these touch each other
_MOST_LABELS: Final = 10
_WIDTH, _HEIGHT = 480, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 456, 56, 196


@dataclass(frozen=True)
class _Stop:
    """One decision: what its candidate is called on the axis, the metric's value, the verdict."""

    name: str
    value: float
    verdict: Verdict


def draw(decision: Decision, history: Sequence[PastDecision]) -> tuple[Picture, ...]:
    """A small picture for each metric: a mark a decision, the last one being this, and the limits of today as lines.

    Args:
        decision: this one.
        history: earlier ones, oldest first.

    Returns:
        At most `MOST_METRICS`, those with a limit first; none without a past.
    """
    return tuple(
        _picture(metric, stops, _limits(decision, metric))
        for metric in metrics_of(decision)
        if len(stops := _stops(decision, history, metric)) > 1
    )[:MOST_METRICS]


def metrics_of(decision: Decision) -> tuple[str, ...]:
    """The metrics of a decision that have a value: those that a condition is about first."""
    asked = [item.metric for item in decision.conditions if not item.slice]
    names = dict.fromkeys([*asked, *sorted(decision.metrics)])
    return tuple(name for name in names if decision.metrics.get(name) is not None)


def _stops(decision: Decision, history: Sequence[PastDecision], metric: str) -> list[_Stop]:
    this = "this" if decision.candidate is None else str(decision.candidate.version)
    found: list[tuple[str, Number, Verdict]] = [
        (str(past.version), past.metrics.get(metric), past.verdict) for past in history
    ]
    found.append((this, decision.metrics.get(metric), decision.verdict))
    return [_Stop(name, value, verdict) for name, value, verdict in found if value is not None and drawable(value)]


def _limits(decision: Decision, metric: str) -> list[Condition]:
    """What the point value is held against."""
    return [
        item
        for item in decision.conditions
        if item.metric == metric and not item.slice and item.kind in ("min", "max") and known([item.limit])
    ]


def _picture(metric: str, stops: Sequence[_Stop], limits: Sequence[Condition]) -> Picture:
    shown = stops[-_MOST_DECISIONS:]
    bounds = known(item.limit for item in limits)
    values = [*(stop.value for stop in shown), *bounds]
    grid = ticks(min(values), max(values), 4)
    drawing = Drawing(_WIDTH, _HEIGHT)
    drawing.heading(_LEFT, 22, one_line(metric, 40))
    drawing.text(_LEFT, 42, "dot: approved, ring: inconclusive, cross: rejected", size=11)
    for tick in grid:
        y = _height(tick, grid)
        drawing.line((_LEFT, y), (_RIGHT, y), GRID)
        drawing.text(_LEFT - 8, y + 4, label(tick), anchor="end")
    for item, bound in zip(limits, bounds, strict=True):
        y = _height(bound, grid)
        drawing.line((_LEFT, y), (_RIGHT, y), ALARM, 1, "4 3")
        drawing.text(_LEFT + 4, y - 5, f"{item.kind} {number(bound)}", colour=ALARM, size=11)
    at = [(_across(index, len(shown)), _height(stop.value, grid)) for index, stop in enumerate(shown)]
    if len(at) > 1:
        drawing.polyline(at, GRID)
    step = -(-len(shown) // _MOST_LABELS)
    for index, ((x, y), stop) in enumerate(zip(at, shown, strict=True)):
        _mark(drawing, x, y, stop.verdict)
        last = index == len(shown) - 1
        if last or (len(shown) - 1 - index) % step == 0:
            drawing.text(x, _BOTTOM + 18, stop.name, anchor="middle", colour=INK if last else MUTED)
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 36, "candidate", anchor="middle")
    return Picture(
        title=f"{one_line(metric, NAME)} of past decisions",
        description=_told(stops, limits),
        width=_WIDTH,
        height=_HEIGHT,
        svg=drawing.render(),
    )


def _mark(drawing: Drawing, x: float, y: float, verdict: Verdict) -> None:
    if verdict == "approved":
        drawing.dot(x, y, GOOD)
    elif verdict == "inconclusive":
        drawing.ring(x, y, OPEN)
    else:
        drawing.cross(x, y, ALARM)


def _across(index: int, count: int) -> float:
    return place(index, 0, max(count - 1, 1), _LEFT + 16, _RIGHT - 16)


def _height(value: float, grid: Sequence[float]) -> float:
    return place(value, grid[0], grid[-1], _BOTTOM, _TOP)


def _told(stops: Sequence[_Stop], limits: Sequence[Condition]) -> str:
    last = stops[-1]
    before = [f"{number(stop.value)} of {stop.name} {stop.verdict}" for stop in stops[-4:-1]]
    values = [stop.value for stop in stops]
    told = (
        f"{counted(len(stops), 'decision')}, lowest {number(min(values))}, highest {number(max(values))}; "
        f"now {number(last.value)}, {last.verdict}; before it {', '.join(before)}"
    )
    return "; ".join([told, *(f"{item.kind} {number(item.limit)}" for item in limits)])
