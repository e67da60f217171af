"""The body of a REST predict answer, laid out byte for byte as TensorFlow Serving's pretty-printer does.

Rows have their lists on one line; columns have every number on a line of its own. `depth` is always the number of
objects and lists that are open around a value, which is what its further lines are indented by.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from itertools import islice

from jenkins_ml.server.dtypes import Tensor, type_of
from jenkins_ml.server.json_text import INDENT, decimals, quote, to_bytes
from jenkins_ml.server.status import invalid

_INTEGERS = {"int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"}
# Around the numbers of the rows of a matrix, but for the brackets between two of them.
_BEFORE, _AFTER = b'{\n    "predictions": [[', b"]\n    ]\n}"


def rows(outputs: Mapping[str, Tensor]) -> bytes:
    """The answer to "instances": {"predictions": [...]}, one item a row, an object when there are several outputs.

    Args:
        outputs: tensors with the same first dimension.

    Raises:
        ServingError: no outputs, one without rows, or one of a type that JSON does not carry.
    """
    size = _batch_size(outputs)
    if len(outputs) == 1:
        [(name, tensor)] = outputs.items()
        body = ", ".join(_cells(name, tensor, 2))
    else:
        columns = {quote(name): _cells(name, tensor, 3) for name, tensor in sorted(outputs.items())}
        body = ",".join(
            _line(2) + _object([f"{name}: {cells[row]}" for name, cells in columns.items()], 2) for row in range(size)
        )
    end = _line(1) if size else ""
    return to_bytes(_object([f'"predictions": [{body}{end}]'], 0))


def row_texts(body: bytes) -> list[str]:
    """The numbers of each row, separated by commas, of what `rows` answers for one output of shape (n, k), n and k not 0."""
    return body[len(_BEFORE) : -len(_AFTER)].decode().replace(", ", ",").split("],[")


def columns(outputs: Mapping[str, Tensor]) -> bytes:
    """The answer to "inputs": {"outputs": ...}, the tensor, or an object of tensors when there are several.

    Args:
        outputs: tensors of any shapes.

    Raises:
        ServingError: no outputs, or one of a type that JSON does not carry.
    """
    _require_some(outputs)
    if len(outputs) == 1:
        [(name, tensor)] = outputs.items()
        body = _block(name, tensor, 1)
    else:
        body = _object([f"{quote(name)}: {_block(name, tensor, 2)}" for name, tensor in sorted(outputs.items())], 1)
    return to_bytes(_object([f'"outputs": {body}'], 0))


def _require_some(outputs: Mapping[str, Tensor]) -> None:
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")


def _batch_size(outputs: Mapping[str, Tensor]) -> int:
    _require_some(outputs)
    size: int | None = None
    for name, tensor in sorted(outputs.items()):
        if tensor.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if size not in (None, len(tensor)):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(tensor)} expecting: {size}")
        size = len(tensor)
    return size or 0


def _cells(name: str, tensor: Tensor, depth: int) -> list[str]:
    shape = tensor.shape[1:]
    texts = _texts(name, tensor, depth + len(shape))
    return [_inline(shape, texts) for _ in range(len(tensor))]


def _inline(shape: tuple[int, ...], texts: Iterator[str]) -> str:
    if not shape:
        return next(texts)
    if len(shape) == 1:
        return f"[{', '.join(islice(texts, shape[0]))}]"
    return f"[{', '.join([_inline(shape[1:], texts) for _ in range(shape[0])])}]"


def _block(name: str, tensor: Tensor, depth: int) -> str:
    return _lines(tensor.shape, _texts(name, tensor, depth + tensor.ndim), depth)


def _lines(shape: tuple[int, ...], texts: Iterator[str], depth: int) -> str:
    if not shape:
        return next(texts)
    if shape[0] == 0:
        return "[]"
    line = _line(depth + 1)
    items = f",{line}".join([_lines(shape[1:], texts, depth + 1) for _ in range(shape[0])])
    return f"[{line}{items}{_line(depth)}]"


def _object(members: list[str], depth: int) -> str:
    line = _line(depth + 1)
    return f"{{{line}{f',{line}'.join(members)}{_line(depth)}}}"


def _line(depth: int) -> str:
    return "\n" + INDENT * depth


def _texts(name: str, tensor: Tensor, depth: int) -> Iterator[str]:
    """Each value in row-major order. Strings of outputs named "..._bytes" are base64 objects."""
    kind = type_of(tensor)
    if kind.numpy in ("float32", "float64"):
        return iter(decimals(tensor))
    values = tensor.ravel().tolist()
    if kind.numpy in _INTEGERS:
        return map(str, values)
    if kind.numpy == "bool":
        return ("true" if value else "false" for value in values)
    if kind.numpy == "str" and name.endswith("_bytes"):
        return (_object([f'"b64": "{base64.b64encode(value).decode()}"'], depth) for value in values)
    if kind.numpy == "str":
        return (quote(value.decode("utf-8", "surrogateescape")) for value in values)
    raise invalid(f"Failed to write JSON value for tensor type: {kind.name}")
