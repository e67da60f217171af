"""How sure a classifier is of its answers, and how often it is right when it is: counted where labels are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.arrays import Array
from jenkins_ml.core.drift.reference import BUFFERED
from jenkins_ml.core.drift.summary import added, comparable, empty, summarised
from jenkins_ml.core.estimated_accuracy import Floats, Sureness, cells, confidences, estimated
from jenkins_ml.core.live_metrics import LiveMetric
from jenkins_ml.records import ColumnSummary, Summary

NAME: Final = "certainty"


class Certainty:
    """Takes what a version answered on an evaluation split, batch by batch."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Floats, NDArray[np.bool_]]] = []
        self._rows = 0
        self._column: ColumnSummary | None = None
        self._right: NDArray[np.int64] = np.zeros(0, np.int64)
        self._none = False  # it is no classifier

    def add(self, answer: Array, labels: Array) -> None:
        """Count some rows.

        Args:
            answer: scores of shape (n, classes), or of class 1 of shape (n,) or (n, 1).
            labels: shape (n,), or one-hot of shape (n, classes).
        """
        right = None if self._none else judged(answer, labels)
        if right is None:
            self._none = True
            return
        sure = confidences(answer)
        if self._column is not None:
            self._count(sure, right)
            return
        self._waiting.append((sure, right))
        self._rows += len(sure)
        if self._rows >= BUFFERED:
            self._make_cells()

    def added_to(self, summary: Summary) -> Summary:
        """A summary of the same split, with what is known of how sure the version was."""
        if self._waiting and not self._none:
            self._make_cells()
        if self._none or self._column is None:
            return summary
        # The reference has left out the rows that made its cells, and each column has as many values as there are rows.
        return replace(summary, certainty=self._column, right=tuple(self._right.tolist()))

    def _make_cells(self) -> None:
        sure, right = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting = []
        edges = cells(sure)
        if edges is None:
            self._none = True
            return
        self._column = ColumnSummary(name=NAME, kind="number", edges=edges, counts=(0,) * (len(edges) + 2))
        self._right = np.zeros(len(edges) + 1, np.int64)
        self._count(sure, right)

    def _count(self, sure: Floats, right: NDArray[np.bool_]) -> None:
        assert self._column is not None  # noqa: S101 - the caller has looked
        self._column = added(self._column, summarised(empty(self._column), sure))
        hits = summarised(empty(self._column), sure[right])
        self._right += np.asarray(hits.counts[:-1], np.int64)


def accuracy(reference: Summary, asked: Summary, confidence: float) -> LiveMetric | None:
    """How often a version is right, without labels: from how sure it is of what it answers.

    Args:
        reference: of the version.
        asked: what it was asked, and answered.
        confidence: of each bound, in (0.5, 1).

    Returns:
        None for what is no classifier, has answered nothing, or has no such reference.
    """
    column, live = reference.certainty, asked.certainty
    if column is None or live is None or not reference.right or not comparable(column, live):
        return None
    known = Sureness(column.edges, tuple(max(count, 1) for count in column.counts[:-1]), reference.right)
    counts = live.counts[:-1]
    found = estimated(known, counts, confidence)
    if found is None:
        return None
    return LiveMetric(
        name="accuracy", source="estimate", value=found.point, low=found.low, high=found.high, count=sum(counts)
    )


def judged(answer: Array, labels: Array) -> NDArray[np.bool_] | None:
    """Whether each answer of a classifier was right, by its most probable class; None for what is no classifier.

    Args:
        answer: scores of shape (n, classes), or of class 1 of shape (n,) or (n, 1).
        labels: shape (n,), or one-hot of shape (n, classes).
    """
    scores = np.asarray(answer, np.float64).reshape(len(answer), -1)
    truth = np.asarray(labels, np.float64).reshape(len(labels), -1)
    if scores.shape[1] == 1:
        finite = scores[np.isfinite(scores)]
        if truth.shape[1] != 1 or not np.isin(truth, (0, 1)).all() or finite.size == 0:
            return None
        return (scores[:, 0] > 0.5) == (truth[:, 0] == 1) if finite.min() >= 0 and finite.max() <= 1 else None
    classes = scores.shape[1]
    if truth.shape[1] == classes and np.isin(truth, (0, 1)).all() and (truth.sum(axis=1) == 1).all():
        expected = truth.argmax(axis=1)
    elif truth.shape[1] == 1 and np.isin(truth[:, 0], np.arange(classes)).all():
        expected = truth[:, 0].astype(np.int64)
    else:
        return None
    right: NDArray[np.bool_] = scores.argmax(axis=1) == expected
    return right
