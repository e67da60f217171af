"""NannyML's univariate drift in its own environment; see trials.py.

As it is by default (Jensen-Shannon, three standard deviations of the reference's chunks), but for the chunks: its ten of either would
be of other sizes, which its distance takes for drift.
"""

import nannyml
import numpy as np
import pandas as pd
from trials import main


def look(reference: np.ndarray, now: np.ndarray) -> bool:
    """Whether any column has drifted in any chunk."""
    names = [f"x{place}" for place in range(reference.shape[1])]
    size = min(len(now), len(reference) // 10)
    calculator = nannyml.UnivariateDriftCalculator(column_names=names, chunk_size=size)
    calculator.fit(pd.DataFrame(reference, columns=names))
    found = calculator.calculate(pd.DataFrame(now, columns=names)).filter(period="analysis").to_df()
    alerts = found.loc[:, [column for column in found.columns if column[-1] == "alert"]]
    return bool(alerts.to_numpy().any())


if __name__ == "__main__":
    main(nannyml.__version__, look)
