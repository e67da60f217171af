"""Ids of examples, whole numbers or text: compared row by row, and as numbers that say which rows belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.arrays import Array

Words: TypeAlias = NDArray[np.uint64]

_WORD = 8
_TAIL_MASKS = np.array([(1 << 8 * count) - 1 for count in range(_WORD)] + [2**64 - 1], dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts one behind the other, as Arrow keeps them: no copy of a file's column, and no Python object per row.

    Args:
        offsets: shape (n + 1,), int64 or int32: text i is data[offsets[i]:offsets[i + 1]].
        data: uint8, UTF-8.
    """

    offsets: Array
    data: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, part: slice) -> Texts:
        start, stop, _ = part.indices(len(self))
        return Texts(self.offsets[start : max(start, stop) + 1], self.data)

    def text(self, row: int) -> str:
        """One of them; bytes that are no UTF-8 are escaped."""
        return bytes(self.data[self.offsets[row] : self.offsets[row + 1]]).decode(errors="backslashreplace")

    @property
    def own(self) -> NDArray[np.uint8]:
        """The bytes of these texts alone."""
        return self.data[self.offsets[0] : self.offsets[-1]]

    @staticmethod
    def joined(parts: Sequence[Texts]) -> Texts:
        """Texts of several parts as one."""
        lengths = np.concatenate([np.diff(part.offsets) for part in parts])
        return Texts(offsets_of(lengths), np.concatenate([part.own for part in parts]))


Ids: TypeAlias = Array | Texts
"""int64, uint64, or text."""


def offsets_of(lengths: Array) -> NDArray[np.int64]:
    """Where texts of these lengths begin and end, one behind the other."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def shown(ids: Ids, row: int) -> str:
    """One id as a message shows it."""
    if not isinstance(ids, Texts):
        return str(ids[row])
    text = ids.text(row)
    return repr(text if len(text) <= 80 else text[:77] + "...")


def equal_rows(one: Ids, other: Ids) -> int:
    """How many rows at the start have the same id on both sides; both are of one kind."""
    count = min(len(one), len(other))
    same = _same_text(one[:count], other[:count]) if isinstance(one, Texts) else one[:count] == other[:count]
    return count if same.all() else int(np.argmin(same))


def ascending(ids: Ids, before: Ids | None) -> bool:
    """Whether each id is greater than the one before it, which shows that none comes twice.

    The longer of two texts is the greater one, so that numbers written as text ascend like numbers.

    Args:
        ids: at least one.
        before: the one id in front of them, None where they are the first.
    """
    if isinstance(ids, Texts):
        return _ascending_texts(ids if before is None else Texts.joined([cast(Texts, before), ids]))
    return (before is None or int(ids[0]) > int(cast(Array, before)[0])) and bool((ids[1:] > ids[:-1]).all())


def keys(ids: Ids, *, both_signs: bool = False) -> tuple[Words, ...]:
    """Numbers that are equal exactly where the ids are, spread evenly over 64 bits.

    Whole numbers have one word: SplitMix64's finalizer (Steele, Lea, Flood, 2014), which maps no two of them to the same.
    Text has two words of a hash, so that among 100 million texts the chance of any two alike is below 10^-22.

    Args:
        ids: n of them.
        both_signs: whether ids of one file are unsigned and of the other signed: a second word then tells -1 from 2^64-1.

    Returns:
        One or two arrays of shape (n,).
    """
    if isinstance(ids, Texts):
        return _hashes(ids)
    bits = ids.astype(np.uint64, copy=False)
    if not both_signs:
        return (_mixed(bits),)
    return _mixed(bits), (ids >= 2**63 if ids.dtype.kind == "u" else np.zeros(len(ids), dtype=bool)).astype(np.uint64)


def _same_text(one: Texts, other: Any) -> NDArray[np.bool_]:
    """Row by row, whether the texts are equal; only the first False counts."""
    same: NDArray[np.bool_] = np.diff(one.offsets) == np.diff(other.offsets)
    rows = len(same) if same.all() else int(np.argmin(same))
    left, right = one[:rows], other[:rows]
    if not np.array_equal(left.own, right.own):
        place = int(np.argmin(left.own == right.own)) + int(left.offsets[0])
        same[int(np.searchsorted(left.offsets, place, side="right")) - 1] = False
    return same


class _EightBytes:
    """Eight bytes of each text at once, as a word whose lowest byte comes first; behind a text's end there are zeros."""

    def __init__(self, texts: Texts) -> None:
        self.lengths = np.diff(texts.offsets).astype(np.int64)
        self._starts = texts.offsets[:-1].astype(np.int64) - int(texts.offsets[0])
        # Words are read where they stand, from any byte on; the last texts need room behind them.
        data = np.concatenate([texts.own, np.zeros(_WORD, dtype=np.uint8)])
        self._words: Words = np.ndarray((len(data) - _WORD + 1,), dtype="<u8", buffer=data, strides=(1,))

    def at(self, rows: Any, place: int) -> Words:
        """The words from byte `place` on, of rows whose texts are longer than that."""
        left = np.minimum(self.lengths[rows] - place, _WORD)
        words: Words = self._words[self._starts[rows] + place] & _TAIL_MASKS[left]
        return words


def _hashes(texts: Texts) -> tuple[Words, Words]:
    """Two words for each text: its length, then eight bytes after eight, each step mixing all that came before."""
    bytes_ = _EightBytes(texts)
    lengths = bytes_.lengths.astype(np.uint64)
    first = _mixed(lengths + np.uint64(0x9E3779B97F4A7C15))
    second = _mixed(lengths ^ np.uint64(0xD1B54A32D192ED03))
    rows: Any = slice(None)
    for place in range(0, int(bytes_.lengths.max(initial=0)), _WORD):
        longer = bytes_.lengths[rows] > place
        if not longer.all():
            rows = np.flatnonzero(longer) if isinstance(rows, slice) else rows[longer]
        word = bytes_.at(rows, place)
        first[rows] = _mixed(first[rows] ^ word)
        second[rows] = _mixed(second[rows] + word * np.uint64(0xA24BAED4963EE407))
    return first, second


def _ascending_texts(texts: Texts) -> bool:
    bytes_ = _EightBytes(texts)
    longer = np.diff(bytes_.lengths)
    if (longer < 0).any():
        return False
    rows = np.flatnonzero(longer == 0)  # each with the next: as long, and equal up to `place`
    place = 0
    while len(rows):
        if bytes_.lengths[rows].min() <= place:
            return False
        one, other = bytes_.at(rows, place).byteswap(), bytes_.at(rows + 1, place).byteswap()
        if (one > other).any():
            return False
        rows = rows[one == other]
        place += _WORD
    return True


def _mixed(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words
