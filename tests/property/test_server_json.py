"""Laws of what the model server reads and writes: numbers, JSON documents, tensors; and of the split and the window."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jenkins_ml.records import Signature, TensorSpec
from jenkins_ml.server import json_response
from jenkins_ml.server.dtypes import BY_NUMPY
from jenkins_ml.server.json_reader import _Reader, parse
from jenkins_ml.server.json_request import check_document
from jenkins_ml.server.json_text import excerpt, quote, to_bytes
from jenkins_ml.server.messages import TensorProto
from jenkins_ml.server.outcomes import Outcomes
from jenkins_ml.server.status import ServingError
from jenkins_ml.server.tensors import from_proto, to_proto
from jenkins_ml.server.traffic import Splitter, Traffic

NUMBERS = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equality by type and value, for which NaN is itself."""
    if isinstance(left, float) and isinstance(right, float):
        return str(left) == str(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(map(same, left.values(), right.values()))
    return type(left) is type(right) and left == right


# --- JSON ------------------------------------------------------------------------------------------------------------
@given(VALUES)
def test_both_readers_read_what_was_written(value: Any) -> None:
    for body in (
        json.dumps(value).encode(),
        json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace"),
    ):
        expected = json.loads(body)
        assert same(parse(body), expected)
        assert same(_Reader(body).document(), expected)


@given(st.binary(max_size=40) | st.text('{}[]",:0123456789.eE+-nultrfasbNI \\', max_size=40).map(str.encode))
def test_readers_agree_on_what_is_no_json(rest: bytes) -> None:
    body = b"[" + rest  # a document that is no list or object is refused in any case

    def outcome(read: Callable[[], Any]) -> Any:
        try:
            return [read()]
        except ServingError as error:
            return error.message

    assert same(outcome(lambda: parse(body)), outcome(lambda: _Reader(body).document()))


@given(st.binary())
def test_strings_keep_any_bytes(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert to_bytes(parse(to_bytes(quote(text)))) == data


@given(VALUES)
def test_an_excerpt_is_short_utf8(value: Any) -> None:
    assert len(excerpt(value).encode()) <= 256


@pytest.mark.parametrize("dtype", NUMBERS)
@given(data=st.data())
def test_tensors_come_back_from_json(dtype: str, data: st.DataObject) -> None:
    tensor = data.draw(hnp.arrays(dtype, SHAPES.filter(lambda shape: 0 not in shape)))
    spec = TensorSpec(name="x", dtype=dtype, shape=(None,) * tensor.ndim)
    signatures = {"serving_default": Signature(inputs=(spec,), outputs=())}
    written = [("outputs", "inputs", json_response.columns)]
    if tensor.ndim:
        written.append(("predictions", "instances", json_response.rows))
    for answered, asked, write in written:
        body = write({"x": tensor}).replace(answered.encode(), asked.encode(), 1)
        back = check_document(parse(body)).decode(signatures).inputs["x"]
        np.testing.assert_array_equal(back, tensor, strict=True)
        if tensor.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(back[~np.isnan(back)]), np.signbit(tensor[~np.isnan(tensor)]))


# --- TensorProto -----------------------------------------------------------------------------------------------------
def tensors_of(name: str) -> st.SearchStrategy[np.ndarray]:
    if name == "str":
        return hnp.arrays(object, SHAPES, elements=st.binary(max_size=5))
    if name == "bfloat16":
        return hnp.arrays(np.uint16, SHAPES).map(lambda bits: bits.view(BY_NUMPY[name].array_dtype))
    return hnp.arrays(name, SHAPES)


@pytest.mark.parametrize("name", sorted(BY_NUMPY))
@given(data=st.data())
def test_tensors_come_back_from_a_proto(name: str, data: st.DataObject) -> None:
    tensor = data.draw(tensors_of(name))
    wire = to_proto(tensor).SerializeToString()
    back = from_proto(TensorProto.FromString(wire))
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    if name == "str":
        assert back.tolist() == tensor.tolist()
    elif name in ("float16", "bfloat16"):  # as bits: a signalling NaN must survive
        np.testing.assert_array_equal(back.view(np.uint16), tensor.view(np.uint16))
    else:
        np.testing.assert_array_equal(back, tensor)


@pytest.mark.parametrize("name", sorted(set(BY_NUMPY) - {"str"}))
@given(data=st.data())
def test_tensors_come_back_from_content(name: str, data: st.DataObject) -> None:
    tensor = data.draw(tensors_of(name))
    proto = TensorProto(dtype=BY_NUMPY[name].number, tensor_content=tensor.tobytes())
    for size in tensor.shape:
        proto.tensor_shape.dim.add(size=size)
    back = from_proto(proto)
    assert back.flags.writeable
    assert (back.dtype, back.shape, back.tobytes()) == (tensor.dtype, tensor.shape, tensor.tobytes())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_tensor_or_a_value_error(data: bytes) -> None:
    try:
        proto = TensorProto.FromString(data)
    except Exception:
        return
    if any(dim.size > 1000 for dim in proto.tensor_shape.dim):
        return
    try:
        from_proto(proto)
    except ValueError:
        return


# --- the split and the window ----------------------------------------------------------------------------------------
@given(st.integers(0, 100), st.integers(0, 3), st.randoms(use_true_random=False))
def test_each_hundred_successive_requests_are_split_exactly(weight: int, before: int, random: Random) -> None:
    splitter = Splitter(random)
    splitter.set(Traffic("stable", "canary", weight, until=1.0))  # type: ignore[arg-type] # names read better here
    for _ in range(100 * before):
        splitter.choose(0.0)
    assert [splitter.choose(0.0) for _ in range(100)].count("canary") == weight  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(st.floats(0, 60), st.booleans(), st.booleans()), max_size=60),
    st.integers(0, 70),
    st.floats(0, 60_000),
)
def test_a_window_counts_what_a_list_would(
    events: list[tuple[float, bool, bool]], since: int, slower_than_ms: float
) -> None:
    outcomes = Outcomes(kept=25)
    for seconds, failed, nan in events:
        outcomes.add(seconds, failed=failed, nan=nan)
    wanted = events[max(since, len(events) - 25) :]
    window = outcomes.since(since, slower_than_ms)
    assert window.sequence == len(events)
    assert window.requests == len(wanted)
    assert window.failed == sum(failed for _, failed, _ in wanted)
    assert window.nan == sum(nan for _, _, nan in wanted)
    assert window.slow == sum(seconds * 1000 > slower_than_ms for seconds, _, _ in wanted)
    if wanted:
        ordered = sorted(seconds * 1000 for seconds, _, _ in wanted)
        rank = -(-99 * len(ordered) // 100)
        assert window.p99_ms == ordered[rank - 1]
