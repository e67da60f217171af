"""In which direction a metric is better."""

from __future__ import annotations


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric, by its name in a decision, is a better model."""
    from jenkins_ml.core.metrics import LOWER_IS_BETTER  # it imports numpy, which writing a comment can do without

    return metric in LOWER_IS_BETTER
