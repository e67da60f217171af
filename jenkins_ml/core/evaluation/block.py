"""Rows of a test set as they were read: labels, what both versions answered, and what the rows can be sliced by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from jenkins_ml.core.arrays import Array


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of text, or of anything that is told apart by its text.

    Args:
        codes: shape (n,), integers: where in `values` the row's value stands; -1 where it has none.
        values: each value once. Other blocks of the same column may have others, or the same in another order.
    """

    codes: Array
    values: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice) -> Coded:
        return Coded(self.codes[rows], self.values)


Feature: TypeAlias = Coded | Array
"""A column to slice by: text, or numbers of shape (n,) with NaN where there is none."""


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive rows, side by side and not yet checked: any numbers in any of them.

    Args:
        labels: shape (n,), or (n, k) for one-hot labels and for several labels a row.
        candidate: what the candidate answered: shape (n,) or (n, k).
        baseline: what production answered, as `candidate`; None without production.
        weights: shape (n,), how much each row counts; None where all count the same.
        features: the columns to slice by, by name.
    """

    labels: Array
    candidate: Array
    baseline: Array | None = None
    weights: Array | None = None
    features: Mapping[str, Feature] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> Block:
        return Block(
            labels=self.labels[rows],
            candidate=self.candidate[rows],
            baseline=None if self.baseline is None else self.baseline[rows],
            weights=None if self.weights is None else self.weights[rows],
            features={name: column[rows] for name, column in self.features.items()},
        )
