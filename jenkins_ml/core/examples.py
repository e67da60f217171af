"""Labels and predictions of one version, checked and brought into one form.

Everything after this module may rely on it: finite numbers, lengths that fit, labels that are classes of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jenkins_ml.errors import StageFailed

Task = Literal["binary", "multiclass", "regression"]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

ROW_SUM_TOLERANCE: Final = 1e-3  # half-precision softmax over many classes is about this far off
RANGE_TOLERANCE: Final = 1e-6  # an average of float32 probabilities may end a little above 1

_SET_TASK = "set gate.task to say what kind of model it is"


@dataclass(frozen=True, eq=False)
class Scored:
    """What one version answered on examples whose answer is known; made by `score`, its arrays cannot be written.

    Args:
        task: how the predictions are read.
        labels: shape (n,); class numbers from 0, or the true values for regression.
        predictions: shape (n,): the score of class 1 in [0, 1], or the value for regression;
            shape (n, k) for multiclass: one probability for each class.
    """

    task: Task
    labels: Integers | Floats
    predictions: Floats

    @property
    def count(self) -> int:
        """How many examples."""
        return len(self.labels)

    @property
    def class_labels(self) -> Integers:
        """The labels of a binary or multiclass task, shape (n,)."""
        return self.labels.astype(np.int64, copy=False)

    @property
    def present_classes(self) -> Integers:
        """The classes that have examples, in order."""
        # Not numpy.unique, which imports numpy.ma: a third of the time that the gate takes to start.
        return np.flatnonzero(np.bincount(self.class_labels))

    @property
    def classes(self) -> int:
        """How many classes the model knows."""
        return self.predictions.shape[1] if self.task == "multiclass" else 2


def score(labels: ArrayLike, predictions: ArrayLike, task: Literal["auto"] | Task = "auto") -> Scored:
    """Check labels and predictions of the same examples, and normalise them.

    Shape (n, 1) becomes (n,), one-hot labels become class numbers, and for a binary task two probabilities become the
    second one.

    Args:
        labels: shape (n,) or (n, 1), or one-hot (n, k).
        predictions: shape (n,), (n, 1) or (n, k), as the model answered.
        task: "auto" reads several scores as multiclass, real-valued labels with one value as regression, and labels 0
            and 1 with one score as binary.

    Returns:
        The checked examples, copied.

    Raises:
        StageFailed: they cannot be evaluated; the message says why and what to change.
    """
    truth = _numbers("labels", labels)
    answers = _numbers("predictions", predictions)
    if len(truth) != len(answers):
        raise StageFailed(
            f"there are {len(truth)} labels but {len(answers)} predictions",
            "return one label for each example from data.load, and one prediction for each example from the model",
        )
    if not len(truth):
        raise StageFailed("the split holds no examples", 'return at least one example from data.load for "test"')
    chosen = _guess(truth, answers) if task == "auto" else task
    if chosen == "regression":
        return _frozen("regression", _values("labels", truth), _values("predictions", answers))
    answers = _probabilities(answers)
    if chosen == "binary":
        return _frozen("binary", _class_numbers(truth, 2), _score_of_class_1(answers))
    return _frozen("multiclass", _class_numbers(truth, _columns(answers)), answers)


def _numbers(what: str, given: ArrayLike) -> NDArray[Any]:
    """A finite array of numbers, of shape (n,) or (n, k) with k > 1."""
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise StageFailed(f"the {what} are not one array: {error}", "return rows of the same length") from error
    if array.dtype.kind not in "biuf":
        raise StageFailed(
            f"the {what} are of type {array.dtype}, not numbers",
            "encode class names as 0 ... k-1, and convert other types to float32",
        )
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise StageFailed(
            f"the {what} have the shape {array.shape}", "return one row for each example: shape (n,), or (n, classes)"
        )
    finite = np.isfinite(array)
    if not finite.all():
        raise StageFailed(
            f"the {what} of {_some(~finite)} are NaN or infinite",
            "look for a diverged training or missing feature values",
        )
    return array


def _guess(truth: NDArray[Any], answers: NDArray[Any]) -> Task:
    if answers.ndim == 2:
        return "multiclass"
    if truth.ndim == 2:
        return "binary"  # one-hot labels; a third class is refused with the labels
    if truth.dtype.kind == "f" and (truth != np.floor(truth)).any():
        return "regression"
    if ((truth == 0) | (truth == 1)).all():
        return "binary"
    raise StageFailed(
        "the labels are whole numbers other than 0 and 1, but the model answers one number for each example",
        "answer one probability for each class, or set gate.task: regression",
    )


def _values(what: str, array: NDArray[Any]) -> Floats:
    if array.ndim != 1:
        raise StageFailed(
            f"the {what} have {array.shape[1]} columns, but regression compares one number for each example", _SET_TASK
        )
    return array.astype(np.float64)


def _score_of_class_1(answers: Floats) -> Floats:
    if answers.ndim == 1:
        return answers
    if answers.shape[1] != 2:
        raise StageFailed(f"a binary model answers one or two scores, not {answers.shape[1]}", _SET_TASK)
    return answers[:, 1].copy()


def _columns(answers: Floats) -> int:
    if answers.ndim == 1:
        raise StageFailed(
            "the model answers one number for each example, but a multiclass model one probability for each class",
            _SET_TASK,
        )
    return int(answers.shape[1])


def _probabilities(array: NDArray[Any]) -> Floats:
    answers = array.astype(np.float64)
    outside = (answers < -RANGE_TOLERANCE) | (answers > 1 + RANGE_TOLERANCE)
    if outside.any():
        activation = "softmax" if answers.ndim == 2 else "sigmoid"
        raise StageFailed(
            f"the predictions of {_some(outside)} are outside [0, 1], so they are not probabilities",
            f"end the model with a {activation}, or set gate.task: regression",
        )
    if answers.ndim == 2:
        bad = np.abs(answers.sum(axis=1) - 1) > ROW_SUM_TOLERANCE
        if bad.any():
            raise StageFailed(
                f"the probabilities of {_some(bad)} do not sum to 1", "end the model with a softmax over its classes"
            )
    return answers


def _class_numbers(truth: NDArray[Any], classes: int) -> Integers:
    if truth.ndim == 2:
        return _from_one_hot(truth, classes)
    if truth.dtype.kind == "f":
        bad = truth != np.floor(truth)
        if bad.any():
            raise StageFailed(
                f"the labels of {_some(bad)} are not whole numbers",
                "encode classes as 0 ... k-1, or set gate.task: regression",
            )
    bad = (truth < 0) | (truth >= classes)
    if bad.any():
        raise StageFailed(
            f"the labels of {_some(bad)} are not among the model's classes 0 ... {classes - 1}",
            "encode classes as 0 ... k-1, with one output of the model for each",
        )
    return truth.astype(np.int64)


def _from_one_hot(truth: NDArray[Any], classes: int) -> Integers:
    if truth.shape[1] != classes:
        raise StageFailed(
            f"the labels have {truth.shape[1]} columns, but the model knows {classes} classes",
            "encode each label as one class number, or one-hot over the model's classes",
        )
    bad = ~((truth == 0) | (truth == 1)).all(axis=1) | (truth.sum(axis=1) != 1)
    if bad.any():
        raise StageFailed(
            f"the labels of {_some(bad)} are not one-hot", "give each example exactly one class: one 1, else 0"
        )
    return np.nonzero(truth)[1]


def _some(bad: NDArray[np.bool_]) -> str:
    """How many rows hold something bad, and where the first one is."""
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
    return f"{len(rows)} of {len(bad)} examples (the first is row {rows[0]}, counted from 0)"


def _frozen(task: Task, labels: Integers | Floats, predictions: Floats) -> Scored:
    labels.flags.writeable = predictions.flags.writeable = False
    return Scored(task, labels, predictions)
