"""Rows of two files that belong together though they stand in different orders, in constant memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.adapters.predictions.ids import Ids, Words, keys
from jenkins_ml.adapters.predictions.records import Packing
from jenkins_ml.adapters.predictions.rows import Pair, Rows
from jenkins_ml.adapters.predictions.spill import Spill, groups
from jenkins_ml.core.arrays import Array

_MOST_ROWS = 2**18  # of both files together, joined at once
_MOST_BYTES = 2**24
_OVERSIZED = 8  # this many times as large as parts may be read: only ids that come many times do that


@dataclass
class Unmatched:
    """Rows that cannot be matched.

    Args:
        count: how many.
        first: the key of one of them: the lowest.
    """

    count: int = 0
    first: int = 0

    def add(self, found: Words) -> None:
        """More of them."""
        if len(found) and not self.count:
            self.first = int(found[0])
        self.count += len(found)


@dataclass
class Mismatch:
    """What kept rows from being matched.

    Args:
        candidate: ids that only the candidate's file has.
        baseline: ids that only the baseline's file has.
        repeated: whether an id comes twice in a file.
    """

    candidate: Unmatched
    baseline: Unmatched
    repeated: bool = False

    def __bool__(self) -> bool:
        return bool(self.candidate.count or self.baseline.count or self.repeated)


def matched(
    candidate: Iterator[Rows],
    baseline: Iterator[Rows],
    *,
    scratch: Path,
    expected: int | None,
    both_signs: bool,
    suspicious: Callable[[], None],
) -> Generator[tuple[Pair, Words] | Mismatch, None, None]:
    """Match rows by id.

    Args:
        candidate: rows of the candidate, with ids: at least one piece, which may be empty.
        baseline: rows of the baseline, as the candidate's.
        scratch: the folder for what does not fit into memory.
        expected: how many rows each of them has, None where that is not known.
        both_signs: see ids.keys.
        suspicious: called if so many ids fall into one part that some should be equal; it raises if they are.

    Yields:
        Pairs and the keys of their ids, ascending over all pairs: a function of the set of ids alone. If anything is not
        matched, a Mismatch comes last, and not all pairs come before it.
    """
    mismatch = Mismatch(Unmatched(), Unmatched())
    with contextlib.ExitStack() as stack:
        ours = _spilled(candidate, stack, scratch, expected, both_signs)
        theirs = _spilled(baseline, stack, scratch, expected, both_signs)
        counts = ours.counts + theirs.counts
        most = _most_rows(ours.packing.dtype.itemsize + theirs.packing.dtype.itemsize)
        if counts.max() > _OVERSIZED * most:
            suspicious()
        for first, last in groups(counts, most):
            one, other = _ordered(ours.spill.read(first, last)), _ordered(theirs.spill.read(first, last))
            if _repeats(one).any() or _repeats(other).any():
                mismatch.repeated = True
            elif not _same(one, other):
                mismatch.candidate.add(_missing(one, other))
                mismatch.baseline.add(_missing(other, one))
            if not mismatch and len(one):
                yield Pair(ours.packing.unpack(one), theirs.packing.unpack(other)), one["key"]
        if mismatch:
            yield mismatch


class Repeated:
    """Looks for ids that come more than once, in constant memory.

    Args:
        scratch: the folder for what does not fit into memory.
        expected: how many ids there are, None where that is not known.
    """

    def __init__(self, scratch: Path, expected: int | None) -> None:
        self._scratch = scratch
        self._expected = expected
        self._spill: Spill | None = None
        self._dtype = np.dtype([("key", "<u8")])

    def __enter__(self) -> Repeated:
        return self

    def __exit__(self, *_: object) -> None:
        if self._spill is not None:
            self._spill.__exit__()

    def add(self, ids: Ids) -> None:
        """More ids, of one kind."""
        words = keys(ids)
        if self._spill is None:
            self._dtype = np.dtype([("key", "<u8"), ("second", "<u8")][: len(words)])
            self._spill = Spill(self._dtype, self._scratch, self._expected)
        records = np.empty(len(ids), dtype=self._dtype)
        for name, word in zip(_words(records), words, strict=True):
            records[name] = word
        self._spill.add(records)

    def found(self) -> Unmatched | None:
        """How many rows have an id that came before (at least as many, if one comes very often), and one such id."""
        found = Unmatched()
        if self._spill is None:
            return None
        counts = self._spill.end()
        most = _most_rows(self._dtype.itemsize)
        for first, last in groups(counts, most):
            if counts[first] > _OVERSIZED * most:
                # Mostly one id many times: its first run shows it, and need not fit into memory with all the others.
                part = _ordered(self._spill.read(first, last, runs=1))
                found.add(part["key"][1:][_repeats(part)])
                if found.count:
                    break
            part = _ordered(self._spill.read(first, last))
            found.add(part["key"][1:][_repeats(part)])
        return found if found.count else None


@dataclass(frozen=True)
class _Spilled:
    spill: Spill
    packing: Packing
    counts: NDArray[np.int64]


def _spilled(
    pieces: Iterator[Rows], stack: contextlib.ExitStack, scratch: Path, expected: int | None, both_signs: bool
) -> _Spilled:
    first = next(pieces)
    packing = Packing(first, both_signs=both_signs)
    spill = stack.enter_context(Spill(packing.dtype, scratch, expected))
    spill.add(packing.pack(first))
    for piece in pieces:
        spill.add(packing.pack(piece))
    return _Spilled(spill, packing, spill.end())


def _most_rows(size: int) -> int:
    return min(_MOST_ROWS, max(1, _MOST_BYTES // size))


def _ordered(records: Array) -> Array:
    """Records by ascending key; in two words where the ids need them."""
    order = np.argsort(records["key"])
    if "second" in (records.dtype.names or ()):
        key = records["key"].take(order)
        if (key[1:] == key[:-1]).any():
            order = np.lexsort((records["second"], records["key"]))
    return records.take(order)


def _repeats(records: Array) -> NDArray[np.bool_]:
    """Of ordered records, from the second on: which have the id of the one before."""
    same: NDArray[np.bool_] = np.ones(max(0, len(records) - 1), dtype=bool)
    for name in _words(records):
        same &= records[name][1:] == records[name][:-1]
    return same


def _missing(one: Array, other: Array) -> Words:
    """The keys of the records of `one` whose id `other` does not have; neither has an id twice."""
    words = {name: np.concatenate([one[name], other[name]]) for name in _words(one)}
    order = np.lexsort(tuple(reversed(words.values())))
    same = np.ones(len(order) - 1, dtype=bool)
    for word in words.values():
        ordered = word.take(order)
        same &= ordered[1:] == ordered[:-1]
    alone = np.ones(len(order), dtype=bool)
    alone[1:] &= ~same
    alone[:-1] &= ~same
    found = order[alone]
    keys_: Words = one["key"].take(found[found < len(one)])
    return keys_


def _same(one: Array, other: Array) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in _words(one))


def _words(records: Array) -> list[str]:
    return [name for name in records.dtype.names or () if name in ("key", "second")]
