"""Every metric that the gate knows agrees with scikit-learn, or with a plain transcription of its definition.

With and without weights, with ties, with one class only, on 1 to 25 rows; and a slice measures what its rows alone would.
"""

import math
import warnings
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as oracle

from jenkins_ml.config.gate import METRIC_KINDS, Gate
from jenkins_ml.core.evaluation.block import Block, Coded
from jenkins_ml.core.evaluation.evaluation import Answer, Evaluation, Measured
from jenkins_ml.core.evaluation.groups import Slicing, quantile_edges
from jenkins_ml.core.evaluation.means import CLIP
from jenkins_ml.core.evaluation.metric import Metric, asked

TASKS = ("binary", "multiclass", "multilabel", "regression")
CLASSES = 4
OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "threshold": {"threshold": (0.0, 0.25, 0.5, 0.625, 1.0)},
    "classes": {"average": ("macro", "micro", "weighted"), "class": (0, 1, 3, 9)},
    "beta": {"beta": (0.5, 3.0)},
    "k": {"k": (1, 2, 9)},
    "quantile": {"quantile": (0.1, 0.5, 0.9)},
}
OF_CLASSES = {"precision", "recall", "specificity", "f1", "f_beta", "roc_auc", "pr_auc"}
OF_DECISIONS = {*OF_CLASSES, "accuracy", "balanced_accuracy", "mcc", "flip_rate"} - {"roc_auc", "pr_auc"}


def variants(kind: str) -> list[Metric]:
    """A metric with its options, as a configuration asks for it: each option by itself, and average with threshold."""
    given: list[dict[str, Any]] = [{}]
    if kind in OF_CLASSES:
        given = [{"average": average} for average in OPTIONS["classes"]["average"]]
        given += [{"class": of_class} for of_class in OPTIONS["classes"]["class"]]
    if kind in OF_DECISIONS:
        given = [{**each, "threshold": value} for each, value in product(given, OPTIONS["threshold"]["threshold"])]
    for name, of in (("f_beta", "beta"), ("top_k_accuracy", "k"), ("quantile_loss", "quantile")):
        if kind == name:
            given = [{**each, of: value} for each, value in product(given, OPTIONS[of][of])]
    found = []
    for number, options in enumerate(given):
        name = f"m{number}"
        limits = Gate.model_validate({"metrics": {name: {"metric": kind, "max": 1, **options}}}).metrics[name]
        found.append(asked(name, limits))
    return found


VARIANTS = {kind: variants(kind) for kind in METRIC_KINDS}
PLAIN = {  # one of each, under its own name
    task: [replace(of[0], name=kind) for kind, of in VARIANTS.items() if of[0].fits(task)] for task in TASKS
}
KINDS = [(task, metric.kind) for task, metrics in PLAIN.items() for metric in metrics]


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of both versions."""

    task: str
    labels: Any
    candidate: Any
    baseline: Any
    weights: Any

    def __getitem__(self, rows: Any) -> "Examples":
        weights = None if self.weights is None else self.weights[rows]
        return Examples(self.task, self.labels[rows], self.candidate[rows], self.baseline[rows], weights)

    def block(self, **features: Any) -> Block:
        return Block(self.labels, self.candidate, self.baseline, self.weights, features)


@st.composite
def examples(draw, task: str | None = None, least: int = 1) -> Examples:
    """Scores on a coarse grid, for ties; or, on top of it, scores that are all different."""
    task = task or draw(st.sampled_from(TASKS))
    size = draw(st.integers(least, 25))
    shape = (size,) if task in ("binary", "regression") else (size, CLASSES)
    grid = st.integers(-8, 8) if task == "regression" else st.integers(0, 8)
    answers = [draw(arrays.arrays(int, shape, elements=grid)) / 8 for _ in range(2)]
    if draw(st.booleans()):
        noise = np.random.default_rng(draw(st.integers(0, 99))).random((2, *shape))
        answers = [(9 * each + other) / 10 for each, other in zip(answers, noise, strict=True)]
    if task == "multiclass":
        answers = [_normalised(each) for each in answers]
    if draw(st.booleans()):
        answers = [each.astype(np.float32) for each in answers]
    labels = {
        "binary": lambda: draw(arrays.arrays(int, size, elements=st.integers(0, 1))),
        "multiclass": lambda: draw(arrays.arrays(int, size, elements=st.integers(0, CLASSES - 1))),
        "multilabel": lambda: draw(arrays.arrays(int, shape, elements=st.integers(0, 1))),
        "regression": lambda: draw(arrays.arrays(int, size, elements=st.integers(-8, 8))) / 4,
    }[task]()
    weights = draw(st.none() | arrays.arrays(float, size, elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.25])))
    return Examples(task, labels, answers[0], answers[1], weights)


def _normalised(scores):
    scores = scores + (scores.sum(axis=1) == 0)[:, None]
    return scores / scores.sum(axis=1, keepdims=True)


def measured(metrics, rows: Examples, slicings=(), edges=None, **features) -> Measured:
    evaluation = Evaluation(metrics, slicings, rows.task, edges)
    evaluation.add(rows.block(**features))
    return evaluation.finish()


# --- the oracles ----------------------------------------------------------------------------------------------------


def expected(metric: Metric, rows: Examples, predictions: Any, others: Any) -> float | None:
    """What scikit-learn says, or where it has no such metric, the definition; None where there is nothing to say."""
    weights = np.ones(len(rows.labels)) if rows.weights is None else rows.weights
    seen = weights > 0
    labels, predictions, others, weights = rows.labels[seen], predictions[seen], others[seen], weights[seen]
    predictions, others = predictions.astype(np.float64), others.astype(np.float64)  # brier_score_loss stays in float32
    if not seen.any():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes that do not occur, which is what is tested here
        found = ORACLES[metric.kind](metric, rows.task, labels, predictions, weights, others)
    return None if found is None else float(found)


def decided(metric, task, predictions):
    return predictions.argmax(axis=1) if task == "multiclass" else (predictions >= metric.threshold).astype(int)


def _of_decisions(make):
    return lambda metric, task, labels, predictions, weights, _: make(
        labels, decided(metric, task, predictions), sample_weight=weights
    )


def _of_values(make):
    return lambda metric, task, labels, predictions, weights, _: make(labels, predictions, sample_weight=weights)


def _flip_rate(metric, task, labels, predictions, weights, others):
    return np.average(decided(metric, task, predictions) != decided(metric, task, others), weights=weights)


def _by_class(metric, task, labels, predictions, weights, _):
    """precision, recall and F: of scikit-learn; specificity is the recall of what is not of the class."""
    chosen = decided(metric, task, predictions)
    if task != "multilabel":
        numbers = np.arange(CLASSES if task == "multiclass" else 2)
        truth, answer = (each[:, None] == numbers for each in (labels, chosen))
    else:
        truth, answer = labels == 1, chosen == 1
    single = metric.of_class if metric.of_class is not None else 1 if task == "binary" else None
    if single is not None:
        if single >= truth.shape[1]:
            return None
        truth, answer = truth[:, single], answer[:, single]
        if metric.kind == "specificity":
            truth, answer = ~truth, ~answer
        return _score(metric, truth, answer, weights, average="binary") if truth.any() else None
    occurs = truth.any(axis=0) | answer.any(axis=0)
    truth, answer = truth[:, occurs], answer[:, occurs]
    if not occurs.any():
        return 1.0 if metric.kind == "specificity" and metric.average == "micro" else 0.0
    if metric.average == "micro":
        many = np.repeat(weights, truth.shape[1])
        flat = (truth.ravel(), answer.ravel())
        if metric.kind == "specificity":
            # Classes that never occur are never predicted, too: rows that are right in the pool of all classes.
            others = (~occurs).sum() * weights.sum()
            right = (many * ~flat[0] * ~flat[1]).sum() + others
            whole = (many * ~flat[0]).sum() + others
            return right / whole if whole else 0.0
        return _score(metric, *flat, many, average="binary")
    scores = [
        _score(metric, ~one if metric.kind == "specificity" else one, ~other if metric.kind == "specificity" else other,
               weights, average="binary")
        for one, other in zip(truth.T, answer.T, strict=True)
    ]  # fmt: skip
    support = (truth * weights[:, None]).sum(axis=0) if metric.average == "weighted" else np.ones(len(scores))
    return np.average(scores, weights=support) if support.sum() else 0.0


def _score(metric, truth, answer, weights, average):
    options = {"sample_weight": weights, "zero_division": 0, "average": average}
    if metric.kind == "precision":
        return oracle.precision_score(truth, answer, **options)
    if metric.kind in ("recall", "specificity"):
        return oracle.recall_score(truth, answer, **options)
    return oracle.fbeta_score(truth, answer, beta=metric.beta, **options)


def _log_loss(metric, task, labels, predictions, weights, _):
    if task == "regression":
        return oracle.mean_squared_error(labels, predictions, sample_weight=weights)
    clipped = np.clip(predictions.astype(np.float64), CLIP, 1 - CLIP)
    if task == "multilabel":
        each = zip(labels.T, clipped.T, strict=True)
        return np.mean([oracle.log_loss(one, other, labels=[0, 1], sample_weight=weights) for one, other in each])
    if task == "binary":
        return oracle.log_loss(labels, clipped, labels=[0, 1], sample_weight=weights)
    return np.average(-np.log(clipped[np.arange(len(labels)), labels]), weights=weights)  # it would normalise the rows


def _brier(metric, task, labels, predictions, weights, _):
    truth = np.eye(CLASSES)[labels] if task == "multiclass" else labels
    if task == "binary":
        return oracle.brier_score_loss(truth, predictions, sample_weight=weights, pos_label=1)
    missed = ((predictions.astype(np.float64) - truth) ** 2).sum(axis=1)
    return np.average(missed if task == "multiclass" else missed / CLASSES, weights=weights)


def _calibration_error(metric, task, labels, predictions, weights, _):
    named = decided(metric, task, predictions)
    score = predictions if task == "binary" else predictions.max(axis=1)
    came_true = labels if task == "binary" else named == labels
    score = score.astype(np.float64)
    total = 0.0
    for number in range(15):
        inside = (number <= 15 * score) & (15 * score < number + 1) if number < 14 else 15 * score >= 14
        total += abs((weights[inside] * (came_true[inside] - score[inside])).sum())
    return total / weights.sum()


def _top_k(metric, task, labels, predictions, weights, _):
    right = [
        label in sorted(range(CLASSES), key=lambda number: (-row[number], number))[: metric.k]
        for label, row in zip(labels, predictions, strict=True)
    ]
    return np.average(right, weights=weights)


def _area(metric, task, labels, predictions, weights, _):
    make = oracle.roc_auc_score if metric.kind == "roc_auc" else oracle.average_precision_score
    if task == "binary":
        truth, scores = np.stack([labels == 0, labels == 1], 1), np.stack([1 - predictions, predictions], 1)
    else:
        truth, scores = (labels[:, None] == np.arange(CLASSES) if task == "multiclass" else labels == 1), predictions
    single = metric.of_class if metric.of_class is not None else 1 if task == "binary" else None
    if single is None and metric.average == "micro":
        truth, scores, weights = truth.reshape(-1, 1), scores.reshape(-1, 1), np.repeat(weights, CLASSES)
    if single is not None:
        if single >= truth.shape[1]:
            return None
        truth, scores = truth[:, [single]], scores[:, [single]]
    known = [number for number in range(truth.shape[1]) if 0 < truth[:, number].sum() < len(truth)]
    if not known:
        return None
    areas = [make(truth[:, number], scores[:, number], sample_weight=weights) for number in known]
    sizes = [weights[truth[:, number]].sum() if metric.average == "weighted" else 1 for number in known]
    return np.average(areas, weights=sizes)


def _r2(metric, task, labels, predictions, weights, _):
    return oracle.r2_score(labels, predictions, sample_weight=weights) if len(set(labels)) > 1 else None


def _accuracy(metric, task, labels, predictions, weights, _):
    return oracle.accuracy_score(labels, decided(metric, task, predictions), sample_weight=weights)


def _quantile_loss(metric, task, labels, predictions, weights, _):
    return oracle.mean_pinball_loss(labels, predictions, sample_weight=weights, alpha=metric.quantile)


ORACLES = {
    "accuracy": _accuracy,
    "balanced_accuracy": _of_decisions(oracle.balanced_accuracy_score),
    **dict.fromkeys(("precision", "recall", "specificity", "f1", "f_beta"), _by_class),
    "mcc": _of_decisions(oracle.matthews_corrcoef),
    "top_k_accuracy": _top_k,
    "loss": _log_loss,
    "log_loss": _log_loss,
    "brier": _brier,
    "calibration_error": _calibration_error,
    "roc_auc": _area,
    "pr_auc": _area,
    "flip_rate": _flip_rate,
    "mse": _of_values(oracle.mean_squared_error),
    "rmse": _of_values(oracle.root_mean_squared_error),
    "mae": _of_values(oracle.mean_absolute_error),
    "mape": _of_values(oracle.mean_absolute_percentage_error),
    "r2": _r2,
    "quantile_loss": _quantile_loss,
}


# --- every metric ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "kind"), KINDS, ids=[f"{task} {kind}" for task, kind in KINDS])
def test_a_metric_agrees_with_its_oracle(task, kind):
    @settings(max_examples=12)
    @given(examples(task), st.sampled_from(VARIANTS[kind]))
    def law(rows: Examples, metric: Metric):
        found = measured([metric], rows)
        answer = found.answer(metric, found.overall, 0.95)
        values = [expected(metric, rows, rows.candidate, rows.baseline)]
        if kind == "flip_rate":  # of both versions at once
            assert answer.baseline is answer.difference is None
        else:
            values.append(expected(metric, rows, rows.baseline, rows.candidate))
            values.append(None if None in values else values[0] - values[1])
        for estimate, value in zip((answer.candidate, answer.baseline, answer.difference), values, strict=False):
            if value is None:
                assert estimate is None
            else:
                assert estimate is not None
                size = max([1.0, *(abs(each) for each in values if each is not None)])  # a difference of large numbers
                assert estimate.point == pytest.approx(value, rel=1e-6, abs=1e-9 * size)
                assert estimate.low <= estimate.point <= estimate.high
        assert answer.error == 0.0
        assert answer.alike == bool((rows.candidate == rows.baseline).all())

    law()


def test_there_is_an_oracle_for_each_metric_of_each_task():
    assert set(ORACLES) == set(METRIC_KINDS) == {kind for _, kind in KINDS}
    assert [sum(task == each for each, _ in KINDS) for task in TASKS] == [15, 16, 11, 7]


@given(examples())
@settings(max_examples=15)
def test_a_metric_of_another_task_is_not_defined(rows):
    others = [of[0] for of in VARIANTS.values() if not of[0].fits(rows.task)]
    found = measured(others, rows)
    for metric in others:
        answer = found.answer(metric, found.overall, 0.95)
        assert answer.candidate is answer.baseline is answer.difference is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_scores_of_the_other_class_keep_their_order(dtype):
    """1 - 3e-9 is 1 in float32."""
    scores = np.array([1e-9, 3e-9, 2e-9, 4e-9], dtype)
    rows = Examples("binary", np.array([0, 0, 1, 1]), scores, scores, None)
    areas = [VARIANTS["roc_auc"][3], VARIANTS["roc_auc"][4]]
    assert [metric.of_class for metric in areas] == [0, 1]
    found = measured(areas, rows)
    assert [found.answer(metric, found.overall, 0.95).candidate.point for metric in areas] == [0.75, 0.75]


# --- weights --------------------------------------------------------------------------------------------------------


def same(one: Answer, other: Answer) -> None:
    """Two answers have the same numbers, but for what is rounded when they are summed, whose root is in the bounds."""
    size = max((abs(value) for value in numbers(one) if value is not None and math.isfinite(value)), default=0.0)
    rel = 1e-4 if one.metric.kind in ("rmse", "r2") else 1e-6  # those have numerical derivatives
    for mine, theirs in zip(numbers(one), numbers(other), strict=True):
        if mine is None or theirs is None:
            assert mine is theirs, one.metric.kind
        else:
            assert mine == pytest.approx(theirs, rel=rel, abs=3e-5 + 1e-13 * size), one.metric.kind
    assert one.part.count == other.part.count


def numbers(answer: Answer):
    found = []
    for estimate in (answer.candidate, answer.baseline, answer.difference):
        found += [None] if estimate is None else [estimate.point, estimate.low, estimate.high, estimate.sigma]
    return found


@pytest.mark.parametrize("task", TASKS)
def test_a_weight_of_zero_leaves_the_row_out(task):
    @settings(max_examples=8)
    @given(examples(task), st.data())
    def law(rows: Examples, data):
        weights = np.ones(len(rows.labels)) if rows.weights is None else rows.weights
        out = np.array(data.draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights))))
        rows = replace(rows, weights=np.where(out, 0.0, weights))
        seen = rows.weights > 0
        if not seen.any():
            found = measured(PLAIN[task], rows)
            assert found.overall.count == 0
            assert all(numbers(found.answer(each, found.overall, 0.95)) == [None] * 3 for each in PLAIN[task])
            return
        with_them, without = measured(PLAIN[task], rows), measured(PLAIN[task], rows[seen])
        for metric in PLAIN[task]:
            one, other = (each.answer(metric, each.overall, 0.95) for each in (with_them, without))
            same(one, other)

    law()


@pytest.mark.parametrize("task", TASKS)
def test_equal_weights_change_no_value(task):
    @settings(max_examples=5)
    @given(examples(task), st.sampled_from([1e-6, 0.5, 1.0, 7.0, 1e6]))
    def law(rows: Examples, weight):
        weighted = replace(rows, weights=np.full(len(rows.labels), weight))
        one, other = measured(PLAIN[task], weighted), measured(PLAIN[task], replace(rows, weights=None))
        for metric in PLAIN[task]:
            first, second = (each.answer(metric, each.overall, 0.95) for each in (one, other))
            for mine, theirs in zip(numbers(first)[::4], numbers(second)[::4], strict=True):
                assert mine == (None if theirs is None else pytest.approx(theirs, rel=1e-6, abs=1e-9))

    law()


# --- slices ---------------------------------------------------------------------------------------------------------


def texts(draw, size):
    codes = draw(arrays.arrays(int, size, elements=st.integers(-1, 2)))
    return Coded(codes, ("DE", "a, b", "")), ["(none)" if code < 0 else ("DE", "a, b", "")[code] for code in codes]


def doubles(draw, size):
    column = draw(arrays.arrays(float, size, elements=st.sampled_from([-1.5, 0.0, 2.0, 1e16, math.nan])))
    shown = {-1.5: "-1.5", 0.0: "0", 2.0: "2", 1e16: "1e+16"}
    return column, [shown.get(value, "(none)") for value in column.tolist()]


def integers(draw, size):
    column = draw(arrays.arrays(np.int16, size, elements=st.integers(-1, 2)))
    return column, [str(value) for value in column.tolist()]


def booleans(draw, size):
    column = draw(arrays.arrays(bool, size))
    return column, [str(value).lower() for value in column.tolist()]


def sliced(draw, kind: str, size: int):
    """Columns, a slicing by them with its edges, and the name of the slice that each row is in; empty for none."""
    if kind == "quantiles":
        column = draw(arrays.arrays(float, size, elements=st.sampled_from([-2.0, 0.25, 0.5, 3.0, 4.0, math.nan])))
        slicing = Slicing(columns=("x",), quantiles=draw(st.integers(2, 4)))
        edges = quantile_edges(column, slicing.quantiles)
        return {"x": column}, slicing, edges, [_range(value, edges.tolist()) for value in column.tolist()]
    if kind == "crossed":
        (one, first), (two, second) = texts(draw, size), booleans(draw, size)
        names = [f"x={each}, y={other}" for each, other in zip(first, second, strict=True)]
        return {"x": one, "y": two}, Slicing(columns=("x", "y")), None, names
    make = {"text": texts, "number": doubles, "integer": integers, "boolean": booleans, "values": texts}[kind]
    column, shown = make(draw, size)
    wanted = ("DE", "never") if kind == "values" else None
    names = [f"x={each}" if wanted is None or each in wanted else "" for each in shown]
    return {"x": column}, Slicing(columns=("x",), values=wanted), None, names


def _range(value: float, edges: list[float]) -> str:
    if math.isnan(value):
        return "x=(none)"
    if not edges:
        return "x: all"
    above = [edge for edge in edges if edge <= value]
    below = [edge for edge in edges if edge > value]
    if not above:
        return f"x < {below[0]:g}"
    return f"{above[-1]:g} <= x < {below[0]:g}" if below else f"{above[-1]:g} <= x"


@pytest.mark.parametrize("kind", ["text", "number", "integer", "boolean", "values", "crossed", "quantiles"])
def test_a_slice_measures_what_its_rows_alone_do(kind):
    @settings(max_examples=5)
    @given(examples(least=2), st.data())
    def law(rows: Examples, data):
        features, slicing, edges, names = sliced(data.draw, kind, len(rows.labels))
        metrics, places = PLAIN[rows.task], np.array(names)
        known = {} if edges is None else {slicing: edges}
        whole = measured(metrics, rows, [slicing], known, **features)
        counted = np.ones(len(places), bool) if rows.weights is None else rows.weights > 0
        parts = whole.slices(1)
        assert whole.failure(1) == ""
        assert [part.name for part in parts] == sorted({name for name in places[counted] if name})
        for part in parts:
            alone = measured(metrics, rows[places == part.name])
            for metric in metrics:
                same(whole.answer(metric, part, 0.95), alone.answer(metric, alone.overall, 0.95))
        overall = measured(metrics, rows)
        for metric in metrics:  # what is cut is still whole
            same(whole.answer(metric, whole.overall, 0.95), overall.answer(metric, overall.overall, 0.95))

    law()
