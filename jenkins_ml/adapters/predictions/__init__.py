"""Predictions of two models, read from files: Parquet, Arrow, NumPy or CSV, joined by example, in constant memory.

What the files look like: docs/predictions.md. Only Parquet, Arrow and CSV need pyarrow, and it is imported with the first
such file.
"""

from jenkins_ml.adapters.predictions.columns import Wanted
from jenkins_ml.adapters.predictions.stream import Joined, PredictionStream, Progress, open_predictions

__all__ = ["Joined", "PredictionStream", "Progress", "Wanted", "open_predictions"]
