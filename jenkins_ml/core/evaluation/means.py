"""Metrics that are the mean of a number for each example, or a function of a few such means."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from jenkins_ml.config.gate import Task
from jenkins_ml.core.arrays import Array, Floats, Integers, sums_by
from jenkins_ml.core.evaluation.metric import Metric
from jenkins_ml.core.evaluation.rows import Rows
from jenkins_ml.core.statistics.intervals import (
    Estimate,
    Moments,
    around,
    mean,
    paired_proportions,
    proportion,
)

CLIP: Final = 1e-7  # Keras' epsilon: probabilities are kept this far from 0 and 1, so one mistake costs at most 16.1
_STEP: Final = 1e-5  # of a numerical derivative, in standard deviations

_WITH_DIFFERENCE: Final = 3  # columns of a mean of two versions

Function = Callable[[Sequence[float]], float]


# --- the number of each example ------------------------------------------------------------------------------------


def terms(metric: Metric, rows: Rows, predictions: Array, origin: float) -> tuple[Floats, ...]:
    """The numbers of each example that a metric is made from, each of shape (n,).

    log_loss: -ln(probability of the true class) in nats, the probability clipped to [CLIP, 1 - CLIP]; of several labels
    a row the mean of theirs. brier: squared distance of the probabilities from the truth. top_k_accuracy: 1 where fewer
    than k classes have a higher probability than the true one, of equal ones the first coming first. mape: |error| over
    |true value|, as a share. quantile_loss (pinball): q * error where the value is above the prediction, (q - 1) * error
    below. r2: the squared error, the label and its square.

    Args:
        metric: of the family "means", or the accuracy of several labels a row (all of them right).
        rows: checked.
        predictions: of one version, `rows.candidate` or `rows.baseline`.
        origin: what labels are measured from, so that large ones lose no digits.
    """
    kind = metric.kind
    if kind == "loss":
        kind = "mse" if rows.task == "regression" else "log_loss"
    if kind == "accuracy":
        return (((predictions >= metric.threshold) == rows.labels).all(axis=1).astype(np.float64),)
    if kind == "log_loss":
        return (_surprise(rows, predictions),)
    if kind == "brier":
        return (_brier(rows, predictions),)
    if kind == "top_k_accuracy":
        true = predictions[np.arange(len(rows)), rows.labels]
        before = np.arange(predictions.shape[1]) < rows.labels[:, None]
        higher = (predictions > true[:, None]) | ((predictions == true[:, None]) & before)
        return ((higher.sum(axis=1) < metric.k).astype(np.float64),)
    with np.errstate(over="ignore"):  # squares beyond the largest float: no number to compare
        error = rows.labels - predictions
        match kind:
            case "mae":
                return (np.abs(error),)
            case "mape":
                return (np.abs(error) / np.maximum(np.abs(rows.labels), np.finfo(np.float64).eps),)
            case "quantile_loss":
                return (np.maximum(metric.quantile * error, (metric.quantile - 1) * error),)
            case "r2":
                value = rows.labels - origin
                return error * error, value, value * value
        return (error * error,)


def is_share(metric: Metric) -> bool:
    """Whether each example has 0 or 1."""
    return metric.kind in ("top_k_accuracy", "accuracy")


def reach(metric: Metric, task: Task) -> float | None:
    """The most that the numbers of an example can differ between two versions; None where nothing bounds them."""
    if is_share(metric):
        return 1.0
    if metric.kind == "brier":
        return 2.0 if task == "multiclass" else 1.0
    if metric.kind == "log_loss" or (metric.kind == "loss" and task != "regression"):
        return -math.log(CLIP)
    return None


def function_of(metric: Metric) -> Function | None:
    """What makes the metric from its means; None where it is the mean."""
    return {"rmse": _root, "r2": _explained}.get(metric.kind)


def _root(means: Sequence[float]) -> float:
    return math.sqrt(max(means[0], 0.0))


def _explained(means: Sequence[float]) -> float:
    error, value, square = means
    variance = square - value * value
    return 1 - error / variance if variance > 1e-14 * max(square, 1e-300) else math.nan


def _surprise(rows: Rows, predictions: Array) -> Floats:
    if rows.task == "multiclass":
        probability = predictions[np.arange(len(rows)), rows.labels].astype(np.float64)
    else:
        # p where the label is 1, 1 - p where it is 0.
        probability = predictions.astype(np.float64)
        probability -= 1 - rows.labels
        np.abs(probability, out=probability)
    np.clip(probability, CLIP, 1 - CLIP, out=probability)
    np.log(probability, out=probability)
    np.negative(probability, out=probability)
    return probability if probability.ndim == 1 else probability.mean(axis=1)


def _brier(rows: Rows, predictions: Array) -> Floats:
    if rows.task == "multiclass":
        given = predictions.astype(np.float64)
        true = given[np.arange(len(rows)), rows.labels]
        return np.asarray((given * given).sum(axis=1) - 2 * true + 1)
    missed = predictions.astype(np.float64) - rows.labels
    squares: Floats = missed * missed
    return squares if squares.ndim == 1 else np.asarray(squares.mean(axis=1))


# --- sums over the examples -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sums:
    """Of columns x_i, by slice: what `Moments` of any linear combination of them are made from.

    Args:
        counts, weights, squares: shape (slices,): examples with a weight above 0, sums of w and of w^2.
        first, crossed: shape (columns, slices): sums of w x and of w^2 x.
        second: shape (pairs, slices): sums of w^2 x_i x_j.
        third: shape (1, slices): sums of the cubes of the difference, of means without weights; else NaN.
    """

    counts: Floats
    weights: Floats
    squares: Floats
    first: Floats
    crossed: Floats
    second: Floats
    third: Floats

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(_padded_sum(mine, theirs) for mine, theirs in zip(self.parts, other.parts, strict=True)))

    @property
    def parts(self) -> tuple[Floats, ...]:
        """All of its arrays, in the order of its fields; the last axis of each is the slice."""
        return self.counts, self.weights, self.squares, self.first, self.crossed, self.second, self.third

    def of(self, numbers: Integers) -> Sums:
        """These slices as one, added up in their order."""
        return Sums(*(part[..., numbers].sum(axis=-1, keepdims=True) for part in self.parts))


def _padded_sum(left: Floats, right: Floats) -> Floats:
    if left.shape == right.shape:
        return left + right
    long, short = (left, right) if left.shape[-1] > right.shape[-1] else (right, left)
    total = long.copy()
    total[..., : short.shape[-1]] += short
    return total


def pairs_of(columns: int, plain: bool) -> tuple[tuple[int, int], ...]:
    """Which products of columns are summed: of each with itself, and unless `plain` of each with each."""
    return tuple((i, j) for i in range(columns) for j in range(i, columns) if i == j or not plain)


def summed(
    columns: Sequence[Floats], plain: bool, weights: Floats | None, slices: Integers | None, groups: int
) -> Sums:
    """The sums of columns.

    Args:
        columns: each of shape (n,).
        plain: as in `pairs_of`.
        weights: shape (n,); None where all examples count the same.
        slices: number of each row's slice, shape (n,); None when all are of one.
        groups: how many slices there may be.
    """

    def total(values: Floats) -> Floats:
        if slices is None:
            return np.array([values.sum()])
        return sums_by(slices, values, groups)

    pairs = pairs_of(len(columns), plain)
    differs = plain and len(columns) == _WITH_DIFFERENCE
    with np.errstate(over="ignore", invalid="ignore"):
        if weights is None:
            count = len(columns[0])
            counts = np.array([float(count)])
            if slices is not None:
                counts = np.bincount(slices, minlength=groups).astype(np.float64)
            first = np.stack([total(column) for column in columns])
            second = np.stack([total(columns[i] * columns[j]) for i, j in pairs])
            cubes = total(columns[-1] * columns[-1] * columns[-1]) if differs else np.full(len(counts), np.nan)
            return Sums(counts, counts, counts, first, first, second, cubes[None, :])
        twice = weights * weights
        return Sums(
            counts=total((weights > 0).astype(np.float64)),
            weights=total(weights),
            squares=total(twice),
            first=np.stack([total(weights * column) for column in columns]),
            crossed=np.stack([total(twice * column) for column in columns]),
            second=np.stack([total(twice * columns[i] * columns[j]) for i, j in pairs]),
            third=np.full((1, 1 if slices is None else groups), np.nan),
        )


# --- estimates ------------------------------------------------------------------------------------------------------


def estimates(
    sums: Sums, *, share: bool, function: Function | None, paired: bool, weighted: bool, confidence: float
) -> tuple[Estimate | None, ...]:
    """The candidate's metric, production's and the difference, each with its interval; None where not defined.

    Args:
        sums: of one slice. Of a mean: columns candidate, production, difference; of a function of means: the candidate's
            terms, then production's. Without production the candidate's alone.
        share: whether each example has 0 or 1.
        function: of the means; None for the mean itself.
        paired: whether there is a production version.
        weighted: whether the examples have weights.
        confidence: of each bound, in (0.5, 1).
    """
    if not sums.weights[0] > 0 or not np.isfinite(sums.first).all():
        return None, None, None
    if function is not None:
        return _of_function(sums, function, paired, confidence)
    moments = [_moments(sums, column) for column in range(len(sums.first))]
    count = moments[0].count
    share = share or all(each.second == each.first for each in moments[: 1 + paired])  # each example has 0 or 1
    if share and not weighted:
        found: list[Estimate | None] = [
            proportion(round(each.first), count, confidence) for each in moments[: 1 + paired]
        ]
        if not paired:
            return found[0], None, None
        gained = round((moments[2].second + moments[2].first) / 2)
        return (*found, paired_proportions(gained, gained - round(moments[2].first), count, confidence))
    found = [mean(each, confidence) for each in moments]
    if share and paired:  # the next example may differ, even if none of these does: as two more that do, one each way
        average = sums.weights[0] / count
        error = math.hypot(moments[2].error, math.sqrt(2) * average / sums.weights[0])
        found[2] = around(moments[2].mean, error, count, confidence)
    return tuple(found) if paired else (found[0], None, None)


def _moments(sums: Sums, column: int) -> Moments:
    at = pairs_of(len(sums.first), len(sums.second) == len(sums.first)).index((column, column))
    has_third = column == len(sums.first) - 1 and not math.isnan(sums.third[0, 0])
    return Moments(
        count=int(sums.counts[0]),
        weight=float(sums.weights[0]),
        squares=float(sums.squares[0]),
        first=float(sums.first[column, 0]),
        crossed=float(sums.crossed[column, 0]),
        second=float(sums.second[at, 0]),
        third=float(sums.third[0, 0]) if has_third else None,
    )


def _of_function(sums: Sums, function: Function, paired: bool, confidence: float) -> tuple[Estimate | None, ...]:
    """By the delta method: the function is taken to be straight over the standard error of its means."""
    size, count = len(sums.first), int(sums.counts[0])
    means = (sums.first[:, 0] / sums.weights[0]).tolist()
    second = np.zeros((size, size))
    for (i, j), value in zip(pairs_of(size, plain=False), sums.second[:, 0], strict=True):
        second[i, j] = second[j, i] = value
    with np.errstate(over="ignore", invalid="ignore"):
        crossed = np.outer(means, sums.crossed[:, 0])
        covariance = (second - crossed - crossed.T + np.outer(means, means) * sums.squares[0]) / sums.weights[0] ** 2
        if count > 1:
            covariance *= count / (count - 1)
    versions = 1 + paired
    each = size // versions
    found: list[Estimate | None] = []
    points, slopes = [], np.zeros((versions, size))
    for version in range(versions):
        own = slice(version * each, (version + 1) * each)
        point, slope = _slope(function, means[own], np.sqrt(np.maximum(np.diag(covariance)[own], 0)))
        points.append(point)
        slopes[version, own] = slope
        found.append(_propagated(point, slopes[version], covariance, count, confidence))
    if not paired:
        return found[0], None, None
    return (*found, _propagated(points[0] - points[1], slopes[0] - slopes[1], covariance, count, confidence))


def _slope(function: Function, means: list[float], errors: Floats) -> tuple[float, Floats]:
    """A function's value, and its derivatives by each mean, by central differences."""
    slope = np.zeros(len(means))
    for index, error in enumerate(errors):
        step = _STEP * float(error) or 1e-9 * max(abs(means[index]), 1e-9)
        values = []
        for sign in (1, -1):
            moved = list(means)
            moved[index] += sign * step
            values.append(function(moved))
        slope[index] = (values[0] - values[1]) / (2 * step)
    return function(means), slope


def _propagated(point: float, slope: Floats, covariance: Floats, count: int, confidence: float) -> Estimate | None:
    if not math.isfinite(point):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        variance = float(slope @ covariance @ slope)
    error = math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.inf
    return around(point, error, count, confidence)


def as_mean(metric: Metric, task: Task) -> bool:
    """Whether a metric is made here: those of the family, and the accuracy of several labels a row."""
    return metric.family == "means" or (metric.kind == "accuracy" and task == "multilabel")
