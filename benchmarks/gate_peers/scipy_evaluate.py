"""scikit-learn's metrics and scipy's paired bootstrap on two files of predictions: `scipy_evaluate.py CANDIDATE BASELINE RESAMPLES`.

Intervals are of candidate - baseline, by percentiles (BCa would need as many values again as there are rows). Without
RESAMPLES there are none.
"""

import json
import os
import sys

import numpy as np
import pyarrow.parquet as pq
import scipy
import sklearn
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score, roc_auc_score

THRESHOLD = 0.5
CONFIDENCE = 0.90  # two-sided: each bound holds with 95 %
METRICS = {
    "accuracy": lambda label, score: accuracy_score(label, score >= THRESHOLD),
    "precision": lambda label, score: precision_score(label, score >= THRESHOLD),
    "recall": lambda label, score: recall_score(label, score >= THRESHOLD),
    "roc_auc": roc_auc_score,
    "log_loss": lambda label, score: log_loss(label, score),
}


def _accuracy(label, candidate, baseline):
    return np.mean((candidate >= THRESHOLD) == label) - np.mean((baseline >= THRESHOLD) == label)


def _precision(label, candidate, baseline):
    return label[candidate >= THRESHOLD].mean() - label[baseline >= THRESHOLD].mean()


def _recall(label, candidate, baseline):
    there = label == 1
    return np.mean(candidate[there] >= THRESHOLD) - np.mean(baseline[there] >= THRESHOLD)


def _roc_auc(label, candidate, baseline):
    return roc_auc_score(label, candidate) - roc_auc_score(label, baseline)


def _loss(label, candidate, baseline):
    return _log_loss(label, candidate) - _log_loss(label, baseline)


def _log_loss(label, score):
    return -np.mean(np.log(np.where(label == 1, score, 1 - score)))


# The same differences, in plain NumPy where that is faster than scikit-learn's checks.
DIFFERENCES = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "roc_auc": _roc_auc,
    "log_loss": _loss,
}


def main() -> None:
    candidate, baseline, resamples = sys.argv[1], sys.argv[2], int((*sys.argv[3:], "0")[0])
    started = sum(os.times()[:2])
    ours, production = pq.read_table(candidate), pq.read_table(baseline, columns=["id", "prediction"])
    if not ours["id"].equals(production["id"]):
        raise SystemExit("both files must have the same order")
    label = ours["label"].to_numpy()
    scores = {
        "candidate": ours["prediction"].to_numpy().astype(np.float64),
        "baseline": production["prediction"].to_numpy().astype(np.float64),
    }
    segment = np.asarray(ours["segment"].combine_chunks().cast("string").to_numpy(zero_copy_only=False))
    slices = {"": np.ones(len(label), dtype=bool)} | {name: segment == name for name in sorted(set(segment))}
    values = {
        model: {
            name: {metric: float(of(label[rows], score[rows])) for metric, of in METRICS.items()}
            for name, rows in slices.items()
        }
        for model, score in scores.items()
    }
    intervals = {
        name: {
            metric: _interval(metric, label[rows], *(score[rows] for score in scores.values()), resamples)
            for metric in METRICS
        }
        for name, rows in slices.items()
        if resamples
    }
    answer = {
        "versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__},
        "started": started,
        "slices": values,
        "intervals": intervals,
    }
    print(json.dumps(answer))


def _interval(metric, label, candidate, baseline, resamples):
    found = bootstrap(
        (label, candidate, baseline),
        DIFFERENCES[metric],
        paired=True,
        vectorized=False,
        n_resamples=resamples,
        batch=1,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    return [float(found.confidence_interval.low), float(found.confidence_interval.high)]


if __name__ == "__main__":
    main()
