"""Which format a file of predictions has: by its first bytes; by its name only for CSV, which has no mark."""

from __future__ import annotations

from pathlib import Path

from jenkins_ml.adapters.files import translate
from jenkins_ml.adapters.predictions.source import Source
from jenkins_ml.errors import UsageError

_READABLE = "write .parquet, .arrow, .feather (version 2), .npz, .npy or .csv"
_TELLING = 8
_OTHERS = (
    (b"FEA1", "Feather, version 1", "write version 2, which pyarrow.feather does unless told otherwise"),
    (b"PARE", "Parquet with an encrypted footer", "write it without encryption"),
    (b"\x89HDF", "HDF5", _READABLE),
    (b"\x1f\x8b", "compressed by gzip", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it first"),
    (b"\x80\x02", "a pickle, which could run anything when it is read", _READABLE),
    (b"\x80\x03", "a pickle, which could run anything when it is read", _READABLE),
    (b"\x80\x04", "a pickle, which could run anything when it is read", _READABLE),
    (b"\x80\x05", "a pickle, which could run anything when it is read", _READABLE),
    (b"\xff\xfe", "text in UTF-16", "write it in UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "write it in UTF-8"),
    (b"ORC", "ORC", _READABLE),
)


def open_source(path: Path, scratch: Path) -> Source:
    """Open a file of predictions.

    Args:
        path: the file.
        scratch: a folder for what has to be unpacked first.

    Raises:
        UsageError: there is no such file, it may not be read, or its format is none of ours.
        Unavailable: reading fails.
    """
    start = _first_bytes(path)
    if start.startswith(b"PAR1"):
        from jenkins_ml.adapters.predictions.parquet_file import ParquetSource

        return ParquetSource(path)
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        from jenkins_ml.adapters.predictions.arrow_file import ArrowSource

        return ArrowSource(path, stream=not start.startswith(b"ARROW1"))
    if start.startswith((b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")):
        from jenkins_ml.adapters.predictions.numpy_file import NumpySource

        return NumpySource(path, archive=start.startswith(b"PK"), scratch=scratch)
    for mark, name, step in _OTHERS:
        if start.startswith(mark):
            raise UsageError(f"{path}: is {name}", step)
    if path.suffix.lower() == ".csv":
        from jenkins_ml.adapters.predictions.csv_file import CsvSource

        return CsvSource(path)
    what = f"its name ends in {path.suffix}" if path.suffix else "its name has no ending"
    raise UsageError(f"{path}: is no Parquet, Arrow or NumPy file by its first bytes, and no CSV ({what})", _READABLE)


def _first_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UsageError(
                f"{path}: is a folder", "name one file; several files of one data set have to be joined first"
            )
        if path.exists() and not path.is_file():
            raise UsageError(
                f"{path}: is no regular file", "write it to a file first: it is read from more than one place"
            )
        with path.open("rb") as file:
            start = file.read(_TELLING)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"{path}: there is no such file", "check the path, and that the stage before wrote it"
        ) from error
    except OSError as error:
        raise translate(f"reading {path}", error) from error
    if not start:
        raise UsageError(f"{path}: is empty", "write it again: whatever wrote it was probably stopped")
    return start
