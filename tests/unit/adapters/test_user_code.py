import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from jenkins_ml.adapters.user_code import arrays, call, data_digest, evaluation_split
from jenkins_ml.errors import StageFailed

ROWS, LABELS = np.arange(12.0).reshape(6, 2), np.arange(6)
SOME = arrays_of.arrays(st.sampled_from(["float32", "int64", "bool", "<U3"]), arrays_of.array_shapes(max_dims=3))


@pytest.mark.parametrize(
    "data",
    [
        (ROWS, LABELS),
        [ROWS, LABELS],
        (ROWS.tolist(), LABELS.tolist()),
        iter([(ROWS[:4], LABELS[:4]), (ROWS[4:], LABELS[4:])]),
        [(ROWS[:4], LABELS[:4]), (ROWS[4:], LABELS[4:])],
        ((ROWS[start : start + 1], LABELS[start : start + 1]) for start in range(6)),
    ],
)
def test_every_form_of_the_same_data_is_the_same(data):
    features, labels = arrays(data)
    assert np.array_equal(features[""], ROWS)
    assert np.array_equal(labels, LABELS)


def test_named_features_are_batched_by_name():
    features, _ = arrays(iter([({"a": [1], "b": [2]}, [0]), ({"b": [4], "a": [3]}, [1])]))
    assert {name: values.tolist() for name, values in features.items()} == {"a": [1, 3], "b": [2, 4]}


@given(SOME, SOME, SOME)
def test_the_digest_depends_on_what_the_data_is_not_on_how_it_lies(a, b, labels):
    digest = data_digest({"a": a, "b": b}, labels)
    assert digest == data_digest({"b": np.asfortranarray(b), "a": a.copy()}, labels)
    assert digest != data_digest({"a": a, "c": b}, labels)
    assert digest != data_digest({"a": a}, labels)
    assert digest != data_digest({"a": a[None], "b": b}, labels)
    assert digest != data_digest({"a": a, "b": b}, labels.astype(complex if labels.dtype.kind != "U" else "U9"))


@given(st.lists(st.text(max_size=3), min_size=1, max_size=4), st.lists(st.text(max_size=3), min_size=1, max_size=4))
def test_text_has_a_digest_too(a, b):
    one, other = ({"": np.array(words, object)} for words in (a, b))
    assert (data_digest(one, LABELS) == data_digest(other, LABELS)) == (a == b)


def test_an_error_names_the_line_of_the_user(tmp_path):
    (tmp_path / "mine.py").write_text("def load(split):\n    return {}[split]\n")
    space = {}
    exec(compile((tmp_path / "mine.py").read_text(), str(tmp_path / "mine.py"), "exec"), space)
    with pytest.raises(StageFailed, match=r"load raised KeyError at mine\.py:2: 'test'"):
        evaluation_split(space["load"], tmp_path)


def test_arguments_that_do_not_fit_are_listed(tmp_path):
    with pytest.raises(StageFailed, match=r"<lambda> cannot be called with \(ndarray, 'a', epochs\)"):
        call(lambda data: data, tmp_path, ROWS, "a", epochs=1)
