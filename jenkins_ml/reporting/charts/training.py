"""Training curves: what a version's metrics were over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.svg import ACCENT, GRID, MUTED, Drawing, Point, drawable, label, place, ticks
from jenkins_ml.reporting.text import number, one_line

_VALIDATION: Final = "val_"
_USUAL_ORDER: Final = ("loss", "accuracy")
_MOST_POINTS: Final = 200  # of one line; a pixel shows no more


def draw(series: Mapping[str, Sequence[float]]) -> tuple[Picture, ...]:
    """One picture a metric: its training and validation values over the epochs.

    Args:
        series: one value an epoch, by Keras' names: "loss" and "val_loss", "accuracy" and "val_accuracy".
    """
    metrics = {name.removeprefix(_VALIDATION) for name, values in series.items() if any(map(drawable, values))}
    usual = [name for name in _USUAL_ORDER if name in metrics]
    return tuple(
        _curve(name, series.get(name, ()), series.get(_VALIDATION + name, ()))
        for name in (*usual, *sorted(metrics.difference(usual)))
    )


def _curve(metric: str, training: Sequence[float], validation: Sequence[float]) -> Picture:
    width, height, left, right, top, bottom = 480, 280, 64, 464, 40, 236
    lines = {"training": _points(training), "validation": _points(validation)}
    values = [y for points in lines.values() for _, y in points]
    epochs = max(len(training), len(validation))
    grid_y = ticks(min(values), max(values))
    grid_x = [tick for tick in ticks(1, epochs) if tick.is_integer() and 1 <= tick <= epochs]
    left_epoch, right_epoch = (1, epochs) if epochs > 1 else (0, 2)

    drawing = Drawing(width, height)
    for tick in grid_y:
        y = place(tick, grid_y[0], grid_y[-1], bottom, top)
        drawing.line((left, y), (right, y), GRID)
        drawing.text(left - 8, y + 4, label(tick), anchor="end")
    for tick in grid_x:
        drawing.text(place(tick, left_epoch, right_epoch, left, right), bottom + 18, label(tick), anchor="middle")
    drawing.text((left + right) / 2, bottom + 36, "epoch", anchor="middle")
    drawing.heading(left, 22, one_line(metric, 28))
    for name, colour, dash, key in (("training", MUTED, "5 4", right - 190), ("validation", ACCENT, "", right - 90)):
        if not lines[name]:
            continue
        at = [
            (place(x, left_epoch, right_epoch, left, right), place(y, grid_y[0], grid_y[-1], bottom, top))
            for x, y in lines[name]
        ]
        if len(at) > 1:
            drawing.polyline(at, colour, dash)
        else:
            drawing.dot(*at[0], colour)
        drawing.line((key, 18), (key + 24, 18), colour, 2, dash)
        drawing.text(key + 30, 22, name)
    told = [_told(name, lines[name]) for name in ("training", "validation") if lines[name]]
    description = f"{epochs} epoch{'s' if epochs > 1 else ''}; {'; '.join(told)}"
    return Picture(title=metric, description=description, width=width, height=height, svg=drawing.render())


def _points(values: Sequence[float]) -> list[Point]:
    """(epoch, value) of what can be drawn; of long training the lowest and highest value of each stretch of epochs."""
    points = [(float(epoch), value) for epoch, value in enumerate(values, 1) if drawable(value)]
    if len(points) <= _MOST_POINTS:
        return points
    stretch = -(-2 * len(points) // _MOST_POINTS)
    thinned: list[Point] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        thinned += sorted({min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])})
    return thinned


def _told(name: str, points: Sequence[Point]) -> str:
    values = [value for _, value in points]
    return (
        f"{name} from {number(values[0])} to {number(values[-1])}, "
        f"lowest {number(min(values))}, highest {number(max(values))}"
    )
