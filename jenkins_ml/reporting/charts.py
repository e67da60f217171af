"""The three plots of a report: training curves, confusion matrices, candidate against production.

Each is a picture with a text that states its numbers, for those who cannot see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jenkins_ml.core.metrics import LOWER_IS_BETTER
from jenkins_ml.records import Condition, Decision, Number
from jenkins_ml.reporting.data import Confusion
from jenkins_ml.reporting.svg import ACCENT, ALARM, GRID, INK, MUTED, Drawing, Point, drawable, label, place, ticks
from jenkins_ml.reporting.text import interval, number, one_line


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A plot: its title, what it shows in numbers, its size in pixels, the SVG document (None: too large to draw)."""

    title: str
    description: str
    width: int
    height: int
    svg: str | None


# --- training curves -------------------------------------------------------------------------------------------------

_VALIDATION: Final = "val_"
_USUAL_ORDER: Final = ("loss", "accuracy")
_MOST_POINTS: Final = 200  # of one line; a pixel shows no more


def curves(series: Mapping[str, Sequence[float]]) -> tuple[Picture, ...]:
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


# --- confusion matrices ----------------------------------------------------------------------------------------------

# Share of its true class from which a cell is coloured, and how strong the colour is.
_LEVELS: Final = (
    (0.01, 0.08),
    (0.02, 0.16),
    (0.05, 0.26),
    (0.1, 0.38),
    (0.2, 0.5),
    (0.5, 0.62),
    (0.8, 0.88),
    (0.95, 1.0),
)
_STRONG: Final = 0.8  # from here on the ink in a cell is white
_MOST_NUMBERS: Final = 12  # classes; with more, cells are too small for their counts
_MOST_CLASSES: Final = 200  # with more, cells are smaller than pixels


def confusion(whose: str, matrix: Confusion) -> Picture:
    """A heat map of a confusion matrix, each row coloured by its shares: blue on the diagonal, red-brown beside it.

    Args:
        whose: "candidate" or "production".
        matrix: counts; rows are true classes, columns predicted ones.
    """
    title = f"Confusion matrix, {whose}"
    side, left, top = 360, 72, 48
    width, height = left + side + 24, top + side + 92
    svg = None
    if 0 < len(matrix) <= _MOST_CLASSES:
        drawing = Drawing(width, height)
        _draw_cells(drawing, matrix, left, top, side)
        drawing.heading(left, 20, title)
        drawing.text(left + side / 2, top + side + 34, "predicted class", anchor="middle")
        drawing.upright(20, top + side / 2, "true class")
        _draw_key(drawing, left, top + side + 52)
        svg = drawing.render()
    return Picture(title=title, description=_confusion_told(matrix), width=width, height=height, svg=svg)


def _draw_cells(drawing: Drawing, matrix: Confusion, left: float, top: float, side: float) -> None:
    size = side / len(matrix)
    for (_, strength), right_runs, wrong_runs in _runs(matrix):
        for runs, colour in ((right_runs, ACCENT), (wrong_runs, ALARM)):
            if runs:
                drawing.cells(left, top, size, runs, mix(colour, strength))
    corners = ((left, top), (left + side, top), (left + side, top + side), (left, top + side))
    for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        drawing.line(start, end, GRID)
    small = len(matrix) <= _MOST_NUMBERS
    shown = range(len(matrix)) if small else [int(tick) for tick in ticks(0, len(matrix) - 1, 10) if tick < len(matrix)]
    for index in shown:
        middle = (index + 0.5) * size
        drawing.text(left + middle, top + side + 16, str(index), anchor="middle")
        drawing.text(left - 8, top + middle + 4, str(index), anchor="end")
    if small:
        _draw_counts(drawing, matrix, left, top, size)


def _draw_counts(drawing: Drawing, matrix: Confusion, left: float, top: float, size: float) -> None:
    digits = max(len(str(count)) for row in matrix for count in row)
    font = min(13, (size - 4) / (0.62 * digits))
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            if not count:
                continue
            colour = ink(_strength(count, sum(counts)))
            x, y = left + (column + 0.5) * size, top + (row + 0.5) * size + font / 3
            drawing.text(x, y, str(count), anchor="middle", colour=colour, size=font)


Run = tuple[int, int, int]


def _runs(matrix: Confusion) -> list[tuple[tuple[float, float], list[Run], list[Run]]]:
    """For each level its (row, column, count) runs of neighbouring cells: those on the diagonal and those beside it."""
    found: dict[float, tuple[list[Run], list[Run]]] = {strength: ([], []) for _, strength in _LEVELS}
    for row, counts in enumerate(matrix):
        total = sum(counts)
        for column, count in enumerate(counts):
            strength = _strength(count, total)
            if not strength:
                continue
            runs = found[strength][0 if row == column else 1]
            if runs and runs[-1][0] == row and runs[-1][1] + runs[-1][2] == column:
                runs[-1] = (row, runs[-1][1], runs[-1][2] + 1)
            else:
                runs.append((row, column, 1))
    return [(level, *found[level[1]]) for level in _LEVELS]


def _draw_key(drawing: Drawing, left: float, top: float) -> None:
    drawing.text(left, top + 12, "share of the true class")
    for column, (share, strength) in enumerate(_LEVELS):
        x = left + 150 + column * 27
        drawing.rectangle(x, top, 24, 8, mix(ACCENT, strength))
        drawing.rectangle(x, top + 10, 24, 8, mix(ALARM, strength))
        drawing.text(x, top + 32, f"{share:.0%}", size=10)


def _strength(count: int, total: int) -> float:
    return max((strength for share, strength in _LEVELS if total and count / total >= share), default=0.0)


def mix(colour: str, strength: float) -> str:
    """A colour "#rrggbb" thinned with white; 1 is the colour itself."""
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * strength):02x}" for part in parts)


def ink(strength: float) -> str:
    """The colour of text that reads well on a cell of this strength."""
    return "#ffffff" if strength >= _STRONG else INK


def most_confused(matrix: Confusion, count: int) -> tuple[tuple[int, int, int], ...]:
    """The most frequent errors as (true class, predicted class, examples), most frequent first."""
    errors = (
        (row, column, value)
        for row, counts in enumerate(matrix)
        for column, value in enumerate(counts)
        if row != column and value
    )
    return tuple(sorted(errors, key=lambda error: (-error[2], error[0], error[1]))[:count])


def _confusion_told(matrix: Confusion) -> str:
    total = sum(map(sum, matrix))
    correct = sum(counts[row] for row, counts in enumerate(matrix))
    share = f" ({100 * correct / total:.4g} %)" if total else ""
    told = f"{correct} of {total} examples in {len(matrix)} classes predicted correctly{share}"
    errors = ", ".join(f"{true} as {predicted} ({count})" for true, predicted, count in most_confused(matrix, 5))
    return f"{told}; most frequent errors: {errors}" if errors else told


# --- candidate against production ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A metric of the candidate minus production's.

    Args:
        name: of the condition, or of the metric where no condition compares it.
        candidate: the candidate's value.
        production: production's value.
        low, high: the interval of the difference; None where there is none.
        margin: the difference from which on it is too much worse, signed; None without a limit.
        lower_is_better: on which side of the margin too much worse lies.
    """

    name: str
    candidate: float
    production: float
    low: Number = None
    high: Number = None
    margin: Number = None
    lower_is_better: bool = False

    @property
    def value(self) -> float:
        """Candidate minus production."""
        return self.candidate - self.production


def differences(decision: Decision) -> tuple[Difference, ...]:
    """What can be compared with production: each such condition, then each metric that no condition compares."""
    compared = [condition for condition in decision.conditions if condition.kind == "max_regression"]
    found = [difference for condition in compared if (difference := _difference(condition)) is not None]
    named = {condition.metric for condition in compared}
    for metric in sorted(decision.metrics.keys() - named):
        candidate, production = decision.metrics[metric], decision.baseline_metrics.get(metric)
        if candidate is not None and production is not None:
            found.append(Difference(name=metric, candidate=candidate, production=production))
    return tuple(difference for difference in found if drawable(difference.value))


def _difference(condition: Condition) -> Difference | None:
    if condition.candidate is None or condition.baseline is None:
        return None
    lower_is_better = condition.metric in LOWER_IS_BETTER
    return Difference(
        name=condition.name,
        candidate=condition.candidate,
        production=condition.baseline,
        low=condition.low,
        high=condition.high,
        margin=condition.limit if condition.limit is None or lower_is_better else -condition.limit,
        lower_is_better=lower_is_better,
    )


def against_production(compared: Sequence[Difference]) -> Picture:
    """One row a difference, each on its own scale: dot, interval, zero, and the margin with what lies beyond it."""
    width, row_height, head = 960, 72, 36
    height = head + row_height * len(compared)
    drawing = Drawing(width, height)
    drawing.heading(24, 22, "Candidate minus production")
    drawing.text(width - 24, 22, "dot: difference, bar: interval, shaded: worse than allowed", anchor="end")
    for index, difference in enumerate(compared):
        _draw_difference(drawing, difference, head + index * row_height)
    return Picture(
        title="Candidate against production",
        description="; ".join(map(_difference_told, compared)),
        width=width,
        height=height,
        svg=drawing.render(),
    )


def _draw_difference(drawing: Drawing, difference: Difference, top: float) -> None:
    left, right, bottom = 300, 912, top + 44
    middle = (top + bottom) / 2
    ends = (0.0, difference.value, difference.low, difference.high, difference.margin)
    known = [end for end in ends if end is not None]
    grid = ticks(min(known), max(known), 6)

    def at(value: float) -> float:
        return place(value, grid[0], grid[-1], left, right)

    drawing.heading(24, middle - 2, one_line(difference.name, 38), size=12)
    drawing.text(24, middle + 16, f"{number(difference.candidate)} against {number(difference.production)}")
    if difference.margin is not None:
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
        start = left if difference.low is None else at(difference.low)
        end = right if difference.high is None else at(difference.high)
        drawing.line((start, middle), (end, middle), ACCENT, 3)
    drawing.dot(at(difference.value), middle, ACCENT)


def _difference_told(difference: Difference) -> str:
    values = f"{number(difference.candidate)} minus {number(difference.production)} is {number(difference.value)}"
    told = f"{difference.name}: {values}"
    if difference.low is not None or difference.high is not None:
        told += f", interval {interval(difference.low, difference.high)}"
    if difference.margin is not None:
        told += f", margin {number(difference.margin)}"
    return told
