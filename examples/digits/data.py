"""The 1,797 handwritten digits that ship inside scikit-learn: 8 x 8 pixels, ten classes."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

TEST_ROWS = 360


def load(split):
    """Features (n, 64) between 0 and 1, digits 0 to 9; the same rows at every call. For "test" also how much ink each has."""
    # What sklearn.datasets.load_digits() reads; importing scikit-learn itself would take seconds in every stage.
    file = Path(find_spec("sklearn").origin).parent / "datasets/data/digits.csv.gz"
    table = np.loadtxt(file, delimiter=",")
    pixels, labels = table[:, :-1], table[:, -1].astype(int)
    order = np.random.default_rng(0).permutation(len(labels))
    rows = order[:TEST_ROWS] if split == "test" else order[TEST_ROWS:]
    features, digits = (pixels[rows] / 16).astype("float32"), labels[rows]
    if split == "train":
        return features, digits
    # What the gate can slice by beside the features: it judges thin and bold writing by themselves.
    return features, digits, {"ink": features.mean(axis=1)}
