"""What came of a version's requests: counted since it was loaded, and the last ones one by one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from jenkins_ml import names
from jenkins_ml.adapters.local_server import Window
from jenkins_ml.server.predicted import MOST_CLASSES

KEPT: Final = 100_000


class Outcomes:
    """Outcomes of one version, numbered from 1; of the last `KEPT` every one is kept."""

    def __init__(self, kept: int = KEPT) -> None:
        self.requests = 0
        self.failed = 0
        self.nan = 0
        self._seconds = np.zeros(kept)
        self._failed = np.zeros(kept, bool)
        self._nan = np.zeros(kept, bool)
        self._pinned = np.zeros(kept, bool)
        self._predicted = np.zeros(MOST_CLASSES + 1, np.int64)

    def add(
        self,
        seconds: float,
        *,
        failed: bool,
        nan: bool,
        pinned: bool = False,
        predicted: np.ndarray[Any, np.dtype[Any]] | None = None,
    ) -> None:
        """Record one; `pinned` when its request named the version, as replayed ones do.

        Args:
            seconds: how long it took.
            failed: whether the version failed.
            nan: whether the answer had a NaN or an infinity in it.
            pinned: whether the request named the version.
            predicted: how many of the predictions fell into each cell, see predicted.py.
        """
        place = self.requests % len(self._seconds)
        self._seconds[place], self._failed[place], self._nan[place] = seconds, failed, nan
        self._pinned[place] = pinned
        self.requests += 1
        self.failed += failed
        self.nan += nan
        if predicted is not None and not pinned:
            self._predicted += predicted

    def since(self, sequence: int, slower_than_ms: float | None, pinned: bool | None = None) -> Window:
        """The outcomes after number `sequence`, or as many of them as are kept.

        Args:
            sequence: number of the last outcome that is not wanted; 0 for all.
            slower_than_ms: what counts as slow, in milliseconds; None: nothing does.
            pinned: only requests that named the version, or only those that did not; None: all of them.
        """
        count = min(max(self.requests - sequence, 0), len(self._seconds))
        places = np.arange(self.requests - count, self.requests) % len(self._seconds)
        if pinned is not None:
            places = places[self._pinned[places] == pinned]
        milliseconds = self._seconds[places] * 1000
        p50, p99 = (
            np.percentile(milliseconds, (50, 99), method="inverted_cdf").tolist() if len(places) else (None, None)
        )
        return Window(
            sequence=self.requests,
            requests=len(places),
            failed=int(self._failed[places].sum()),
            nan=int(self._nan[places].sum()),
            slow=0 if slower_than_ms is None else int((milliseconds > slower_than_ms).sum()),
            p50_ms=p50,
            p99_ms=p99,
            latencies=np.bincount(
                np.searchsorted(names.LATENCY_BOUNDS, milliseconds / 1000), minlength=len(names.LATENCY_BOUNDS) + 1
            ).tolist(),
            predicted=np.trim_zeros(self._predicted, "b").tolist(),
        )
