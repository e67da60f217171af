"""CSV files, a block of rows at a time: separated by commas, UTF-8, the names in the first line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jenkins_ml.adapters.predictions.arrow_columns import Converter
from jenkins_ml.adapters.predictions.arrow_errors import damaged, reading, require_arrow
from jenkins_ml.adapters.predictions.columns import Field, Layout
from jenkins_ml.adapters.predictions.rows import Rows
from jenkins_ml.errors import UsageError

_BLOCK_BYTES = 2**18
_SAMPLE_BYTES = 2**20
_NUMBER_WITH_ZERO = r"^[+-]?0[0-9]"
_CONVERSION = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to (\w+).*?: (.*)", re.DOTALL)
_WANTED = {"double": "a number", "int64": "a whole number, as the ids of the other file are"}
_WANTED["uint64"] = _WANTED["int64"]


class CsvSource:
    """A CSV file of predictions.

    Nothing in it says what a column holds: labels, predictions and weights are numbers, ids are what the other file
    has, or text; a column to slice by is numbers if all its values in the first megabyte are, and none is written 007.

    Args:
        path: the file.

    Raises:
        UsageError: pyarrow is not installed, or the first lines are no CSV.
    """

    form = "CSV"

    def __init__(self, path: Path) -> None:
        require_arrow(path)
        self.path = path
        self.rows: int | None = None
        with self._explained(), self._open((), {}) as reader:
            self._names: list[str] = reader.schema.names
        self.fields = tuple(Field(name, "unparsed", "text") for name in self._names)

    def read(self, layout: Layout, rows: int) -> Generator[Rows, None, None]:
        """See Source."""
        import pyarrow as pa

        with self._explained():
            layout = self._typed(layout)
            kinds = {"number": pa.float64(), "text": pa.dictionary(pa.int32(), pa.string())}
            types = {field.name: kinds[field.kind] for field in layout.features}
            numbers = (*layout.labels, *layout.predictions, *(() if layout.weight is None else (layout.weight,)))
            types |= {field.name: pa.float64() for field in numbers}
            if layout.id is not None:
                types[layout.id.name] = getattr(pa, layout.id.type)()
            converter = Converter(self.path, layout)
            done = 0
            with self._open([field.name for field in layout.fields], types) as reader:
                for batch in reader:
                    for start in range(0, batch.num_rows, rows):
                        piece = batch.slice(start, rows)
                        yield converter.rows(piece, done)
                        done += piece.num_rows
            self._refuse_open_quote()

    def _open(self, names: Sequence[str], types: Mapping[str, Any], block: int = _BLOCK_BYTES) -> Any:
        """A reader of some columns, of all without names.

        It opens the file itself: given a file object of Python, its threads could ask for the interpreter when that is
        already ending, which aborts the process (apache/arrow#34314).
        """
        from pyarrow import csv

        return csv.open_csv(
            str(self.path),
            read_options=csv.ReadOptions(use_threads=False, block_size=block),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            # Only nothing at all is a missing value: NA is a country, and nan a number that the gate has to see.
            convert_options=csv.ConvertOptions(
                include_columns=list(names), column_types=dict(types), null_values=[""], strings_can_be_null=True
            ),
        )

    def _typed(self, layout: Layout) -> Layout:
        """The layout with what the columns are read as."""
        import pyarrow as pa

        names = [field.name for field in layout.features]
        first = None
        if names:
            with self._open(names, dict.fromkeys(names, pa.string()), _SAMPLE_BYTES) as reader:
                first = next(iter(reader), None)
        numbers = {name for name in names if first is not None and _numeric(first.column(name))}
        features = (replace(field, kind="number" if field.name in numbers else "text") for field in layout.features)
        key = layout.id
        if key is not None and key.kind == "unparsed":
            key = replace(key, kind="text", type="string")
        return replace(layout, id=key, features=tuple(features))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what a cell should be, and where it stands, in the place of pyarrow's numbers and types."""
        import pyarrow as pa

        with reading(self.path, self.form):
            try:
                yield
            except pa.ArrowInvalid as error:
                raise self._explain(error) from error

    def _explain(self, error: Exception) -> UsageError:
        found = _CONVERSION.match(str(error))
        if found is None:
            if "straddling object" in str(error):
                return self._never_closed("a row is longer than 256 kB, or a quote is opened and never closed")
            return damaged(self.path, self.form, error)
        column, row, type_, value = found.groups()
        place = f"column `{self._names[int(column)]}`" + (f", row {row} counted with the header" if row else "")
        reason = value.removeprefix("invalid value ")
        if type_ in _WANTED:
            reason += f" is not {_WANTED[type_]}"
        step = "correct the value, or write Parquet, which says what a column holds"
        return UsageError(f"{self.path}: {place}: {reason}", step)

    def _refuse_open_quote(self) -> None:
        """Refuse a file whose last quote is never closed: what follows it would be one value, its rows gone unseen."""
        quotes = 0
        buffer = bytearray(_BLOCK_BYTES)
        with self.path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                quotes += buffer.count(b'"', 0, count)
        if quotes % 2:
            raise self._never_closed("a quote is opened and never closed")

    def _never_closed(self, what: str) -> UsageError:
        return UsageError(
            f"{self.path}: {what}", 'write a quote inside of a value twice, and the value in quotes: "5"" pipe"'
        )


def _numeric(column: Any) -> bool:
    """Whether a column of text is all numbers, none of them written with a zero in front as a code would be."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count == len(column) or pc.any(pc.match_substring_regex(column, _NUMBER_WITH_ZERO)).as_py():
        return False
    try:
        column.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True
