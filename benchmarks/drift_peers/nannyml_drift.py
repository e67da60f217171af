"""NannyML's univariate drift, as it is by default (Jensen-Shannon, ten chunks), in its own environment; see trials.py."""

import nannyml
import numpy as np
import pandas as pd
from trials import main


def look(reference: np.ndarray, now: np.ndarray) -> bool:
    """Whether any column has drifted in any chunk."""
    names = [f"x{place}" for place in range(reference.shape[1])]
    calculator = nannyml.UnivariateDriftCalculator(column_names=names)
    calculator.fit(pd.DataFrame(reference, columns=names))
    found = calculator.calculate(pd.DataFrame(now, columns=names)).filter(period="analysis").to_df()
    alerts = found.loc[:, [column for column in found.columns if column[-1] == "alert"]]
    return bool(alerts.to_numpy().any())


if __name__ == "__main__":
    main(nannyml.__version__, look)
