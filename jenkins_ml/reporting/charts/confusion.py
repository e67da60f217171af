"""Confusion matrices as heat maps."""

from __future__ import annotations

from typing import Final

from jenkins_ml.reporting.charts.picture import Picture
from jenkins_ml.reporting.data import Confusion
from jenkins_ml.reporting.svg import ACCENT, ALARM, GRID, INK, Drawing, mix, ticks

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


def draw(whose: str, matrix: Confusion) -> Picture:
    """A heat map of a confusion matrix, each row coloured by its shares: blue on the diagonal, red-brown beside it.

    Args:
        whose: "candidate", or the name of the other.
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
    digits = max(len(f"{count:,}") for row in matrix for count in row)
    font = min(13, (size - 4) / (0.62 * digits))
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            if not count:
                continue
            colour = ink(_strength(count, sum(counts)))
            x, y = left + (column + 0.5) * size, top + (row + 0.5) * size + font / 3
            drawing.text(x, y, f"{count:,}", anchor="middle", colour=colour, size=font)


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
    told = f"{correct:,} of {total:,} examples in {len(matrix)} classes predicted correctly{share}"
    errors = ", ".join(f"{true} as {predicted} ({count:,})" for true, predicted, count in most_confused(matrix, 5))
    return f"{told}; most frequent errors: {errors}" if errors else told
