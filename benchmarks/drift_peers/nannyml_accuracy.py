"""NannyML's confidence-based performance estimation, as it is by default, in its own environment.

SCRIPT FILE    the accuracy of live rows, as estimated; see benchmarks/accuracy_estimates.py for what is in the file
"""

import json
import sys
import time

import nannyml
import numpy as np
import pandas as pd


def estimate(scores: np.ndarray, labels: np.ndarray, live: np.ndarray) -> tuple[float, float, float, float]:
    """Estimate, sampling error, and both bounds (three of them away).

    Args:
        scores: of the reference, shape (n,) of class 1 or (n, classes).
        labels: of the reference, shape (n,).
        live: scores whose labels nobody knows, of as many rows.
    """
    many = scores.ndim == 2
    proba = {place: f"p{place}" for place in range(scores.shape[1])} if many else "p"
    reference = frame(scores)
    reference["y"] = labels
    estimator = nannyml.CBPE(
        problem_type="classification_multiclass" if many else "classification_binary",
        y_pred_proba=proba,
        y_pred="predicted",
        y_true="y",
        metrics=["accuracy"],
        chunk_size=len(live),
    )
    estimator.fit(reference)
    found = estimator.estimate(frame(live)).filter(period="analysis").to_df()["accuracy"].iloc[0]
    return tuple(
        float(found[name])
        for name in ("value", "sampling_error", "lower_confidence_boundary", "upper_confidence_boundary")
    )


def frame(scores: np.ndarray) -> pd.DataFrame:
    """Scores and what is predicted by them."""
    if scores.ndim == 1:
        return pd.DataFrame({"p": scores, "predicted": (scores > 0.5).astype(int)})
    made = pd.DataFrame(scores, columns=[f"p{place}" for place in range(scores.shape[1])])
    made["predicted"] = scores.argmax(axis=1)
    return made


def main() -> None:
    """Answer as one line of JSON."""
    with np.load(sys.argv[1]) as file:
        scores, labels, live = (file[name] for name in ("scores", "labels", "live"))
    estimate(scores[0], labels[0], live[0])  # whatever is imported or compiled at the first time
    began = time.process_time()
    found = [estimate(*each) for each in zip(scores, labels, live, strict=True)]
    cpu = (time.process_time() - began) / len(found)
    print(json.dumps({"version": nannyml.__version__, "cpu": cpu, "estimates": found}))


if __name__ == "__main__":
    main()
