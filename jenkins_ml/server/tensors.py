"""TensorProto <-> NumPy arrays, with TensorFlow's rules and without TensorFlow.

Law: `from_proto(to_proto(tensor))` is the tensor, for every type in dtypes and every shape.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from jenkins_ml.server.dtypes import BY_NUMBER, Tensor, TensorType, type_of
from jenkins_ml.server.messages import TensorProto

# A few bytes can announce any shape, and are repeated to fill it.
_MAX_BYTES: Final = 2**31 - 1


def to_proto(tensor: Tensor) -> Any:
    """The TensorProto of an array, with its values in the field of their type (as TensorFlow Serving answers).

    Raises:
        ServingError: a type that is not supported.
    """
    kind = type_of(tensor)
    proto = TensorProto(dtype=kind.number)
    for size in tensor.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, kind.field).extend(_to_values(tensor, kind))
    return proto


def from_proto(proto: Any) -> Tensor:
    """The array in a TensorProto.

    Values come from `tensor_content`, or from the field of their type; there, the last one stands for all that are
    missing, and no value at all for zeros or empty strings.

    Raises:
        ValueError: a type that is not known, a shape that is not fully known or too large, or content that does not
            fill it.
    """
    kind = BY_NUMBER.get(proto.dtype)
    if kind is None:
        raise ValueError(f"data type {proto.dtype} is not supported")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError("its shape is not fully known")
    count = math.prod(shape)
    if count * kind.array_dtype.itemsize > _MAX_BYTES:
        raise ValueError(f"its shape {list(shape)} is too large")
    if proto.tensor_content:
        return _from_content(proto.tensor_content, kind, count).reshape(shape)
    values = _from_values(getattr(proto, kind.field), kind)[:count]
    missing = count - len(values)
    if missing:
        fill = values[-1:] if len(values) else np.array([b""], object) if kind.numpy == "str" else _zeros(kind, 1)
        values = np.concatenate([values, np.repeat(fill, missing)])
    return values.reshape(shape)


def _to_values(tensor: Tensor, kind: TensorType) -> list[Any]:
    flat = np.ascontiguousarray(tensor).ravel()
    values: Tensor
    if kind.field == "half_val":
        values = flat.view(np.uint16)
    elif kind.field in ("scomplex_val", "dcomplex_val"):
        values = flat.view(np.float32 if kind.field == "scomplex_val" else np.float64)
    else:
        values = flat
    return values.tolist()


def _from_values(values: Any, kind: TensorType) -> Tensor:
    dtype = kind.array_dtype
    if kind.numpy == "str":
        strings = np.empty(len(values), object)
        strings[:] = list(values)
        return strings
    if kind.field == "half_val":
        return np.array(values, np.int64).astype(np.uint16).view(dtype)
    if kind.field in ("scomplex_val", "dcomplex_val"):
        parts = np.array(values, np.float32 if kind.field == "scomplex_val" else np.float64)
        return parts[: len(parts) // 2 * 2].view(dtype)
    if kind.field == "int_val":
        return np.array(values, np.int64).astype(dtype)
    return np.array(values, dtype)


def _from_content(content: bytes, kind: TensorType, count: int) -> Tensor:
    if kind.numpy == "str":
        return _strings(content, count)
    dtype = kind.array_dtype
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"its content has {len(content)} bytes instead of {count * dtype.itemsize}")
    # A copy, for TensorFlow wants memory that is aligned and may be written to.
    return np.frombuffer(content, np.uint8).copy().view(dtype)


def _strings(content: bytes, count: int) -> Tensor:
    """Strings as tensor_content has them: all lengths as varints, then all bytes."""
    lengths, at = [], 0
    for _ in range(count):
        length, at = _varint(content, at)
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise ValueError(f"its content has {len(content)} bytes instead of {at + sum(lengths)}")
    strings = np.empty(count, object)
    for index, length in enumerate(lengths):
        strings[index] = content[at : at + length]
        at += length
    return strings


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(content[at : at + 5]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise ValueError("its content ends within the length of a string")


def _zeros(kind: TensorType, count: int) -> Tensor:
    return np.zeros(count, kind.array_dtype)
