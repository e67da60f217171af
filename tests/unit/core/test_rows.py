"""What `score` takes, what it makes of it, and what it refuses."""

import numpy as np
import pytest

from jenkins_ml.core.evaluation.block import Block
from jenkins_ml.core.evaluation.evaluation import Evaluation
from jenkins_ml.core.evaluation.rows import Checker
from jenkins_ml.errors import StageFailed


def score(labels, predictions, task="auto"):
    return Checker(task).check(Block(np.asarray(labels), np.asarray(predictions)))


TWO = [[0.9, 0.1], [0.2, 0.8]]
THREE = [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]


@pytest.mark.parametrize(
    ("labels", "predictions", "task"),
    [
        pytest.param([0, 1], [0.2, 0.8], "binary", id="one score"),
        pytest.param([0.0, 1.0], [[0.2], [0.8]], "binary", id="float labels, a column of scores"),
        pytest.param([[1, 0], [0, 1]], [0.2, 0.8], "binary", id="one-hot labels, one score"),
        pytest.param([0, 0], [0.2, 0.8], "binary", id="one class only"),
        pytest.param([0, 1], TWO, "multiclass", id="two scores"),
        pytest.param([0, 2], THREE, "multiclass", id="three scores"),
        pytest.param([0.5, 1.0], [3.0, -4.0], "regression", id="real-valued labels"),
        pytest.param([[0.5], [1.5]], [[3.0], [-4.0]], "regression", id="columns"),
    ],
)
def test_auto_reads_the_task_from_the_shapes(labels, predictions, task):
    scored = score(labels, predictions)
    assert scored.task == task
    assert scored.labels.shape == (2,)
    assert len(scored) == 2


@pytest.mark.parametrize(
    "labels",
    [
        [0, 2],
        [[0], [2]],
        [0.0, 2.0],
        np.array([0, 2], np.uint8),
        [[1, 0, 0], [0, 0, 1]],
        [[True, False, False], [False, False, True]],
    ],
)
def test_labels_become_class_numbers(labels):
    scored = score(labels, THREE)
    assert scored.labels.tolist() == [0, 2]
    assert scored.classes == 3


def test_a_binary_task_takes_two_probabilities_as_the_score_of_class_1():
    scored = score([False, True], TWO, "binary")
    assert scored.candidate.tolist() == [0.1, 0.8]
    assert scored.labels.tolist() == [0, 1]
    assert scored.classes == 2


def test_regression_may_be_asked_for_whole_numbers():
    scored = score([3, 7], [2, 8], "regression")
    assert scored.labels.tolist() == [3.0, 7.0]
    assert scored.candidate.tolist() == [2.0, 8.0]


def test_half_precision_softmax_is_close_enough():
    row = np.full(7, 1 / 7).astype(np.float16)
    assert score([0, 1], [row, row]).candidate.dtype == np.float64


@pytest.mark.parametrize(
    ("labels", "predictions", "task", "message", "step"),
    [
        ([0, 1, 1], [0.2, 0.8], "auto", "3 labels but 2 predictions", "one label for each"),
        ([0, 1], [np.nan, 0.8], "auto", "predictions of 1 of 2 examples (the first is row 0", "diverged"),
        ([0, 1], [[0.5, 0.5], [np.inf, 0.0]], "auto", "(the first is row 1, counted from 0) are NaN", "diverged"),
        ([0.5, np.nan], [1.0, 2.0], "auto", "labels of 1 of 2", "missing"),
        ([0, 1], [np.nan, 0.8], "regression", "NaN", "diverged"),
        (["cat", "dog"], [0.2, 0.8], "auto", "labels are of type", "encode class names"),
        ([0, 1], np.array([0.2, 0.8], object), "auto", "predictions are of type object", "float32"),
        ([0, 1], [0.2j, 0.8], "auto", "complex", "convert"),
        ([0, 1], np.zeros((2, 3, 4)), "auto", "shape (2, 3, 4)", "one row"),
        ([0, 1], np.zeros((2, 0)), "auto", "shape (2, 0)", "one row"),
        ([0, 1], [-0.1, 0.8], "auto", "outside [0, 1]", "sigmoid"),
        ([0, 1], [0.2, 1.01], "binary", "outside [0, 1]", "sigmoid"),
        ([0, 1], [[3.0, -2.0], [0.5, 0.5]], "auto", "outside [0, 1]", "softmax"),
        ([0, 1], [[0.9, 0.2], [0.5, 0.5]], "auto", "probabilities of 1 of 2 examples", "softmax"),
        ([0, 1], THREE, "binary", "one or two scores, not 3", "gate.task"),
        ([0, 1], [0.2, 0.8], "multiclass", "one number for each example", "gate.task"),
        ([0, 5], [0.2, 0.8], "auto", "whole numbers other than 0 and 1", "gate.task: regression"),
        ([0, 3], THREE, "auto", "not among the model's classes 0 ... 2", "0 ... k-1"),
        ([-1, 1], THREE, "auto", "labels of 1 of 2", "0 ... k-1"),
        ([-1, 1], [0.2, 0.8], "binary", "not among the model's classes 0 ... 1", "0 ... k-1"),
        ([0.5, 1], THREE, "auto", "not whole numbers", "regression"),
        ([[1, 0], [0, 1]], THREE, "auto", "2 columns, but the model knows 3 classes", "one-hot"),
        ([[1, 0, 0], [1, 0, 1]], THREE, "auto", "not one-hot", "exactly one class"),
        ([[0.5, 0.5, 0], [1, 0, 0]], THREE, "auto", "not one-hot", "exactly one class"),
        ([0.5, 1.5], TWO, "regression", "predictions have 2 columns", "gate.task"),
        (TWO, [1.5, 2.5], "regression", "labels have 2 columns", "gate.task"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_the_next_step(labels, predictions, task, message, step):
    with pytest.raises(StageFailed) as caught:
        score(labels, predictions, task)
    assert message in caught.value.what
    assert step in caught.value.next_step
    assert caught.value.exit_code == 1


def test_no_examples_at_all_are_refused():
    with pytest.raises(StageFailed, match="no examples"):
        Evaluation([]).finish()


def test_a_bad_row_is_named_by_its_place_in_all_blocks():
    checker = Checker()
    checker.check(Block(np.array([0, 1]), np.array([0.2, 0.8])))
    with pytest.raises(StageFailed, match="first is row 3, counted from 0"):
        checker.check(Block(np.array([0, 1]), np.array([0.2, np.nan])))


def test_later_blocks_are_of_the_task_and_the_columns_of_the_first():
    checker = Checker()
    checker.check(Block(np.array([0, 1]), np.array([0.2, 0.8])))
    with pytest.raises(StageFailed, match="not whole numbers"):
        checker.check(Block(np.array([0.5, 1]), np.array([0.2, 0.8])))
    with pytest.raises(StageFailed, match="2 columns from row 2 on, and 1 before"):
        checker.check(Block(np.array([0, 1]), np.array(TWO)))


def test_several_labels_a_row_have_to_be_said():
    truth, answers = np.array([[1, 1], [0, 1]]), np.array([[0.9, 0.8], [0.1, 0.7]])
    with pytest.raises(StageFailed) as caught:
        score(truth, answers)
    assert "multilabel" in caught.value.next_step
    rows = score(truth, answers, "multilabel")
    assert (rows.task, rows.classes, rows.labels.shape) == ("multilabel", 2, (2, 2))


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0, -1.0], "negative"), ([1.0, np.nan], "NaN"), ([[1.0, 2.0], [1.0, 2.0]], "several columns")],
)
def test_weights_are_checked(weights, message):
    block = Block(np.array([0, 1]), np.array([0.2, 0.8]), None, np.array(weights))
    with pytest.raises(StageFailed, match=message):
        Checker().check(block)
