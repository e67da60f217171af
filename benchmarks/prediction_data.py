"""Predictions of two models over the same examples, as Parquet files of any length: the same bytes for the same seed.

Every value is a function of the seed and the example's number, so rows can be written in any order, in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

SEGMENTS = ("chrome", "safari", "edge", "firefox", "opera", "android", "other")
_SHARES = np.cumsum([0.34, 0.22, 0.15, 0.12, 0.08, 0.06])  # the last segment takes the rest
_ROWS = 2**20  # a row group, as pyarrow writes them when asked for nothing else
_ROUNDS = 4

Words: TypeAlias = NDArray[np.uint64]


def write(path_candidate: Path, path_baseline: Path, rows: int, seed: int, shuffled: bool = False) -> None:
    """Write the predictions of a candidate and of a slightly worse baseline.

    Columns: `id` (int64, unique), `label` (int8, 0 or 1), `prediction` (float32, the score of class 1) and `segment`
    (dictionary-encoded text with seven values).

    Args:
        path_candidate: the candidate's file, overwritten.
        path_baseline: the baseline's file, overwritten.
        rows: examples in each of them.
        seed: other seeds give other examples.
        shuffled: each file has the rows in a random order of its own; otherwise both have them by ascending id.
    """
    for number, (path, skill) in enumerate(((path_candidate, 1.05), (path_baseline, 1.0))):
        _write(path, rows, seed, skill, number, shuffled)


def _write(path: Path, rows: int, seed: int, skill: float, number: int, shuffled: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array(SEGMENTS)
    text = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema([("id", pa.int64()), ("label", pa.int8()), ("prediction", pa.float32()), ("segment", text)])
    with pq.ParquetWriter(path, schema) as writer:
        for examples in _orders(rows, seed + number if shuffled else None):
            columns = _columns(examples, seed, skill, number)
            segment = pa.DictionaryArray.from_arrays(pa.array(columns.pop("segment")), names)
            arrays = [pa.array(column) for column in columns.values()]
            writer.write_batch(pa.record_batch([*arrays, segment], schema=schema), row_group_size=_ROWS)


def _columns(examples: Words, seed: int, skill: float, number: int) -> dict[str, NDArray[Any]]:
    label = _uniform(examples, seed, 1) < 0.3
    # Most of what makes an example hard is hard for both models.
    noise = 0.97 * _normal(examples, seed, 2) + 0.24 * _normal(examples, seed, 3 + number)
    logits = skill * np.where(label, 1.5, -1.5) + noise
    return {
        "id": (examples * np.uint64(16) + (_words(examples, seed, 5) & np.uint64(15))).astype(np.int64),
        "label": label.astype(np.int8),
        "prediction": (1 / (1 + np.exp(-logits))).astype(np.float32),
        "segment": np.searchsorted(_SHARES, _uniform(examples, seed, 6), side="right").astype(np.int8),
    }


def _orders(rows: int, key: int | None) -> Iterator[Words]:
    """The numbers of the examples, in the order they are written: ascending without a key, else shuffled by it."""
    for start in range(0, rows, _ROWS):
        places = np.arange(start, min(start + _ROWS, rows), dtype=np.uint64)
        yield places if key is None else _permuted(places, rows, key)


def _permuted(places: Words, rows: int, key: int) -> Words:
    """A pseudo-random permutation of 0..rows-1: a Feistel network over 2^bits, asked again while it leaves the range."""
    half = max(1, ((rows - 1).bit_length() + 1) // 2)
    found = places.copy()
    outside = np.ones(len(places), dtype=bool)
    while outside.any():
        left, right = found[outside] >> np.uint64(half), found[outside] & np.uint64(2**half - 1)
        for round_ in range(_ROUNDS):
            left, right = right, left ^ (_words(right, key, 100 + round_) & np.uint64(2**half - 1))
        found[outside] = (left << np.uint64(half)) | right
        outside = found >= np.uint64(rows)
    return found


def _normal(examples: Words, seed: int, stream: int) -> NDArray[np.float64]:
    """About normal, mean 0 and variance 1: the sum of the four 16-bit parts of a word."""
    parts = _words(examples, seed, stream).view(np.uint16).reshape(-1, 4)
    return (parts.sum(axis=1, dtype=np.uint32) / 65536 - 2) * np.sqrt(3)


def _uniform(examples: Words, seed: int, stream: int) -> NDArray[np.float64]:
    return (_words(examples, seed, stream) >> np.uint64(11)) * 2.0**-53


def _words(numbers: Words, seed: int, stream: int) -> Words:
    """64 random bits for each number: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""
    offset = ((seed * 1_000_003 + stream) * 0x9E3779B97F4A7C15) % 2**64
    word = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(offset)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
