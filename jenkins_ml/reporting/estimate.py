"""A number with its interval, as every report shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from jenkins_ml.records import Measurement, Number
from jenkins_ml.reporting.text import interval, number

_MOST_DIGITS: Final = 6


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and what it is not below and not above; None for what is not known."""

    value: Number = None
    low: Number = None
    high: Number = None

    def bounds(self) -> str:
        """The interval in brackets, in words where only one end is known; empty without one."""
        if self.low is None and self.high is None:
            return ""
        if self.low is None or self.high is None:
            return f"[{interval(self.low, self.high)}]"
        width = self.high - self.low
        return f"[{number(self.low, _digits(self.low, width))}, {number(self.high, _digits(self.high, width))}]"

    def written(self) -> str:
        """The number with the interval behind it, where there is one."""
        return f"{number(self.value)} {self.bounds()}".rstrip()


def _digits(bound: float, width: float) -> int:
    """How many significant digits of a bound tell something: as many as give the interval's width three."""
    if not 0 < width < math.inf or bound == 0:
        return _MOST_DIGITS
    wanted = math.floor(math.log10(abs(bound))) - math.floor(math.log10(width)) + 3
    return min(max(wanted, 1), _MOST_DIGITS)


def candidate_of(measurement: Measurement) -> Estimate:
    """The candidate's value."""
    return Estimate(value=measurement.candidate, low=measurement.candidate_low, high=measurement.candidate_high)


def production_of(measurement: Measurement) -> Estimate:
    """Production's value."""
    return Estimate(value=measurement.baseline, low=measurement.baseline_low, high=measurement.baseline_high)


def difference_of(measurement: Measurement) -> Estimate:
    """Candidate minus production."""
    return Estimate(value=measurement.difference, low=measurement.low, high=measurement.high)
