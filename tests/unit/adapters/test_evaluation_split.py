"""The test split, batch by batch: every form of the same data is the same, and what it is is settled by its digest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from jenkins_ml.adapters.evaluation_split import Split
from jenkins_ml.errors import StageFailed

ROWS, LABELS = np.arange(12.0).reshape(6, 2), np.arange(6)
WORDS = np.array(["a", "bb", "a", "ccc", "a", "dddd"])
SOME = arrays_of.arrays(
    st.sampled_from(["float32", "int64", "bool", "<U3"]), arrays_of.array_shapes(min_side=3, max_side=3)
)
NUMBERS = arrays_of.arrays(st.sampled_from(["float32", "int64", "bool"]), 3)


def read(data, size=4, tmp_path="/nowhere"):
    split = Split(lambda _: data, tmp_path)
    return split, list(split.batches(size))


def digest(*data):
    split, _ = read(data)
    return split.digest


@pytest.mark.parametrize(
    "data",
    [
        (ROWS, LABELS),
        [ROWS, LABELS],
        (ROWS.tolist(), LABELS.tolist()),
        [(ROWS[:4], LABELS[:4]), (ROWS[4:], LABELS[4:])],
        [(ROWS[:5], LABELS[:5]), (ROWS[5:], LABELS[5:])],
        [(ROWS[start : start + 1], LABELS[start : start + 1]) for start in range(6)],
        (ROWS, LABELS, None),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 4, 6, 100])
def test_every_form_of_the_same_data_comes_in_batches_of_the_size_asked_for(data, size):
    split, batches = read(iter(data) if isinstance(data, list) and len(data) == 6 else data, size)
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert np.array_equal(np.concatenate([batch.features[""] for batch in batches]), ROWS)
    assert np.array_equal(np.concatenate([batch.labels for batch in batches]), LABELS)
    assert split.count == 6


def test_the_digest_of_batches_does_not_depend_on_their_sizes():
    cut = [
        [(ROWS[:at], LABELS[:at], {"w": WORDS[:at]}), (ROWS[at:], LABELS[at:], {"w": WORDS[at:]})] for at in (1, 2, 5)
    ]
    assert len({read(batches)[0].digest for batches in cut}) == 1
    assert read([(ROWS, LABELS, {"w": WORDS})])[0].digest != read([(ROWS, LABELS)])[0].digest
    assert read([(ROWS, LABELS)])[0].digest != read([(ROWS + 1, LABELS)])[0].digest


def test_the_digest_of_arrays_is_the_one_that_stores_have():
    assert digest(ROWS, LABELS) == "8cb5643dbf09ac3a7d3001dd5425e583d295d405a7d3f373b901c9d6794bbc9a"


@given(SOME, SOME, NUMBERS)
def test_the_digest_depends_on_what_the_data_is_not_on_how_it_lies(a, b, labels):
    found = digest({"a": a, "b": b}, labels)
    assert found == digest({"b": np.asfortranarray(b), "a": a.copy()}, labels)
    assert found != digest({"a": a, "c": b}, labels)
    assert found != digest({"a": a}, labels)
    assert found != digest({"a": a, "b": b[..., None]}, labels)
    assert found != digest({"a": a, "b": b}, labels.astype("float64"))
    assert found != digest({"a": a, "b": b}, labels, {"c": np.zeros(3)})


@given(st.lists(st.text(max_size=3), min_size=4, max_size=4), st.lists(st.text(max_size=3), min_size=4, max_size=4))
def test_text_has_a_digest_too(a, b):
    one, other = ({"": np.array(words, object)} for words in (a, b))
    assert (digest(one, LABELS[:4]) == digest(other, LABELS[:4])) == (a == b)


def test_columns_come_beside_the_features_and_one_array_is_weights():
    _, [batch] = read(({"x": ROWS}, LABELS, {"country": WORDS}), 10)
    assert batch.columns["country"].tolist() == WORDS.tolist()
    _, [batch] = read((ROWS, LABELS, LABELS + 1), 10)
    assert batch.columns["weight"].tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "returned nothing"),
        (3, "returned int"),
        ("text", "returned str"),
        ([], "no batches"),
        ((ROWS[:0], LABELS[:0]), "no examples"),
        ((ROWS, LABELS[:3]), "different lengths"),
        ((ROWS, LABELS, {"w": WORDS[:3]}), "different lengths"),
        ((ROWS, LABELS, {"w": ROWS}), "column 'w' with shape"),
        ((ROWS, 3), "a single value"),
        ((ROWS, WORDS), "labels are of type <U4, not numbers"),
        ([ROWS], "a batch that is ndarray"),
        ([(ROWS, LABELS), ({"x": ROWS}, LABELS)], "different kinds"),
        ([(ROWS, LABELS), (ROWS[:, :1], LABELS)], "different kinds"),
        ([(ROWS, LABELS), (ROWS, LABELS, {"w": WORDS})], "different kinds"),
    ],
)
def test_what_is_no_split_is_refused(data, message):
    with pytest.raises(StageFailed, match=message):
        read(data)


def test_a_generator_that_raises_is_named(tmp_path):
    def batches():
        yield ROWS, LABELS
        raise KeyError("gone")

    with pytest.raises(StageFailed, match=r"reading what load\(\"test\"\) returned raised KeyError"):
        read(batches(), 2, tmp_path)
