"""A metric of our own, for the gate."""

import numpy as np


def sure_and_wrong(labels, predictions):
    """For each digit whether it is misread with a probability of 0.9 or more: nobody would look at it again."""
    return (np.max(predictions, axis=1) >= 0.9) & (np.argmax(predictions, axis=1) != labels)
