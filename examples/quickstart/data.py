"""Examples for the quickstart: two noisy clouds of points in 100 dimensions, which a straight cut separates mostly."""

import numpy as np

FEATURES = 100
ROWS = {"train": 2_000, "test": 1_000}
DISTANCE = 3.5  # between the centres, in standard deviations: at best 96 of 100 are told apart


def load(split):
    """The features (float32, rows x 100) and labels (0 or 1) of "train" or "test"."""
    direction = np.random.default_rng(7).normal(size=FEATURES)
    direction *= DISTANCE / np.linalg.norm(direction)
    random = np.random.default_rng({"train": 1, "test": 2}[split])
    labels = random.integers(0, 2, size=ROWS[split])
    features = random.normal(size=(ROWS[split], FEATURES)) + np.outer(labels - 0.5, direction)
    return features.astype("float32"), labels
