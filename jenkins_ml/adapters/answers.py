"""What is in the answers to predict requests, as far as a canary is judged by it: NaN, and which value was predicted."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

BINS: Final = 10  # for predicted values that are no classes: deciles of what the gate saw
_MOST_CLASSES: Final = 256  # further classes are counted together


@dataclass(frozen=True)
class Content:
    """What one answer holds.

    Args:
        nan: whether there is a NaN or an infinity in it.
        cells: for each example the predicted class, or the bin of the predicted value; empty where neither makes sense.
    """

    nan: bool
    cells: tuple[int, ...]


@dataclass(frozen=True)
class AnswerReader:
    """Reads answers in TensorFlow Serving's row format.

    Args:
        edges: upper bounds of the bins of single values but the last one's, rising.
        output: the output that predictions are taken from, where there are several.
    """

    edges: tuple[float, ...] = ()
    output: str | None = None

    def read(self, body: bytes) -> Content | None:
        """What an answer holds; None when it is no answer to a predict request."""
        try:
            rows = json.loads(body)["predictions"]
            if not isinstance(rows, list):
                return None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        chosen = [row.get(self.output) if isinstance(row, dict) else row for row in rows]
        cells = [cell for value in chosen if (cell := self._cell(value)) is not None]
        return Content(nan=any(map(_not_finite, rows)), cells=tuple(cells) if len(cells) == len(rows) else ())

    def tally(self, contents: Iterable[Content]) -> tuple[int, ...]:
        """How often each class or bin was predicted; as long as the highest that was."""
        counts = Counter(cell for content in contents for cell in content.cells)
        return tuple(counts[cell] for cell in range(max(counts, default=-1) + 1))

    def _cell(self, value: Any) -> int | None:
        if isinstance(value, list):
            if len(value) == 1:
                return self._cell(value[0])
            if not value or not all(isinstance(score, int | float) for score in value):
                return None
            return min(value.index(max(value)), _MOST_CLASSES)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            return None
        return bisect_left(self.edges, value)


def edges(values: Sequence[float]) -> tuple[float, ...]:
    """Deciles of values, as edges of bins; equal ones are one edge."""
    ordered = sorted(value for value in values if math.isfinite(value))
    if not ordered:
        return ()
    return tuple(sorted({ordered[len(ordered) * part // BINS] for part in range(1, BINS)}))


def _not_finite(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_not_finite, value))
    if isinstance(value, dict):
        return any(map(_not_finite, value.values()))
    return isinstance(value, float) and not math.isfinite(value)
