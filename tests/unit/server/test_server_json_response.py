"""The REST predict answer, byte for byte."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jenkins_ml.server import json_response
from jenkins_ml.server.json_text import decimals, error_body, quote
from jenkins_ml.server.status import ServingError


def text_of(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def objects(*values: object) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def test_rows_of_one_output() -> None:
    body = json_response.rows({"y": np.array([2.5, 3, 4.5], np.float32)})
    assert body == text_of("{", '    "predictions": [2.5, 3.0, 4.5', "    ]", "}")
    body = json_response.rows({"y": np.array([[1, 2], [1, 2]], np.float32)})
    assert body == text_of("{", '    "predictions": [[1.0, 2.0], [1.0, 2.0]', "    ]", "}")
    body = json_response.rows({"y": np.zeros((1, 2, 2), np.int32)})
    assert body == text_of("{", '    "predictions": [[[0, 0], [0, 0]]', "    ]", "}")


def test_rows_of_several_outputs() -> None:
    body = json_response.rows({"b": np.array([3, 4]), "a": np.array([[1, 2], [5, 6]], np.float32)})
    assert body == text_of(
        "{",
        '    "predictions": [',
        "        {",
        '            "a": [1.0, 2.0],',
        '            "b": 3',
        "        },",
        "        {",
        '            "a": [5.0, 6.0],',
        '            "b": 4',
        "        }",
        "    ]",
        "}",
    )


def test_no_rows() -> None:
    assert json_response.rows({"y": np.zeros(0)}) == text_of("{", '    "predictions": []', "}")


def test_columns() -> None:
    body = json_response.columns({"y": np.array([[1, 2]], np.float32)})
    assert body == text_of(
        "{",
        '    "outputs": [',
        "        [",
        "            1.0,",
        "            2.0",
        "        ]",
        "    ]",
        "}",
    )
    body = json_response.columns({"b": np.array(3), "a": np.array([True, False])})
    assert body == text_of(
        "{",
        '    "outputs": {',
        '        "a": [',
        "            true,",
        "            false",
        "        ],",
        '        "b": 3',
        "    }",
        "}",
    )
    assert json_response.columns({"y": np.zeros((0, 3))}) == text_of("{", '    "outputs": []', "}")


def test_strings() -> None:
    body = json_response.rows({"y": objects(b'a"/\x01', b"\xff")})
    assert body == b'{\n    "predictions": ["a\\"/\\u0001", "\xff"\n    ]\n}'


def test_bytes() -> None:
    body = json_response.rows({"y_bytes": objects(b"\xff", b"a")})
    assert json.loads(body) == {"predictions": [{"b64": "/w=="}, {"b64": "YQ=="}]}
    body = json_response.rows({"y_bytes": objects(b"\xff"), "z": np.array([1])})
    assert body == text_of(
        "{",
        '    "predictions": [',
        "        {",
        '            "y_bytes": {',
        '                "b64": "/w=="',
        "            },",
        '            "z": 1',
        "        }",
        "    ]",
        "}",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.2, "0.2"),
        (3, "3.0"),
        (1e6, "1e+06"),
        (np.pi, "3.14159274"),
        (-0.0, "-0.0"),
        (np.nan, "NaN"),
        (np.inf, "Infinity"),
        (-np.inf, "-Infinity"),
        (16777217, "16777216.0"),
        (123456, "123456.0"),
        (3.4028235e38, "3.40282347e+38"),
    ],
)
def test_float32(value: float, text: str) -> None:
    assert decimals(np.array([value], np.float32)) == [text]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2, "0.2"), (np.pi, "3.1415926535897931"), (0.1 + 0.2, "0.30000000000000004"), (1e300, "1e+300")],
)
def test_float64(value: float, text: str) -> None:
    assert decimals(np.array([value], np.float64)) == [text]


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"y": np.array(1.0)}, "Tensor name: y has no shape information "),
        ({"x": np.zeros(3), "y": np.zeros(2)}, "Tensor name: y has inconsistent batch size: 2 expecting: 3"),
        ({"y": np.zeros(1, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
        ({"y": np.zeros(1, np.float16)}, "Failed to write JSON value for tensor type: half"),
    ],
)
def test_what_json_does_not_carry(outputs: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ServingError) as caught:
        json_response.rows(outputs)
    assert caught.value.message == message


def test_errors() -> None:
    assert error_body('a "b" / é\n') == '{\n    "error": "a \\"b\\" / é\\n"\n}'.encode()
    assert error_body("\udcff") == b'{\n    "error": "\\udcff"\n}'
    assert quote("\x1f") == '"\\u001F"'
