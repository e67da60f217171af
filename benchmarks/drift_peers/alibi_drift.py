"""alibi-detect's Kolmogorov-Smirnov detector, as it is by default (5 %, Bonferroni), in its own environment; see trials.py."""

import alibi_detect
import numpy as np
from alibi_detect.cd import KSDrift
from trials import main


def look(reference: np.ndarray, now: np.ndarray) -> bool:
    """Whether any column has drifted."""
    return bool(KSDrift(reference, p_val=0.05).predict(now)["data"]["is_drift"])


if __name__ == "__main__":
    main(alibi_detect.__version__, look)
