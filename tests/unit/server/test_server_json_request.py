"""The REST predict request: what becomes which tensor, and the text of every refusal."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from jenkins_ml.records import Signature
from jenkins_ml.server.inference import Prediction
from jenkins_ml.server.json_reader import parse
from jenkins_ml.server.json_request import check_document
from jenkins_ml.server.status import Code, ServingError
from tests.fakes.model import specs


def signature(**inputs: tuple[str, tuple[int | None, ...]]) -> Signature:
    return Signature(inputs=specs(**inputs), outputs=())


ONE = signature(x=("float32", (None, 2)))
TWO = signature(a=("float32", (None,)), b=("int64", (None,)))


def decode(body: Any, of: Signature = ONE) -> Prediction:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return check_document(parse(data)).decode({"serving_default": of, "other": TWO})


def refusal(body: Any, of: Signature = ONE) -> str:
    with pytest.raises(ServingError) as caught:
        decode(body, of)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected, strict=True)


# --- what is taken ---------------------------------------------------------------------------------------------------
def test_rows_of_values() -> None:
    prediction = decode({"instances": [[1, 2.5], [3, 4]]})
    assert prediction.signature == "serving_default"
    same(prediction.inputs["x"], np.array([[1, 2.5], [3, 4]], np.float32))


def test_rows_of_objects_also_for_one_input() -> None:
    same(decode({"instances": [{"x": [1, 2]}]}).inputs["x"], np.array([[1, 2]], np.float32))
    both = decode({"instances": [{"a": 1, "b": 2}, {"b": 4, "a": 3}]}, TWO).inputs
    same(both["a"], np.array([1, 3], np.float32))
    same(both["b"], np.array([2, 4], np.int64))


def test_columns() -> None:
    same(decode({"inputs": [[1, 2]]}).inputs["x"], np.array([[1, 2]], np.float32))
    same(decode({"inputs": {"x": [[1, 2]]}}).inputs["x"], np.array([[1, 2]], np.float32))
    same(decode({"inputs": 7}, signature(x=("int32", ()))).inputs["x"], np.array(7, np.int32))
    both = decode({"inputs": {"a": [1.5], "b": [2], "further": "ignored"}}, TWO).inputs
    assert set(both) == {"a", "b"}


def test_a_named_signature() -> None:
    assert decode({"signature_name": "other", "inputs": {"a": [1], "b": [2]}}).signature == "other"
    assert decode({"signature_name": "", "instances": [[1, 2]]}).signature == "serving_default"


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("float32", 1435774380, np.float32(1435774380)),
        ("float32", 1.7976931348623157e308, np.float32("inf")),
        ("float64", 1.7976931348623157e308, np.float64(1.7976931348623157e308)),
        ("float32", 2**64, np.float32(2**64)),
        ("uint8", 300, np.uint8(44)),
        ("int8", -129, np.int8(127)),
        ("int64", -(2**63), np.int64(-(2**63))),
        ("uint64", 2**64 - 1, np.uint64(2**64 - 1)),
        ("uint32", 2**32 - 1, np.uint32(2**32 - 1)),
        ("bool", True, np.bool_(True)),
    ],
)
def test_numbers(dtype: str, value: object, expected: np.generic) -> None:
    same(decode({"instances": [value]}, signature(x=(dtype, (None,)))).inputs["x"], np.array([expected]))


@pytest.mark.parametrize("text", ["NaN", "Inf", "-Inf", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite(text: str) -> None:
    body = f'{{"instances": [{text}]}}'.encode()
    [value] = decode(body, signature(x=("float32", (None,)))).inputs["x"]
    assert str(value) == {"NaN": "nan"}.get(text, "-inf" if text.startswith("-") else "inf")


def test_strings_carry_any_bytes() -> None:
    strings = signature(x=("str", (None,)))
    body = b'{"instances": ["\xff\xfe", "\\u00e9", {"b64": "/wA="}, {"b64": "/wA"}]}'
    assert decode(body, strings).inputs["x"].tolist() == [b"\xff\xfe", "é".encode(), b"\xff\x00", b"\xff\x00"]


def test_what_follows_the_document_is_ignored_and_the_first_of_a_key_counts() -> None:
    prediction = decode(b' {"instances": [[1, 2]], "instances": [[3, 4]]} trailing')
    same(prediction.inputs["x"], np.array([[1, 2]], np.float32))


def test_nesting_has_no_limit() -> None:
    deep = b'{"ignored": ' + b"[" * 10_000 + b"]" * 10_000 + b', "instances": [[1, 2]]}'
    same(decode(deep).inputs["x"], np.array([[1, 2]], np.float32))
    too_deep = b'{"instances": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    assert "nested 9999 deep" in refusal(too_deep)


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b" ", "The document is empty. at offset: 1"),
        (b"xyz", "Invalid value. at offset: 0"),
        (b"[1 2]", "Missing a comma or ] after an array element. at offset: 3"),
        (b"[01]", "Missing a comma or ] after an array element. at offset: 2"),
        (b"[1,]", "Invalid value. at offset: 3"),
        (b"[1", "Missing a comma or ] after an array element. at offset: 2"),
        (b"{1}", "Missing a name for object member. at offset: 1"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a":1 "b"}', "Missing a comma or } after an object member. at offset: 7"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b'["a', "Missing a closing quotation mark in string. at offset: 3"),
        (b'["\\x"]', "Invalid escape character in string. at offset: 2"),
        (b'["\\u12"]', "Incorrect hex digit after \\u escape in string. at offset: 2"),
        (b'["\\ud800"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b"[1.]", "Miss fraction part in number. at offset: 3"),
        (b"[1e]", "Miss exponent in number. at offset: 3"),
        (b"[-]", "Invalid value. at offset: 2"),
        (b"[nul]", "Invalid value. at offset: 4"),
    ],
)
def test_what_is_no_json(body: bytes, message: str) -> None:
    assert refusal(body) == f"JSON Parse error: {message}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([1], "JSON Value: [\n    1\n] Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        (
            {"inputs": 1, "instances": 2},
            'JSON Value: {\n    "inputs": 1,\n    "instances": 2\n} Not formatted correctly expecting only one of '
            "'inputs' or 'instances' keys to exist ",
        ),
        ({"instances": 1}, "JSON Value: {\n    \"instances\": 1\n} Expecting 'instances' to be an list/array"),
        ({"instances": []}, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        (
            {"signature_name": 100},
            'JSON Value: {\n    "signature_name": 100\n} not formatted correctly. '
            "'signature_name' key must be a string value.",
        ),
        (
            {"signature_name": "x", "instances": [1]},
            'Serving signature name: "x" not found in signature def',
        ),
        (
            {"instances": [["a", "b"]]},
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
            'JSON Value: "a" Type: String is not of expected type: float',
        ),
        (
            {"instances": [{"x": ["a", "b"]}]},
            "Failed to process element: 0 key: x of 'instances' list. Error: INVALID_ARGUMENT: "
            'JSON Value: "a" Type: String is not of expected type: float',
        ),
        (
            {"instances": [{"z": [1]}]},
            "Failed to process element: 0 key: z of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: z",
        ),
        ({"instances": [{"x": [1]}, [1]]}, "Expecting object but got list at item 1 of input list"),
        ({"instances": [[1], {"x": [1]}]}, "Expecting value/list but got object at item 1 of input list"),
        (
            {"instances": [[1, 2], [1, 2, 3]]},
            "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
            "Expecting tensor size: 2 but got: 3",
        ),
        (
            {"instances": [[[1], [2]], [[1, 2]]]},
            "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
            "Expecting shape [2,1] but got: [1,2]",
        ),
        (
            {"inputs": [[1, 2], [1]]},
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        (
            {"inputs": [[1], 2]},
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        ({"inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
        ({"inputs": {"y": [1]}}, "Missing named input: x in 'inputs' object."),
        ({"inputs": [True]}, "JSON Value: true Type: True is not of expected type: float"),
        ({"inputs": [None]}, "JSON Value: null Type: Null is not of expected type: float"),
        (
            {"inputs": [{"b64": "YQ=="}]},
            'JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of expected type: float',
        ),
    ],
)
def test_what_does_not_fit_one_input(body: object, message: str) -> None:
    assert refusal(body) == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"instances": [1]},
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map",
        ),
        (
            {"inputs": [1]},
            "inputs is a plain value/list, but expecting an object as multiple "
            "input tensors required as per tensorinfo_map",
        ),
        (
            {"instances": [{"a": 1}]},
            "Failed to process element: 0 of 'instances' list. JSON object: {\n    \"a\": 1\n} keys must be equal to: a,b",
        ),
        ({"inputs": {"a": [1]}}, "Missing named input: b in 'inputs' object."),
    ],
)
def test_what_does_not_fit_two_inputs(body: object, message: str) -> None:
    assert refusal(body, TWO) == message


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("int32", 3.0, "JSON Value: 3.0 Type: Number is not of expected type: int32"),
        ("int32", 0.1, "JSON Value: 0.1 Type: Number is not of expected type: int32"),
        ("int8", 2**31, "JSON Value: 2147483648 Type: Number is not of expected type: int8"),
        ("uint32", -1, "JSON Value: -1 Type: Number is not of expected type: uint32"),
        ("int64", 2**63, "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
        ("bool", 1, "JSON Value: 1 Type: Number is not of expected type: bool"),
        ("str", 1, "JSON Value: 1 Type: Number is not of expected type: string"),
        ("str", {"b64": 1}, 'JSON Value: {\n    "b64": 1\n} not formatted correctly for base64 data'),
        ("str", {"b64": "*"}, "Unable to base64 decode"),
    ],
)
def test_values_of_another_type(dtype: str, value: object, message: str) -> None:
    assert refusal({"inputs": {"x": [value]}}, signature(x=(dtype, (None,)))) == message


def test_a_type_that_json_does_not_carry() -> None:
    with pytest.raises(ServingError, match=r"Conversion of JSON Value: 1\.0 to type: half") as caught:
        decode({"inputs": [1.0]}, signature(x=("float16", (None,))))
    assert caught.value.code is Code.UNIMPLEMENTED


def test_a_signature_without_inputs() -> None:
    assert refusal({"instances": [1]}, signature()) == "Failed to get input map for signature: serving_default"


def test_messages_show_256_bytes_of_a_long_value() -> None:
    message = refusal({"instances": "é" * 1000})
    shown = message.removeprefix("JSON Value: ").removesuffix(" Expecting 'instances' to be an list/array")
    assert 254 <= len(shown.encode()) <= 256
