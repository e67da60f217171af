"""The tensor types of TensorFlow, and what each is called in NumPy, in messages and in a TensorProto."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from jenkins_ml.server.status import Code, ServingError

Tensor = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class TensorType:
    """One tensor type.

    Args:
        numpy: name of the NumPy type; "str" for strings, whose arrays hold bytes objects.
        name: TensorFlow's name, as its messages have it ("float").
        number: value of the DataType enumeration.
        field: the field of a TensorProto that holds its values.
    """

    numpy: str
    name: str
    number: int
    field: str

    @property
    def enum_name(self) -> str:
        """Name in the DataType enumeration ("DT_FLOAT")."""
        return f"DT_{self.name.upper()}"

    @property
    def array_dtype(self) -> np.dtype[Any]:
        """The NumPy type of an array of it."""
        if self.numpy == "bfloat16":
            import ml_dtypes  # comes with TensorFlow; importing it is what makes NumPy know the type

            bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
            return bfloat16
        return np.dtype(object if self.numpy == "str" else self.numpy)


_TYPES: Final = (
    TensorType("float32", "float", 1, "float_val"),
    TensorType("float64", "double", 2, "double_val"),
    TensorType("int32", "int32", 3, "int_val"),
    TensorType("uint8", "uint8", 4, "int_val"),
    TensorType("int16", "int16", 5, "int_val"),
    TensorType("int8", "int8", 6, "int_val"),
    TensorType("str", "string", 7, "string_val"),
    TensorType("complex64", "complex64", 8, "scomplex_val"),
    TensorType("int64", "int64", 9, "int64_val"),
    TensorType("bool", "bool", 10, "bool_val"),
    TensorType("bfloat16", "bfloat16", 14, "half_val"),
    TensorType("uint16", "uint16", 17, "int_val"),
    TensorType("complex128", "complex128", 18, "dcomplex_val"),
    TensorType("float16", "half", 19, "half_val"),
    TensorType("uint32", "uint32", 22, "uint32_val"),
    TensorType("uint64", "uint64", 23, "uint64_val"),
)
BY_NUMPY: Final = {item.numpy: item for item in _TYPES}
BY_NUMBER: Final = {item.number: item for item in _TYPES}


def type_of(tensor: Tensor) -> TensorType:
    """The type of an array.

    Raises:
        ServingError: UNIMPLEMENTED, for a type that is not in the table.
    """
    name = "str" if tensor.dtype.kind in "OSU" else tensor.dtype.name
    if name not in BY_NUMPY:
        raise ServingError(Code.UNIMPLEMENTED, f"Tensors of type {name} are not supported")
    return BY_NUMPY[name]
