import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.answers import AnswerReader, Content, edges
from jenkins_ml.server.predicted import Cells


def body(predictions):
    return json.dumps({"predictions": predictions}).encode()


@pytest.mark.parametrize(
    ("predictions", "content"),
    [
        ([[0.1, 0.7, 0.2]], Content(nan=False, cells=(1,))),
        ([[0.1, 0.7], [0.9, 0.1]], Content(nan=False, cells=(1, 0))),
        ([0.3], Content(nan=False, cells=(0,))),
        ([[0.8]], Content(nan=False, cells=(1,))),
        ([math.nan], Content(nan=True, cells=())),
        ([{"y": 0.3, "z": math.inf}], Content(nan=True, cells=())),
        (["text"], Content(nan=False, cells=())),
        ([[[0.1], [0.2]]], Content(nan=False, cells=())),
    ],
)
def test_what_is_in_an_answer(predictions, content):
    assert AnswerReader(edges=(0.5,)).read(body(predictions)) == content


def test_the_named_output_is_taken():
    assert AnswerReader(edges=(0.5,), output="z").read(body([{"y": [1.0, 2.0], "z": 0.7}])) == Content(False, (1,))


@pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b'{"predictions": 3}', b'{"outputs": [1]}', b"[" * 100_000])
def test_what_is_no_answer(text):
    assert AnswerReader().read(text) is None


def test_a_tally_is_as_long_as_the_highest_cell():
    reader = AnswerReader()
    assert reader.tally([Content(False, (0, 2)), Content(False, (2,))]) == (1, 0, 2)
    assert reader.tally([]) == ()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_edges_rise_and_are_few(values):
    found = edges(values)
    assert list(found) == sorted(set(found))
    assert len(found) <= 9
    assert all(math.isfinite(edge) for edge in found)


FINITE = st.floats(-1e6, 1e6)


@given(
    st.one_of(
        st.lists(FINITE, min_size=1, max_size=8),
        st.integers(2, 5).flatmap(lambda k: st.lists(st.lists(FINITE, min_size=k, max_size=k), min_size=1, max_size=8)),
    ),
    st.lists(FINITE, max_size=5, unique=True).map(sorted).map(tuple),
)
def test_the_server_counts_as_the_deployer_does(predictions, bounds):
    """What is replayed is counted from JSON, what users ask from tensors: the same answer falls into the same cell."""
    read = AnswerReader(edges=bounds).read(body(predictions))
    counted = Cells(edges=bounds).counts({"y": np.array(predictions)})
    assert tuple(np.trim_zeros(counted, "b").tolist()) == AnswerReader().tally([read])
