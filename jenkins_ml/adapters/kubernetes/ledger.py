"""What the pods of each version have answered to users since they were looked at: differences of their totals.

Pods are known by their identity (uid), so one that takes the name of another starts anew; a pod that is gone keeps what
was seen of it. What the deployer itself asked is taken off.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jenkins_ml.adapters.server_counters import Totals
from jenkins_ml.core.judge import Window


@dataclass
class Ledger:
    """The account of one version. May be used from any thread."""

    _last: dict[str, Totals] = field(default_factory=dict)
    _own: dict[str, Totals] = field(default_factory=dict)
    _unknown: set[str] = field(default_factory=set)  # were there already, and have not told yet
    _begun: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, pod: str, own: Totals) -> None:
        """The deployer itself has asked a pod."""
        with self._lock:
            self._own[pod] = self._own.get(pod, Totals()) + own

    def take(self, now: Mapping[str, Totals], pods: Iterable[str]) -> Window:
        """What users were answered since this was called the last time; the first time only begins to count.

        Args:
            now: pod -> its totals; a pod that does not tell now is counted when it does.
            pods: all that there are.
        """
        seen = Totals()
        with self._lock:
            if not self._begun:
                self._unknown = set(pods)
            for pod, current in now.items():
                own = self._own.pop(pod, Totals())
                if pod in self._unknown:
                    self._unknown.discard(pod)
                else:
                    seen += current.since(self._last.get(pod, Totals())).without(own)
                self._last[pod] = current
            self._begun = True
        return Window(
            requests=seen.well + seen.failed,
            failed=seen.failed,
            nan=seen.nan,
            slow=seen.slow,
            latencies=seen.latencies,
        )
