"""Rows that were checked and brought into one form: finite numbers, lengths that fit, labels that are classes of the model.

Everything after this module may rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.config.gate import AnyTask, Task
from jenkins_ml.core.arrays import Array, Floats
from jenkins_ml.core.evaluation.block import Block, Feature
from jenkins_ml.errors import StageFailed

ROW_SUM_TOLERANCE: Final = 1e-3  # half-precision softmax over many classes is about this far off
RANGE_TOLERANCE: Final = 1e-6  # an average of float32 probabilities may end a little above 1

_SET_TASK: Final = "set gate.task to say what kind of model it is"


@dataclass(frozen=True, eq=False)
class Rows:
    """Consecutive rows, made by `Checker`.

    Args:
        task: how predictions are read.
        classes: how many classes, or labels of a row, both versions know; 2 for binary, 0 for regression.
        labels: shape (n,): class numbers from 0, or the true values for regression; shape (n, k) of 0 and 1 for multilabel.
        candidate: shape (n,): the score of class 1 in [0, 1], or the value for regression; shape (n, k) for multiclass
            and multilabel: one probability for each class.
        baseline: the same of production; None without production.
        weights: shape (n,), not negative; None where all rows count the same.
        features: the columns to slice by.
    """

    task: Task
    classes: int
    labels: Array
    candidate: Array
    baseline: Array | None
    weights: Floats | None
    features: Mapping[str, Feature]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def versions(self) -> tuple[Array, ...]:
        """What the versions answered: the candidate, and production if there is one."""
        return (self.candidate,) if self.baseline is None else (self.candidate, self.baseline)

    def without_baseline(self) -> Rows:
        """The same rows as if nothing were in production."""
        return replace(self, baseline=None)


class Checker:
    """Checks block after block of the same rows; the first one settles the task and the classes.

    Args:
        task: "auto" reads several scores as multiclass, real-valued labels with one value as regression, and labels 0
            and 1 with one score as binary.
    """

    def __init__(self, task: AnyTask = "auto") -> None:
        self._task: Task | None = None if task == "auto" else task
        self._asked = task
        self._classes: int | None = None
        self._columns: dict[str, int] = {}
        self._seen = 0

    @property
    def task(self) -> Task | None:
        """What kind of model it is; None before the first block of "auto"."""
        return self._task

    def check(self, block: Block) -> Rows:
        """Check and normalise.

        Shape (n, 1) becomes (n,), one-hot labels become class numbers, and for a binary task two probabilities become the
        second one.

        Raises:
            StageFailed: they cannot be evaluated; the message says why and what to change.
        """
        truth = self._numbers("labels", block.labels)
        candidate = self._numbers("predictions", block.candidate)
        baseline = None if block.baseline is None else self._numbers("predictions of production", block.baseline)
        for what, answers in (("predictions", candidate), ("predictions of production", baseline)):
            if answers is not None and len(truth) != len(answers):
                raise StageFailed(
                    f"there are {len(truth)} labels but {len(answers)} {what}",
                    "return one label for each example from data.load, and one prediction for each example from the model",
                )
        if self._task is None:
            self._task = self._guess(truth, candidate, baseline)
        rows = self._normalised(self._task, truth, candidate, baseline)
        rows = replace(rows, weights=self._weights(block.weights), features=block.features)
        self._seen += len(rows)
        return rows

    def _guess(self, truth: Array, candidate: Array, baseline: Array | None) -> Task:
        task = _guess(truth, candidate)
        if baseline is not None:
            was = _guess(truth, baseline)
            if task != was:
                raise StageFailed(
                    f"the candidate answers as a {task} model, but production as a {was} one",
                    "set gate.task: binary, which reads one score and two scores in the same way",
                )
        return task

    def _normalised(self, task: Task, truth: Array, candidate: Array, baseline: Array | None) -> Rows:
        if task == "regression":
            values = [self._values("predictions", given) for given in (candidate, baseline) if given is not None]
            return _rows(task, 0, self._values("labels", truth), *values)
        answers = [
            self._probabilities(given, task == "multiclass") for given in (candidate, baseline) if given is not None
        ]
        if task == "binary":
            return _rows(task, 2, self._class_numbers(truth, 2), *map(_score_of_class_1, answers))
        widths = [_columns(given, task) for given in answers]
        known = self._same_classes(max(widths))
        if task == "multilabel":
            return _rows(task, known, self._label_matrix(truth, known), *(_fitted(given, known) for given in answers))
        labels = self._class_numbers(truth, widths[0])
        return _rows(task, known, labels, *(_fitted(given, known) for given in answers))

    def _label_matrix(self, truth: Array, classes: int) -> Array:
        if truth.ndim != 2 or truth.shape[1] != classes:
            columns = truth.shape[1] if truth.ndim == 2 else 1
            raise StageFailed(
                f"the labels have {columns} columns, the predictions {classes}", "give one column a class in both"
            )
        bad = (truth != 0) & (truth != 1)
        if bad.any():
            raise StageFailed(f"the labels of {self._some(bad)} are not 0 or 1", "encode each label of a row as 0 or 1")
        return truth.astype(np.int8)

    def _same_classes(self, classes: int) -> int:
        if self._classes is None:
            self._classes = classes
        if classes != self._classes:
            raise StageFailed(
                f"the predictions have {classes} columns from row {self._seen} on, and {self._classes} before",
                "give every example one probability for each class",
            )
        return classes

    def _numbers(self, what: str, array: Array) -> Array:
        """A finite array of numbers, of shape (n,) or (n, k) with k > 1."""
        if array.dtype.kind not in "biuf":
            raise StageFailed(
                f"the {what} are of type {array.dtype}, not numbers",
                "encode class names as 0 ... k-1, and convert other types to float32",
            )
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim not in (1, 2) or 0 in array.shape[1:]:
            raise StageFailed(
                f"the {what} have the shape {array.shape}",
                "return one row for each example: shape (n,), or (n, classes)",
            )
        columns = array.shape[1] if array.ndim == 2 else 1
        if self._columns.setdefault(what, columns) != columns:
            raise StageFailed(
                f"the {what} have {columns} columns from row {self._seen} on, and {self._columns[what]} before",
                "give every example the same columns",
            )
        # Probabilities are looked at below, by their extremes: once is enough.
        if array.dtype.kind == "f" and (not what.startswith("predictions") or self._task in (None, "regression")):
            self._finite(what, array)
        return array

    def _finite(self, what: str, array: Array) -> None:
        # The extremes are NaN where any is, and infinite where any is: two quick passes and no array of flags.
        if array.size and not np.isfinite([array.min(), array.max()]).all():
            raise StageFailed(
                f"the {what} of {self._some(~np.isfinite(array))} are NaN or infinite",
                "look for a diverged training or missing feature values",
            )

    def _values(self, what: str, array: Array) -> Floats:
        if array.ndim != 1:
            raise StageFailed(
                f"the {what} have {array.shape[1]} columns, but regression compares one number for each example",
                _SET_TASK,
            )
        return array.astype(np.float64)

    def _probabilities(self, array: Array, sum_to_one: bool) -> Array:
        answers = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
        if answers.size and not (answers.min() >= -RANGE_TOLERANCE and answers.max() <= 1 + RANGE_TOLERANCE):
            self._finite("predictions", answers)
            outside = (answers < -RANGE_TOLERANCE) | (answers > 1 + RANGE_TOLERANCE)
            activation = "softmax" if answers.ndim == 2 and sum_to_one else "sigmoid"
            raise StageFailed(
                f"the predictions of {self._some(outside)} are outside [0, 1], so they are not probabilities",
                f"end the model with a {activation}, or set gate.task: regression",
            )
        if answers.ndim == 2 and (sum_to_one or self._task == "binary"):
            bad = np.abs(answers.sum(axis=1, dtype=np.float64) - 1) > ROW_SUM_TOLERANCE
            if bad.any():
                raise StageFailed(
                    f"the probabilities of {self._some(bad)} do not sum to 1",
                    "end the model with a softmax over its classes, or set gate.task: multilabel",
                )
        return answers

    def _class_numbers(self, truth: Array, classes: int) -> Array:
        if truth.ndim == 2:
            return self._from_one_hot(truth, classes)
        if truth.dtype.kind == "f":
            bad = truth != np.floor(truth)
            if bad.any():
                hint = ", or set gate.task: regression"
                raise StageFailed(
                    f"the labels of {self._some(bad)} are not whole numbers", f"encode classes as 0 ... k-1{hint}"
                )
        if truth.size and (truth.min() < 0 or truth.max() >= classes):
            raise StageFailed(
                f"the labels of {self._some((truth < 0) | (truth >= classes))} are not among the model's classes "
                f"0 ... {classes - 1}",
                "encode classes as 0 ... k-1, with one output of the model for each",
            )
        return truth.astype(np.int8 if classes <= 127 else np.int64)

    def _from_one_hot(self, truth: Array, classes: int) -> Array:
        if truth.shape[1] != classes:
            raise StageFailed(
                f"the labels have {truth.shape[1]} columns, but the model knows {classes} classes",
                "encode each label as one class number, or one-hot over the model's classes",
            )
        bad = ~((truth == 0) | (truth == 1)).all(axis=1) | (truth.sum(axis=1) != 1)
        if bad.any():
            raise StageFailed(
                f"the labels of {self._some(bad)} are not one-hot",
                "give each example exactly one class: one 1, else 0; or set gate.task: multilabel",
            )
        return np.asarray(truth.argmax(axis=1))

    def _weights(self, given: Array | None) -> Floats | None:
        if given is None:
            return None
        weights = self._numbers("weights", given)
        if weights.ndim != 1:
            raise StageFailed("the weights have several columns", "give each example one weight")
        if weights.size and weights.min() < 0:
            raise StageFailed(f"the weights of {self._some(weights < 0)} are negative", "weights are 0 or more")
        return weights.astype(np.float64)

    def _some(self, bad: NDArray[np.bool_]) -> str:
        """How many rows hold something bad, and where the first one is."""
        rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
        return f"{len(rows)} of {len(bad)} examples (the first is row {self._seen + rows[0]}, counted from 0)"


def _rows(task: Task, classes: int, labels: Array, candidate: Array, baseline: Array | None = None) -> Rows:
    return Rows(task, classes, labels, candidate, baseline, None, {})


def _guess(truth: Array, answers: Array) -> Task:
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


def _score_of_class_1(answers: Array) -> Array:
    if answers.ndim == 1:
        return answers
    if answers.shape[1] != 2:
        raise StageFailed(f"a binary model answers one or two scores, not {answers.shape[1]}", _SET_TASK)
    return np.ascontiguousarray(answers[:, 1])


def _columns(answers: Array, task: Task) -> int:
    if answers.ndim == 1:
        raise StageFailed(
            f"the model answers one number for each example, but a {task} model one probability for each class",
            _SET_TASK,
        )
    return int(answers.shape[1])


def _fitted(answers: Array, classes: int) -> Array:
    """The probabilities over the classes that either version knows: a class that this one does not know it never names."""
    known = answers.shape[1]
    if known == classes:
        return answers
    fitted = np.zeros((len(answers), classes), answers.dtype)
    fitted[:, :known] = answers
    return fitted
