"""TFX Model Analysis on two files of predictions, in its own environment: `tfma_evaluate.py CANDIDATE BASELINE [INTERVALS]`.

The predictions come as features (model-agnostic evaluation), so no model is run. INTERVALS is poisson or jackknife.
"""

import json
import os
import sys
import tempfile

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.proto import config_pb2

ROWS = 10_000  # of a batch that goes through Beam; more or fewer change its CPU-seconds by little
METRICS = {
    "accuracy": ("BinaryAccuracy", "binary_accuracy"),
    "precision": ("Precision", "precision"),
    "recall": ("Recall", "recall"),
    "roc_auc": ("AUC", "auc"),
    "log_loss": ("BinaryCrossEntropy", "binary_crossentropy"),
}
LOWER_IS_BETTER = ("log_loss",)
MARGIN = 0.01
MODELS = (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY)


def batches(candidate: str, baseline: str) -> list[pa.RecordBatch]:
    """Both files as one table, in the form of Beam's examples: each value in a list of its own."""
    ours, production = pq.read_table(candidate), pq.read_table(baseline, columns=["id", "prediction"])
    if not ours["id"].equals(production["id"]):
        raise SystemExit("TFX Model Analysis does not join: both files must have the same order")
    columns = {
        "label": ours["label"].cast(pa.float32()),
        "candidate": ours["prediction"],
        "baseline": production["prediction"],
        "segment": ours["segment"].cast(pa.string()).cast(pa.binary()),
    }
    return [
        pa.RecordBatch.from_arrays(
            [pa.ListArray.from_arrays(range(len(batch) + 1), column) for column in batch.columns], list(columns)
        )
        for batch in pa.table(columns).combine_chunks().to_batches(ROWS)
    ]


def config(intervals: str) -> config_pb2.EvalConfig:
    """The five metrics, overall and by segment, each with a change threshold against the baseline."""
    lower, higher = config_pb2.MetricDirection.LOWER_IS_BETTER, config_pb2.MetricDirection.HIGHER_IS_BETTER
    options = config_pb2.Options()
    if intervals:
        options.compute_confidence_intervals.value = True
        method = config_pb2.ConfidenceIntervalOptions
        options.confidence_intervals.method = method.JACKKNIFE if intervals == "jackknife" else method.POISSON_BOOTSTRAP
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name="candidate", label_key="label", prediction_key="candidate"),
            config_pb2.ModelSpec(name="baseline", label_key="label", prediction_key="baseline", is_baseline=True),
        ],
        slicing_specs=[config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=["segment"])],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(
                        class_name=class_name,
                        threshold=config_pb2.MetricThreshold(
                            change_threshold=config_pb2.GenericChangeThreshold(
                                absolute={"value": MARGIN if name in LOWER_IS_BETTER else -MARGIN},
                                direction=lower if name in LOWER_IS_BETTER else higher,
                            )
                        ),
                    )
                    for name, (class_name, _) in METRICS.items()
                ]
            )
        ],
        options=options,
    )


def main() -> None:
    candidate, baseline, intervals = (*sys.argv[1:], "")[:3]
    started = sum(os.times()[:2])
    asked = config(intervals)
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline() as pipeline:
            _ = (
                pipeline
                | beam.Create(batches(candidate, baseline))
                | tfma.ExtractEvaluateAndWriteResults(
                    eval_config=asked, eval_shared_model=[*map(_predicted, MODELS)], output_path=folder
                )
            )
        validation = tfma.load_validation_result(folder)
        found = {name: _values(folder, name) for name in MODELS}
        bounds = _intervals(folder) if intervals else {}
    answer = {
        "versions": {
            "tensorflow-model-analysis": tfma.__version__,
            "apache-beam": beam.__version__,
            "tensorflow": tf.__version__,
        },
        "started": started,
        "approved": validation.validation_ok,
        "slices": found,
        "intervals": bounds,
    }
    print(json.dumps(answer))


def _predicted(model: str) -> tfma.EvalSharedModel:
    """A model whose predictions are there already."""
    return tfma.EvalSharedModel(model_name=model, model_type=constants.MATERIALIZED_PREDICTION)


def _values(folder: str, model: str) -> dict[str, dict[str, float]]:
    """Slice -> metric -> value."""
    return {
        name: {metric: _number(told[key]) for metric, (_, key) in METRICS.items()}
        for name, told in _slices(folder, model)
    }


def _intervals(folder: str) -> dict[str, dict[str, tuple[float, float]]]:
    """Slice -> metric -> what candidate - baseline is not below and not above: 95 % of both together."""
    bounds = {
        name: {metric: told[f"{key}_diff"]["boundedValue"] for metric, (_, key) in METRICS.items()}
        for name, told in _slices(folder, MODELS[0])
    }
    return {
        name: {metric: (each["lowerBound"], each["upperBound"]) for metric, each in of_slice.items()}
        for name, of_slice in bounds.items()
    }


def _slices(folder: str, model: str) -> list[tuple[str, dict[str, dict[str, float]]]]:
    found = tfma.load_eval_result(folder, model_name=model).slicing_metrics
    return [(key[0][1] if key else "", metrics[""][""]) for key, metrics in found]


def _number(told: dict) -> float:
    return told["boundedValue"]["value"] if "boundedValue" in told else told["doubleValue"]


if __name__ == "__main__":
    main()
