"""Candidate against production on the same examples: which method answers for which metric."""

from __future__ import annotations

from typing import Final

import numpy as np

from jenkins_ml.core.bootstrap import paired_f_measures
from jenkins_ml.core.examples import Scored
from jenkins_ml.core.intervals import Difference, paired_auc, paired_means, paired_proportions
from jenkins_ml.core.metrics import hits, losses
from jenkins_ml.core.ranking import Average
from jenkins_ml.errors import IntegrityError, StageFailed

NO_DIFFERENCE: Final = Difference(0.0, 0.0, 0.0, 0.0)


def check_same_examples(candidate: Scored, baseline: Scored) -> None:
    """Refuse what cannot be compared example by example.

    Raises:
        IntegrityError: they are not about the same examples.
        StageFailed: they are, but the two versions answer in different ways.
    """
    if not np.array_equal(candidate.labels, baseline.labels):
        raise IntegrityError(
            f"candidate and production were not evaluated on the same examples: {candidate.count} and {baseline.count} "
            "labels, which differ",
            "run the gate again, so that both versions predict the same split",
        )
    if candidate.task != baseline.task:
        raise StageFailed(
            f"the candidate answers as a {candidate.task} model, but production as a {baseline.task} one",
            "set gate.task: binary, which reads one score and two scores in the same way",
        )


def compare(metric: str, candidate: Scored, baseline: Scored, average: Average, confidence: float) -> Difference:
    """The paired interval of candidate - baseline.

    Versions that answer every example with the same numbers do not differ, and nothing is left to estimate.

    Args:
        metric: one of `metrics.METRICS[candidate.task]`, which the examples must define.
        candidate: its examples.
        baseline: the same examples, as production answered them.
        average: over the classes, for several of them.
        confidence: of each bound, in (0.5, 1).
    """
    if np.array_equal(candidate.predictions, baseline.predictions):
        return NO_DIFFERENCE
    if metric == "loss":
        return paired_means(losses(candidate), losses(baseline), confidence)
    if metric == "roc_auc":
        return paired_auc(candidate, baseline, average, confidence)
    several = candidate.task == "multiclass"
    if metric == "accuracy" or (several and average == "micro"):  # micro averages of single labels are the accuracy
        right, was_right = hits(candidate), hits(baseline)
        gained, lost = int((right & ~was_right).sum()), int((was_right & ~right).sum())
        return paired_proportions(gained, lost, candidate.count, confidence)
    return paired_f_measures(metric, candidate, baseline, average if several else None, confidence)
