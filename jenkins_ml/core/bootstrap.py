"""Paired bootstrap of precision, recall and f1: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993.

An example counts only by its label and the two predicted classes, so the distinct triples are resampled (multinomial),
not the rows: the cost does not grow with the examples.

The plain bootstrap believes that what it has not seen does not exist: with no discordant example it is certain of
"no change" after ten examples. So four examples are added, as D. Bonett and R. Price do for paired proportions
(J. Educational and Behavioral Statistics 37, 2012): one that only the candidate and one that only the baseline has
wrong, once as a miss of the rarest class, once as a false alarm for the class that is predicted most rarely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.examples import Floats, Integers, Scored
from jenkins_ml.core.intervals import Difference
from jenkins_ml.core.metrics import Tallies, decisions, f_measures, tally
from jenkins_ml.core.ranking import Average

RESAMPLES: Final = 2000
SEED: Final = 1  # fixed: the same predictions get the same verdict, always
_CHUNK: Final = 2_000_000  # counts held at a time


def paired_f_measures(
    name: str, candidate: Scored, baseline: Scored, average: Average | None, confidence: float
) -> Difference:
    """Difference of precision, recall or f1 on the same examples, by the percentile bootstrap.

    A resample without an example of class 1 does not define those of a binary problem, and is left out.

    Args:
        name: "precision", "recall" or "f1", which the examples must define.
        candidate: its examples.
        baseline: the same examples, as the other version answered them.
        average: as in `metrics.f_measures`.
        confidence: of each bound, in (0.5, 1).
    """
    point = float(f_measures(name, tally(candidate), average) - f_measures(name, tally(baseline), average))
    classes = max(candidate.classes, baseline.classes)
    (labels, *predicted), counts = _cells(candidate, baseline, classes)
    draws = np.concatenate(
        [
            np.subtract(*(f_measures(name, _tallies(drawn, labels, each, classes), average) for each in predicted))
            for drawn in _resamples(counts, candidate.count)
        ]
    )
    draws = draws[~np.isnan(draws)]
    low = float(np.quantile(draws, 1 - confidence, method="lower"))
    high = float(np.quantile(draws, confidence, method="higher"))
    sigma = float(np.std(draws)) * math.sqrt(candidate.count)
    return Difference(point, min(low, point), max(high, point), sigma)


def _cells(candidate: Scored, baseline: Scored, classes: int) -> tuple[Integers, Integers]:
    """The distinct (label, candidate's class, baseline's class), shape (3, cells), and how many examples each has."""
    labels = candidate.class_labels
    triples = np.stack([labels, decisions(candidate), decisions(baseline)])
    of_label = np.bincount(labels, minlength=classes)
    missed = alarmed = 1
    if candidate.task == "multiclass":
        missed, alarmed = _rarest(of_label), _rarest(np.bincount(triples[1:].ravel(), minlength=classes))
    elsewhere, quiet = _commonest_but(missed, of_label), _commonest_but(alarmed, of_label)
    added = [
        (missed, elsewhere, missed),
        (missed, missed, elsewhere),
        (quiet, alarmed, quiet),
        (quiet, quiet, alarmed),
    ]
    shape = (classes, classes, classes)
    keys = np.ravel_multi_index(np.hstack([triples, np.transpose(added)]), shape)
    cells, counts = np.unique(keys, return_counts=True)
    return np.stack(np.unravel_index(cells, shape)), counts


def _rarest(counts: Integers) -> int:
    """The class that occurs least, of those that occur."""
    return int(np.where(counts > 0, counts, counts.max() + 1).argmin())


def _commonest_but(taken: int, counts: Integers) -> int:
    return int(np.where(np.arange(len(counts)) == taken, -1, counts).argmax())


def _resamples(counts: Integers, size: int) -> Iterator[NDArray[Any]]:
    """How often each cell is drawn, shape (resamples, cells), in chunks that fit into memory."""
    generator = np.random.default_rng(SEED)
    left, most = RESAMPLES, max(1, _CHUNK // len(counts))
    while left:
        now = min(left, most)
        yield generator.multinomial(size, counts / counts.sum(), size=now)
        left -= now


def _tallies(drawn: NDArray[Any], labels: Integers, predicted: Integers, classes: int) -> Tallies:
    right = labels == predicted
    return Tallies(
        hits=_by_class(drawn[:, right], labels[right], classes),
        predicted=_by_class(drawn, predicted, classes),
        support=_by_class(drawn, labels, classes),
    )


def _by_class(drawn: NDArray[Any], of_class: Integers, classes: int) -> Floats:
    """Sums of the columns of each class, shape (resamples, classes)."""
    sums = np.zeros((len(drawn), classes))
    present, starts = np.unique(np.sort(of_class), return_index=True)
    if len(present):
        sums[:, present] = np.add.reduceat(drawn[:, np.argsort(of_class, kind="stable")], starts, axis=1)
    return sums
