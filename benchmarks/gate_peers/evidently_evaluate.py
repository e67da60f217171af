"""Evidently's report of two files of predictions, in its own environment: `evidently_evaluate.py CANDIDATE BASELINE`.

The five metrics alone, each with a test against the reference: less work than its preset for classification. Each slice
is a report of its own: its GroupBy answers the value of the whole for every group of these metrics. It has no intervals.
"""

import json
import os
import sys

import evidently
import pyarrow.parquet as pq
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.metrics import Accuracy, LogLoss, Precision, Recall, RocAuc
from evidently.tests import Reference, gte, lte

MARGIN = Reference(absolute=0.01)
METRICS = {"accuracy": Accuracy, "precision": Precision, "recall": Recall, "roc_auc": RocAuc, "log_loss": LogLoss}


def main() -> None:
    candidate, baseline = sys.argv[1:3]
    started = sum(os.times()[:2])
    definition = DataDefinition(
        classification=[BinaryClassification(target="label", prediction_probas="prediction", pos_label=1)]
    )
    ours, production = (
        pq.read_table(path, columns=["label", "prediction", "segment"]).to_pandas() for path in (candidate, baseline)
    )
    slices = {"": None} | {name: name for name in sorted(ours["segment"].unique())}
    values: dict = {"candidate": {}}
    approved = True
    for name, segment in slices.items():
        pair = [data if segment is None else data[data["segment"] == segment] for data in (ours, production)]
        datasets = [Dataset.from_pandas(data[["label", "prediction"]], data_definition=definition) for data in pair]
        found = _report(*datasets)
        approved = approved and all(test["status"] == "SUCCESS" for test in found["tests"])
        values["candidate"][name] = dict(zip(METRICS, (metric["value"] for metric in found["metrics"]), strict=True))
    answer = {
        "versions": {"evidently": evidently.__version__},
        "started": started,
        "approved": approved,
        "slices": values,
    }
    print(json.dumps(answer))


def _report(ours, production):
    metrics = [made(tests=[(lte if name == "log_loss" else gte)(MARGIN)]) for name, made in METRICS.items()]
    return Report(metrics).run(ours, production).dict()


if __name__ == "__main__":
    main()
