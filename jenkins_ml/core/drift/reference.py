"""The reference of a version: its cells, and what its evaluation split has in each.

The cells are made of some of the first rows, drawn at random, and all other rows are counted. So they are chosen independently of
what is counted in them, and a count errs to neither side: categories that are kept because they were frequent, and counted on
the same rows, would all be counted too often, and anything compared with them would seem to have moved.

Nothing that a row holds is kept but the edges (quantiles of some hundred rows) and those categories that at least
`LEAST_ROWS` of these have: no identifier and no free text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Array, Floats
from jenkins_ml.core.drift import columns
from jenkins_ml.core.drift.summary import MOST, added, empty, lengths, plain, summarised
from jenkins_ml.core.drift.summary import columns as summary_columns
from jenkins_ml.records import ColumnSummary, Summary

BUFFERED: Final = 8192  # rows that are waited for before the cells are made
PART: Final = 1 / 8  # of them that make the cells,
MOST_CHOSEN: Final = (
    256  # and about how many at most: a category that has 5 of these has the default tolerance's share of all
)
QUANTILES: Final = (0.01, *(tenth / 10 for tenth in range(1, 10)), 0.99)
MOST_CATEGORIES: Final = 32
LEAST_ROWS: Final = 5  # that have a category which is kept by name
LEAST_COVERED: Final = (
    0.5  # of the rows whose texts are such categories; else only the lengths of the texts are counted
)
MOST_UNEVEN: Final = 1.5  # times the share of the fullest cell of the reference before: then cells are made anew
_SEED: Final = 8  # the same data makes the same reference


class Reference:
    """Takes the rows of an evaluation split, batch by batch.

    Args:
        before: the reference of the version in production. Its cells are taken where they still fit, so that what the two
            versions are asked can be compared.
    """

    def __init__(self, before: Summary | None = None) -> None:
        self._before = {} if before is None else summary_columns(before)
        self._waiting: list[dict[str, Array]] = []
        self._rows = 0
        self._classes = 0
        self._cells: dict[str, ColumnSummary] = {}  # empty while rows are waited for

    def add(self, inputs: Mapping[str, Array], answer: Array) -> None:
        """Count some rows.

        Args:
            inputs: by name, as the model takes them, each of shape (n, ...).
            answer: what the model answered, shape (n,) or (n, classes).
        """
        batch = columns.of_inputs(inputs)
        predicted = columns.of_answer(answer)
        if predicted is not None:
            batch[columns.PREDICTION], self._classes = predicted
        self._rows += len(answer)
        if self._cells:
            self._count(batch)
            return
        self._waiting.append(batch)
        if self._rows >= BUFFERED:
            self._make_cells()

    def summary(self) -> Summary | None:
        """The summary of all rows but those that made the cells; None where there are too few rows for any."""
        if self._waiting:
            self._make_cells()
        prediction = self._cells.get(columns.PREDICTION)
        inputs = tuple(column for name, column in self._cells.items() if name != columns.PREDICTION)
        some = next(iter(self._cells.values()), None)
        if some is None or not sum(some.counts):
            return None
        return Summary(of="evaluation", rows=sum(some.counts), inputs=inputs, prediction=prediction)

    def _make_cells(self) -> None:
        whole = {name: np.concatenate([batch[name] for batch in self._waiting]) for name in self._waiting[0]}
        self._waiting = []
        chosen = np.random.default_rng(_SEED).random(self._rows) < min(PART, MOST_CHOSEN / self._rows)
        self._cells = {name: self._made(name, values[chosen]) for name, values in whole.items()}
        self._count({name: values[~chosen] for name, values in whole.items()})

    def _made(self, name: str, values: Array) -> ColumnSummary:
        if name == columns.PREDICTION and self._classes:
            categories = tuple(map(str, range(self._classes)))
            return ColumnSummary(name=name, kind="class", categories=categories, counts=(0,) * (self._classes + 2))
        text = values.dtype.kind in "OSU"
        old = self._before.get(name)
        if old is not None and (old.kind in ("text", "length")) == text and _fits(old, values):
            return empty(old)
        return _cells_of_texts(name, values) if text else _cells_of_numbers(name, "number", values)

    def _count(self, batch: Mapping[str, Array]) -> None:
        for name, column in self._cells.items():
            self._cells[name] = added(column, summarised(column, batch[name]))


def _fits(old: ColumnSummary, values: Array) -> bool:
    """Whether the cells of another reference still divide the values; not if one takes much more than it did."""
    if old.kind == "class" or not len(values) or not sum(old.counts):
        return False
    now = summarised(old, values)
    return max(now.counts) / len(values) <= MOST_UNEVEN * max(old.counts) / sum(old.counts)


def _cells_of_numbers(name: str, kind: str, values: Array) -> ColumnSummary:
    edges = _edges(values)
    return ColumnSummary(
        name=name, kind="length" if kind == "length" else "number", edges=edges, counts=(0,) * (len(edges) + 2)
    )


def _edges(values: Array) -> tuple[float, ...]:
    """Quantiles of the finite values; equal ones are one edge."""
    numbers: Floats = values.astype(np.float64)
    with np.errstate(invalid="ignore"):
        finite = numbers[np.abs(numbers) <= MOST]
    if not len(finite):
        return ()
    return tuple(np.unique(np.quantile(finite, QUANTILES, method="inverted_cdf")).tolist())


def _cells_of_texts(name: str, values: Array) -> ColumnSummary:
    counted = Counter(map(plain, values))
    none = counted.pop("", 0)
    kept = [text for text, rows in counted.most_common(MOST_CATEGORIES) if rows >= LEAST_ROWS]
    if sum(counted[text] for text in kept) + none < LEAST_COVERED * max(len(values), 1):
        return _cells_of_numbers(name, "length", lengths(values))
    return ColumnSummary(name=name, kind="text", categories=tuple(kept), counts=(0,) * (len(kept) + 2))
