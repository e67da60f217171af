"""Precision, recall and their like where each example has several labels: tallies by label, and how examples move them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Array, Floats, Integers
from jenkins_ml.core.evaluation.kept import Sample, weights_or_ones
from jenkins_ml.core.evaluation.metric import Metric
from jenkins_ml.core.evaluation.rows import Rows
from jenkins_ml.core.evaluation.tallies import Tallies, value
from jenkins_ml.core.statistics.intervals import Estimate, around, for_skewness
from jenkins_ml.core.statistics.quantiles import normal_quantile

_STEP: Final = 1e-3  # of a numerical derivative, in examples


@dataclass(frozen=True, eq=False)
class LabelTallies:
    """Sums of weights by slice and label.

    Args:
        sums: shape (slices, columns): the total; then of each label the support; then for each version of each label the
            hits, and of each label how often it was predicted.
        counts: examples with a weight above 0, shape (slices,).
    """

    labels: int
    sums: Floats
    counts: Floats

    def __add__(self, other: LabelTallies) -> LabelTallies:
        return LabelTallies(self.labels, _added(self.sums, other.sums), _added(self.counts, other.counts))

    def estimates(
        self, metric: Metric, numbers: Integers, sample: Sample, confidence: float
    ) -> tuple[Estimate | None, ...]:
        """The candidate's metric, production's and the difference; None where not defined.

        By the delta method on the examples that were kept, so that the labels of one example move together.

        Args:
            metric: of the family "tallies".
            numbers: of the slices that are taken together.
            sample: the kept examples of these.
            confidence: of each bound, in (0.5, 1).
        """
        sums, count = self.sums[numbers].sum(axis=0), int(self.counts[numbers].sum())
        versions = (len(sums) - 1 - self.labels) // (2 * self.labels)
        columns = _columns(sample.rows, metric.threshold) * weights_or_ones(sample.rows)[:, None]
        points, moves = [], []
        for version in range(versions):
            point, slope = self._slope(metric, sums, version)
            points.append(point)
            moves.append(columns @ slope)
        least = self._least_error(metric, sums, count, normal_quantile(confidence))
        changes = [*zip(points, moves, strict=True)]
        if versions == 2:
            changes.append((points[0] - points[1], moves[0] - moves[1]))
        found = [_estimate(point, each, least, count, confidence) for point, each in changes]
        return (*found, *(None,) * (3 - len(found)))

    def _least_error(self, metric: Metric, sums: Floats, count: int, z: float) -> float:
        """The error of what shows no spread, such as of two versions that decide alike: the next example may show some.

        As `paired_proportions` has it without discordance, on the examples of the label that is known least.
        """
        if not sums[0] > 0:
            return math.inf
        support = sums[self._support] * count / sums[0]
        if metric.kind == "specificity":
            support = count - support
        shares = 1.0 * (support > 0)
        if metric.of_class is not None:
            shares = 1.0 * (np.arange(self.labels) == metric.of_class)
        elif metric.average == "micro":
            support, shares = support.sum(keepdims=True), np.ones(1)
        elif metric.average == "weighted":
            shares = support
        return float((shares / max(shares.sum(), 1.0) * z / (support + z * z)).max())

    def _slope(self, metric: Metric, sums: Floats, version: int) -> tuple[float, Floats]:
        """A version's metric, and its derivatives by each of the sums."""
        own = [0, *self._support, *self._of(version)]
        moved = np.repeat(sums[None, :], 2 * len(own) + 1, axis=0)
        for index, column in enumerate(own):
            if sums[column] > 0:
                moved[2 * index + 1, column] += _STEP
                moved[2 * index + 2, column] -= _STEP
        values = value(metric, self._tallies(moved, version), binary=False)
        slope = np.zeros(len(sums))
        slope[own] = (values[1::2] - values[2::2]) / (2 * _STEP)
        return float(values[0]), slope

    def _tallies(self, sums: Floats, version: int) -> Tallies:
        own = self._of(version)
        return Tallies(
            hits=sums[:, own[: self.labels]],
            predicted=sums[:, own[self.labels :]],
            support=sums[:, self._support],
            total=sums[:, 0],
        )

    @property
    def _support(self) -> range:
        return range(1, 1 + self.labels)

    def _of(self, version: int) -> range:
        start = 1 + self.labels + version * 2 * self.labels
        return range(start, start + 2 * self.labels)


def _estimate(point: float, moves: Floats, least: float, count: int, confidence: float) -> Estimate | None:
    if math.isnan(point):
        return None
    if not len(moves):
        return Estimate(point, -math.inf, math.inf, math.inf)
    # A quotient of sums does not change when all of them grow alike, so the moves are about 0 on average.
    error = math.sqrt(float(np.square(moves).sum()) * count / len(moves))
    square = float(np.square(moves).mean())
    skewness = float((moves * moves * moves).mean()) / square**1.5 if square > 0 else 0.0
    return for_skewness(around(point, max(error, least), count, confidence), skewness, count, confidence)


def labelled(rows: Rows, threshold: float, slices: Integers | None, groups: int) -> LabelTallies:
    """The tallies of checked multilabel rows.

    Args:
        rows: what was answered.
        threshold: from which score on a label is taken to hold.
        slices: number of each row's slice, shape (n,); None when all are of one.
        groups: how many slices there may be.
    """
    weights = weights_or_ones(rows)
    columns = _columns(rows, threshold) * weights[:, None]
    if slices is None:
        sums, counts = columns.sum(axis=0)[None, :], np.array([float((weights > 0).sum())])
    else:
        sums, order = np.zeros((groups, columns.shape[1])), np.argsort(slices, kind="stable")
        ordered = slices[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        sums[ordered[starts]] = np.add.reduceat(columns[order], starts, axis=0)
        counts = np.bincount(slices[weights > 0], minlength=groups) * 1.0
    return LabelTallies(rows.classes, sums, counts)


def _columns(rows: Rows, threshold: float) -> Floats:
    """What each example adds to the sums, shape (n, columns)."""
    truth = rows.labels == 1
    parts: list[Array] = [np.ones((len(rows), 1)), truth]
    for predictions in rows.versions:
        named = predictions >= threshold
        parts += [named & truth, named]
    return np.concatenate([part.astype(np.float64) for part in parts], axis=1)


def _added(left: Floats, right: Floats) -> Floats:
    """The sum of two arrays by their first axis, of which one may be longer."""
    long, short = (left, right) if len(left) >= len(right) else (right, left)
    total = long.copy()
    total[: len(short)] += short
    return total
