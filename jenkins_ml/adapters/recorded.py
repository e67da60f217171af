"""The examples that the training has kept, and what the trained and the exported model answered to them.

They lie in predictions.npz beside the predictions, see keras_worker.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import Signature

REPLAY: Final = "replay/"
TRAINED: Final = "trained/"
EXPORTED: Final = "exported/"
NOT_TRAINED: Final = "not_trained"  # a text: why there is nothing under trained/

Arrays = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
_OLD: Final = "these predictions were kept by a jenkins-ml that did not record what the trained model answers"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Examples and answers, each of shape (n, ...).

    Args:
        inputs: by name of the signature's input.
        trained: what the trained model answered in memory, by output; None where there was none to ask.
        not_trained: why, as a sentence; else empty.
        exported: what the exported model answered where it was made.
    """

    inputs: Arrays
    trained: Arrays | None
    not_trained: str
    exported: Arrays


def read(predictions: Path, signature: Signature) -> Recorded:
    """What was recorded beside predictions.

    Args:
        predictions: the file.
        signature: of the version; old files do not have the names of outputs.

    Raises:
        IntegrityError: the file cannot be read.
    """
    try:
        with np.load(predictions, allow_pickle=False) as arrays:
            inputs, trained, exported = (below(arrays, prefix) for prefix in (REPLAY, TRAINED, EXPORTED))
            if not exported:
                count = len(next(iter(inputs.values()))) if inputs else 0
                exported = {signature.outputs[0].name: arrays["predictions"][:count]}
            reason = str(arrays[NOT_TRAINED]) if NOT_TRAINED in arrays.files else _OLD
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise IntegrityError(
            f"{predictions} holds no predictions: {error}", "remove its folder; they are computed again"
        ) from error
    return Recorded(inputs=inputs, trained=trained or None, not_trained="" if trained else reason, exported=exported)


def below(arrays: Any, prefix: str) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """The arrays of a file whose names begin with a prefix, by the rest of the name."""
    return {name.removeprefix(prefix): arrays[name] for name in arrays.files if name.startswith(prefix)}


def batches(inputs: Arrays, size: int) -> Iterator[dict[str, np.ndarray[Any, np.dtype[Any]]]]:
    """The examples in batches of exactly `size`, in order; the first example fills up the last batch."""
    count = len(next(iter(inputs.values()))) if inputs else 0
    for start in range(0, count, size):
        missing = size - min(size, count - start)
        part = {name: values[start : start + size] for name, values in inputs.items()}
        if missing:
            part = {name: np.concatenate([part[name], inputs[name][:1].repeat(missing, 0)]) for name in part}
        yield part


def storable(values: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    """Answers as a file holds them without pickling: text of a fixed width, bfloat16 as float32."""
    if values.dtype.kind == "V":
        return values.astype(np.float32)
    if values.dtype.kind in "OS":
        texts = [
            item.decode("utf-8", "surrogateescape") if isinstance(item, bytes) else str(item)
            for item in values.ravel().tolist()
        ]
        return np.array(texts, str).reshape(values.shape)
    return values
