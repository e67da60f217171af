"""Which values a version predicted, counted: what a canary's predictions are compared with production's by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

Tensor = np.ndarray[Any, np.dtype[Any]]
MOST_CLASSES: Final = 256  # further classes are counted together, in one more cell


@dataclass(frozen=True)
class Cells:
    """How predictions are sorted into cells: by class, or single values into bins.

    Args:
        output: the output that they are taken from; None for the only one.
        edges: upper bounds of the bins of single values but the last one's, rising.
    """

    output: str | None = None
    edges: tuple[float, ...] = ()

    def counts(self, outputs: Mapping[str, Tensor]) -> Tensor | None:
        """How many of the examples of one answer fall into each cell; None where that cannot be said.

        Args:
            outputs: by name, each of shape (n, ...): scores of shape (n, classes), or one value an example.
        """
        values = outputs.get(self.output) if self.output is not None else next(iter(outputs.values()), None)
        if values is None or values.ndim not in (1, 2) or values.dtype.kind not in "fiu":
            return None
        if values.ndim == 2 and values.shape[1] > 1:
            known = values[np.isfinite(values).all(axis=1)]
            cells = np.minimum(known.argmax(axis=1), MOST_CLASSES)
        else:
            flat = values.ravel()
            cells = np.searchsorted(np.asarray(self.edges, np.float64), flat[np.isfinite(flat)].astype(np.float64))
        return np.bincount(cells, minlength=MOST_CLASSES + 1)[: MOST_CLASSES + 1]
