"""Parquet files, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from jenkins_ml.adapters.predictions.arrow_columns import Converter, fields_of
from jenkins_ml.adapters.predictions.arrow_errors import reading, require_arrow
from jenkins_ml.adapters.predictions.columns import Layout
from jenkins_ml.adapters.predictions.rows import Rows

# Each column is read through a buffer of this size: a row group is never in memory as a whole.
_BUFFER_BYTES = 2**16


class ParquetSource:
    """A Parquet file of predictions.

    Args:
        path: the file.

    Raises:
        UsageError: pyarrow is not installed, or the file is damaged.
    """

    form = "Parquet"

    def __init__(self, path: Path) -> None:
        require_arrow(path)
        import pyarrow.parquet as pq

        self.path = path
        with reading(path, self.form):
            with pq.ParquetFile(path) as file:
                self._metadata = file.metadata
                self.fields = fields_of(file.schema_arrow)
            self.rows: int | None = self._metadata.num_rows

    def read(self, layout: Layout, rows: int) -> Generator[Rows, None, None]:
        """See Source."""
        import pyarrow.parquet as pq

        # One thread a file: on few cores, more of them take 10 to 50 % more CPU and half as much memory again.
        names = [field.name for field in layout.fields]
        texts = [field.name for field in layout.features if field.kind == "text"]
        converter = Converter(self.path, layout)
        done = 0
        with (
            reading(self.path, self.form),
            pq.ParquetFile(
                self.path,
                metadata=self._metadata,
                read_dictionary=texts,
                buffer_size=_BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
            ) as file,
        ):
            for batch in file.iter_batches(rows, columns=names, use_threads=False):
                yield converter.rows(batch, done)
                done += batch.num_rows
