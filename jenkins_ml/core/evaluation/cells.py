"""Examples counted by slice, label and what both versions decided: all that metrics of decisions need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jenkins_ml.core.arrays import Array, Floats, Integers, sums_by
from jenkins_ml.core.evaluation.metric import Metric
from jenkins_ml.core.evaluation.rows import Rows
from jenkins_ml.core.evaluation.tallies import Tallies, value
from jenkins_ml.core.statistics.intervals import Estimate, paired_proportions, proportion
from jenkins_ml.core.statistics.resampling import percentile, resamples

_DENSE = 1 << 16  # kinds of examples up to which all of them are counted, seen or not


@dataclass(frozen=True, eq=False)
class Cells:
    """Kinds of examples, by rising key ((slice * k + label) * k + candidate's class) * k + production's class.

    Args:
        classes: k, how many there are.
        keys: shape (kinds,).
        counts: how many examples of each kind have a weight above 0.
        weights, squares: sums of their weights and of the squares of these; without weights the counts.
        weighted: whether the examples have weights.
    """

    classes: int
    keys: Integers
    counts: Floats
    weights: Floats
    squares: Floats
    weighted: bool

    def __add__(self, other: Cells) -> Cells:
        if len(self.keys) == len(other.keys) and (self.keys == other.keys).all():
            keys, sums = self.keys, [mine + theirs for mine, theirs in zip(self._sums, other._sums, strict=True)]
        else:
            keys = np.concatenate([self.keys, other.keys])
            columns = [np.concatenate(pair) for pair in zip(self._sums, other._sums, strict=True)]
            keys, sums = _summed(keys, columns)
        return Cells(self.classes, keys, sums[0], sums[1], sums[2], self.weighted)

    @property
    def _sums(self) -> tuple[Floats, Floats, Floats]:
        return self.counts, self.weights, self.squares

    def of(self, numbers: Integers) -> Cells:
        """These slices as one, added up in their order, under the number 0."""
        size = self.classes**3
        edges = np.searchsorted(self.keys, [numbers * size, (numbers + 1) * size]).T
        places = np.concatenate([np.arange(0), *(np.arange(first, last) for first, last in edges)])
        keys, sums = _summed(self.keys[places] % size, [column[places] for column in self._sums])
        return Cells(self.classes, keys, sums[0], sums[1], sums[2], self.weighted)

    # --- of a single slice ----------------------------------------------------------------------------------------

    @cached_property
    def kinds(self) -> tuple[Integers, Integers, Integers]:
        """Label, candidate's class and production's class of each kind."""
        rest, production = np.divmod(self.keys, self.classes)
        label, candidate = np.divmod(rest, self.classes)
        return label, candidate, production

    @property
    def count(self) -> int:
        """How many examples."""
        return int(self.counts.sum())

    def confusion(self, version: int) -> Integers:
        """Examples by label (row) and predicted class (column), shape (k, k); version 0 is the candidate."""
        label, predicted = self.kinds[0], self.kinds[1 + version]
        cells = sums_by(label * self.classes + predicted, self.counts, self.classes**2)
        return cells.reshape(self.classes, self.classes).round().astype(np.int64)

    def value(self, metric: Metric, version: int, binary: bool) -> float:
        """A metric of one version; NaN where the examples do not define it."""
        return float(value(metric, self._tallies(self.weights[None, :], version), binary)[0])

    def estimates(self, metric: Metric, binary: bool, paired: bool, confidence: float) -> tuple[Estimate | None, ...]:
        """The candidate's metric, production's and the difference, each with its interval; None where not defined.

        Args:
            metric: of the family "tallies".
            binary: as in `tallies.value`.
            paired: whether there is a production version.
            confidence: of each bound, in (0.5, 1).
        """
        points = [self.value(metric, version, binary) for version in range(1 + paired)]
        share = metric.kind == "accuracy" or (metric.average == "micro" and metric.of_class is None and not binary)
        if share and metric.kind != "specificity" and not self.weighted and self.count:
            return self._shares(paired, confidence)
        versions = self._draws[: 1 + paired]
        drawn = [value(metric, tallies, binary) for tallies in versions]
        found: list[Estimate | None] = [
            None if np.isnan(point) else percentile(point, draws, self.count, confidence)
            for point, draws in zip(points, drawn, strict=True)
        ]
        found += [None] * (2 - len(found))
        both = paired and not np.isnan(points).any()
        difference = percentile(points[0] - points[1], drawn[0] - drawn[1], self.count, confidence) if both else None
        return (*found, difference)

    def flips(self, confidence: float) -> Estimate:
        """The share of examples on which the versions decide differently."""
        _, candidate, production = self.kinds
        differ = candidate != production
        if not self.weighted:
            return proportion(int(self.counts[differ].sum()), self.count, confidence)
        drawn, kinds = self._resampled
        with np.errstate(invalid="ignore"):  # a drawn test set whose weights are all 0 does not define it
            draws = np.concatenate([each[:, kinds[1] != kinds[2]].sum(axis=1) / each.sum(axis=1) for each in drawn])
        return percentile(float(self.weights[differ].sum() / self.weights.sum()), draws, self.count, confidence)

    @property
    def discordant(self) -> tuple[int, int]:
        """How many examples only the candidate and only production has right."""
        label, candidate, production = self.kinds
        right, was_right = candidate == label, production == label
        return int(self.counts[right & ~was_right].sum()), int(self.counts[was_right & ~right].sum())

    def _shares(self, paired: bool, confidence: float) -> tuple[Estimate | None, ...]:
        label, *predicted = self.kinds
        hits = [int(self.counts[each == label].sum()) for each in predicted[: 1 + paired]]
        found: list[Estimate | None] = [proportion(each, self.count, confidence) for each in hits]
        if not paired:
            return found[0], None, None
        return (*found, paired_proportions(*self.discordant, self.count, confidence))

    @cached_property
    def _resampled(self) -> tuple[list[Floats], tuple[Integers, ...]]:
        """Drawn weights by kind, and the kinds.

        The plain bootstrap believes that what it has not seen does not exist: with no discordant example it is certain
        of "no change" after ten examples. So four examples are added, as D. Bonett and R. Price do for paired proportions
        (J. Educational and Behavioral Statistics 37, 2012): one that only the candidate and one that only the baseline
        has wrong, once as a miss of the rarest class, once as a false alarm for the class that is predicted most rarely.
        """
        label, candidate, production = self.kinds
        of_label: Floats = sums_by(label, self.counts, self.classes)
        missed = alarmed = 1
        if self.classes > 2:
            of_prediction: Floats = sums_by(candidate, self.counts, self.classes)
            of_prediction += sums_by(production, self.counts, self.classes)
            missed, alarmed = _rarest(of_label), _rarest(of_prediction)
        elsewhere, quiet = _commonest_but(missed, of_label), _commonest_but(alarmed, of_label)
        added = np.array(
            [
                (missed, elsewhere, missed),
                (missed, missed, elsewhere),
                (quiet, alarmed, quiet),
                (quiet, quiet, alarmed),
            ]
        )
        keys = np.concatenate([self.keys, (added[:, 0] * self.classes + added[:, 1]) * self.classes + added[:, 2]])
        average = self.weights.sum() / self.counts.sum()
        extra = [np.full(4, each) for each in (1.0, average, average * average)]
        columns = [np.concatenate(pair) for pair in zip(self._sums, extra, strict=True)]
        keys, (counts, weights, squares) = _summed(keys, columns)
        kinds = Cells(self.classes, keys, counts, weights, squares, self.weighted).kinds
        return list(resamples(counts, weights, squares, self.count)), kinds

    @cached_property
    def _draws(self) -> list[Tallies]:
        """The tallies of the candidate and of production in each drawn test set."""
        chunks, kinds = self._resampled
        found = []
        for version in (0, 1):
            each = [_tallied(drawn, kinds, version, self.classes) for drawn in chunks]
            found.append(
                Tallies(
                    hits=np.concatenate([tallies.hits for tallies in each]),
                    predicted=np.concatenate([tallies.predicted for tallies in each]),
                    support=np.concatenate([tallies.support for tallies in each]),
                    total=np.concatenate([tallies.total for tallies in each]),
                )
            )
        return found

    def _tallies(self, weights: Floats, version: int) -> Tallies:
        return _tallied(weights, self.kinds, version, self.classes)


def counted(rows: Rows, threshold: float, slices: Integers | None, groups: int) -> Cells:
    """The cells of checked rows of a binary or multiclass task.

    Args:
        rows: without production, its decisions are taken to be the candidate's.
        threshold: from which score on a binary version decides for class 1.
        slices: number of each row's slice, shape (n,); None when all are of one.
        groups: how many slices there may be.
    """
    classes = max(rows.classes, 2)
    candidate = decisions(rows.candidate, threshold)
    production = candidate if rows.baseline is None else decisions(rows.baseline, threshold)
    small = classes**3 <= 256  # codes that fit a byte are quick to make
    dtype = np.uint8 if small else np.int64
    codes: Array = rows.labels.astype(dtype, copy=False) * classes + candidate.astype(dtype, copy=False)
    codes = codes * classes + production.astype(dtype, copy=False)
    size = classes**3
    keys = codes.astype(np.int64) if slices is None else slices * size + codes
    weights = rows.weights
    if weights is not None and not weights.all():
        keys, weights = keys[weights > 0], weights[weights > 0]
    if groups * size <= _DENSE:
        counts = np.bincount(keys, minlength=groups * size).astype(np.float64)
        seen = np.flatnonzero(counts)
        columns: list[Floats] = [counts[seen]]
        if weights is not None:
            columns.extend(sums_by(keys, each, groups * size)[seen] for each in (weights, weights * weights))
    else:
        ones = np.ones(len(keys))
        seen, columns = _summed(keys, [ones] if weights is None else [ones, weights, weights * weights])
    sums = columns * 3 if weights is None else columns
    return Cells(classes, seen, sums[0], sums[1], sums[2], weights is not None)


def decisions(predictions: Array, threshold: float) -> Array:
    """The predicted class of each example, shape (n,); of equal probabilities the first class wins."""
    if predictions.ndim == 1:
        return (predictions >= threshold).view(np.uint8)
    return np.asarray(predictions.argmax(axis=1))


def _summed(keys: Integers, columns: list[Floats]) -> tuple[Integers, list[Floats]]:
    """Each key once, rising, with the sums of its columns."""
    if not len(keys):
        return keys, columns
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[starts], [np.add.reduceat(column[order], starts) for column in columns]


def _tallied(weights: Floats, kinds: tuple[Integers, ...], version: int, classes: int) -> Tallies:
    """Tallies of kinds with these weights, shape (..., kinds)."""
    label, predicted = kinds[0], kinds[1 + version]
    right = label == predicted
    return Tallies(
        hits=_by_class(weights[:, right], label[right], classes),
        predicted=_by_class(weights, predicted, classes),
        support=_by_class(weights, label, classes),
        total=weights.sum(axis=1),
    )


def _by_class(drawn: Floats, of_class: Integers, classes: int) -> Floats:
    """Sums of the columns of each class, shape (rows, classes)."""
    sums = np.zeros((len(drawn), classes))
    for number, columns in _columns_of(of_class):
        sums[:, number] = drawn[:, columns].sum(axis=1)
    return sums


def _columns_of(of_class: Integers) -> Iterator[tuple[int, Integers]]:
    for number in np.flatnonzero(np.bincount(of_class)):
        yield int(number), np.flatnonzero(of_class == number)


def _rarest(counts: Floats) -> int:
    """The class that occurs least, of those that occur."""
    return int(np.where(counts > 0, counts, counts.max() + 1).argmin())


def _commonest_but(taken: int, counts: Floats) -> int:
    return int(np.where(np.arange(len(counts)) == taken, -1, counts).argmax())
