"""One look at a version in the server that would serve it: does it load, what does it answer, and how quickly."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jenkins_ml.adapters import rest_json
from jenkins_ml.adapters.checked_server import CheckedServer
from jenkins_ml.adapters.recorded import Recorded
from jenkins_ml.core.model_conditions import Answers
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable
from jenkins_ml.records import Signature, TensorSpec

WARM_UP: Final = 20
_REST: Final = "over REST one at a time"
_GRPC: Final = "over gRPC in one batch"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The version that is looked at.

    Args:
        model: name of the model.
        version: its number.
        path: folder of its SavedModel.
        signature: that was recorded, with one output or more.
        predictions: predictions.npz of this version.
    """

    model: str
    version: int
    path: Path
    signature: Signature
    predictions: Path

    @property
    def fixed(self) -> int | None:
        """The batch size that the signature takes; None for any."""
        first = self.signature.inputs[0].shape if self.signature.inputs else ()
        return first[0] if first else None


@dataclass
class Seen:
    """What a version has shown in one server.

    Args:
        cannot_load: why it could not be loaded; empty: it could.
        answers: way of asking -> the answers, or why there are none.
        milliseconds: how long each timed request took.
        cannot_time: why a request was not answered; empty: all were.
        gone: whether the server has died; another one may do better.
    """

    cannot_load: str = ""
    answers: dict[str, Answers | str] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)
    cannot_time: str = ""
    gone: bool = False


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at a version in a server.

    Args:
        subject: the version.
        record: the examples that it is asked about.
        answers: whether its answers are wanted.
        requests: how many are timed; 0 for none.
        deadline: when it has to be over, by the monotonic clock.
    """

    subject: Subject
    record: Recorded
    answers: bool
    requests: int
    deadline: float

    @property
    def left(self) -> float:
        """Seconds until it has to be over; a little at least, so that what is quick enough is never refused."""
        return max(1.0, self.deadline - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.deadline

    def at(self, server: CheckedServer) -> Seen:
        """Load, ask and time."""
        seen = Seen(cannot_load=self._load(server))
        not_carried = rest_json.not_carried(self.subject.signature)
        bodies = () if not_carried else rest_json.bodies(self.record.inputs, self.subject.fixed)
        if self.answers and self.record.inputs and not seen.cannot_load:
            if bodies:
                seen.answers[_REST] = self._over_rest(server, bodies)
            seen.answers[_GRPC + (f" (JSON carries no {not_carried})" if not_carried else "")] = self._over_grpc(server)
        if self.requests and not seen.cannot_load:
            if bodies:
                seen.milliseconds, seen.cannot_time = self._times(server, bodies)
            else:
                why = f"JSON carries no {not_carried}" if not_carried else "there are no recorded examples"
                seen.cannot_time = f"it cannot be timed over REST: {why}"
        failed = seen.cannot_load or seen.cannot_time or any(isinstance(each, str) for each in seen.answers.values())
        seen.gone = bool(failed and server.ended())
        return seen

    def _load(self, server: CheckedServer) -> str:
        """Why it cannot be loaded; empty when it could."""
        try:
            server.load(self.subject.version, self.subject.path, self.left)
            told = server.signature(self.subject.version)
        except (IntegrityError, StageFailed) as error:
            return f"the server cannot load it: {error.what}"
        except Unavailable as error:
            return self._why_silent(server, "loaded it", error)
        for kind, specs in (("inputs", self.subject.signature.inputs), ("outputs", self.subject.signature.outputs)):
            if told[kind] != (wanted := _by_name(specs)):
                return f"the server tells other {kind} than were recorded: {_listed(told[kind])}, not {_listed(wanted)}"
        return ""

    def _over_rest(self, server: CheckedServer, bodies: tuple[bytes, ...]) -> Answers | str:
        answers: list[bytes] = []
        try:
            for body in bodies:
                if self.over:
                    return f"it has answered {len(answers)} of {len(bodies)} requests when the time was over"
                answers.append(server.rest(self.subject.version, body))
            count = len(next(iter(self.record.inputs.values())))
            return rest_json.answers(answers, self.subject.signature, count)
        except StageFailed as error:
            return f"request {len(answers)} of {len(bodies)}: {error.what}"
        except Unavailable as error:
            return self._why_silent(server, "answered", error)

    def _over_grpc(self, server: CheckedServer) -> Answers | str:
        subject = self.subject
        try:
            return server.grpc(subject.version, subject.predictions, subject.fixed, self.left)
        except StageFailed as error:
            how = server.ended()
            return f"the server {how} before it had answered" if how else error.what

    def _times(self, server: CheckedServer, bodies: tuple[bytes, ...]) -> tuple[list[float], str]:
        """Milliseconds of one request after another, the examples in turn, and why there are not more of them.

        The first ones only warm up. That the time was over is no failure: then there are fewer.
        """
        milliseconds: list[float] = []
        for index in range(-WARM_UP, self.requests):
            if self.over:
                break
            began = time.perf_counter()
            try:
                server.rest(self.subject.version, bodies[index % len(bodies)])
            except StageFailed as error:
                return milliseconds, f"a request could not be timed: {error.what}"
            except Unavailable as error:
                return milliseconds, self._why_silent(server, "answered", error)
            if index >= 0:
                milliseconds.append(1000 * (time.perf_counter() - began))
        return milliseconds, ""

    def _why_silent(self, server: CheckedServer, done: str, error: Unavailable) -> str:
        if how := server.ended():
            return f"the server {how} before it had {done}"
        if self.over:
            return f"the server had not {done} when the time was over (gate.serving.timeout)"
        return error.what


def _by_name(specs: tuple[TensorSpec, ...]) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    return {spec.name: (spec.dtype, spec.shape) for spec in specs}


def _listed(specs: Mapping[str, tuple[str, tuple[int | None, ...]]]) -> str:
    sizes = {name: ["any" if size is None else str(size) for size in shape] for name, (_, shape) in specs.items()}
    return (
        ", ".join(f"{name!r} {dtype} [{', '.join(sizes[name])}]" for name, (dtype, _) in sorted(specs.items()))
        or "none"
    )
