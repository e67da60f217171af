"""Examples to JSON and answers back."""

import json

import numpy as np
import pytest

from jenkins_ml.adapters import recorded, rest_json
from jenkins_ml.errors import StageFailed
from jenkins_ml.records import Signature
from tests.fakes.model import specs


def signature(**outputs):
    return Signature(inputs=(), outputs=specs(**outputs))


Y = signature(y=("float32", (None,)))


def answers(body, asked=Y, count=1):
    return rest_json.answers([body if isinstance(body, bytes) else json.dumps(body).encode()], asked, count)


def test_one_input_is_bare_and_several_are_named():
    x, word = np.array([[1, 2], [3, 4]]), np.array(["a", "ü"])
    assert [json.loads(body) for body in rest_json.bodies({"x": x})] == [
        {"instances": [[1, 2]]},
        {"instances": [[3, 4]]},
    ]
    assert json.loads(rest_json.bodies({"x": x, "word": word})[1]) == {"instances": [{"x": [3, 4], "word": "ü"}]}
    assert rest_json.bodies({}) == ()


def test_bytes_are_base64_at_any_depth():
    [body] = rest_json.bodies({"x": np.array([[b"\xff", b"a"]])})
    assert json.loads(body) == {"instances": [[{"b64": "/w=="}, {"b64": "YQ=="}]]}


def test_a_fixed_batch_is_filled_up_with_the_first():
    bodies = rest_json.bodies({"x": np.arange(5)}, 2)
    assert [json.loads(body)["instances"] for body in bodies] == [[0, 1], [2, 3], [4, 0]]
    filled = [b'{"predictions": [0, 1]}', b'{"predictions": [2, 3]}', b'{"predictions": [4, 0]}']
    assert rest_json.answers(filled, Y, 5)["y"].tolist() == [0, 1, 2, 3, 4]
    assert [batch["x"].tolist() for batch in recorded.batches({"x": np.arange(3)}, 3)] == [[0, 1, 2]]


def test_answers_have_the_types_of_the_signature():
    several = signature(a=("int64", (None,)), b=("str", (None, 2)), c=("bool", (None,)))
    found = answers({"predictions": [{"a": 1, "b": ["x", {"b64": "/w=="}], "c": True}]}, several)
    assert (found["a"].dtype, found["a"].tolist()) == (np.int64, [1])
    assert (found["b"].dtype.kind, found["b"].tolist()) == ("U", [["x", "\udcff"]])
    assert (found["c"].dtype, found["c"].tolist()) == (np.bool_, [True])
    assert answers({"predictions": [0.1]})["y"].dtype == np.float32
    assert np.isnan(answers(b'{"predictions": [NaN]}')["y"]).all()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        {"outputs": [1]},
        [1],
        {"predictions": ["a"]},
        {"predictions": [None]},
        {"predictions": [[1], [1, 2]]},
        {"predictions": [{"y": 1}]},
        {"predictions": 3},
    ],
)
def test_what_is_no_answer(body):
    with pytest.raises(StageFailed, match="does not fit the signature"):
        answers(body, count=2)


def test_what_json_does_not_carry():
    assert rest_json.not_carried(Y) == ""
    assert rest_json.not_carried(signature(y=("bfloat16", (None,)))) == "bfloat16"
