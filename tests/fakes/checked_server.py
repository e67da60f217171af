"""A fake of the server that a version is looked at in: it answers as told, badly too, and dies on demand."""

import contextlib
import json

import numpy as np

from jenkins_ml.errors import StageFailed, Unavailable
from jenkins_ml.records import Signature, TensorSpec

SIGNATURE = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=(None, 2)),),
    outputs=(TensorSpec(name="y", dtype="float32", shape=(None,)),),
)


class FakeCheckedServer:
    """Answers y = x0 + 2 x1 over REST, row by row, and `answers` over gRPC.

    Args:
        answers: what it answers over gRPC.
        rest: body -> body over REST.
        signature: that it tells.
        load_error: raised by load.
        dies: which call ends it: "load", "rest" or "grpc".
    """

    def __init__(self, answers=None, rest=None, signature=SIGNATURE, load_error=None, dies=None):
        self.answers = answers
        self.rest_answer = rest or (lambda rows: rows @ np.array([1.0, 2.0]))
        self.told = signature
        self.load_error = load_error
        self.dies = dies
        self.dead = False
        self.calls = []

    def _call(self, name):
        self.calls.append(name)
        if self.dies == name:
            self.dead = True
        if self.dead:
            raise StageFailed("no channel") if name == "grpc" else Unavailable("the model server does not answer")

    def load(self, version, path, seconds):
        self._call("load")
        if self.load_error is not None:
            raise self.load_error

    def signature(self, version):
        return {
            kind: {spec.name: (spec.dtype, spec.shape) for spec in getattr(self.told, kind)}
            for kind in ("inputs", "outputs")
        }

    def rest(self, version, body):
        self._call("rest")
        rows = np.array(json.loads(body)["instances"])
        answer = self.rest_answer(rows)
        return (
            answer if isinstance(answer, bytes) else json.dumps({"predictions": np.asarray(answer).tolist()}).encode()
        )

    def grpc(self, version, predictions, fixed, seconds):
        self._call("grpc")
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers

    def ended(self):
        return "was killed by SIGSEGV" if self.dead else ""


class FakeStart:
    """Starts fakes in turn, the last one again and again; an exception among them is raised instead."""

    def __init__(self, *servers):
        self.servers = servers
        self.started = 0
        self.ended = 0

    @contextlib.contextmanager
    def __call__(self, model, seconds):
        server = self.servers[min(self.started, len(self.servers) - 1)]
        self.started += 1
        if isinstance(server, Exception):
            raise server
        try:
            yield server
        finally:
            self.ended += 1
