"""The 1,797 handwritten digits that ship inside scikit-learn: 8 x 8 pixels, ten classes."""

import numpy as np
from sklearn.datasets import load_digits

TEST_ROWS = 360


def load(split):
    """Features (n, 64) between 0 and 1, labels 0 to 9; the same rows at every call."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    rows = order[:TEST_ROWS] if split == "test" else order[TEST_ROWS:]
    return (pixels[rows] / 16).astype("float32"), labels[rows]
