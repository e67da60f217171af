"""Examples that are kept as they are: all of them up to a limit, beyond it a sample that depends on nothing but the order.

What cannot be made from sums, such as how much each example moves the area under a curve, is made from these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Array, Floats, Integers
from jenkins_ml.core.evaluation.rows import Rows

MOST_ROWS: Final = 1 << 20
MOST_SCORES: Final = 1 << 23  # of each version; half of the memory that an evaluation may take
SAMPLED: Final = 4  # beyond that, so many times fewer: what is taken from a sample are spreads, not values
CHUNK: Final = 1 << 16  # rows that are summed at a time


def _hashes(count: int) -> Array:
    """A hash of each place: the finaliser of SplitMix64 (G. Steele, D. Lea and C. Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        value = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


_HASHES: Final = _hashes(CHUNK)


@dataclass(frozen=True, eq=False)
class Sample:
    """Examples and which slice of each slicing they are in.

    Args:
        rows: the examples, without their features.
        codes: for each slicing the slice of each row, shape (n,).
        total: how many examples they stand for, those with a weight of 0 left out.
    """

    rows: Rows
    codes: tuple[Integers, ...]
    total: int

    @property
    def whole(self) -> bool:
        """Whether these are all examples there were."""
        return len(self.rows) == self.total

    def where(self, chosen: Array, total: int) -> Sample:
        """Those at these places, or that a mask of shape (n,) chooses; they stand for so many."""
        return Sample(_taken(self.rows, chosen), tuple(codes[chosen] for codes in self.codes), total)


class Keeper:
    """Takes examples in, and keeps as many as it may."""

    def __init__(self) -> None:
        self._parts: list[tuple[Integers, Sample]] = []  # with their places in their chunks
        self._shift = 0  # how many first bits of a hash are 0 in the examples that are kept
        self._kept = 0
        self.total = 0

    def has_room_for(self, rows: Rows) -> bool:
        """Whether these can be kept with all that came before."""
        return self._shift == 0 and self._kept + len(rows) <= _most(rows)

    def add(self, rows: Rows, codes: tuple[Integers, ...]) -> None:
        """Take a chunk of examples in: `CHUNK` of them, or fewer at the end."""
        places, part = np.arange(len(rows)), Sample(replace(rows, features={}), codes, len(rows))
        if rows.weights is not None and not rows.weights.all():  # a row that does not count is as if it were not there
            places = np.flatnonzero(rows.weights)
            part = part.where(places, len(places))
        self.total += part.total
        self._parts.append(self._thinned(places, part) if self._shift else (places, part))
        self._kept += len(self._parts[-1][0])
        while self._kept > _most(rows) // (SAMPLED if self._shift else 1):
            self._shift += 1
            self._parts = [self._thinned(*part) for part in self._parts]
            self._kept = sum(len(places) for places, _ in self._parts)

    def _thinned(self, places: Integers, part: Sample) -> tuple[Integers, Sample]:
        """Those of a chunk whose places begin with enough zeros when hashed: half of them for each."""
        chosen = np.flatnonzero((_HASHES[places] >> np.uint64(64 - self._shift)) == 0)
        return places[chosen], part.where(chosen, part.total)

    def sample(self) -> Sample:
        """What was kept, in order; at least one example has to have come."""
        parts = [part for _, part in self._parts]
        first = parts[0].rows
        rows = replace(
            first,
            labels=np.concatenate([part.rows.labels for part in parts]),
            candidate=np.concatenate([part.rows.candidate for part in parts]),
            baseline=_joined([part.rows.baseline for part in parts]),
            weights=_joined([part.rows.weights for part in parts]),
        )
        codes = tuple(np.concatenate([part.codes[number] for part in parts]) for number in range(len(parts[0].codes)))
        return Sample(rows, codes, self.total)

    @property
    def parts(self) -> list[Sample]:
        """What was kept, as it came in."""
        return [part for _, part in self._parts]


def _most(rows: Rows) -> int:
    """How many examples like these may be kept."""
    columns = rows.candidate.shape[1] if rows.candidate.ndim == 2 else 1
    return min(MOST_ROWS, MOST_SCORES // columns)


def _joined(arrays: list[Array | None]) -> Array | None:
    given = [array for array in arrays if array is not None]
    return np.concatenate(given) if given else None


def _taken(rows: Rows, chosen: Array) -> Rows:
    return replace(
        rows,
        labels=rows.labels[chosen],
        candidate=rows.candidate[chosen],
        baseline=None if rows.baseline is None else rows.baseline[chosen],
        weights=None if rows.weights is None else rows.weights[chosen],
    )


def weights_or_ones(rows: Rows) -> Floats:
    """How much each row counts, shape (n,)."""
    return np.ones(len(rows)) if rows.weights is None else rows.weights
