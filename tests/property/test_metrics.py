"""Metrics agree with scikit-learn, the oracle, wherever it defines them; ties and missing classes included."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as oracle

from jenkins_ml.core.evaluation.means import CLIP
from jenkins_ml.core.statistics.ranking import area, area_moves, ladder, precision_area, precision_area_moves, rungs
from tests.versions import block, evaluated, measure, measures, score

law = settings(deadline=None, max_examples=80)


def confusion(version):
    return np.array(evaluated([], version.task, block(version)).confusion(0))


def roc_auc(version, average):
    return measure("roc_auc", version, average)


AVERAGES = ["macro", "micro", "weighted"]


@st.composite
def binary(draw):
    size = draw(st.integers(1, 25))
    labels = draw(arrays.arrays(int, size, elements=st.integers(0, 1)))
    scores = draw(arrays.arrays(int, size, elements=st.integers(0, 8)))  # a coarse grid, for ties
    return labels, scores / 8


@st.composite
def multiclass(draw):
    size, classes = draw(st.integers(1, 25)), draw(st.integers(3, 5))
    labels = draw(arrays.arrays(int, size, elements=st.integers(0, classes - 1)))
    weights = draw(arrays.arrays(int, (size, classes), elements=st.integers(0, 4)))
    weights[weights.sum(axis=1) == 0] = 1
    return labels, weights / weights.sum(axis=1, keepdims=True)


@law
@given(binary())
def test_binary_agrees_with_scikit_learn(examples):
    labels, scores = examples
    found, predicted = measures(score(labels, scores)), (scores >= 0.5).astype(int)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(labels, predicted))
    assert found["loss"] == pytest.approx(oracle.log_loss(labels, np.clip(scores, CLIP, 1 - CLIP), labels=[0, 1]))
    assert (
        confusion(score(labels, scores)).tolist() == oracle.confusion_matrix(labels, predicted, labels=[0, 1]).tolist()
    )
    if labels.any():
        assert found["precision"] == pytest.approx(oracle.precision_score(labels, predicted, zero_division=0))
        assert found["recall"] == pytest.approx(oracle.recall_score(labels, predicted, zero_division=0))
        assert found["f1"] == pytest.approx(oracle.f1_score(labels, predicted, zero_division=0))
    else:
        assert found["precision"] is found["recall"] is found["f1"] is None
    if len(set(labels)) == 2:
        assert found["roc_auc"] == pytest.approx(oracle.roc_auc_score(labels, scores))
    else:
        assert found["roc_auc"] is None


@law
@given(multiclass(), st.sampled_from(AVERAGES))
def test_several_classes_agree_with_scikit_learn(examples, average):
    labels, predictions = examples
    scored = score(labels, predictions)
    classes, predicted = range(scored.rows.classes), predictions.argmax(axis=1)
    found = measures(scored, average)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(labels, predicted))
    assert confusion(scored).tolist() == oracle.confusion_matrix(labels, predicted, labels=list(classes)).tolist()
    for name in ("precision", "recall", "f1"):
        expected = getattr(oracle, f"{name}_score")(labels, predicted, average=average, zero_division=0)
        assert found[name] == pytest.approx(expected), name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # clipped rows do not sum to 1, which it says
        clipped = np.clip(predictions, CLIP, 1 - CLIP)
        assert found["loss"] == pytest.approx(oracle.log_loss(labels, clipped, labels=list(classes)))


@law
@given(multiclass(), st.sampled_from(AVERAGES))
def test_areas_of_several_classes_agree_with_scikit_learn(examples, average):
    labels, predictions = examples
    present = sorted(set(labels))
    assume(len(present) > 1)
    found = roc_auc(score(labels, predictions), average)
    if average == "micro":
        expected = oracle.roc_auc_score(np.eye(predictions.shape[1])[labels].ravel(), predictions.ravel())
    else:
        areas = [oracle.roc_auc_score(labels == label, predictions[:, label]) for label in present]
        weights = [(labels == label).sum() if average == "weighted" else 1 for label in present]
        expected = np.average(areas, weights=weights)
    assert found == pytest.approx(expected)
    if len(present) == predictions.shape[1]:
        whole = oracle.roc_auc_score(labels, predictions, multi_class="ovr", average=average)
        assert found == pytest.approx(whole)


@law
@given(multiclass())
def test_one_class_has_no_area(examples):
    _, predictions = examples
    assert roc_auc(score(np.zeros(len(predictions), int), predictions), "macro") is None


@law
@given(
    st.integers(1, 20).flatmap(
        lambda size: arrays.arrays(float, (2, size), elements=st.floats(-1e3, 1e3, allow_subnormal=False))
    )
)
def test_regression_agrees_with_scikit_learn(values):
    found = measures(score(values[0], values[1], "regression"))
    assert list(found) == ["loss", "mae", "r2"]
    assert found["loss"] == pytest.approx(oracle.mean_squared_error(values[0], values[1]))
    assert found["mae"] == pytest.approx(oracle.mean_absolute_error(values[0], values[1]))
    assume(values[0].std() > 1e-3)
    assert found["r2"] == pytest.approx(oracle.r2_score(values[0], values[1]), rel=1e-6, abs=1e-9)


def test_a_loss_beyond_the_largest_number_is_not_defined():
    assert measure("loss", score([1e200, 0.5], [-1e200, 0.5], "regression")) is None


@law
@given(multiclass(), st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter(examples, random):
    labels, predictions = examples
    order = list(range(len(labels)))
    random.shuffle(order)
    found = measures(score(labels, predictions))
    again = measures(score(labels[order], predictions[order]))
    assert found.keys() == again.keys()
    for name, value in found.items():
        assert again[name] == (None if value is None else pytest.approx(value)), name


@law
@given(binary())
def test_two_probabilities_of_a_binary_task_measure_like_one_score(examples):
    labels, scores = examples
    both = score(labels, np.stack([1 - scores, scores], axis=1), "binary")
    assert measures(both) == measures(score(labels, scores))


@law
@given(binary())
def test_moves_sum_to_zero_and_come_with_the_area(examples):
    labels, scores = examples
    assume(0 < labels.sum() < len(labels))
    rung, count = rungs(scores)
    steps = ladder(labels == 1, rung, count, None)
    for moves, value, expected in (
        (area_moves, area, oracle.roc_auc_score(labels, scores)),
        (precision_area_moves, precision_area, oracle.average_precision_score(labels, scores)),
    ):
        of_positive, of_negative = moves(steps)
        assert value(steps) == pytest.approx(expected)
        moved = np.where(labels == 1, of_positive[rung], of_negative[rung])
        assert moved.sum() == pytest.approx(0, abs=1e-12)


def test_an_area_is_exact_where_two_hundred_thresholds_are_blind():
    labels = np.array([0, 1] * 50)
    scores = 0.5 + 1e-9 * np.arange(100)  # all in one bin of Keras' AUC
    assert roc_auc(score(labels, scores), "macro") == oracle.roc_auc_score(labels, scores) == 0.51
