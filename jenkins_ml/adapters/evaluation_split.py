"""The examples that `data.load("test")` returns, batch by batch: as many as there are, in memory for one batch.

It returns (features, labels), (features, labels, columns), or an iterable of such batches. Columns are what slices and
weights are taken from beside the features: a dictionary of arrays, or one array, which are weights as Keras has them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from jenkins_ml.adapters.user_code import call, failed
from jenkins_ml.errors import JenkinsMLError, StageFailed

Array = np.ndarray[Any, np.dtype[Any]]
Features = dict[str, Array]  # by name; a single unnamed input has the name ""

_WEIGHT: Final = "weight"


@dataclass(frozen=True, eq=False)
class Batch:
    """Consecutive examples: features, each of shape (n, ...), labels of shape (n, ...), further columns of shape (n,)."""

    features: Features
    labels: Array
    columns: dict[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> Batch:
        return Batch(
            {name: values[rows] for name, values in self.features.items()},
            self.labels[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )


class Split:
    """The "test" split: iterated once; then its digest and how many examples it had are known.

    Args:
        load: the user's function.
        directory: the folder of the configuration.
    """

    def __init__(self, load: Callable[..., Any], directory: Path) -> None:
        self._load = load
        self._directory = directory
        self._whole = False
        self._digest = hashlib.sha256()  # of arrays
        self._columns: dict[str, Any] = {}  # name -> digest of the bytes of a column of batches
        self._kinds: dict[str, tuple[str, tuple[int, ...]]] = {}
        self.count = 0

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches of exactly `size` examples, but for the last one.

        Raises:
            StageFailed: the function raised, or returned something else.
        """
        waiting: list[Batch] = []
        for batch in self._checked():
            start = 0
            if waiting:
                start = min(size - sum(map(len, waiting)), len(batch))
                waiting.append(batch[:start])
                if sum(map(len, waiting)) < size:
                    continue
                yield _joined(waiting)
                waiting = []
            for first in range(start, len(batch), size):
                part = batch[first : first + size]
                if len(part) < size:
                    waiting = [part]
                else:
                    yield part
        if waiting:
            yield _joined(waiting)
        if not self.count:
            raise StageFailed('load("test") returned no examples', "the test split must not be empty")

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal of all that was returned, in order.

        Of arrays over name, dtype, shape and bytes of each: features by name, labels, then columns by name. Of batches
        over name, dtype, shape of an example and digest of the bytes of each, so that it does not depend on their sizes.
        """
        if self._whole:
            return self._digest.hexdigest()
        total = hashlib.sha256()
        for name, column in sorted(self._columns.items()):
            dtype, shape = self._kinds[name]
            total.update(f"{name}|{dtype}|{shape}|{column.hexdigest()}|".encode())
        return total.hexdigest()

    def _checked(self) -> Iterator[Batch]:
        data = call(self._load, self._directory, "test")
        try:
            for batch in self._read(data):
                _check(batch)
                self._note(batch)
                self.count += len(batch)
                if len(batch):
                    yield batch
        except JenkinsMLError:
            raise
        except Exception as error:  # a generator of the user's raised, or its batches do not go together
            raise failed('reading what load("test") returned', error, self._directory) from error

    def _read(self, data: Any) -> Iterator[Batch]:
        if data is None:
            raise StageFailed('load("test") returned nothing', "return (features, labels)")
        if isinstance(data, tuple | list) and len(data) in (2, 3) and not _is_batch_list(data):
            self._whole = True
            yield _batch(tuple(data))
            return
        if not isinstance(data, Iterable) or isinstance(data, str | bytes | Mapping | np.ndarray):
            raise StageFailed(
                f'load("test") returned {type(data).__name__}',
                "return (features, labels), or an iterable of such batches",
            )
        empty = True
        for batch in data:
            empty = False
            yield _batch(batch)
        if empty:
            raise StageFailed('load("test") returned no batches', "the test split must not be empty")

    def _note(self, batch: Batch) -> None:
        named = [
            *sorted(batch.features.items()),
            ("labels", batch.labels),
            *((f"column {name}", values) for name, values in sorted(batch.columns.items())),
        ]
        if self._whole:
            for name, values in named:
                self._digest.update(f"{name}|{values.dtype.str}|{values.shape}|".encode())
                _add(self._digest, values)
            return
        kinds = {name: (_kind(values), values.shape[1:]) for name, values in named}
        if self._kinds and kinds != self._kinds:
            raise StageFailed(
                f'load("test") returned batches of different kinds: {_told(self._kinds)}, then {_told(kinds)}',
                "give every batch the same names, types and shapes",
            )
        self._kinds = kinds
        for name, values in named:
            _add(self._columns.setdefault(name, hashlib.sha256()), values)


def _add(total: Any, values: Array) -> None:
    contiguous = np.ascontiguousarray(values)
    if contiguous.dtype.kind in "OSU" and contiguous.dtype.hasobject:
        for item in contiguous.ravel():
            encoded = item if isinstance(item, bytes) else str(item).encode()
            total.update(len(encoded).to_bytes(8, "little") + encoded)
    else:
        total.update(contiguous.data if contiguous.dtype.kind != "V" and contiguous.ndim else contiguous.tobytes())


def _kind(values: Array) -> str:
    """The type of a column; of text not its width, which is that of the longest in a batch."""
    return "text" if values.dtype.kind in "OSU" else values.dtype.name


def _told(kinds: Mapping[str, tuple[str, tuple[int, ...]]]) -> str:
    return ", ".join(f"{name or 'features'} {dtype} {shape}" for name, (dtype, shape) in sorted(kinds.items()))


def _check(batch: Batch) -> None:
    arrays = (batch.labels, *batch.features.values(), *batch.columns.values())
    if not all(values.ndim for values in arrays):
        raise StageFailed('load("test") returned a single value, not one for each example', "return arrays of rows")
    if batch.labels.dtype.kind not in "biuf":
        raise StageFailed(
            f"the labels are of type {batch.labels.dtype}, not numbers", "encode class names as 0 ... k-1"
        )
    counts = {len(values) for values in arrays}
    if len(counts) != 1:
        raise StageFailed(
            f'load("test") returned features and labels of different lengths: {sorted(counts)}',
            "return one label a row",
        )
    for name, values in batch.columns.items():
        if values.ndim != 1:
            raise StageFailed(
                f'load("test") returned the column {name!r} with shape {values.shape}', "a column has one value a row"
            )


def _is_batch_list(data: tuple[Any, ...] | list[Any]) -> bool:
    """Two batches in a list look like (features, labels); only a list of tuples is taken for batches."""
    return isinstance(data, list) and all(isinstance(item, tuple) and len(item) in (2, 3) for item in data)


def _batch(batch: Any) -> Batch:
    if not (isinstance(batch, tuple | list) and len(batch) in (2, 3)):
        raise StageFailed(
            f'load("test") returned a batch that is {type(batch).__name__}', "each batch is (features, labels)"
        )
    columns: dict[str, Array] = {}
    if len(batch) == 3 and batch[2] is not None:
        columns = _named(batch[2]) if isinstance(batch[2], Mapping) else {_WEIGHT: np.asarray(batch[2])}
    features = _named(batch[0]) if isinstance(batch[0], Mapping) else {"": np.asarray(batch[0])}
    return Batch(features, np.asarray(batch[1]), columns)


def _named(value: Mapping[Any, Any]) -> dict[str, Array]:
    return {str(name): np.asarray(item) for name, item in value.items()}


def _joined(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    return Batch(
        {name: np.concatenate([batch.features[name] for batch in batches]) for name in first.features},
        np.concatenate([batch.labels for batch in batches]),
        {name: np.concatenate([batch.columns[name] for batch in batches]) for name in first.columns},
    )
