"""Keeps what a version predicted by the id of its request, so that labels which come later can be joined to it.

Lines are made and written by a thread of their own, of the text of an answer where that has the scores as text already: to
write numbers is what costs most. Nothing of the inputs is kept.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np

from jenkins_ml.adapters.live_metrics import answer_log
from jenkins_ml.core import tracing
from jenkins_ml.server import json_response
from jenkins_ml.server.background import Background
from jenkins_ml.server.dataplane import Answer, DataPlane
from jenkins_ml.server.dtypes import Tensor
from jenkins_ml.server.inference import Exchange

T = TypeVar("T")
MOST_WAITING: Final = 20_000  # rows; of more the answers are not kept while the disk is slow
_log = logging.getLogger(__name__)


class _Scores(NamedTuple):
    """Of one answer: how many rows of how many, and a body that `json_response.rows` made of them, or a copy."""

    rows: int
    width: int
    said: bytes | Tensor

    def texts(self) -> list[str]:
        return json_response.row_texts(self.said) if isinstance(self.said, bytes) else answer_log.texts(self.said)


class AnswerKeeper:
    """The answers of one server.

    Args:
        directory: see adapters/live_metrics/answer_log.py.
        model: that is served.
        environment: that it is served in.
        share: of the requests.
        now: the time, with its zone.
    """

    def __init__(
        self,
        directory: Path,
        model: str,
        environment: str,
        share: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._place: Callable[[int], Path] = lambda version: answer_log.folder(directory, model, environment, version)
        self._process = f"{socket.gethostname()}-{os.getpid()}"
        self._share, self._now = share, now
        self._waiting: deque[tuple[int, str, _Scores]] = deque()  # both of its ends are safe in different threads
        self._taken = self._gone = 0  # rows, as the event loop counts them, and as the thread does
        self._failing = False
        self._background = Background("answers", self._drain)

    async def ask(
        self, plane: DataPlane, name: str, version: int | None, exchange: Exchange[T], request_id: str | None
    ) -> Answer[T]:
        """Ask for a prediction, and keep it by the id of the request; without an id, or one of the others, only ask."""
        id_ = tracing.request_id(request_id) if request_id else None
        if id_ is None or not answer_log.is_kept(id_, self._share):
            return await plane.predict(name, version, exchange)
        seen: list[_Scores | None] = []

        def encode(outputs: Mapping[str, Tensor]) -> T:
            value = exchange.encode(outputs)
            seen.append(_scores(outputs, value if exchange.encode is json_response.rows else None))
            return value

        answer = await plane.predict(name, version, Exchange(exchange.decode, encode))
        if version is None and seen and (scores := seen[-1]) is not None:  # a pinned request is none of a user
            if self._taken - self._gone < MOST_WAITING:
                self._taken += scores.rows
                self._waiting.append((answer.version, id_, scores))
            else:
                self._tell("answers are not kept: the disk is too slow")
        return answer

    def close(self) -> None:
        """Write what waits; gives up after some seconds."""
        self._background.close()

    def _drain(self) -> None:
        texts: dict[tuple[int, int], list[str]] = {}
        while self._waiting:
            version, id_, scores = self._waiting.popleft()
            texts.setdefault((version, scores.width), []).append(answer_log.lines(id_, scores.texts()))
            self._gone += scores.rows
        name = answer_log.file_name(self._now(), self._process)
        for (version, width), lines in texts.items():
            try:
                self._write(self._place(version) / name, answer_log.header(width), "".join(lines))
            except OSError as error:
                self._tell(f"answers cannot be kept: {error}")
            else:
                self._failing = False

    @staticmethod
    def _write(path: Path, header: str, lines: str) -> None:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640), "a") as file:
            file.write(lines if os.fstat(file.fileno()).st_size else header + lines)

    def _tell(self, what: str) -> None:
        if not self._failing:
            _log.warning(what)
        self._failing = True


def _scores(outputs: Mapping[str, Tensor], body: object) -> _Scores | None:
    """The scores of a model with one output of numbers; None for others."""
    if len(outputs) != 1:
        return None
    [values] = outputs.values()
    if values.ndim not in (1, 2) or values.dtype.kind not in "fiu" or not values.size:
        return None
    if values.ndim == 2 and isinstance(body, bytes):
        return _Scores(len(values), values.shape[1], body)
    scores = np.array(values.reshape(len(values), -1))
    return _Scores(len(scores), scores.shape[1], scores)
