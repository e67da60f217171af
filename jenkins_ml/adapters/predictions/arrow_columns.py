"""Columns of Arrow's memory format as NumPy arrays: without a copy where the bytes are the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.adapters.predictions.columns import Field, Kind, Layout
from jenkins_ml.adapters.predictions.ids import Ids, Texts
from jenkins_ml.adapters.predictions.rows import Rows
from jenkins_ml.adapters.predictions.values import as_ids, as_number_feature, as_numbers, no_value, side_by_side
from jenkins_ml.core.arrays import Array
from jenkins_ml.core.evaluation.block import Coded, Feature

_BOOLEANS = ("false", "true")
# Not Arrow's own to_pandas_dtype: in some versions that imports pandas.
_DTYPES = {"halffloat": "float16", "float": "float32", "double": "float64"}
_DTYPES |= {f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def fields_of(schema: Any) -> tuple[Field, ...]:
    """The columns of an Arrow schema."""
    return tuple(Field(field.name, _kind(field.type), str(field.type)) for field in schema)


class Converter:
    """Record batches of one file as rows.

    Args:
        path: the file, for messages.
        layout: the columns to take.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._layout = layout
        self._values: dict[str, tuple[Any, tuple[str, ...], Array | None]] = {}

    def rows(self, batch: Any, start: int) -> Rows:
        """One batch.

        Args:
            batch: a pyarrow.RecordBatch with the columns of the layout, and maybe others.
            start: how many rows of the file come before it.

        Raises:
            UsageError: an id, a label, a prediction or a weight is null.
        """
        found = self._layout
        return Rows(
            ids=None if found.id is None else self._ids(found.id, batch, start),
            labels=self._numbers(found.labels, batch, start) if found.labels else None,
            predictions=self._numbers(found.predictions, batch, start),
            weights=None if found.weight is None else self._numbers((found.weight,), batch, start),
            features={field.name: self._feature(field, batch) for field in found.features},
        )

    def _numbers(self, fields: Sequence[Field], batch: Any, start: int) -> Array:
        columns = []
        for field in fields:
            column = _plain(batch.column(field.name))
            self._refuse_nulls(field, column, start)
            columns.append(as_numbers(_numpy(column)))
        return side_by_side(columns, batch.num_rows)

    def _ids(self, field: Field, batch: Any, start: int) -> Ids:
        column = _plain(batch.column(field.name))
        self._refuse_nulls(field, column, start)
        return as_ids(_numpy(column)) if field.kind == "integer" else _texts(column)

    def _refuse_nulls(self, field: Field, column: Any, start: int) -> None:
        if column.null_count:
            first = int(np.argmin(_present(column)))
            raise no_value(self._path, field.name, start + first, column.null_count)

    def _feature(self, field: Field, batch: Any) -> Feature:
        column = batch.column(field.name)
        if field.kind == "boolean":
            codes = _numpy(_plain(column)).astype(np.int8)
            return Coded(_without(codes, column), _BOOLEANS)
        if field.kind in ("text", "moment"):
            return self._coded(field.name, column)
        column = _plain(column)
        missing = ~_present(column) if column.null_count else None
        return as_number_feature(self._path, field.name, _numpy(column), missing)

    def _coded(self, name: str, column: Any) -> Coded:
        import pyarrow as pa

        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        values, places = self._dictionary(name, column.dictionary)
        codes = _numpy(column.indices)
        used = codes[_present(column.indices)] if column.indices.null_count else codes
        if len(used) and not 0 <= used.min() <= used.max() < len(column.dictionary):
            # Parquet's reader does not look.
            raise ValueError(f"column {name} refers to values that its dictionary does not have")
        codes = _without(codes, column.indices)
        if places is not None:
            codes = places.take(codes, mode="wrap")  # the last place is where -1 looks
        return Coded(codes, values)

    def _dictionary(self, name: str, dictionary: Any) -> tuple[tuple[str, ...], Array | None]:
        """A dictionary's texts, each once, and where its entries are among them: None where they stand as they are.

        Blocks mostly share one dictionary: the same tuple then, so that whoever compares them is done at once.
        """
        import pyarrow as pa

        last = self._values.get(name)
        if last is not None and last[0].equals(dictionary):
            return last[1:]
        texts = dictionary if _is_text(dictionary.type) else dictionary.cast(pa.string())
        entries: list[str | None] = texts.to_pylist()
        numbers = {entry: number for number, entry in enumerate(dict.fromkeys(e for e in entries if e is not None))}
        places = None
        if len(numbers) != len(entries):
            places = np.array([*(-1 if entry is None else numbers[entry] for entry in entries), -1], dtype=np.int32)
        self._values[name] = dictionary, tuple(numbers), places
        return self._values[name][1:]


def _kind(type_: Any) -> Kind:
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    tests: tuple[tuple[Kind, Any], ...] = (
        ("integer", pa.types.is_integer),
        ("number", lambda t: pa.types.is_floating(t) or pa.types.is_decimal(t)),
        ("boolean", pa.types.is_boolean),
        ("text", _is_text),
        ("binary", _is_binary),
        ("moment", lambda t: pa.types.is_timestamp(t) or pa.types.is_date(t) or pa.types.is_time(t)),
    )
    return next((kind for kind, test in tests if test(type_)), "other")


def _is_text(type_: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _is_binary(type_: Any) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return any(test(type_) for test in tests) and not pa.types.is_decimal(type_)


def _plain(column: Any) -> Any:
    """The column without a dictionary, an extension or decimals."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    return column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column


def _numpy(column: Any) -> Array:
    """The numbers of a column; where it has nulls, anything stands in their place."""
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        return _bits(column.buffers()[1], column.offset, len(column))
    dtype = np.dtype(_DTYPES[str(column.type)])
    if not len(column):
        return np.empty(0, dtype=dtype)
    return np.frombuffer(column.buffers()[1], dtype=dtype, count=len(column), offset=column.offset * dtype.itemsize)


def _present(column: Any) -> NDArray[np.bool_]:
    """Which rows of a column are not null."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return np.zeros(len(column), dtype=bool)
    validity = column.buffers()[0]
    if validity is None:
        return np.ones(len(column), dtype=bool)
    return _bits(validity, column.offset, len(column)).view(np.bool_)


def _bits(buffer: Any, offset: int, count: int) -> NDArray[np.uint8]:
    packed = np.frombuffer(buffer, dtype=np.uint8)[offset // 8 : (offset + count + 7) // 8]
    return np.unpackbits(packed, count=offset % 8 + count, bitorder="little")[offset % 8 :]


def _without(codes: Array, column: Any) -> Array:
    """Codes with a sign, -1 where the column is null."""
    if codes.dtype.kind == "u" or column.null_count:
        codes = codes.astype(np.int32)
    return np.where(_present(column), codes, np.int32(-1)) if column.null_count else codes


def _texts(column: Any) -> Texts:
    import pyarrow as pa

    if pa.types.is_fixed_size_binary(column.type) or not (
        pa.types.is_string(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_binary(column.type)
        or pa.types.is_large_binary(column.type)
    ):
        column = column.cast(pa.large_binary())
    large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    dtype = np.dtype(np.int64 if large else np.int32)
    _, offsets, data = column.buffers()
    if not len(column):
        return Texts(np.zeros(1, dtype=dtype), np.empty(0, dtype=np.uint8))
    places = np.frombuffer(offsets, dtype=dtype, count=len(column) + 1, offset=column.offset * dtype.itemsize)
    return Texts(places, np.empty(0, dtype=np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8))
