"""The server that will serve a model, started for one look at it: the embedded one, on free ports, ended after the look."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from jenkins_ml.adapters import server_process
from jenkins_ml.adapters.child import Child
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.errors import StageFailed, Unavailable

Arrays = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
_ENVIRONMENT: Final = "gate"
_GONE_SECONDS: Final = 0.5  # a process whose connection has just broken needs a moment to end
_DTYPES: Final = {"float": "float32", "double": "float64", "half": "float16", "string": "str"}


class CheckedServer(Protocol):
    """A server that runs, without versions at first."""

    def load(self, version: int, path: Path, seconds: float) -> None:
        """Load a version; returns when it can answer.

        Raises:
            IntegrityError: it cannot be loaded.
            Unavailable: the server does not answer.
        """

    def signature(self, version: int) -> dict[str, dict[str, tuple[str, tuple[int | None, ...]]]]:
        """What the server tells of a version: "inputs" and "outputs" -> name -> dtype and shape."""

    def rest(self, version: int, body: bytes) -> bytes:
        """The body of its answer over REST.

        Raises:
            StageFailed: it refuses, or the model fails.
            Unavailable: the server does not answer.
        """

    def grpc(self, version: int, predictions: Path, fixed: int | None, seconds: float) -> Arrays:
        """What it answers over gRPC to the examples beside predictions: outputs by name.

        Args:
            version: the one to ask.
            predictions: the file that holds the examples.
            fixed: the batch size that the signature takes; None for any.
            seconds: how long it may take.

        Raises:
            StageFailed: it refuses, or the model fails.
        """

    def ended(self) -> str:
        """How its process has ended, such as "was killed by SIGKILL"; empty while it lives."""


@contextlib.contextmanager
def started(model: str, seconds: float) -> Iterator[CheckedServer]:
    """An embedded server for the time of the block; it ends with the block, and with this process, however that ends.

    Args:
        model: the name under which it serves.
        seconds: within which it has to start.

    Raises:
        Unavailable: it does not start.
    """
    children: list[Child] = []
    with tempfile.TemporaryDirectory(prefix="jenkins-ml-") as folder:
        log = Path(folder) / "server.log"

        def spawn(argv: list[str], environment: Mapping[str, str], log: Path) -> Child:  # noqa: ARG001
            # In our own environment: a Jenkins build that is stopped has to end this server too.
            with Path(os.devnull).open("rb") as nothing, log.open("ab") as output:
                stdio = (nothing.fileno(), output.fileno(), output.fileno())
                children.append(Child("jenkins_ml.server.__main__", argv[3:], stdio))
            return children[-1]

        try:
            yield _Embedded(_start(model, Path(folder), log, spawn, seconds), children[-1])
        finally:
            for child in children:
                child.kill()


def _start(
    model: str, folder: Path, log: Path, spawn: Callable[[list[str], Mapping[str, str], Path], object], seconds: float
) -> LocalServer:
    try:
        return server_process.start(
            folder / "server.json", model, _ENVIRONMENT, 0, 0, log, spawn, deadline_seconds=seconds
        )
    except Unavailable as error:
        next_step = error.next_step
        if str(log) in next_step:  # which will be gone
            next_step = "it needs jenkins-ml[tensorflow,server]; gate.serving.check: export does without a server"
        raise Unavailable(error.what, next_step) from error


@dataclass(frozen=True)
class _Embedded:
    server: LocalServer
    process: Child

    def load(self, version: int, path: Path, seconds: float) -> None:
        self.server.load(version, path, seconds)

    def signature(self, version: int) -> dict[str, dict[str, tuple[str, tuple[int | None, ...]]]]:
        status, body = self.server.metadata(version)
        if status != http.client.OK:
            raise StageFailed(f"its metadata is answered with {status}: {_error(body)}")
        definitions = json.loads(body)["metadata"]["signature_def"]["signature_def"]
        definition = definitions.get("serving_default", {"inputs": {}, "outputs": {}})
        return {
            kind: {name: (_dtype(info), _shape(info)) for name, info in definition[kind].items()}
            for kind in ("inputs", "outputs")
        }

    def rest(self, version: int, body: bytes) -> bytes:
        status, _, answer = self.server.predict(version, body)
        if status != http.client.OK:
            raise StageFailed(f"it is answered with {status}: {_error(answer)}")
        return answer

    def grpc(self, version: int, predictions: Path, fixed: int | None, seconds: float) -> Arrays:
        with tempfile.TemporaryDirectory(prefix="jenkins-ml-") as folder:
            job = {
                "address": f"127.0.0.1:{self.server.grpc_port}",
                "model": self.server.model,
                "version": version,
                "predictions": str(predictions.absolute()),
                "fixed": fixed,
                "seconds": seconds,
                "out": folder,
            }
            code = _run_client(json.dumps(job), Path(folder) / "log", seconds)
            result_file = Path(folder) / "result.json"
            if code or not result_file.exists():
                words = (Path(folder) / "log").read_text(errors="replace").strip().splitlines()[-1:]
                raise StageFailed(f"the process that asks exited with {code}: {' '.join(words)}")
            if failure := json.loads(result_file.read_bytes()).get("error"):
                raise StageFailed(f"it is answered with {failure}")
            with np.load(Path(folder) / "answers.npz", allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}

    def ended(self) -> str:
        try:
            code = self.process.wait(_GONE_SECONDS)
        except TimeoutError:
            return ""
        except Unavailable as error:  # the process that it was forked from is gone, too
            return f"ended: {error.what}"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


def _run_client(job: str, log: Path, seconds: float) -> int:
    with tempfile.TemporaryFile() as stdin, log.open("wb") as output:
        stdin.write(job.encode() + b"\n")
        stdin.seek(0)
        with Child("jenkins_ml.server.grpc_client", [], (stdin.fileno(), output.fileno(), output.fileno())) as child:
            try:
                return child.wait(seconds)
            except TimeoutError as error:
                raise StageFailed(f"there is no answer within {seconds:g} s") from error


def _dtype(info: Mapping[str, Any]) -> str:
    name = str(info["dtype"]).removeprefix("DT_").lower()
    return _DTYPES.get(name, name)


def _shape(info: Mapping[str, Any]) -> tuple[int | None, ...]:
    sizes = (int(dim["size"]) for dim in info["tensor_shape"]["dim"])
    return tuple(None if size < 0 else size for size in sizes)


def _error(body: bytes) -> str:
    try:
        message = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        message = body.decode("utf-8", "replace")
    return (message.strip().splitlines() or ["no message"])[0]
