"""Calibration error: how far scores are from how often they come true.

M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015: over
`BINS` ranges of equal width of the score, the mean distance of the mean score from the share that came true. Of a binary
model the score of class 1, of several classes that of the class that is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Array, Floats, Integers
from jenkins_ml.core.evaluation.cells import decisions
from jenkins_ml.core.evaluation.means import Sums, summed
from jenkins_ml.core.evaluation.rows import Rows
from jenkins_ml.core.statistics.intervals import Estimate, around

BINS: Final = 15  # the custom since C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017


@dataclass(frozen=True, eq=False)
class Calibration:
    """Sums of y - s, truth less score, by slice and by the bins of both versions' scores.

    Args:
        slices: how many.
        candidate, production: sums of y - s of that version, in slice * BINS**2 + candidate's bin * BINS + production's.
        crossed: of the product of both versions' y - s, for how they move together.
    """

    candidate: Sums
    production: Sums | None
    crossed: Sums | None

    def __add__(self, other: Calibration) -> Calibration:
        def added(mine: Sums | None, theirs: Sums | None) -> Sums | None:
            return None if mine is None or theirs is None else mine + theirs

        return Calibration(
            self.candidate + other.candidate,
            added(self.production, other.production),
            added(self.crossed, other.crossed),
        )

    def estimates(self, numbers: Integers, confidence: float) -> tuple[Estimate | None, ...]:
        """The candidate's error, production's and the difference; None without examples.

        Args:
            numbers: of the slices that are taken together.
            confidence: of each bound, in (0.5, 1).
        """
        mine = _square(self.candidate, numbers)
        weight, count = mine.weights.sum(), int(mine.counts.sum())
        if not weight > 0:
            return None, None, None
        signs = [np.sign(mine.first[0].sum(axis=1))]
        sums = [mine]
        if self.production is not None:
            theirs = _square(self.production, numbers)
            sums.append(theirs)
            signs.append(np.sign(theirs.first[0].sum(axis=0)))
        found: list[Estimate | None] = []
        points, errors = [], []
        for version, (each, sign) in enumerate(zip(sums, signs, strict=True)):
            by_bin = each.first[0].sum(axis=1 - version)
            point = float(np.abs(by_bin).sum() / weight)
            crossed = float((sign * each.crossed[0].sum(axis=1 - version)).sum())
            variance = each.second[0].sum() - 2 * point * crossed + point * point * each.squares.sum()
            points.append(point)
            errors.append((variance, crossed))
            found.append(_estimate(point, variance, weight, count, confidence))
        if self.crossed is None:
            return found[0], None, None
        together = _square(self.crossed, numbers)
        both = float((np.outer(signs[0], signs[1]) * together.crossed[0]).sum())
        spread = sums[0].second[0].sum() + sums[1].second[0].sum() - 2 * both
        point, crossed = points[0] - points[1], errors[0][1] - errors[1][1]
        variance = spread - 2 * point * crossed + point * point * sums[0].squares.sum()
        return (*found, _estimate(point, variance, weight, count, confidence))


def calibrated(rows: Rows, slices: Integers | None, groups: int) -> Calibration:
    """The sums of checked rows of a binary or multiclass task.

    Args:
        rows: what was answered.
        slices: number of each row's slice, shape (n,); None when all are of one.
        groups: how many slices there may be.
    """
    missed, bins = zip(*(_missed(rows, predictions) for predictions in rows.versions), strict=True)
    places = bins[0] * BINS + bins[-1]
    if slices is not None:
        places = places + slices * BINS**2
    size = groups * BINS**2
    sums = [summed([each], True, rows.weights, places, size) for each in missed]
    if rows.baseline is None:
        return Calibration(sums[0], None, None)
    return Calibration(sums[0], sums[1], summed([missed[0] * missed[1]], True, rows.weights, places, size))


def _missed(rows: Rows, predictions: Array) -> tuple[Floats, Integers]:
    """Truth less score, and the bin of the score."""
    if rows.task == "binary":
        score, truth = predictions.astype(np.float64), rows.labels
    else:
        named = decisions(predictions, 0.0)
        score, truth = predictions[np.arange(len(rows)), named].astype(np.float64), named == rows.labels
    return truth - score, np.clip(score * BINS, 0, BINS - 1).astype(np.int64)


def _square(sums: Sums, numbers: Integers) -> Sums:
    """Of these slices as one, with two axes: the candidate's bin and production's."""
    shaped = (part.reshape(*part.shape[:-1], -1, BINS, BINS) for part in sums.parts)
    return Sums(*(part[..., numbers, :, :].sum(axis=-3) for part in shaped))


def _estimate(point: float, variance: float, weight: float, count: int, confidence: float) -> Estimate:
    if count > 1:
        variance *= count / (count - 1)
    return around(point, math.sqrt(max(variance, 0.0)) / weight, count, confidence)
