"""Quantiles of the normal and of Student's t distribution."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist


def normal_quantile(probability: float) -> float:
    """The standard normal value that is not exceeded with this probability in (0, 1)."""
    return NormalDist().inv_cdf(probability)


@lru_cache(1 << 12)  # a slice asks the same of each of its metrics
def t_quantile(probability: float, degrees: int) -> float:
    """The value that Student's t with `degrees` >= 1 of freedom does not exceed with this probability in (0.5, 1).

    By bisection of the tail, which is half the regularised incomplete beta function I_x(degrees/2, 1/2) at
    x = degrees / (degrees + t**2) (DLMF 8.17, NIST).
    """
    tail = 1 - probability
    high = 1.0
    while _t_tail(high, degrees) > tail:
        high *= 2
    low = 0.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _t_tail(middle, degrees) > tail else (low, middle)
    return high


def _t_tail(t: float, degrees: int) -> float:
    a, b = degrees / 2, 0.5
    x, rest = degrees / (degrees + t * t), t * t / (degrees + t * t)
    if x < (a + 1) / (a + b + 2):  # where the continued fraction converges quickly; beyond it, by symmetry
        return _incomplete_beta(x, rest, a, b) / 2
    return (1 - _incomplete_beta(rest, x, b, a)) / 2


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """I_x(a, b) with rest = 1 - x: the continued fraction DLMF 8.17.22, evaluated from the front (Lentz's method)."""
    front = math.exp(a * math.log(x) + b * math.log(rest) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)) / a
    numerator, denominator, value = 1.0, 0.0, 1.0
    term = 1.0
    for step in range(1, 10_000):  # some tens are enough: x lies where it converges
        denominator = 1 / (1 + term * denominator)
        numerator = 1 + term / numerator
        change = numerator * denominator
        value *= change
        if abs(change - 1) < 1e-15:
            break
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    return front * (value - 1)
