"""Evidently's preset for data drift, as it is by default, in its own environment; see trials.py."""

import evidently
import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from trials import main


def look(reference: np.ndarray, now: np.ndarray) -> bool:
    """Whether any column has drifted."""
    names = [f"x{place}" for place in range(reference.shape[1])]
    definition = DataDefinition(numerical_columns=names)
    sets = [
        Dataset.from_pandas(pd.DataFrame(rows, columns=names), data_definition=definition) for rows in (now, reference)
    ]
    found = Report([DataDriftPreset()]).run(*sets).dict()
    return found["metrics"][0]["value"]["count"] > 0


if __name__ == "__main__":
    main(evidently.__version__, look)
