"""Amounts as the API server writes them back: whoever compares what was applied with what is there finds them equal.

The rules are those of `resource.Quantity` in Kubernetes: no fractions, and the largest unit that leaves a whole number.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final

_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL: Final = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def canonical(amount: str) -> str:
    """An amount of CPUs, memory or devices in the one way to write it.

    Args:
        amount: a number and a unit, as the configuration has checked it.
    """
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", amount)
    if match is None:
        raise ValueError(f"{amount!r} is no amount")
    number, unit = Fraction(match[1]), match[2]
    if unit not in _BINARY:
        return _written(number * Fraction(1000) ** _DECIMAL[unit], 1000, _DECIMAL)
    value = number * 1024 ** _BINARY[unit]
    # Less than the smallest binary unit, or no whole number of bytes: decimal units then.
    if value < 1024 or value.denominator != 1:
        return _written(value, 1000, _DECIMAL)
    return _written(value, 1024, {"": 0, **_BINARY})


def _written(value: Fraction, base: int, units: dict[str, int]) -> str:
    for unit, power in sorted(units.items(), key=lambda item: -item[1]):
        number = value / Fraction(base) ** power
        if number.denominator == 1:
            return f"{number}{unit}"
    return f"{math.ceil(value * 10**9)}n"  # nothing is smaller
