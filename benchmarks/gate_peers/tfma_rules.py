"""The verdicts of TFX Model Analysis' own validator on pairs of values, in its own environment.

Standard input: {"margin": m, "pairs": [[candidate, baseline], ...]}, of a metric where higher is better. Standard output:
the rule -> whether each pair passes.
"""

import json
import sys

from tensorflow_model_analysis.evaluators.metrics_validator import validate_metrics
from tensorflow_model_analysis.metrics.metric_types import MetricKey
from tensorflow_model_analysis.proto import config_pb2

METRIC = "binary_accuracy"


def config(absolute: float) -> config_pb2.EvalConfig:
    """A change threshold: candidate - baseline must be at least `absolute`."""
    change = config_pb2.GenericChangeThreshold(
        absolute={"value": absolute}, direction=config_pb2.MetricDirection.HIGHER_IS_BETTER
    )
    metric = config_pb2.MetricConfig(
        class_name="BinaryAccuracy", threshold=config_pb2.MetricThreshold(change_threshold=change)
    )
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name="candidate", label_key="label", prediction_key="candidate"),
            config_pb2.ModelSpec(name="baseline", label_key="label", prediction_key="baseline", is_baseline=True),
        ],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric], model_names=["candidate", "baseline"])],
    )


def passes(asked: config_pb2.EvalConfig, candidate: float, baseline: float) -> bool:
    """What the validator says."""
    ours = MetricKey(METRIC, model_name="candidate", example_weighted=False)
    values = {
        ours: candidate,
        MetricKey(METRIC, model_name="baseline", example_weighted=False): baseline,
        ours.make_diff_key(): candidate - baseline,
    }
    return validate_metrics(((), values), asked).validation_ok


def main() -> None:
    asked = json.load(sys.stdin)
    rules = {"no tolerance": config(0.0), "tolerance": config(-asked["margin"])}
    print(json.dumps({name: [passes(rule, *pair) for pair in asked["pairs"]] for name, rule in rules.items()}))


if __name__ == "__main__":
    main()
