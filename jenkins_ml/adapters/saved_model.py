"""SavedModels, loaded for serving and predicting. The one module that loads them."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jenkins_ml.errors import IntegrityError, StageFailed, UsageError
from jenkins_ml.records import Signature, TensorSpec

_log = logging.getLogger(__name__)
_INTERNAL = 13
_MISSING = "<stack traces unavailable>\n"  # stands before the message proper in TensorFlow's errors


class ModelFailed(StageFailed):
    """The model failed on an input.

    Args:
        what: the model's own message.
        code: TensorFlow's error code, which is a canonical code.
    """

    def __init__(self, what: str, code: int) -> None:
        super().__init__(what, "look at the input, and at the code of the model")
        self.code = code


def import_tensorflow() -> Any:
    """TensorFlow, imported without Keras where possible: serving needs none, and it takes two fifths of the time.

    Raises:
        UsageError: it is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    without_keras = "tensorflow" not in sys.modules and "keras" not in sys.modules
    if without_keras:
        sys.modules["keras"] = None  # type: ignore[assignment]
    try:
        with without_native_noise():
            import tensorflow
    except ImportError as error:
        raise UsageError(f"TensorFlow cannot be imported: {error}", "pip install 'jenkins-ml[tensorflow]'") from error
    finally:
        if without_keras:
            sys.modules.pop("keras", None)
    return tensorflow


@contextlib.contextmanager
def without_native_noise() -> Iterator[None]:
    """Keep quiet what TensorFlow's libraries write to the descriptor of standard error, before any log level is looked at."""
    if "tensorflow" in sys.modules:
        yield
        return
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


class LoadedModel:
    """A SavedModel in memory. Several threads may predict with it at once.

    Args:
        module: what tf.saved_model.load answered; kept, for its variables live as long as it does.

    Attributes:
        signatures: what can be asked, by name.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._functions: dict[str, Any] = dict(module.signatures)
        self.signatures: Mapping[str, Signature] = {
            name: Signature(
                inputs=_specs(function.structured_input_signature[1]), outputs=_specs(function.structured_outputs)
            )
            for name, function in self._functions.items()
        }

    def predict(self, inputs: Mapping[str, np.ndarray], signature: str = "serving_default") -> dict[str, np.ndarray]:
        """Outputs by name.

        Args:
            inputs: by name, with the dtypes and shapes of the signature; strings as arrays of bytes objects.
            signature: its name.

        Raises:
            ModelFailed: the model failed on them.
        """
        tensorflow = import_tensorflow()
        try:
            tensors = {name: tensorflow.constant(value) for name, value in inputs.items()}
            return {name: tensor.numpy() for name, tensor in self._functions[signature](**tensors).items()}
        except tensorflow.errors.OpError as error:
            raise ModelFailed(error.message.rpartition(_MISSING)[2], error.error_code) from error
        except Exception as error:
            raise ModelFailed(f"{type(error).__name__}: {error}", _INTERNAL) from error

    def warm_up(self) -> None:
        """Answer zeros once with every signature, so that the first user need not wait for what is built on first use.

        A model may refuse zeros; that is no error.
        """
        for name, signature in self.signatures.items():
            zeros = {spec.name: _zeros(spec) for spec in signature.inputs}
            try:
                self.predict(zeros, name)
            except ModelFailed as error:
                _log.info("the model does not answer zeros for signature %s: %s", name, error.what)


def load(path: Path) -> LoadedModel:
    """Load a SavedModel.

    Args:
        path: its folder, the one with saved_model.pb in it.

    Raises:
        IntegrityError: it cannot be loaded, or has no signatures.
    """
    tensorflow = import_tensorflow()
    try:
        module = tensorflow.saved_model.load(str(path))
        model = LoadedModel(module)
    except IntegrityError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise IntegrityError(f"{path} cannot be loaded as a SavedModel: {reason[0]}", "train it again") from error
    if not model.signatures:
        raise IntegrityError(f"the SavedModel {path} has no signature", "export it with a serving signature")
    return model


def _specs(specs: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    return tuple(_spec(name, spec) for name, spec in sorted(specs.items()))


def _spec(name: str, spec: Any) -> TensorSpec:
    if spec.shape.rank is None:
        raise IntegrityError(f"the number of dimensions of {name!r} is not fixed", "fix it in the exported signature")
    dtype = "str" if spec.dtype.name == "string" else np.dtype(spec.dtype.as_numpy_dtype).name
    return TensorSpec(name=name, dtype=dtype, shape=tuple(spec.shape.as_list()))


def _zeros(spec: TensorSpec) -> np.ndarray:
    shape = tuple(1 if size is None else size for size in spec.shape)
    if spec.dtype == "str":
        return np.full(shape, b"", object)
    if spec.dtype == "bfloat16":
        import ml_dtypes

        return np.zeros(shape, ml_dtypes.bfloat16)
    return np.zeros(shape, spec.dtype)
