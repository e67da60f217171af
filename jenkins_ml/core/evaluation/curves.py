"""The shape of a binary model's scores, for pictures."""

from __future__ import annotations

from dataclasses import dataclass


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
