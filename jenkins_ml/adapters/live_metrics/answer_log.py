"""What a server predicted, by the id of the request: files that one process writes and another one reads later.

    <directory>/<model>/<environment>/v<version>/<day>-<host>-<process>.csv

Each is a file of predictions as the gate reads them (docs/predictions.md): a column `id`, and `prediction` or
`prediction_0` ... `prediction_k`. A request with one example has its own id; one with several has "id/0", "id/1" and so
on. Nothing of the inputs is in it.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Container, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from jenkins_ml.adapters.files import translated
from jenkins_ml.core.arrays import Array

_FILE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})-.*\.csv")
_HASHED: Final = 1 << 32


def folder(directory: Path, model: str, environment: str, version: int) -> Path:
    """Where the files of one version lie."""
    return directory / model / environment / f"v{version}"


def file_name(now: datetime, process: str) -> str:
    """The name of the file that a process writes on a day.

    Args:
        now: the time, with its zone.
        process: its host and number, such as "agent1-4711".
    """
    return f"{now.astimezone(UTC):%Y-%m-%d}-{process}.csv"


def header(scores: int) -> str:
    """The first line, for so many scores a row."""
    names = ["prediction"] if scores == 1 else [f"prediction_{number}" for number in range(scores)]
    return ",".join(("id", *names)) + "\n"


def lines(request: str, rows: Sequence[str]) -> str:
    """The lines of one answer.

    Args:
        request: id of the request.
        rows: the scores of each example, at least one, separated by commas; see `texts`.
    """
    if len(rows) == 1:
        return f"{request},{rows[0]}\n"
    return "".join([f"{request}/{number},{row}\n" for number, row in enumerate(rows)])


def texts(scores: Array) -> list[str]:
    """Scores as they are written, a text for each row.

    Args:
        scores: of shape (n, k).
    """
    # Nine digits are enough to tell a float32 from its neighbours, and take half the time of the 17 of repr.
    short = scores.dtype == np.float32
    row = ",".join(["%.9g" if short else "%r"] * scores.shape[1])
    return [row % tuple(numbers) for numbers in (scores if short else np.asarray(scores, np.float64)).tolist()]


def is_kept(request: str, share: float) -> bool:
    """Whether the predictions of a request are kept: by its id, so that whoever asks gets the same answer."""
    return zlib.crc32(request.encode()) < share * _HASHED


def kept(place: Path, ids: Container[str], since: datetime) -> tuple[list[str], Array]:
    """What was predicted for some ids.

    Args:
        place: the folder of a version.
        ids: those that are wanted.
        since: days before that one are not looked at.

    Returns:
        The ids that are there, each once, and their scores of shape (n, k). Where an id was answered more often, as for
        a client that asks again, the last answer counts. Answers of another width than the last one's are left out.
    """
    found: dict[str, list[str]] = {}
    with translated("reading the predictions that were kept"):
        for path in _files(place, since):
            with path.open(newline="", encoding="utf-8", errors="replace") as file:
                rows: Any = csv.reader(file)
                width = len(next(rows, ()))
                # The last line of a process that was killed may be half of one.
                found |= {row[0]: row[1:] for row in rows if row and row[0] in ids and len(row) == width > 1}
    scores: dict[str, list[float]] = {}
    for id_, texts in found.items():
        try:
            scores[id_] = [float(text) for text in texts]
        except ValueError:
            continue
    if not scores:
        return [], np.empty((0, 0))
    width = len(next(reversed(scores.values())))
    right = {id_: values for id_, values in scores.items() if len(values) == width}
    return [*right], np.array([*right.values()], np.float64)


def prune(place: Path, before: datetime) -> int:
    """Remove the files of days before that one; answers how many."""
    old = [path for path in _files(place, None) if _day(path) < before.astimezone(UTC).date()]
    with translated("removing old predictions"):
        for path in old:
            path.unlink(missing_ok=True)
    return len(old)


def _files(place: Path, since: datetime | None) -> Iterator[Path]:
    """The files, the oldest first."""
    first = None if since is None else since.astimezone(UTC).date() - timedelta(days=1)
    if place.is_dir():
        known = (path for path in place.iterdir() if _FILE.fullmatch(path.name))
        yield from sorted(path for path in known if first is None or _day(path) >= first)


def _day(path: Path) -> Any:
    return datetime.strptime(path.name[:10], "%Y-%m-%d").replace(tzinfo=UTC).date()
