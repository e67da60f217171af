"""The verdicts of MLflow's own validation on pairs of values, in its own environment.

Standard input: {"margin": m, "pairs": [[candidate, baseline], ...]}, of a metric where higher is better. Standard output:
the rule -> whether each pair passes. A change that is allowed to be for the worse cannot be said in MLflow; the value
limit at the baseline less the margin is the nearest.
"""

import json
import sys

from mlflow.models import MetricThreshold
from mlflow.models.evaluation import EvaluationResult
from mlflow.models.evaluation.validation import ModelValidationFailedException, validate_evaluation_results

METRIC = "accuracy_score"


def passes(threshold: MetricThreshold, candidate: float, baseline: float) -> bool:
    """What the validation says."""
    results = [EvaluationResult(metrics={METRIC: value}, artifacts={}) for value in (candidate, baseline)]
    try:
        validate_evaluation_results({METRIC: threshold}, *results)
    except ModelValidationFailedException:
        return False
    return True


def main() -> None:
    asked = json.load(sys.stdin)
    unchanged = MetricThreshold(min_relative_change=0.0, greater_is_better=True)
    answers = {"no tolerance": [], "tolerance": []}
    for candidate, baseline in asked["pairs"]:
        value = MetricThreshold(threshold=baseline - asked["margin"], greater_is_better=True)
        answers["no tolerance"].append(passes(unchanged, candidate, baseline))
        answers["tolerance"].append(passes(value, candidate, baseline))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
