"""pyarrow when it is needed, and its exceptions as our errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jenkins_ml.adapters.files import translate
from jenkins_ml.errors import JenkinsMLError, UsageError


def require_arrow(path: Path) -> Any:
    """The pyarrow module.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise UsageError(
            f"{path}: Parquet, Arrow and CSV files are read by pyarrow, which is not installed",
            "pip install 'jenkins-ml[parquet]', or write .npz files, which need nothing more",
        ) from error
    return pyarrow


@contextlib.contextmanager
def reading(path: Path, form: str) -> Iterator[None]:
    """Turn what pyarrow raises while it reads a file into our errors.

    Args:
        path: the file.
        form: its format, for the message: "Parquet".
    """
    import pyarrow as pa

    try:
        yield
    except JenkinsMLError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise translate(f"reading {path}", error) from error
        raise damaged(path, form, error) from error
    except (pa.lib.ArrowException, MemoryError, OverflowError, ValueError) as error:
        raise damaged(path, form, error) from error


def damaged(path: Path, form: str, error: BaseException) -> UsageError:
    """The error for a file that cannot be read to its end."""
    reason = re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
    reason = reason if len(reason) <= 300 else reason[:297] + "..."
    return UsageError(f"{path}: cannot be read as {form}: {reason or type(error).__name__}", "write the file again")
