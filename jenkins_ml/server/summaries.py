"""Summaries of what a version is asked and answers: counts over the cells of its reference, in memory, and no value itself.

Rows are put aside by the threads that answer, and counted many at a time. Where more come than `MOST_A_SECOND` it is a
sample: each request is taken with the same chance, which follows how many rows came in the second before, and does not
depend on what is in it. So the share of rows that fall into a cell is estimated without favour, though rows of a quiet second
count for more than those of a busy one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np

from jenkins_ml import names
from jenkins_ml.core.drift import columns
from jenkins_ml.core.drift.summary import check, empty, summarised, total
from jenkins_ml.core.estimated_accuracy import confidences
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.records import ColumnSummary, Summary, decode

Tensor = np.ndarray[Any, np.dtype[Any]]
MOST_A_SECOND: Final = 1000  # rows
TOGETHER: Final = 1024  # rows that are counted at once, and the most that one request adds
_MOST_BYTES: Final = 1 << 20  # of them that wait: images are large
_WINDOW: Final = 1.0  # seconds after which the chance is set anew
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Rows:
    """Rows of one request that wait to be counted."""

    inputs: Mapping[str, Tensor]
    answer: Tensor


class Summariser:
    """Counts the rows of one version; threads may call it at once.

    Args:
        reference: what has the cells.
        random: decides which requests are taken, and which rows of a large one.
        clock: seconds that only go forward.
    """

    def __init__(self, reference: Summary, random: Random, clock: Callable[[], float]) -> None:
        self._empty = Summary(
            of="requests",
            rows=0,
            inputs=tuple(map(empty, reference.inputs)),
            prediction=None if reference.prediction is None else empty(reference.prediction),
            certainty=None if reference.certainty is None else empty(reference.certainty),
        )
        self._summary = self._empty
        self._random = random
        self._clock = clock
        self._lock = threading.Lock()  # of what waits
        self._counting = threading.Lock()
        self._waiting: list[_Rows] = []
        self._rows = 0
        self._bytes = 0
        self._chance = 1.0
        self._offered = 0
        self._window = clock()

    def offer(self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> None:
        """Take the rows of one request, if it is one of the sample.

        Args:
            inputs: as the model got them; nobody writes to them any more.
            outputs: what it answered.
        """
        if len(outputs) != 1:
            return  # a signature with several was never evaluated
        [answer] = outputs.values()
        rows = len(answer) if answer.ndim else 0
        if not rows or any(not tensor.ndim or len(tensor) != rows for tensor in inputs.values()):
            return
        with self._lock:
            if not self._chosen(rows):
                return
            taken = _Rows(inputs, answer) if rows <= TOGETHER else self._part(inputs, answer, rows)
            self._waiting.append(taken)
            self._rows += min(rows, TOGETHER)
            self._bytes += answer.nbytes + sum(map(_bytes, inputs.values()))
            if self._rows < TOGETHER and self._bytes < _MOST_BYTES:
                return
            waiting = self._taken()
        self._count(waiting)

    def summary(self) -> Summary:
        """All rows so far."""
        with self._lock:
            waiting = self._taken()
        self._count(waiting)
        return self._summary

    def _chosen(self, rows: int) -> bool:
        self._offered += rows
        passed = self._clock() - self._window
        if passed >= _WINDOW:
            self._chance = min(1.0, MOST_A_SECOND * passed / self._offered)
            self._window += passed
            self._offered = 0
        return self._chance >= 1.0 or self._random.random() < self._chance

    def _part(self, inputs: Mapping[str, Tensor], answer: Tensor, rows: int) -> _Rows:
        chosen = sorted(self._random.sample(range(rows), TOGETHER))
        return _Rows({name: tensor[chosen] for name, tensor in inputs.items()}, answer[chosen])

    def _taken(self) -> list[_Rows]:
        waiting, self._waiting = self._waiting, []
        self._rows = self._bytes = 0
        return waiting

    def _count(self, waiting: list[_Rows]) -> None:
        """Count rows; what cannot be counted is left out, and never fails an answer."""
        if not waiting:
            return
        try:
            found = self._summarised(waiting)
        except (ValueError, TypeError, KeyError):  # rows of another shape or type than the reference has
            _log.debug("rows that cannot be summarised", exc_info=True)
            return
        with self._counting:
            self._summary = total(self._summary, found)

    def _summarised(self, waiting: list[_Rows]) -> Summary:
        inputs = {name: np.concatenate([rows.inputs[name] for rows in waiting]) for name in waiting[0].inputs}
        answer = np.concatenate([rows.answer for rows in waiting])
        values = columns.of_inputs(inputs)
        return Summary(
            of="requests",
            rows=len(answer),
            inputs=tuple(summarised(column, values[column.name]) for column in self._empty.inputs),
            prediction=None if self._empty.prediction is None else _predicted(self._empty.prediction, answer),
            certainty=None if self._empty.certainty is None else summarised(self._empty.certainty, confidences(answer)),
        )


def summariser_of(model: Path, random: Random, clock: Callable[[], float]) -> Summariser | None:
    """What summarises the requests of a version; None where no reference lies beside the model.

    Args:
        model: the folder of its files.
        random: decides which requests are taken.
        clock: seconds that only go forward.
    """
    file = model / names.REFERENCE
    try:
        reference = decode(Summary, file.read_bytes(), names.REFERENCE)
        check(reference)
    except FileNotFoundError:
        return None
    except (OSError, JenkinsMLError) as error:  # it answers all the same
        _log.warning("the requests of %s are not summarised: %s", model, error)
        return None
    return Summariser(reference, random, clock)


def _bytes(tensor: Tensor) -> int:
    """How much memory it takes; an array of texts only holds where they are."""
    return tensor.nbytes + (sum(map(len, tensor.flat)) if tensor.dtype.hasobject else 0)


def _predicted(column: ColumnSummary, answer: Tensor) -> ColumnSummary:
    predicted = columns.of_answer(answer)
    if predicted is None or bool(predicted[1]) != (column.kind == "class"):
        raise ValueError("the answers are of another kind than the reference's")
    return summarised(column, predicted[0])
