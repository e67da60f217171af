"""Consecutive rows of one file, as columns; cut, joined and taken in blocks without copying where nothing is joined."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar, cast

import numpy as np

from jenkins_ml.adapters.predictions.ids import Ids, Texts
from jenkins_ml.core.arrays import Array
from jenkins_ml.core.evaluation.block import Coded, Feature

Column: TypeAlias = Array | Coded | Texts


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Rows of one file, in its order.

    Args:
        ids: shape (n,), or None where the file has none.
        labels: shape (n,) or (n, k), or None where the file has none.
        predictions: shape (n,) or (n, k).
        weights: shape (n,), or None.
        features: columns to slice by, by name.
    """

    ids: Ids | None
    labels: Array | None
    predictions: Array
    weights: Array | None
    features: Mapping[str, Feature]

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, part: slice) -> Rows:
        return Rows(
            ids=None if self.ids is None else self.ids[part],
            labels=None if self.labels is None else self.labels[part],
            predictions=self.predictions[part],
            weights=None if self.weights is None else self.weights[part],
            features={name: column[part] for name, column in self.features.items()},
        )


@dataclass(frozen=True, eq=False)
class Pair:
    """Rows of the candidate and the same examples' rows of the baseline; None without a baseline."""

    candidate: Rows
    baseline: Rows | None

    def __len__(self) -> int:
        return len(self.candidate)

    def __getitem__(self, part: slice) -> Pair:
        return Pair(self.candidate[part], None if self.baseline is None else self.baseline[part])

    def without_ids(self) -> Pair:
        """The same rows, as they are when ids have done their work."""
        return Pair(
            replace(self.candidate, ids=None), None if self.baseline is None else replace(self.baseline, ids=None)
        )


T = TypeVar("T", Rows, Pair)


class Feed(Generic[T]):
    """Rows that arrive in pieces of any size, taken in pieces of the size that is asked for.

    Args:
        pieces: the rows, in order; each piece has the same columns.
        join: makes one piece of several.
    """

    def __init__(self, pieces: Iterator[T], join: Callable[[Sequence[T]], T]) -> None:
        self._pieces: Iterator[T] = pieces
        self._join: Callable[[Sequence[T]], T] = join
        self._kept: deque[T] = deque()

    def take(self, count: int) -> T | None:
        """The next `count` rows; fewer where they end, None when there are none left."""
        have = sum(map(len, self._kept))
        while have < count and (piece := next(self._pieces, None)) is not None:
            if len(piece):
                self._kept.append(piece)
                have += len(piece)
        taken: list[T] = []
        while count and self._kept:
            first = self._kept.popleft()
            if len(first) > count:
                self._kept.appendleft(first[count:])
                first = first[:count]
            taken.append(first)
            count -= len(first)
        return self._join(taken) if taken else None

    def rest(self) -> Iterator[T]:
        """What is left, in pieces as they come."""
        while self._kept:
            yield self._kept.popleft()
        yield from self._pieces


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows below one another, as one; a single part as it is."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return Rows(
        ids=None if first.ids is None else cast(Ids, stacked([cast(Ids, part.ids) for part in parts])),
        labels=None if first.labels is None else np.concatenate([cast(Array, part.labels) for part in parts]),
        predictions=np.concatenate([part.predictions for part in parts]),
        weights=None if first.weights is None else np.concatenate([cast(Array, part.weights) for part in parts]),
        features={name: cast(Feature, stacked([part.features[name] for part in parts])) for name in first.features},
    )


def joined_pairs(parts: Sequence[Pair]) -> Pair:
    """Pairs below one another, as one."""
    if len(parts) == 1:
        return parts[0]
    baselines = [part.baseline for part in parts if part.baseline is not None]
    return Pair(joined([part.candidate for part in parts]), joined(baselines) if baselines else None)


def stacked(parts: Sequence[Column]) -> Column:
    """One column out of consecutive parts of it."""
    if isinstance(parts[0], Coded):
        return _recoded(cast(Sequence[Coded], parts))
    if isinstance(parts[0], Texts):
        return Texts.joined(cast(Sequence[Texts], parts))
    return np.concatenate(cast(Sequence[Array], parts))


class Dictionary:
    """Numbers for texts, the same ones over all blocks of a column."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._last: tuple[tuple[str, ...], Array] = ((), np.array([-1], dtype=np.int32))

    @property
    def values(self) -> tuple[str, ...]:
        """Each text once, where its number says."""
        return tuple(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def codes(self, column: Coded) -> Array:
        """The column's codes in this dictionary, int32; -1 stays."""
        if column.values != self._last[0]:
            numbers = [self._codes.setdefault(value, len(self._codes)) for value in column.values]
            # The last place is where -1 looks.
            self._last = column.values, np.array([*numbers, -1], dtype=np.int32)
        return self._last[1].take(column.codes, mode="wrap")


def _recoded(parts: Sequence[Coded]) -> Coded:
    if all(part.values == parts[0].values for part in parts[1:]):
        return Coded(np.concatenate([part.codes for part in parts]), parts[0].values)
    dictionary = Dictionary()
    codes = np.concatenate([dictionary.codes(part) for part in parts])
    return Coded(codes, dictionary.values)
