"""Metrics of the order of scores: the areas under the ROC and the precision-recall curve.

Up to `kept.MOST_ROWS` examples they are exact; beyond, values come from bins of the scores, with the error that the bins
may have brought, and their standard errors from the examples that were kept. Of several classes they are averages over
one curve a class, so their moves are the same averages; pooled scores of one example (micro) move together, as in
N. Obuchowski, "Nonparametric Analysis of Clustered ROC Curve Data", Biometrics 53, 1997.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.arrays import Array, Floats, Integers
from jenkins_ml.core.evaluation.kept import Sample, weights_or_ones
from jenkins_ml.core.evaluation.metric import Metric
from jenkins_ml.core.evaluation.rows import Rows
from jenkins_ml.core.statistics import ranking
from jenkins_ml.core.statistics.intervals import Estimate
from jenkins_ml.core.statistics.quantiles import normal_quantile, t_quantile
from jenkins_ml.core.statistics.ranking import Ladder

BINS: Final = 1 << 16
FEW_BINS: Final = 1 << 12  # of each slice, where there are many of them
MANY_SLICES: Final = 16

POOLED: Final = -1  # the curve of all classes' scores together


# --- bins -----------------------------------------------------------------------------------------------------------


class Histogram:
    """Scores of one curve by slice, side and bin.

    Args:
        bins: of equal width over [0, 1], a power of two.
    """

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self._sums: Array = np.zeros(0)

    def add(self, sides: Integers, scores: Array, weights: Floats | None) -> None:
        """Take scores in, all arguments of shape (n,).

        Args:
            sides: the first bin of each score's side: `bins` times 2 * slice, and one more for positives.
            scores: in [0, 1].
            weights: None where all count the same.
        """
        places = sides + self.rung(scores)
        self._grow(int(places.max(initial=0)))
        np.add.at(self._sums, places, 1.0 if weights is None else weights)

    def ladder(self, numbers: Integers) -> Ladder:
        """Of these slices together, added up in their order."""
        sides = self._sums.reshape(-1, 2, self.bins)
        chosen = np.zeros((2, self.bins))
        for number in numbers:
            if number < len(sides):
                chosen += sides[number]
        return Ladder(positive=chosen[1], negative=chosen[0])

    def rung(self, scores: Array) -> Array:
        """The bin of each score."""
        # Truncated, so what is below 0 by the tolerance of a probability is in bin 0; a product with a power of two is exact.
        bins: Array = (scores * scores.dtype.type(self.bins)).astype(np.int32)
        return np.minimum(bins, self.bins - 1, out=bins)

    def _grow(self, place: int) -> None:
        size = (place // (2 * self.bins) + 1) * 2 * self.bins
        if size > len(self._sums):
            grown = np.zeros(size)
            grown[: len(self._sums)] = self._sums
            self._sums = grown


class Bins:
    """The histograms of every curve, version and slicing, once there are too many examples to keep.

    Args:
        sizes: for all examples and then for each slicing: how many bins.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self._histograms: dict[tuple[int, int, int], Histogram] = {}  # slicing (0: none), version, curve

    def add(self, rows: Rows, codes: tuple[Integers, ...], curves: tuple[int, ...]) -> None:
        """Take examples in."""
        for slicing, bins in enumerate(self.sizes):
            if slicing == 0 and self.whole:
                continue
            slices = None if slicing == 0 else codes[slicing - 1]
            for curve in curves:
                sides: Integers | None = None  # the same for both versions
                for version, predictions in enumerate(rows.versions):
                    positive, scores = curve_of(rows, predictions, curve)
                    repeat = len(scores) // len(rows)
                    if sides is None:
                        sides = positive.astype(np.int64)
                        if slices is not None:
                            sides += 2 * (slices if repeat == 1 else np.repeat(slices, repeat))
                        sides *= bins
                    histogram = self._histograms.setdefault((slicing, version, curve), Histogram(bins))
                    histogram.add(sides, scores, _repeated(rows.weights, repeat))

    @property
    def whole(self) -> int:
        """The slicing that all examples are taken from: 0, or one that has as many bins."""
        return self.sizes.index(self.sizes[0], 1) if self.sizes[0] in self.sizes[1:] else 0

    def ladder(self, slicing: int, numbers: Integers, version: int, curve: int) -> tuple[Histogram, Ladder]:
        """The histogram and the ladder of slices of a slicing together; slicing 0 has all examples as its slice 0."""
        histogram = self._histograms[slicing, version, curve]
        return histogram, histogram.ladder(numbers)


def bin_sizes(groups: tuple[int, ...]) -> tuple[int, ...]:
    """How many bins all examples get, and each slicing of so many slices."""
    return (BINS, *(BINS if count <= MANY_SLICES else FEW_BINS for count in groups))


# --- curves ---------------------------------------------------------------------------------------------------------


def curve_of(rows: Rows, predictions: Array, curve: int) -> tuple[NDArray[np.bool_], Array]:
    """Which scores of a curve are of positives, and the scores.

    Args:
        rows: binary, multiclass or multilabel.
        predictions: of one version.
        curve: the class that is positive; `POOLED` for all scores of each row, row by row.
    """
    if rows.task == "binary":
        return (rows.labels == 1, predictions) if curve == 1 else (rows.labels == 0, 1 - predictions)
    if curve == POOLED:
        truth = rows.labels == 1 if rows.task == "multilabel" else rows.labels[:, None] == np.arange(rows.classes)
        return truth.ravel(), predictions.ravel()
    truth = rows.labels[:, curve] == 1 if rows.task == "multilabel" else rows.labels == curve
    return truth, np.ascontiguousarray(predictions[:, curve])


def curves_of(metric: Metric, rows: Rows) -> tuple[int, ...]:
    """The curves that a metric is made from."""
    if metric.of_class is not None:
        return (metric.of_class,) if metric.of_class < max(rows.classes, 2) else ()
    if rows.task == "binary":
        return (1,)
    return (POOLED,) if metric.average == "micro" else tuple(range(rows.classes))


# --- estimates ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Area:
    """Of one version: its value, how far bins may have moved it, and how much each kept example moves it."""

    value: float
    error: float
    moves: Floats


@dataclass(frozen=True, kw_only=True)
class _Method:
    """How an area is made from a ladder.

    Args:
        value, error, moves: see `ranking`.
        widened: by how much of 1 / root(examples of the smallest side) the bounds are further than their standard error
            says. Average precision varies together with the estimate of its error: by simulation, models at the margin
            were approved in 6.6 % of cases instead of 5 % with 180 positives.
    """

    value: Callable[[Ladder], float]
    error: Callable[[Ladder], float]
    moves: Callable[[Ladder], tuple[Floats, Floats]]
    widened: float


_METHODS: Final[Mapping[str, _Method]] = {
    "roc_auc": _Method(value=ranking.area, error=ranking.area_error, moves=ranking.area_moves, widened=0.5),
    "pr_auc": _Method(
        value=ranking.precision_area,
        error=ranking.precision_area_error,
        moves=ranking.precision_area_moves,
        widened=1.3,
    ),
}


def estimates(
    metric: Metric, sample: Sample, bins: Bins | None, place: tuple[int, Integers], confidence: float
) -> tuple[tuple[Estimate | None, ...], float]:
    """The candidate's metric, production's and the difference, each with its interval; and the error of the bins.

    The bounds are Student's, with as many degrees of freedom as the smallest side of a curve has examples but one: on few
    of them the normal ones err too often. Where the examples show no spread at all, as for two perfect rankings, the
    difference is bounded as `paired_proportions` does without discordance, on the examples of the smallest side.

    Args:
        metric: of the family "ranks".
        sample: the examples of the slice that were kept.
        bins: of all examples; None where all were kept.
        place: as in `Bins.ladder`, of the same examples.
        confidence: of each bound, in (0.5, 1).
    """
    rows, method = sample.rows, _METHODS[metric.kind]
    areas = [_area(metric, rows, bins, place, version) for version in range(len(rows.versions))]
    if any(area is None for area in areas):
        return (None, None, None), 0.0
    known = [area for area in areas if area is not None]
    z = normal_quantile(confidence)
    smallest = _smallest_side(metric, rows)
    stands_for = sample.total / max(len(rows), 1)

    def estimate(point: float, moves: Floats, lowest: float) -> Estimate:
        error = float(np.sqrt(np.square(moves).sum() * stands_for)) if len(rows) else math.nan
        if math.isnan(error):
            return Estimate(point, -math.inf, math.inf, math.inf)
        reach = t_quantile(confidence, max(smallest - 1, 1)) * error * (1 + method.widened / math.sqrt(smallest))
        reach = reach or z * z / (smallest + z * z)
        # The spread that these bounds stand for, so that what is planned with it is enough for them.
        sigma = reach / z * math.sqrt(sample.total)
        return Estimate(point, max(point - reach, lowest), min(point + reach, 1.0), sigma)

    found: list[Estimate | None] = [estimate(area.value, area.moves, 0.0) for area in known]
    error = max(area.error for area in known)
    if len(known) == 1:
        return (found[0], None, None), error
    difference = estimate(known[0].value - known[1].value, known[0].moves - known[1].moves, -1.0)
    return (*found, difference), error


def _area(metric: Metric, rows: Rows, bins: Bins | None, place: tuple[int, Integers], version: int) -> _Area | None:
    """The area of a version; None where the examples do not define it."""
    method, predictions = _METHODS[metric.kind], rows.versions[version]
    parts: list[tuple[int, Ladder, float, Floats]] = []
    for curve in curves_of(metric, rows):
        positive, scores = curve_of(rows, predictions, curve)
        repeat = len(scores) // len(rows) if len(rows) else 1
        weights = _repeated(rows.weights, repeat)
        if bins is None:
            if rows.task == "binary" and curve == 0:
                scores = -predictions  # the same order as 1 - predictions, in which small ones would be rounded alike
            rung, count = ranking.rungs(scores)
            steps = ranking.ladder(positive, rung, count, weights)
            error = 0.0
        else:
            histogram, steps = bins.ladder(*place, version, curve)
            rung, error = histogram.rung(scores), math.nan
        if not steps.defined:
            continue
        if bins is not None:
            error = method.error(steps)
        of_positive, of_negative = method.moves(steps)
        own = np.ones(len(scores)) if weights is None else weights
        moves = own * np.where(positive, of_positive[rung], of_negative[rung])
        parts.append((curve, steps, error, _corrected(moves, positive, own).reshape(len(rows), repeat).sum(axis=1)))
    if not parts:
        return None
    values = np.array([method.value(steps) for _, steps, _, _ in parts])
    sizes = np.array([steps.positive.sum() if metric.average == "weighted" else 1.0 for _, steps, _, _ in parts])
    shares = sizes / sizes.sum()
    value = float(shares @ values)
    moves = sum(share * each for share, (_, _, _, each) in zip(shares, parts, strict=True))
    if metric.average == "weighted" and rows.task != "binary" and metric.of_class is None:
        # How often each class occurs is seen in a sample, too.
        apart = np.zeros(rows.classes)
        apart[[curve for curve, _, _, _ in parts]] = values - value
        of_row = apart[rows.labels] if rows.task == "multiclass" else rows.labels @ apart
        moves = moves + weights_or_ones(rows) * of_row / sizes.sum()
    return _Area(value, float(shares @ np.array([error for _, _, error, _ in parts])), np.asarray(moves))


def _corrected(moves: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """The moves scaled so that their squares sum to DeLong's estimate, which divides by n - 1 on each side.

    NaN where a side has one example only, which tells nothing of the spread.
    """
    scaled = moves.copy()
    for side in (positive, ~positive):
        count = int((weights[side] > 0).sum())
        scaled[side] *= math.sqrt(count / (count - 1)) if count > 1 else math.nan
    return scaled


def _smallest_side(metric: Metric, rows: Rows) -> int:
    """The fewest examples that any of the curves has on one of its sides."""
    sides = [
        int(truth.sum()) for curve in curves_of(metric, rows) for truth in [curve_of(rows, rows.candidate, curve)[0]]
    ]
    size = len(rows) * (rows.classes if curves_of(metric, rows) == (POOLED,) else 1)
    return min((min(side, size - side) for side in sides if 0 < side < size), default=1)


def _repeated(values: Array | None, times: int) -> Array | None:
    return values if values is None or times == 1 else np.repeat(values, times)
