"""Amounts as the API server writes them back: whoever compares what was applied with what is there finds them equal.

The rules are those of `resource.Quantity` in Kubernetes, and of what it does to resources of pods: thousandths are the smallest part,
rounded up; no fractions; and the largest unit that leaves a whole number.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final

_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = ("m", "", "k", "M", "G", "T", "P", "E")  # the first is a thousandth


def canonical(amount: str) -> str:
    """An amount of CPUs, memory or devices in the one way to write it.

    Args:
        amount: a number and a unit, as the configuration has checked it.
    """
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", amount)
    if match is None:
        raise ValueError(f"{amount!r} is no amount")
    number, unit = Fraction(match[1]), match[2]
    binary = unit != "" and unit in _BINARY
    factor = Fraction(1024) ** _BINARY.index(unit) if binary else Fraction(1000) ** (_DECIMAL.index(unit) - 1)
    thousandths = math.ceil(number * factor * 1000)
    # Less than the smallest binary unit, or no whole number of bytes: decimal units then.
    if binary and thousandths >= 1024 * 1000 and thousandths % 1000 == 0:
        return _written(thousandths // 1000, 1024, _BINARY)
    return _written(thousandths, 1000, _DECIMAL)


def _written(number: int, base: int, units: tuple[str, ...]) -> str:
    """A number of the first unit in the largest one that leaves it whole."""
    largest = 0
    while number and number % base == 0 and largest + 1 < len(units):
        number, largest = number // base, largest + 1
    return f"{number}{units[largest]}"
