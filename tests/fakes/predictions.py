"""Files of predictions in every format, and all that a stream of them hands on."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from jenkins_ml.adapters.predictions import Wanted, open_predictions
from jenkins_ml.core.evaluation.block import Coded

FORMATS = ("parquet", "arrow", "arrows", "feather", "csv", "npz")


def write(path, columns, **options):
    """Write columns (lists, arrays or Arrow arrays, by name) in the format that the file's name says; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = path.suffix.removeprefix(".")
    if form == "npz":
        np.savez(path, **{name: np.asarray(column) for name, column in columns.items()})
        return path
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    if form == "parquet":
        pa.parquet.write_table(table, path, **options)
    elif form == "feather":
        pa.feather.write_feather(table, path, **options)
    elif form == "csv":
        pa.csv.write_csv(table, path)
    else:
        new = pa.ipc.new_stream if form == "arrows" else pa.ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table, **options)
    return path


class Everything:
    """All rows of a stream, one below the other; features as they read, None where there is none."""

    def __init__(self, stream):
        blocks = list(stream)
        self.sizes = [len(block) for block in blocks]
        self.joined = stream.joined
        self.rows = stream.rows
        self.labels = _all([block.labels for block in blocks])
        self.candidate = _all([block.candidate for block in blocks])
        self.baseline = _all([block.baseline for block in blocks])
        self.weights = _all([block.weights for block in blocks])
        self.features = {
            name: [value for block in blocks for value in _values(block.features[name])] for name in blocks[0].features
        }


def read(candidate, baseline=None, *features, weight=True, progress=None):
    """Read files to the end."""
    wanted = Wanted(features=frozenset(features), weight=weight)
    scratch = candidate.parent / "scratch"
    with open_predictions(candidate, baseline, wanted, scratch=scratch, progress=progress) as stream:
        found = Everything(stream)
    assert not scratch.exists() or not list(scratch.iterdir())
    return found


def _all(parts):
    return None if parts[0] is None else np.concatenate(parts)


def _values(column):
    if not isinstance(column, Coded):
        return [None if value != value else value for value in column.tolist()]
    assert len(set(column.values)) == len(column.values)
    return [None if code < 0 else column.values[code] for code in column.codes.tolist()]
