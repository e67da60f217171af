"""The body of a REST predict request: {"instances": ...} (rows) or {"inputs": ...} (columns) -> tensors."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

import numpy as np

from jenkins_ml.records import Signature, TensorSpec
from jenkins_ml.server.dtypes import BY_NUMPY, Tensor, TensorType
from jenkins_ml.server.inference import DEFAULT_SIGNATURE, Prediction, Signatures, brackets
from jenkins_ml.server.json_text import excerpt, to_bytes
from jenkins_ml.server.status import Code, ServingError, invalid

_MAX_RANK: Final = 64  # of a NumPy array
_INT32: Final = (-(2**31), 2**31 - 1)
# What a number must lie in. Types narrower than int32 are not checked further: TensorFlow Serving wraps them around.
_INTEGER_RANGES: Final = {
    "int8": _INT32,
    "int16": _INT32,
    "int32": _INT32,
    "uint8": _INT32,
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS: Final = {"float32", "float64"}
# What Python's decoder makes of the JSON values that a type takes.
_PLAIN_TYPES: Final[Mapping[str, set[type]]] = {
    **{name: {int, float} for name in _FLOATS},
    **{name: {int} for name in _INTEGER_RANGES},
    "bool": {bool},
    "str": {str},
}
_TYPE_NAMES: Final = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number", type(None): "Null"}


@dataclass(frozen=True)
class PredictDocument:
    """A parsed request that is well formed as far as can be told without a model.

    Args:
        document: the parsed JSON.
    """

    document: dict[str, Any]

    @property
    def rows(self) -> bool:
        """Whether it has rows, and so wants rows as the answer."""
        return "instances" in self.document

    def decode(self, signatures: Signatures) -> Prediction:
        """The tensors for a model with these signatures; raises ServingError."""
        name = self.document.get("signature_name") or DEFAULT_SIGNATURE
        if name not in signatures:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        signature = signatures[name]
        if not signature.inputs:
            raise invalid(f"Failed to get input map for signature: {name}")
        _check_form(self.document)
        if self.rows:
            return Prediction(name, _from_rows(self.document["instances"], signature))
        return Prediction(name, _from_columns(self.document["inputs"], signature))


def check_document(document: Any) -> PredictDocument:
    """The request in a parsed body; raises ServingError unless it is an object, and its signature name a string."""
    if not isinstance(document, dict):
        raise _form_error(document, "Is not object")
    if not isinstance(document.get("signature_name", ""), str):
        raise _form_error(document, "not formatted correctly. 'signature_name' key must be a string value.")
    return PredictDocument(document)


def _check_form(document: dict[str, Any]) -> None:
    if "instances" in document and "inputs" in document:
        raise _form_error(
            document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" not in document:
        if "inputs" not in document:
            raise invalid("Missing 'inputs' or 'instances' key")
        return
    instances = document["instances"]
    if not isinstance(instances, list):
        raise _form_error(document, "Expecting 'instances' to be an list/array")
    if not instances:
        raise _form_error(document, "No values in 'instances' array")


def _form_error(document: Any, what: str) -> ServingError:
    return invalid(f"JSON Value: {excerpt(document)} {what}")


# --- columns ---------------------------------------------------------------------------------------------------------
def _from_columns(inputs: Any, signature: Signature) -> dict[str, Tensor]:
    named = _is_object(inputs)
    if not named and len(signature.inputs) > 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple "
            "input tensors required as per tensorinfo_map"
        )
    tensors = {}
    for spec in signature.inputs:
        if named and spec.name not in inputs:
            raise invalid(f"Missing named input: {spec.name} in 'inputs' object.")
        column = _Column(spec)
        column.add(inputs[spec.name] if named else inputs)
        tensors[spec.name] = column.tensor()
    return tensors


# --- rows ------------------------------------------------------------------------------------------------------------
def _from_rows(instances: list[Any], signature: Signature) -> dict[str, Tensor]:
    columns = {spec.name: _Column(spec) for spec in signature.inputs}
    if _is_object(instances[0]):
        _add_objects(instances, columns)
    elif len(columns) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    else:
        _add_values(instances, next(iter(columns.values())))
    return {name: column.tensor(rows=len(instances)) for name, column in columns.items()}


def _add_objects(instances: list[Any], columns: dict[str, _Column]) -> None:
    names = columns.keys()
    for index, row in enumerate(instances):
        if not _is_object(row):
            raise invalid(f"Expecting object but got list at item {index} of input list")
        for name, value in row.items():
            try:
                if name not in columns:
                    raise invalid(f"JSON object: does not have named input: {name}")
                columns[name].add(value)
            except ServingError as error:
                raise _in_row(f"{index} key: {name}", error) from error
        if row.keys() != names:
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: {excerpt(row)} "
                f"keys must be equal to: {','.join(sorted(names))}"
            )


def _add_values(instances: list[Any], column: _Column) -> None:
    for index, value in enumerate(instances):
        if _is_object(value):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
        try:
            column.add(value)
        except ServingError as error:
            raise _in_row(str(index), error) from error


def _in_row(where: str, error: ServingError) -> ServingError:
    return invalid(f"Failed to process element: {where} of 'instances' list. Error: {error.code.name}: {error.message}")


# --- values ----------------------------------------------------------------------------------------------------------
@dataclass
class _Column:
    """The values of one input, gathered from one value or from one of each row; all rows have one shape."""

    spec: TensorSpec
    values: list[Any] = field(default_factory=list)
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        self._type = BY_NUMPY[self.spec.dtype]
        self._plain = _PLAIN_TYPES.get(self.spec.dtype, set())
        self._range = _INTEGER_RANGES.get(self.spec.dtype)

    def add(self, value: Any) -> None:
        """Add one value: a scalar, or lists in lists of equal sizes."""
        shape = _shape(value)
        before = len(self.values)
        self._fill(value, 0, shape)
        if self.shape is None:
            self.shape = shape
            return
        size, expected = len(self.values) - before, int(np.prod(self.shape))
        if size != expected:
            raise invalid(f"Expecting tensor size: {expected} but got: {size}")
        if shape != self.shape:
            raise invalid(f"Expecting shape {brackets(self.shape)} but got: {brackets(shape)}")

    def tensor(self, rows: int | None = None) -> Tensor:
        """The tensor of all values; `rows` becomes its first dimension."""
        shape = (self.shape or ()) if rows is None else (rows, *(self.shape or ()))
        if self.spec.dtype == "str":
            tensor = np.empty(len(self.values), object)
            tensor[:] = [value if isinstance(value, bytes) else to_bytes(value) for value in self.values]
            return tensor.reshape(shape)
        try:
            # Through the widest type, so that narrower ones wrap around (whole numbers) or become infinite (decimals).
            wide = np.float64 if self.spec.dtype in _FLOATS else np.uint64 if self.spec.dtype == "uint64" else np.int64
            with np.errstate(over="ignore"):
                return np.array(self.values, wide).astype(self._type.array_dtype).reshape(shape)
        except OverflowError as error:
            raise invalid("JSON Parse error: Number too big to be stored in double.") from error

    def _fill(self, value: Any, level: int, shape: tuple[int, ...]) -> None:
        rank = len(shape)
        if not isinstance(value, list):
            if level != rank:
                raise invalid(
                    f"JSON Value: {excerpt(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                    f"Expected at level: {rank}"
                )
            self.values.append(self._scalar(value))
            return
        if level >= rank:
            raise invalid(f"Encountered list at unexpected level: {level} expected < {rank}")
        if len(value) != shape[level]:
            raise invalid(
                f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
            )
        if level == rank - 1 and self._all_plain(value):
            self.values.extend(value)
            return
        for item in value:
            self._fill(item, level + 1, shape)

    def _all_plain(self, values: list[Any]) -> bool:
        """Whether no value of an innermost list needs a closer look: nearly always, and many times quicker."""
        if not values or not set(map(type, values)) <= self._plain:
            return False
        return self._range is None or (self._range[0] <= min(values) and max(values) <= self._range[1])

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, dict):
            if self.spec.dtype != "str":
                raise _type_error(value, self._type)
            return _base64(value)
        if not self._plain:
            raise ServingError(
                Code.UNIMPLEMENTED, f"Conversion of JSON Value: {excerpt(value)} to type: {self._type.name}"
            )
        if type(value) not in self._plain or (self._range and not self._range[0] <= value <= self._range[1]):
            raise _type_error(value, self._type)
        return value


def _shape(value: Any) -> tuple[int, ...]:
    """Sizes along the first item of each level; whether the other items have the same is checked as they are added."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    if len(shape) >= _MAX_RANK:
        raise invalid(f"Lists are nested {len(shape)} deep; a tensor has fewer than {_MAX_RANK} dimensions")
    return tuple(shape)


def _is_base64(value: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def _is_object(value: Any) -> bool:
    """An object of named values; {"b64": ...} is a value."""
    return isinstance(value, dict) and not _is_base64(value)


def _base64(value: dict[str, Any]) -> bytes:
    if not _is_base64(value):
        raise invalid(f"JSON Value: {excerpt(value)} not formatted correctly for base64 data")
    text = re.sub(r"\s", "", value["b64"]).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error) as error:
        raise invalid("Unable to base64 decode") from error


def _type_error(value: Any, expected: TensorType) -> ServingError:
    name = str(value) if isinstance(value, bool) else _TYPE_NAMES[type(value)]
    return invalid(f"JSON Value: {excerpt(value)} Type: {name} is not of expected type: {expected.name}")
