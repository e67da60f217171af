"""One number with a name and labels, as Prometheus knows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """One number of a metric.

    Args:
        name: of the metric, one of names.METRIC_*.
        value: the number, in the unit that the name says.
        labels: what tells it from the others of that name.
    """

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
