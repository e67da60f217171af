"""Slices of the examples: which rows belong to which."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Array, Floats, Integers
from jenkins_ml.core.evaluation.block import Coded, Feature
from jenkins_ml.core.statistics.ranking import rungs

MOST_SLICES: Final = 1000  # of one slicing: more are no groups of examples but their names
_NONE: Final = "(none)"
_OTHER: Final = "(other)"


@dataclass(frozen=True, kw_only=True)
class Slicing:
    """What the examples are cut by.

    Args:
        columns: one, or several to be crossed.
        values: only these of a single column; None for each that appears.
        quantiles: into so many ranges of a single column of numbers; None for its values.
    """

    columns: tuple[str, ...]
    values: tuple[str, ...] | None = None
    quantiles: int | None = None

    @property
    def title(self) -> str:
        """How it is called."""
        return " x ".join(self.columns)


class Slicer:
    """Gives each row of block after block the number of its slice; numbers are given out as values appear.

    Args:
        slicing: how to cut.
        edges: rising inner edges of the quantiles, for a slicing by quantiles.
    """

    def __init__(self, slicing: Slicing, edges: Floats | None = None) -> None:
        self.slicing = slicing
        self.failure = ""  # why it cannot be done, once that is known
        self._edges = edges
        self._numbers: dict[tuple[str, ...], int] = {}

    @property
    def names(self) -> list[str]:
        """The slices by number, such as "country=DE"; empty for rows that no slice was asked for."""
        if self.slicing.quantiles is not None:
            return [self._range(int(value)) if value != _NONE else self._named((_NONE,)) for (value,) in self._numbers]
        return ["" if values == (_OTHER,) else self._named(values) for values in self._numbers]

    @property
    def values(self) -> list[tuple[str, ...]]:
        """The values of each slice's columns, by its number."""
        return list(self._numbers)

    def codes(self, features: Mapping[str, Feature], count: int) -> Integers:
        """The number of each row's slice, shape (count,); all 0 once it has failed."""
        if not self.failure:
            missing = [name for name in self.slicing.columns if name not in features]
            if missing:
                self.failure = f"there is no column {missing[0]!r}"
        columns = [] if self.failure else [self._texts(features[name]) for name in self.slicing.columns]
        if self.failure:
            return np.zeros(count, np.int64)
        if len(columns) == 1 and len(columns[0][1]) <= MOST_SLICES:
            [(codes, values)] = columns  # all values, also those that do not occur here
            return np.array([self._number((value,)) for value in values])[codes]
        combined, sizes = columns[0][0], [len(values) for _, values in columns]
        for codes, values in columns[1:]:
            combined = combined * len(values) + codes
        kinds, place = _distinct(combined, math.prod(sizes))
        numbers = np.empty(len(kinds), np.int64)
        for index, kind in enumerate(kinds.tolist()):
            key = []
            for codes_values in reversed(columns):
                kind, at = divmod(kind, len(codes_values[1]))
                key.append(codes_values[1][at])
            numbers[index] = self._number(tuple(reversed(key)))
        if len(self._numbers) > MOST_SLICES:
            self.failure = f"{self.slicing.title} has more than {MOST_SLICES:,} values: they are no slices"
            return np.zeros(count, np.int64)
        return numbers[place]

    def _number(self, values: tuple[str, ...]) -> int:
        wanted = self.slicing.values
        if wanted is not None and values[0] not in wanted:
            values = (_OTHER,)
        return self._numbers.setdefault(values, len(self._numbers))

    def _texts(self, feature: Feature) -> tuple[Integers, Sequence[str]]:
        """A code for each row, and the text that each code stands for."""
        if isinstance(feature, Coded):
            if self._edges is not None or self.slicing.quantiles is not None:
                self.failure = f"{self.slicing.title} holds no numbers, which quantiles need"
            codes = feature.codes.astype(np.int64)
            codes[codes < 0] = len(feature.values)
            return codes, (*feature.values, _NONE)
        if feature.ndim != 1 or feature.dtype.kind not in "biuf":
            self.failure = f"the column of {self.slicing.title} is no text and no single number"
            return np.zeros(len(feature), np.int64), (_NONE,)
        unknown = np.isnan(feature) if feature.dtype.kind == "f" else np.zeros(len(feature), np.bool_)
        if self.slicing.quantiles is not None:
            edges = np.empty(0) if self._edges is None else self._edges
            codes = np.searchsorted(edges, feature, side="right").astype(np.int64)
            return np.where(unknown, len(edges) + 1, codes), (*map(str, range(len(edges) + 1)), _NONE)
        rung, count = rungs(feature[~unknown])
        if count > MOST_SLICES:
            self.failure = (
                f"{self.slicing.title} has more than {MOST_SLICES:,} values: they are no slices; `quantiles` makes some"
            )
        values = np.empty(count, feature.dtype)
        values[rung] = feature[~unknown]
        codes = np.full(len(feature), count, np.int64)
        codes[~unknown] = rung
        return codes, [*map(number_text, values.tolist()), _NONE]

    def _named(self, values: tuple[str, ...]) -> str:
        return ", ".join(f"{column}={value}" for column, value in zip(self.slicing.columns, values, strict=True))

    def _range(self, number: int) -> str:
        edges = np.empty(0) if self._edges is None else self._edges
        column = self.slicing.columns[0]
        if not len(edges):
            return f"{column}: all"
        if number == 0:
            return f"{column} < {edges[0]:g}"
        if number == len(edges):
            return f"{edges[-1]:g} <= {column}"
        return f"{edges[number - 1]:g} <= {column} < {edges[number]:g}"


def number_text(value: object) -> str:
    """A value as slices are named by it: 1 and 1.0 alike, as a file and a configuration may have them."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def quantile_edges(values: Array, quantiles: int) -> Floats:
    """The inner edges of `quantiles` ranges of about as many values each, rising; fewer where values repeat.

    Args:
        values: numbers, shape (n,); NaN are left out.
        quantiles: at least 2.
    """
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known):
        return np.empty(0)
    edges = np.quantile(known, np.arange(1, quantiles) / quantiles)
    rising = np.concatenate([[True], edges[1:] != edges[:-1]])
    edges = edges[rising]
    inner: Floats = edges[edges > known.min()]
    return inner


def _distinct(codes: Integers, most: int) -> tuple[Integers, Integers]:
    """The codes that occur, rising, and the place of each row's in them."""
    if most <= 1 << 16:
        occurs = np.bincount(codes, minlength=most) > 0
        return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[codes]
    rung, count = rungs(codes)
    kinds = np.empty(count, np.int64)
    kinds[rung] = codes
    return kinds, rung
