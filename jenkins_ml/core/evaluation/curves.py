"""The shape of a binary model's scores, for pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Floats
from jenkins_ml.core.evaluation.calibration import BINS
from jenkins_ml.core.evaluation.evaluation import Measured
from jenkins_ml.core.evaluation.kept import weights_or_ones

_MOST_POINTS: Final = 200  # of one curve; a picture shows no more


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Of one version.

    Args:
        roc: (false positive rate, true positive rate), rising from (0, 0) to (1, 1).
        precision_recall: (recall, precision), by rising recall; without a point where nothing is predicted.
        calibration: (mean score, share of class 1, examples) of each bin of scores that has examples, by rising score.
    """

    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]
    calibration: tuple[tuple[float, float, int], ...]


def curves_of(measured: Measured, version: int) -> Curves | None:
    """The curves of one version on all examples; None of models that are not binary, and where one class is missing.

    Args:
        measured: what both versions do.
        version: 0 for the candidate, 1 for production.
    """
    steps, sample = measured.ladder(version), measured.sample(measured.overall)
    if steps is None or sample is None or not steps.defined:
        return None
    found = np.cumsum(steps.positive[::-1]), np.cumsum(steps.negative[::-1])
    rates = found[0] / found[0][-1], found[1] / found[1][-1]
    shown = _spaced(rates[0] + rates[1])
    precision = found[0] / np.maximum(found[0] + found[1], 1e-300)
    roc = [(0.0, 0.0), *zip(rates[1][shown].tolist(), rates[0][shown].tolist(), strict=True)]
    named = shown[found[0][shown] + found[1][shown] > 0]
    by_recall = zip(rates[0][named].tolist(), precision[named].tolist(), strict=True)
    scores = sample.rows.versions[version].astype(np.float64)
    weights, truth = weights_or_ones(sample.rows), sample.rows.labels == 1
    bins = np.clip(scores * BINS, 0, BINS - 1).astype(np.int64)
    total, score, positive = (np.bincount(bins, each, BINS) for each in (weights, weights * scores, weights * truth))
    counts = np.bincount(bins[weights > 0], minlength=BINS) * (sample.total / len(scores))
    return Curves(
        roc=tuple(roc),
        precision_recall=tuple(by_recall),
        calibration=tuple(
            (float(score[place] / total[place]), float(positive[place] / total[place]), round(counts[place]))
            for place in np.flatnonzero(total > 0)
        ),
    )


def _spaced(along: Floats) -> Floats:
    """Places of about evenly spaced values of something that rises, with the last one."""
    wanted = np.linspace(0, along[-1], _MOST_POINTS)
    places = np.searchsorted(along, wanted)
    places = np.concatenate([places, [len(along) - 1]])
    rising: Floats = places[np.concatenate([[True], places[1:] != places[:-1]])]
    return rising
