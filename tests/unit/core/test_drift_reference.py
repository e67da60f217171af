"""How the cells of a reference come about, and what is kept of the rows."""

import dataclasses

import numpy as np
import pytest

from jenkins_ml.core.drift.reference import BUFFERED, MOST_CATEGORIES, Reference
from jenkins_ml.core.drift.summary import columns, summarised
from jenkins_ml.records import encode

RANDOM = np.random.default_rng(1)


def reference(inputs, answer=None, before=None, size=1000):
    count = len(next(iter(inputs.values())))
    answer = np.zeros(count) if answer is None else answer
    made = Reference(before)
    for start in range(0, count, size):
        made.add({name: values[start : start + size] for name, values in inputs.items()}, answer[start : start + size])
    return made.summary()


def test_a_vector_is_looked_at_value_by_value():
    summary = reference({"x": RANDOM.normal(size=(2000, 3))}, RANDOM.random((2000, 4)))
    assert [column.name for column in summary.inputs] == ["x[0]", "x[1]", "x[2]"]
    assert summary.prediction.categories == ("0", "1", "2", "3")
    assert summary.rows == sum(summary.inputs[0].counts) == sum(summary.prediction.counts)
    assert 1700 < summary.rows < 1800  # an eighth made the cells, at most 256


def test_the_cells_are_tenths_and_the_ends():
    [column] = reference({"x": RANDOM.normal(size=20_000)}).inputs
    assert len(column.edges) == 11
    shares = np.array(column.counts[:-1]) / sum(column.counts)
    assert shares == pytest.approx([0.01, 0.09, *[0.1] * 8, 0.09, 0.01], abs=0.06)


def test_images_are_a_few_numbers_each():
    summary = reference({"image": RANDOM.random((500, 28, 28))})
    assert [column.name for column in summary.inputs] == ["image mean", "image std", "image zeros"]


def test_frequent_categories_are_kept_by_name_and_rare_ones_are_not():
    values = np.array(["DE"] * 900 + ["FR"] * 600 + [f"person {number}" for number in range(100)], object)
    RANDOM.shuffle(values)
    [column] = reference({"country": values}).inputs
    assert column.kind == "text"
    assert set(column.categories) == {"DE", "FR"}
    assert "person" not in encode(reference({"country": values})).decode()


def test_of_free_text_only_the_length_is_kept():
    values = np.array([f"{number} {'a' * (number % 50)}" for number in range(2000)], object)
    [column] = reference({"text": values}).inputs
    assert (column.kind, column.categories) == ("length", ())
    assert column.low == 1 + 1  # "0 "
    assert summarised(column, np.array([b"abc", b""], object)).high == 3


def test_bytes_are_texts():
    values = np.array([b"DE", b"FR"] * 500, object)
    [column] = reference({"country": values}).inputs
    assert set(column.categories) == {"DE", "FR"}


def test_a_category_is_counted_without_favour():
    """Of many equally frequent ones the kept ones are counted on other rows than those that they were chosen by."""
    kept = []
    for seed in range(30):
        values = np.random.default_rng(seed).integers(0, 30, 4000).astype(str).astype(object)
        [column] = reference({"x": np.where(np.arange(4000) % 3 == 0, values, "usual").astype(object)}).inputs
        assert len(column.categories) <= MOST_CATEGORIES
        rare = [count for name, count in zip(column.categories, column.counts[:-2], strict=True) if name != "usual"]
        kept += [count / sum(column.counts) for count in rare]
    assert len(kept) > 50
    assert np.mean(kept) == pytest.approx(1 / 90, rel=0.05)  # those by which they were chosen have nearly twice as much


def test_the_same_rows_make_the_same_reference():
    x = RANDOM.normal(size=(3000, 2))
    assert encode(reference({"x": x})) == encode(reference({"x": x}))


def test_how_they_come_in_batches_does_not_matter_up_to_the_buffer():
    x = RANDOM.normal(size=BUFFERED)
    assert reference({"x": x}, size=100).inputs[0].counts == reference({"x": x}, size=BUFFERED).inputs[0].counts


def test_the_cells_of_production_are_kept_where_they_fit():
    first = reference({"x": RANDOM.normal(size=5000)})
    near = reference({"x": RANDOM.normal(0.1, 1, size=5000)}, before=first)
    far = reference({"x": RANDOM.normal(3, 1, size=5000)}, before=first)
    assert near.inputs[0].edges == first.inputs[0].edges
    assert far.inputs[0].edges != first.inputs[0].edges


def test_a_column_that_has_become_text_gets_cells_of_its_own():
    first = reference({"x": RANDOM.normal(size=5000)})
    now = reference({"x": np.array(["a", "b"] * 1000, object)}, before=first)
    assert now.inputs[0].kind == "text"


def test_too_few_rows_are_no_reference():
    assert Reference().summary() is None


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float16", "float32", "bool"])
def test_other_numbers(dtype):
    values = (RANDOM.random(1000) * 2).astype(dtype)
    [column] = reference({"x": values}).inputs
    found = summarised(column, values)
    assert sum(found.counts) == 1000
    assert found.mean == pytest.approx(float(values.astype(np.float64).mean()))


def test_numbers_that_are_none_are_counted_apart():
    values = np.array([np.nan, np.inf, -np.inf, *RANDOM.normal(size=997)])
    [column] = reference({"x": values}).inputs
    found = summarised(column, values)
    assert (found.counts[-1], found.infinite, sum(found.counts)) == (1, 2, 1000)


def test_a_prediction_of_one_value_has_ranges():
    summary = reference({"x": RANDOM.normal(size=1000)}, RANDOM.normal(size=(1000, 1)))
    assert summary.prediction.kind == "number"


def test_scores_that_are_no_numbers_are_no_class():
    scores = RANDOM.random((1000, 3))
    scores[::2, 1] = np.nan
    prediction = reference({"x": RANDOM.normal(size=1000)}, scores).prediction
    assert prediction.counts[-1] == pytest.approx(sum(prediction.counts) / 2, rel=0.2)


def test_an_input_may_be_called_prediction():
    summary = reference({"prediction": RANDOM.normal(size=1000)}, RANDOM.random((1000, 3)))
    assert set(columns(summary)) == {"input prediction", "prediction"}


def test_it_holds_no_row():
    """Edges are single values of the rows; nothing else may be one."""
    values = RANDOM.normal(size=2000)
    [column] = reference({"x": values}).inputs
    rest = dataclasses.replace(column, edges=(), low=None, high=None)
    assert not set(values.tolist()) & {rest.mean, rest.squares}
