"""Labels that come later: files with the columns `id` and `label`, in CSV, Parquet or NumPy's .npz."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from jenkins_ml.adapters.files import translated
from jenkins_ml.adapters.predictions.arrow_errors import reading, require_arrow
from jenkins_ml.errors import UsageError

_COLUMNS = ("id", "label")
_ROWS = 1 << 16


def read(paths: Iterable[Path]) -> dict[str, float]:
    """The label of each id; those that are empty or NaN are not known yet.

    Where an id has several, the last one in the last file counts: labels are corrected.

    Args:
        paths: the files, the older ones first.

    Raises:
        UsageError: a file is none of the formats, lacks one of the columns, or has a label that is no number.
        Unavailable: reading fails.
    """
    labels: dict[str, float] = {}
    for path in paths:
        with translated(f"reading {path}"), path.open("rb") as file:
            start = file.read(4)
        rows = _arrow if start == b"PAR1" else _arrays if start == b"PK\x03\x04" else _csv
        if rows is _csv and path.suffix.lower() != ".csv":
            raise UsageError(f"{path}: is no Parquet and no .npz, and no .csv by its name", "write one of these")
        labels |= {id_: label for id_, label in rows(path) if not math.isnan(label)}
    return labels


def _csv(path: Path) -> Iterator[tuple[str, float]]:
    with translated(f"reading {path}"), path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = csv.reader(file)
        names = next(lines, [])
        _check(path, names)
        id_, label = (names.index(name) for name in _COLUMNS)
        for row in lines:
            if len(row) > max(id_, label):
                yield row[id_], _number(path, row[label], lines.line_num)


def _number(path: Path, text: str, line: int) -> float:
    try:
        return float(text) if text.strip() else math.nan
    except ValueError:
        raise UsageError(
            f"{path}:{line}: the label {text[:50]!r} is no number", "encode class names as 0 ... k-1, as for training"
        ) from None


def _arrow(path: Path) -> Iterator[tuple[str, float]]:
    require_arrow(path)
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as opened, reading(path, "Parquet"), pq.ParquetFile(opened) as file:
        _check(path, file.schema_arrow.names)
        for batch in file.iter_batches(_ROWS, columns=[*_COLUMNS]):
            ids = batch.column("id").cast(pa.string()).to_pylist()
            labels = batch.column("label").cast(pa.float64()).to_pylist()
            yield from zip(ids, (math.nan if label is None else label for label in labels), strict=True)


def _arrays(path: Path) -> Iterator[tuple[str, float]]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            _check(path, file.files)
            ids, labels = (file[name] for name in _COLUMNS)
        if ids.ndim != 1 or labels.shape != ids.shape or labels.dtype.kind not in "biuf":
            raise UsageError(f"{path}: `id` and `label` are not one value a row each", "write both with shape (n,)")
    except (OSError, ValueError, BadZipFile) as error:
        raise UsageError(f"{path}: cannot be read: {error}", "write it again, without pickled objects") from error
    texts: Any = ids.astype(str).tolist()
    yield from zip(texts, labels.astype(np.float64).tolist(), strict=True)


def _check(path: Path, names: Iterable[str]) -> None:
    there = set(names)
    if lacking := [f"`{name}`" for name in _COLUMNS if name not in there]:
        raise UsageError(
            f"{path}: there is no column {' and '.join(lacking)}",
            "labels have an `id`, that of the request, and a `label`",
        )
