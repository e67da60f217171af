"""A fake of a loaded model: no TensorFlow, and it fails, hangs or answers NaN on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from jenkins_ml.records import Signature, TensorSpec

FLOATS = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=(None, 2)),),
    outputs=(TensorSpec(name="y", dtype="float32", shape=(None,)),),
)


def specs(**types: tuple[str, tuple[int | None, ...]]) -> tuple[TensorSpec, ...]:
    """Tensor specifications: specs(a=("float32", (None,)))."""
    return tuple(TensorSpec(name=name, dtype=dtype, shape=shape) for name, (dtype, shape) in types.items())


class FakeModel:
    """Answers y = x0 + 2 x1 + offset for signature FLOATS; for any other, what `answer` says.

    Set `error` to make it fail, clear `gate` to make it hang.
    """

    def __init__(
        self,
        offset: float = 0.0,
        signature: Signature = FLOATS,
        answer: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]] | None = None,
    ) -> None:
        self.signatures = {"serving_default": signature}
        self.offset = offset
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.calls = 0
        self.warm = False
        self._answer = answer

    def predict(self, inputs: Mapping[str, np.ndarray], signature: str) -> dict[str, np.ndarray]:
        self.calls += 1
        assert self.gate.wait(10), "the test forgot to open the gate"
        if self.error is not None:
            raise self.error
        if self._answer is not None:
            return self._answer(inputs)
        return {"y": inputs["x"] @ np.array([1, 2], np.float32) + np.float32(self.offset)}

    def warm_up(self) -> None:
        self.warm = True


class FakeLoader:
    """Loads the model of a version, by the last part of the path: load(Path("/models/3"))."""

    def __init__(self, models: Mapping[str, FakeModel | Exception]) -> None:
        self.models = dict(models)
        self.loaded: list[str] = []

    def __call__(self, path: Path) -> FakeModel:
        self.loaded.append(path.name)
        model = self.models[path.name]
        if isinstance(model, Exception):
            raise model
        return model


class FakeClock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
