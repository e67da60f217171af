"""Examples as bodies of TensorFlow Serving's REST predict requests, and the answers back as arrays."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from jenkins_ml.adapters.recorded import batches
from jenkins_ml.errors import StageFailed
from jenkins_ml.records import Signature, TensorSpec

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]
# What TensorFlow Serving can read from JSON and write to it.
CARRIED: Final = frozenset(
    ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool", "str")
)


def not_carried(signature: Signature) -> str:
    """A type of a signature that JSON cannot carry; empty when it carries all."""
    specs = (*signature.inputs, *signature.outputs)
    return next((spec.dtype for spec in specs if spec.dtype not in CARRIED), "")


def bodies(inputs: Arrays, fixed: int | None = None) -> tuple[bytes, ...]:
    """A request for each example; for a signature with a fixed batch size for each such batch, the last one filled up.

    Args:
        inputs: by name, each of shape (n, ...).
        fixed: the batch size that the signature takes; None for any.
    """
    return tuple(_body(batch) for batch in batches(inputs, fixed or 1))


def answers(bodies: Iterable[bytes], signature: Signature, count: int) -> dict[str, Array]:
    """The outputs in the bodies of answers, one after another, without what was filled up.

    Args:
        bodies: of the answers, in the order of the requests.
        signature: that was asked; the types of its outputs count, for JSON has none.
        count: how many examples there were.

    Raises:
        StageFailed: a body is no answer to the signature.
    """
    rows: list[Any] = []
    try:
        for body in bodies:
            rows += json.loads(body)["predictions"]
        one = len(signature.outputs) == 1
        return {
            spec.name: _column([row if one else row[spec.name] for row in rows[:count]], spec)
            for spec in signature.outputs
        }
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise StageFailed(f"its answer does not fit the signature: {type(error).__name__}: {error}") from error


def _body(batch: Arrays) -> bytes:
    rows = len(next(iter(batch.values())))
    columns = {name: [_plain(value) for value in values.tolist()] for name, values in batch.items()}
    instances = [{name: column[row] for name, column in columns.items()} for row in range(rows)]
    return json.dumps({"instances": instances if len(columns) > 1 else [*next(iter(columns.values()))]}).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _column(values: list[Any], spec: TensorSpec) -> Array:
    if spec.dtype == "str":
        return np.array(_texts(values), str)
    column = np.array(values)
    if column.dtype.kind not in "biuf":
        raise ValueError(f"output {spec.name!r} has something else than numbers")
    return column.astype(spec.dtype)


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True).decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
