"""One request, answered by one version, in the thread that the version has for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from jenkins_ml.adapters.saved_model import ModelFailed
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import Signature
from jenkins_ml.server.dtypes import BY_NUMPY, Tensor, type_of
from jenkins_ml.server.predicted import Cells
from jenkins_ml.server.status import Code, VersionError, invalid
from jenkins_ml.server.summaries import Summariser

DEFAULT_SIGNATURE = "serving_default"
T = TypeVar("T")
Signatures = Mapping[str, Signature]


class Model(Protocol):
    """What a version is made of; adapters.saved_model.LoadedModel, or a fake."""

    @property
    def signatures(self) -> Signatures:
        """What can be asked, by name."""

    def predict(self, inputs: Mapping[str, Tensor], signature: str) -> dict[str, Tensor]:
        """Answer; whatever it raises is the model's failure."""

    def warm_up(self) -> None:
        """Answer once, so that the first user need not wait."""


@dataclass(frozen=True)
class Prediction:
    """A decoded request: signature name, inputs by name, and the outputs wanted (all of them when empty)."""

    signature: str
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exchange(Generic[T]):
    """How one transport's request becomes a prediction, and its outputs the answer; both raise ServingError.

    Args:
        decode: from the signatures of the version that will answer.
        encode: from the outputs.
    """

    decode: Callable[[Signatures], Prediction]
    encode: Callable[[Mapping[str, Tensor]], T]


@dataclass(frozen=True)
class Answered(Generic[T]):
    """An answer, and what is counted of it.

    Args:
        value: the answer.
        nan: whether one of the numbers in it is NaN or infinite.
        predicted: how many of its predictions fell into each cell; None where there are none to count.
    """

    value: T
    nan: bool
    predicted: Tensor | None


def make_ready(model: Model) -> None:
    """Check that the model can be served, and warm it up.

    Raises:
        IntegrityError: one of its signatures has a tensor type that no request can carry.
    """
    for name, signature in model.signatures.items():
        for spec in (*signature.inputs, *signature.outputs):
            if spec.dtype not in BY_NUMPY:
                raise IntegrityError(f"signature {name} has {spec.name!r} of type {spec.dtype}, which cannot be served")
    model.warm_up()


def infer(
    model: Model,
    exchange: Exchange[T],
    cells: Cells = Cells(),  # noqa: B008 - a frozen value
    summariser: Summariser | None = None,
) -> Answered[T]:
    """Decode, check, predict, count, encode.

    Args:
        model: what answers.
        exchange: how.
        cells: how predictions are counted.
        summariser: is shown what was asked and answered; None: nobody is.

    Raises:
        ServingError: the request is malformed for this model.
        VersionError: the model failed.
    """
    prediction = exchange.decode(model.signatures)
    signature = model.signatures[prediction.signature]
    _check_inputs(signature, prediction.inputs)
    _check_outputs(signature, prediction.outputs)
    try:
        outputs: Mapping[str, Tensor] = model.predict(prediction.inputs, prediction.signature)
    except ModelFailed as error:
        raise VersionError(Code(error.code), error.what) from error
    except Exception as error:
        raise VersionError(Code.INTERNAL, f"{type(error).__name__}: {error}") from error
    if summariser is not None and prediction.signature == DEFAULT_SIGNATURE:
        summariser.offer(prediction.inputs, outputs)
    nan = any(_not_finite(tensor) for tensor in outputs.values())
    if prediction.outputs:
        outputs = {name: outputs[name] for name in prediction.outputs}
    return Answered(exchange.encode(outputs), nan, cells.counts(outputs))


def _check_inputs(signature: Signature, inputs: Mapping[str, Tensor]) -> None:
    expected = {spec.name: spec for spec in signature.inputs}
    if len(inputs) != len(expected):
        raise invalid(
            f"input size does not match signature: {len(inputs)}!={len(expected)} len({_set(inputs)}) != "
            f"len({_set(expected)}). Sent extra: {_set(set(inputs) - set(expected))}. "
            f"Missing but required: {_set(set(expected) - set(inputs))}."
        )
    for index, name in enumerate(sorted(inputs)):
        spec = expected.get(name)
        if spec is None:
            raise invalid(
                f"input tensor alias not found in signature: {name}. Inputs expected to be in the set {_set(expected)}."
            )
        tensor = inputs[name]
        sent, wanted = type_of(tensor).name, BY_NUMPY[spec.dtype].name
        if sent != wanted:
            raise invalid(f"Expects arg[{index}] to be {wanted} but {sent} is provided")
        fits = len(spec.shape) == tensor.ndim and all(
            size is None or size == actual for size, actual in zip(spec.shape, tensor.shape, strict=True)
        )
        if not fits:
            shape = brackets(tuple(-1 if size is None else size for size in spec.shape))
            raise invalid(f"input tensor {name} has shape {brackets(tensor.shape)}, but the signature expects {shape}")


def _check_outputs(signature: Signature, wanted: tuple[str, ...]) -> None:
    known = {spec.name for spec in signature.outputs}
    seen: set[str] = set()
    for name in wanted:
        if name not in known:
            raise invalid(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set {_set(known)}."
            )
        if name in seen:
            raise invalid(f"duplicate output tensor alias: {name}")
        seen.add(name)


def brackets(shape: tuple[int, ...]) -> str:
    """A shape as messages show it: [2,1]."""
    return f"[{','.join(map(str, shape))}]"


def _set(names: Mapping[str, object] | set[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"


def _not_finite(tensor: Tensor) -> bool:
    # Strings and whole numbers are always finite; "V" is bfloat16, which NumPy files under void.
    return tensor.dtype.kind in "fcV" and not bool(np.isfinite(tensor).all())
