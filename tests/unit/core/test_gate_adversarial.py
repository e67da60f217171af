"""What somebody may put into the gate by mistake or on purpose: nothing passes that should not, and each case says why.

The files of predictions themselves are in tests/integration/test_gate_files.py.
"""

import math
from typing import Any

import numpy as np
import pytest
from gate_examples import gate
from pydantic import ValidationError

from jenkins_ml.config.gate import METRIC_KINDS
from jenkins_ml.core import gate as gates
from jenkins_ml.core.evaluation.block import Block, Coded
from jenkins_ml.core.evaluation.evaluation import Evaluation, Own
from jenkins_ml.core.evaluation.groups import quantile_edges
from jenkins_ml.core.slices import slicing_of
from jenkins_ml.core.statistics.intervals import Estimate
from jenkins_ml.errors import StageFailed
from jenkins_ml.records import Condition
from tests.versions import named

TASKS = ("binary", "multiclass", "multilabel", "regression")
LIMITS = ("min", "max", "max_regression", "max_relative_regression", "min_improvement", "min_relative_improvement",
          "max_improvement", "max_relative_improvement")  # fmt: skip


def judge(
    asked: Any, labels, candidate, baseline=None, weights=None, allowed=True, own=None, elsewhere=None, cut=None,
    **features,
) -> gates.Judgement:  # fmt: skip
    """What the gate says of arrays as they come, in one block or in two."""
    slicings = [slicing_of(section) for section in asked.slices]
    edges = {
        each: quantile_edges(column, each.quantiles)
        for each in slicings
        if each.quantiles and isinstance(column := features.get(each.columns[0]), np.ndarray)
    }
    evaluation = Evaluation(gates.metrics_of(asked), slicings, asked.task, edges, own)
    block = Block(
        np.asarray(labels),
        np.asarray(candidate),
        None if baseline is None else np.asarray(baseline),
        None if weights is None else np.asarray(weights),
        features,
    )
    for part in [block] if cut is None else [block[:cut], block[cut:]]:
        evaluation.add(part)
    return gates.decide(asked, evaluation.finish(elsewhere), allowed)


def sound(judgement: gates.Judgement) -> gates.Judgement:
    """Every condition gives a reason that can be read."""
    for condition in judgement.conditions:
        assert len(condition.reason) > 15, condition
        assert not {"nan", "inf", "-inf", "None"} & set(condition.reason.split()), condition
    assert len(judgement.summary) > 15
    return judgement


def refused(judgement: gates.Judgement, *words: str, verdict: str = "rejected") -> None:
    """It does not pass, and says so in these words."""
    assert sound(judgement).verdict == verdict, judgement.summary
    for word in words:
        assert word in judgement.summary, judgement.summary


def the(judgement: gates.Judgement) -> Condition:
    [condition] = sound(judgement).conditions
    return condition


def rows(task: str, size: int = 40, seed: int = 0, good: float = 1.0) -> tuple[Any, Any]:
    """Labels and good answers; with `good` near 0 answers by chance."""
    generator = np.random.default_rng(seed)
    if task == "regression":
        labels = np.random.default_rng(1).normal(size=size) + 5
        return labels, labels + (1.1 - good) * generator.normal(size=size)
    shape = size if task in ("binary", "regression") else (size, 3)
    labels = np.arange(size) % (3 if task == "multiclass" else 2)
    if task == "multilabel":
        labels = np.stack([labels, np.arange(size) // 2 % 2, np.arange(size) // 3 % 2], axis=1)
    truth = np.eye(3)[labels] if task == "multiclass" else labels
    answers = good * (0.1 + 0.8 * truth) + (1 - good) * generator.random(shape)
    return labels, answers / answers.sum(axis=1, keepdims=True) if task == "multiclass" else answers


MAIN = {"binary": "accuracy", "multiclass": "f1", "multilabel": "f1", "regression": "mae"}


# --- numbers that are none ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [3, 37], ids=["first block", "second block"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize("where", ["labels", "candidate", "baseline", "weights"])
@pytest.mark.parametrize("task", TASKS)
def test_a_number_that_is_none_is_refused_wherever_it_stands(task, where, bad, row):
    labels, answers = rows(task)
    given = {"labels": labels * 1.0, "candidate": answers.copy(), "baseline": answers.copy(), "weights": np.ones(40)}
    given[where][(row, 0) if given[where].ndim == 2 else row] = bad
    asked = gate(task=task, metrics={MAIN[task]: {"max": 1e9, "max_regression": 1e9}})
    with pytest.raises(StageFailed) as caught:
        judge(asked, given["labels"], given["candidate"], given["baseline"], given["weights"], cut=20)
    assert f"(the first is row {row}, counted from 0)" in caught.value.what
    assert "NaN or infinite" in caught.value.what
    assert caught.value.next_step


WRONG = {
    "negative weights": ({"weights": -np.ones(40)}, "negative"),
    "weights of text": ({"weights": np.array(["1"] * 40)}, "not numbers"),
    "weights in two columns": ({"weights": np.ones((40, 2))}, "several columns"),
    "scores of text": ({"candidate": np.array(["0.5"] * 40)}, "not numbers"),
    "scores that are objects": ({"candidate": np.array([0.5] * 40, dtype=object)}, "not numbers"),
    "complex scores": ({"candidate": np.full(40, 0.5 + 0j)}, "not numbers"),
    "dates": ({"labels": np.zeros(40, "datetime64[s]")}, "not numbers"),
    "scores above 1": ({"candidate": np.full(40, 1.5)}, "outside [0, 1]"),
    "scores below 0": ({"candidate": np.full(40, -0.5)}, "outside [0, 1]"),
    "logits of production": ({"baseline": np.linspace(-3, 3, 40)}, "outside [0, 1]"),
    "a third class": ({"labels": np.arange(40) % 3}, "not among the model's classes"),
    "a class below 0": ({"labels": np.arange(40) % 2 - 1}, "not among the model's classes"),
    "half a class": ({"labels": np.full(40, 0.5)}, "not whole numbers"),
    "fewer labels": ({"labels": np.zeros(39)}, "39 labels but 40 predictions"),
    "fewer answers of production": ({"baseline": np.zeros(39)}, "but 39 predictions of production"),
    "three scores": ({"candidate": np.full((40, 3), 1 / 3)}, "one or two scores, not 3"),
    "two scores that are none": ({"candidate": np.full((40, 2), 0.9)}, "do not sum to 1"),
    "a cube of scores": ({"candidate": np.zeros((40, 2, 2))}, "shape"),
    "no scores": ({"candidate": np.zeros((40, 0))}, "shape"),
    "labels that are a table": ({"labels": np.zeros((40, 3))}, "columns"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_refused(case):
    changed, words = WRONG[case]
    labels, answers = rows("binary")
    given = {"labels": labels, "candidate": answers, "baseline": answers, "weights": None} | changed
    with pytest.raises(StageFailed) as caught:
        judge(gate(task="binary", metrics={"accuracy": {"min": 0}}), **given)
    assert words in caught.value.what
    assert caught.value.next_step


@pytest.mark.parametrize("task", TASKS)
def test_no_examples_are_no_approval(task):
    labels, answers = rows(task)
    asked = gate(task=task, metrics={MAIN[task]: {"max": 1e9}})
    with pytest.raises(StageFailed, match="no examples"):
        Evaluation(gates.metrics_of(asked), (), task).finish()
    with pytest.raises(StageFailed, match="no examples"):
        judge(asked, labels[:0], answers[:0])


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("task", TASKS)
def test_weights_that_are_all_zero_are_no_approval(task, kind):
    labels, answers = rows(task)
    asked = gate(task=task, metrics={MAIN[task]: {kind: 1e6}})
    refused(judge(asked, labels, answers, answers, np.zeros(40)), "no example has a weight above 0")


@pytest.mark.parametrize("task", TASKS)
def test_rows_that_do_not_count_cannot_carry_a_model(task):
    """Good rows with weight 0 beside bad rows that count."""
    labels, good = rows(task)
    _, bad = rows(task, seed=3, good=0.0)
    half = np.arange(40) < 20
    candidate = np.where(half[:, None] if good.ndim == 2 else half, good, bad)
    limits = {"max": 0.3} if task == "regression" else {"min": 0.9}
    asked = gate(task=task, metrics={MAIN[task]: limits})
    assert judge(asked, labels, candidate, weights=half * 1.0).verdict == "approved"
    refused(judge(asked, labels, candidate, weights=~half * 1.0), "m")


# --- limits, to the last digit --------------------------------------------------------------------------------------

OFFSETS = {"at the limit": (0.0, True), "by float noise": (1e-12, True), "beyond": (1e-6, False)}
# A much better and a much worse model; which side is better depends on the kind of limit.
CLASSES, FAIR = rows("binary", 400, good=0.3)
_, STRONG = rows("binary", 400, seed=5, good=0.9)
STRONG = np.where(np.arange(400) % 50 == 0, 1 - STRONG, STRONG)  # not perfect


def at_limit(metric: str, kind: str, compare: str) -> tuple[Any, Any, float, int]:
    """Candidate, production, the limit that is just reached, and which way misses it."""
    candidate, baseline = (FAIR, STRONG) if "regression" in kind else (STRONG, FAIR)
    asked = gate(task="binary", metrics={metric: {"min": -9, "max_regression": 9}})
    evaluation = Evaluation(gates.metrics_of(asked), (), "binary")
    evaluation.add(Block(CLASSES, candidate, baseline))
    measured = evaluation.finish()
    answer = measured.answer(gates.metrics_of(asked)[0], measured.overall, 0.95)
    lower = answer.metric.lower_is_better
    if kind in ("min", "max"):
        return candidate, baseline, answer.candidate.point, 1 if kind == "min" else -1
    change = answer.difference
    if compare == "point" or (kind.startswith("max_") and kind.endswith("improvement")):
        change = Estimate(change.point, change.point, change.point, 0.0)
    better = (-change.high, -change.low) if lower else (change.low, change.high)  # at worst, at best
    reached = -better[0] if kind.endswith("regression") else better[0]
    if "relative" in kind:
        reached /= abs(answer.baseline.point)
    assert reached > 0.01
    return candidate, baseline, reached, -1 if kind.startswith("max") else 1


@pytest.mark.parametrize("compare", ["paired", "point"])
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_a_limit_is_held_to_the_last_digit_and_not_to_float_noise(metric, kind, offset, compare):
    candidate, baseline, limit, beyond = at_limit(metric, kind, compare)
    noise, passes = OFFSETS[offset]
    asked = gate(task="binary", metrics={metric: {kind: limit * (1 + beyond * noise), "compare": compare}})
    found = the(judgement := judge(asked, CLASSES, candidate, baseline))
    assert (found.outcome == "passed") == passes, found.reason
    assert (judgement.verdict == "approved") == passes


# --- shares of nothing, and of less than nothing --------------------------------------------------------------------

RELATIVE = [kind for kind in LIMITS if "relative" in kind]
EVEN = np.arange(40) % 2
ZERO = {
    "accuracy": ("binary", EVEN, np.where(EVEN, 0.9, 0.1), np.where(EVEN, 0.1, 0.9)),
    "recall": ("binary", EVEN, np.where(EVEN, 0.9, 0.1), np.full(40, 0.1)),
    "mcc": ("binary", EVEN, np.where(EVEN, 0.9, 0.1), np.full(40, 0.1)),
    "mse": ("regression", EVEN + 0.5, EVEN + 0.6, EVEN + 0.5),
    "mae": ("regression", EVEN + 0.5, EVEN + 0.6, EVEN + 0.5),
    "r2": ("regression", EVEN * 2.0, EVEN * 2.0, np.full(40, 1.0)),
}


@pytest.mark.parametrize("compare", ["paired", "point"])
@pytest.mark.parametrize("kind", RELATIVE)
@pytest.mark.parametrize("metric", ZERO)
def test_nothing_is_relative_to_a_production_of_zero(metric, kind, compare):
    task, labels, candidate, baseline = ZERO[metric]
    asked = gate(task=task, metrics={metric: {kind: 1e6, "compare": compare}})
    refused(judge(asked, labels, candidate, baseline), f"{metric} of production is 0")


@pytest.mark.parametrize(
    ("candidate", "limits", "outcome"),
    [  # R2 of production is -3: a share is of 3, and better is up
        (-3.2, {"max_relative_regression": 0.1}, "passed"),
        (-3.4, {"max_relative_regression": 0.1}, "failed"),
        (-2.0, {"max_relative_regression": 0.0}, "passed"),
        (-2.4, {"min_relative_improvement": 0.1}, "passed"),
        (-2.8, {"min_relative_improvement": 0.1}, "failed"),
        (-3.4, {"min_relative_improvement": 0.1}, "failed"),
        (-2.8, {"max_relative_improvement": 0.1}, "passed"),
        (-2.4, {"max_relative_improvement": 0.1}, "failed"),
        (0.9, {"max_relative_improvement": 1.0}, "failed"),
    ],
)
def test_a_negative_production_turns_no_limit_around(candidate, limits, outcome):
    """Others divide by the value with its sign: then a worse model passes."""
    labels = EVEN * 2.0

    def answers(r2):  # 1 - error / variance, with the variance 1
        return labels + np.where(np.arange(40) // 2 % 2, 1, -1) * math.sqrt(1 - r2)

    asked = gate(task="regression", metrics={"r2": {"compare": "point", **limits}})
    found = the(judge(asked, labels, answers(candidate), answers(-3.0)))
    assert found.baseline == pytest.approx(-3)
    assert found.outcome == outcome, found.reason


# --- metrics --------------------------------------------------------------------------------------------------------

MISFITS = [(task, kind) for task in TASKS for kind in METRIC_KINDS if not named(kind).fits(task)]
FITS = [(task, kind) for task in TASKS for kind in METRIC_KINDS if named(kind).fits(task) and kind != "flip_rate"]


def limits_for(kind: str, **limits: Any) -> dict[str, Any]:
    """The same with what a metric needs to be asked for."""
    return {**limits, **({"beta": 2} if kind == "f_beta" else {"k": 1} if kind == "top_k_accuracy" else {})}


@pytest.mark.parametrize(("task", "kind"), MISFITS, ids=[f"{kind} of {task}" for task, kind in MISFITS])
def test_a_metric_that_a_task_does_not_have_passes_nothing(task, kind):
    labels, answers = rows(task)
    asked = gate(task=task, metrics={kind: limits_for(kind, max=1e9)})
    refused(judge(asked, labels, answers, answers), f"{task} has no {kind}, only ")


@pytest.mark.parametrize(("task", "kind"), FITS, ids=[f"{kind} of {task}" for task, kind in FITS])
def test_models_that_are_swapped_swap_the_outcome(task, kind):
    labels, good = rows(task, 400, good=0.95)
    _, bad = rows(task, 400, seed=9, good=0.1)
    if kind == "calibration_error":  # as sure as it is right
        good = np.where(good > 0.5, 0.98, 0.01)
    asked = gate(task=task, metrics={kind: limits_for(kind, max_regression=0.0, min_improvement=0.001)})
    judgement = sound(judge(asked, labels, good, bad))
    assert [each.outcome for each in judgement.conditions] == ["passed", "passed"], judgement.conditions
    assert judgement.verdict == "approved"
    swapped = judge(asked, labels, bad, good)
    assert [each.outcome for each in swapped.conditions] == ["failed", "failed"], swapped.conditions
    refused(swapped, f"{kind} ", "in production", "worse")
    for one, other in zip(judgement.conditions, swapped.conditions, strict=True):
        assert (one.candidate, one.baseline) == (other.baseline, other.candidate)


@pytest.mark.parametrize(("task", "kind"), FITS, ids=[f"{kind} of {task}" for task, kind in FITS])
def test_few_examples_do_not_settle_a_small_margin(task, kind):
    """Two models that are as good as each other, with the same answers on other rows of the same label."""
    labels, candidate = rows(task, 24, good=0.6)
    baseline = np.roll(candidate, 12, axis=0)
    if task == "regression":
        baseline = labels + np.roll(candidate - labels, 12)
    asked = gate(task=task, metrics={kind: limits_for(kind, max_regression=1e-3)})
    judgement = judge(asked, labels, candidate, baseline)
    assert the(judgement).outcome == "inconclusive", the(judgement).reason
    refused(judgement, "there are 24 examples", verdict="inconclusive")


UNDEFINED = {
    "roc_auc of one class": ("binary", "roc_auc", np.zeros(9, int), np.linspace(0, 1, 9), {}, "all are of one class"),
    "pr_auc without positives": ("binary", "pr_auc", np.zeros(9, int), np.linspace(0, 1, 9), {}, "all are of one class"),
    "recall without positives": ("binary", "recall", np.zeros(9, int), np.linspace(0, 1, 9), {}, "none is of class 1"),
    "f1 without positives": ("binary", "f1", np.zeros(9, int), np.linspace(0, 1, 9), {}, "none is of class 1"),
    "precision without positives": (
        "binary", "precision", np.zeros(9, int), np.linspace(0, 1, 9), {}, "none is of class 1"),
    "specificity without negatives": (
        "binary", "specificity", np.ones(9, int), np.linspace(0, 1, 9), {}, "none is of class 0"),
    "recall of a class that is not there": (
        "multiclass", "recall", np.zeros(9, int), np.full((9, 3), 1 / 3), {"class": 2}, "none is of class 2"),
    "recall of a class beyond the model's": (
        "multiclass", "recall", np.zeros(9, int), np.full((9, 3), 1 / 3), {"class": 7}, "none is of class 7"),
    "roc_auc of a class that is not there": (
        "multiclass", "roc_auc", np.zeros(9, int), np.full((9, 3), 1 / 3), {"class": 1}, "none is of class 1"),
    "recall of a label that never holds": (
        "multilabel", "recall", np.zeros((9, 2), int), np.full((9, 2), 0.9), {"class": 0}, "none is of class 0"),
    "roc_auc of labels that never hold": (
        "multilabel", "roc_auc", np.zeros((9, 2), int), np.full((9, 2), 0.9), {}, "all are of one class"),
    "r2 of equal labels": ("regression", "r2", np.full(9, 2.5), np.linspace(0, 1, 9), {}, "all labels are the same"),
    "a loss beyond the largest number": (
        "regression", "mse", np.array([1e200, 0.5]), np.array([-1e200, 0.5]), {}, "too large for a number"),
    "rmse beyond the largest number": (
        "regression", "rmse", np.array([1e200, 0.5]), np.array([-1e200, 0.5]), {}, "too large for a number"),
    "a threshold of several classes": (
        "multiclass", "recall", np.arange(9) % 3, np.full((9, 3), 1 / 3), {"threshold": 0.3}, "`threshold` means"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["min", "max", "max_regression"])
@pytest.mark.parametrize("case", UNDEFINED)
def test_a_metric_that_the_examples_do_not_define_passes_nothing(case, kind):
    task, metric, labels, answers, options, words = UNDEFINED[case]
    asked = gate(task=task, metrics={metric: {kind: 0 if kind == "min" else 1e9, **options}})
    refused(judge(asked, labels, answers, answers), words)


@pytest.mark.parametrize("name", ["acuracy", "AUC", "", "accuracy ", "accuracy\n", "__class__", "0"])
def test_a_metric_that_nobody_knows_is_a_configuration_that_is_wrong(name):
    with pytest.raises(ValidationError, match=r"metrics|match|known"):
        gate(metrics={name: {"min": 0.1}})


@pytest.mark.parametrize(
    "limits",
    [{}, {"min": math.nan}, {"max": math.inf}, {"min": 0.9, "max": 0.1}, {"max_regression": -0.1},
     {"min": "0.9 "}, {"minimum": 0.9}, {"min_improvement": 0.2, "max_improvement": 0.1}, {"warn": {}},
     {"min": 0.1, "average": "macro", "class": 1}, {"min": 0.1, "threshold": 1.5}, {"min": 0.1, "k": 3},
     {"min": 0.1, "compare": "maybe"}, {"min": 0.1, "inconclusive": "approve"}],
    ids=str,
)  # fmt: skip
def test_limits_that_mean_nothing_are_a_configuration_that_is_wrong(limits):
    with pytest.raises(ValidationError):
        gate(metrics={"recall": limits})


# --- slices ---------------------------------------------------------------------------------------------------------

SLICED = {
    "a column that is not there": ({"feature": "contry"}, {}, "there is no column 'contry'"),
    "a column under another name": ({"feature": "Country"}, {}, "there is no column 'Country'"),
    "one of two crossed columns is not there": ({"features": ["country", "nowhere"]}, {}, "no column 'nowhere'"),
    "a value that never appears": ({"feature": "country", "values": ["DE", "XX"]}, {}, "country=XX: no example has"),
    "a value in other letters": ({"feature": "country", "values": ["de"]}, {}, "country=de: no example has"),
    "a value of another type": ({"feature": "country", "values": [1]}, {}, "country=1: no example has"),
    "a number that never appears": ({"feature": "age", "values": [2.5]}, {}, "age=2.5: no example has"),
    "more than a thousand texts": (
        {"feature": "many"}, {"many": Coded(np.arange(2000), tuple(map(str, range(2000))))}, "more than 1,000 values"),
    "more than a thousand numbers": ({"feature": "many"}, {"many": np.arange(2000) / 3}, "`quantiles` makes some"),
    "more than a thousand crossed": (
        {"features": ["many", "age"]}, {"many": np.arange(2000) // 4 * 1.0}, "more than 1,000 values"),
    "quantiles of text": ({"feature": "country", "quantiles": 4}, {}, "which quantiles need"),
    "a column of two dimensions": ({"feature": "wide"}, {"wide": np.zeros((2000, 2))}, "no text and no single number"),
    "a column of dates": ({"feature": "when"}, {"when": np.zeros(2000, "datetime64[s]")}, "no text and no single number"),
}  # fmt: skip


def in_slices(section: dict[str, Any], candidate=None, metrics=None, weights=None, **features) -> gates.Judgement:
    """A good binary model on 2,000 examples, 20 of them from Liechtenstein; it is all wrong on those."""
    labels, answers = rows("binary", 2000)
    number = np.arange(2000)
    country = Coded(np.where(number < 20, 2, number % 2), ("DE", "FR", "LI"))
    answers = np.where(number < 20, 1 - answers, answers) if candidate is None else candidate
    asked = gate(metrics=metrics or {"accuracy": {"min": 0.9}}, slices=[section])
    return judge(asked, labels, answers, None, weights, **{"country": country, "age": number % 5 * 1.0} | features)


@pytest.mark.parametrize("case", SLICED)
def test_a_slice_that_is_not_there_passes_nothing(case):
    section, features, words = SLICED[case]
    refused(in_slices({**section, "min_examples": 1}, **features), words)


def test_a_bad_slice_is_not_hidden_by_good_ones():
    assert sound(in_slices({"feature": "age"})).verdict == "approved"
    refused(in_slices({"feature": "country", "min_examples": 20}), "country=LI: accuracy 0 is below the minimum of 0.9")


def test_a_small_slice_is_named_and_not_judged():
    judgement = sound(in_slices({"feature": "country", "min_examples": 21}))
    assert judgement.verdict == "approved"
    [found] = [each for each in judgement.conditions if each.kind == "size"]
    assert (found.outcome, found.slice, found.count) == ("skipped", "country=LI", 20)
    assert "20 examples are fewer than min_examples 21" in found.reason
    assert "1 slice with too few examples not judged" in judgement.summary


def test_slices_that_are_all_too_small_approve_nothing():
    asked = {"feature": "country", "min_examples": 5000, "metrics": {"accuracy": {"min": 0}}}
    labels, answers = rows("binary", 60)
    country = Coded(np.arange(60) % 3, ("DE", "FR", "LI"))
    refused(
        judge(gate(slices=[asked]), labels, answers, country=country), "nothing was judged: every slice has too few"
    )


def test_rows_without_weight_make_no_slice():
    weights = (np.arange(2000) >= 20) * 1.0
    refused(
        in_slices({"feature": "country", "values": ["LI"]}, weights=weights), "country=LI: no example has this value"
    )


def test_rows_without_weight_do_not_make_a_slice_large_enough():
    weights = (np.arange(2000) % 50 == 0) * 1.0
    judgement = sound(in_slices({"feature": "age", "min_examples": 41}, weights=weights))
    assert [(each.kind, each.count) for each in judgement.conditions] == [("min", 40), ("size", 40)]


@pytest.mark.parametrize("column", [np.full(2000, math.nan), Coded(np.full(2000, -1), ())], ids=["numbers", "text"])
def test_a_column_without_any_value_is_one_slice_of_its_own(column):
    judgement = sound(in_slices({"feature": "empty"}, empty=column))
    assert [each.slice for each in judgement.conditions] == ["", "empty=(none)"]
    refused(in_slices({"feature": "empty", "values": ["x"]}, empty=column), "empty=x: no example has this value")


def test_quantiles_of_a_column_without_any_value_judge_what_is_there():
    judgement = sound(in_slices({"feature": "empty", "quantiles": 4}, empty=np.full(2000, math.nan)))
    assert [each.slice for each in judgement.conditions] == ["", "empty=(none)"]


def test_missing_values_are_judged_like_others():
    age = np.where(np.arange(2000) < 20, math.nan, 30.0)
    refused(in_slices({"feature": "age", "min_examples": 1}, age=age), "age=(none): accuracy 0 is below")


@pytest.mark.parametrize("policy", ["fail", "warn", "pass"])
def test_the_policy_of_a_slice_goes_before_that_of_the_metric(policy):
    labels, candidate = rows("binary", 60, good=0.6)
    _, baseline = rows("binary", 60, seed=8, good=0.6)
    section = {"feature": "c", "min_examples": 1, "inconclusive": policy}
    metrics = {"loss": {"max": 9, "max_regression": 0.0, "inconclusive": "pass" if policy == "fail" else "fail"}}
    asked = gate(metrics={"loss": {"max": 9}}, slices=[{**section, "metrics": metrics}])
    judgement = sound(judge(asked, labels, candidate, baseline, c=Coded(np.zeros(60, int), ("a",))))
    outcome = {"fail": "inconclusive", "warn": "warned", "pass": "inconclusive"}[policy]
    assert judgement.conditions[-1].outcome == outcome
    assert judgement.verdict == ("inconclusive" if policy == "fail" else "approved")
    assert ("not settled, and let pass as configured" in judgement.summary) == (policy != "fail")


def test_a_slice_that_got_worse_is_told_even_where_no_limit_is_missed():
    labels, baseline = rows("binary", 2000)
    candidate = np.where(np.arange(2000) < 200, 1 - baseline, baseline)
    country = Coded(np.arange(2000) // 200, tuple("abcdefghij"))
    limits = {"accuracy": {"max_regression": 0.2}}
    asked = gate(metrics=limits, slices=[{"feature": "c", "metrics": {"accuracy": {"max_regression": 1.0}}}])
    judgement = sound(judge(asked, labels, candidate, baseline, c=country))
    [told] = [each for each in judgement.conditions if each.kind == "warn_slices"]
    assert judgement.verdict == "approved"
    assert "c=a" in told.reason
    assert "warned of" in judgement.summary


# --- what was asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "nothing was asked of the model"),
        ({"metrics": {}}, "nothing was asked of the model"),
        ({"metrics": {"accuracy": {"warn": {"min": 0.1}}}}, "nothing but warnings was asked"),
        ({"slices": [{"feature": "c"}]}, "nothing was asked of the model"),
        ({"slices": [{"feature": "c", "metrics": {"accuracy": {"warn": {"min": 0.1}}}}]}, "nothing but warnings"),
        ({"confidence": 0.99, "inconclusive": "pass"}, "nothing was asked of the model"),
    ],
)
def test_nothing_asked_is_no_approval(asked, words):
    labels, answers = rows("binary", 300)
    refused(judge(gate(**asked), labels, answers, answers, c=Coded(np.zeros(300, int), ("a",))), words)


@pytest.mark.parametrize("task", TASKS)
def test_an_improvement_that_is_too_good_is_stopped(task):
    labels, leaked = rows(task, 200, good=1.0)
    _, honest = rows(task, 200, seed=2, good=0.3)
    asked = gate(task=task, metrics={MAIN[task]: {"max_improvement": 0.05}})
    refused(judge(asked, labels, leaked, honest), "too good to be true: look for leaked examples")
    assert sound(judge(asked, labels, honest, honest)).verdict == "approved"


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", [kind for kind in LIMITS if kind not in ("min", "max")])
def test_a_first_release_is_no_comparison(task, kind):
    labels, answers = rows(task)
    asked = gate(task=task, metrics={MAIN[task]: {kind: 0.0 if kind.startswith("max") else 0.5}})
    refused(judge(asked, labels, answers, allowed=False), "nothing is in production", verdict="inconclusive")
    found = the(judgement := judge(asked, labels, answers, allowed=True))
    assert (found.outcome, judgement.verdict) == ("skipped", "approved")
    assert "a first release, with nothing in production to compare with" in judgement.summary


def test_a_first_release_that_is_bad_is_rejected_and_not_just_undecided():
    labels, answers = rows("binary", good=0.0)
    refused(judge(gate(metrics={"accuracy": {"min": 0.99}}), labels, answers, allowed=False), "below the minimum")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("kind", "outcome"), [("max_regression", "passed"), ("min_improvement", "failed")])
def test_a_model_that_answers_like_production_is_no_better(task, kind, outcome):
    labels, answers = rows(task)
    found = the(judge(gate(task=task, metrics={MAIN[task]: {kind: 1e-9}}), labels, answers, answers))
    assert found.outcome == outcome
    assert "both answer every example alike" in found.reason


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_how_often_answers_flip_can_be_limited(task):
    labels, answers = rows(task, 200)
    flipped = 1 - answers if task == "binary" else np.roll(answers, 1, axis=1)
    some = np.where((np.arange(200) < 20)[:, None] if answers.ndim == 2 else np.arange(200) < 20, flipped, answers)
    asked = gate(task=task, metrics={"flip_rate": {"max": 0.05}})
    assert the(judge(asked, labels, answers, answers)).candidate == 0
    refused(judge(asked, labels, some, answers), "flip_rate 0.1 is above the maximum of 0.05")
    refused(judge(asked, labels, some, answers, np.full(200, 2.0)), "flip_rate 0.1 is above the maximum of 0.05")
    assert the(judge(asked, labels, answers)).outcome == "skipped"
    refused(judge(asked, labels, answers, allowed=False), "nothing is in production", verdict="inconclusive")


def test_flips_that_leave_the_accuracy_alone_are_seen():
    """As many right as before, but other ones."""
    labels, answers = rows("binary", 200)
    place = np.arange(200)
    one, other = (np.where((place >= start) & (place < start + 20), 1 - answers, answers) for start in (0, 100))
    asked = gate(metrics={"accuracy": {"max_regression": 0.2}, "flip_rate": {"max": 0.1}})
    refused(judge(asked, labels, one, other), "flip_rate 0.2 is above")


# --- metrics of the user's own --------------------------------------------------------------------------------------

OWN = {
    "two numbers an example without value": lambda labels, answers: np.ones((len(labels), 2)),
    "no number": lambda labels, answers: np.ones((len(labels), 0)),
    "one number for all": lambda labels, answers: 0.5,
    "one too many": lambda labels, answers: np.ones(len(labels) + 1),
    "one too few": lambda labels, answers: np.ones(len(labels) - 1),
    "nothing": lambda labels, answers: np.ones(0),
    "a cube": lambda labels, answers: np.ones((len(labels), 1, 1)),
    "NaN": lambda labels, answers: np.where(np.arange(len(labels)) == 5, math.nan, 1.0),
    "an infinity": lambda labels, answers: np.where(np.arange(len(labels)) == 5, math.inf, 1.0),
}


def own(function, value=None, **limits) -> gates.Judgement:
    labels, answers = rows("binary", 40, good=0.7)
    asked = gate(metrics={"mine": {"function": "module:function", **limits}})
    return judge(asked, labels, answers, 1 - answers, own={"mine": Own(function, value)})


@pytest.mark.parametrize("case", OWN)
def test_a_metric_of_ones_own_that_returns_something_else_is_refused(case):
    with pytest.raises(StageFailed) as caught:
        own(OWN[case], min=0.0)
    assert caught.value.what.startswith("mine: the function returned")
    assert "return" in caught.value.next_step


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=str)
def test_a_metric_of_ones_own_that_is_no_number_passes_nothing(kind, value):
    refused(
        own(lambda labels, answers: answers, lambda means: value, **{kind: 1e9 if kind != "min" else -1e9}),
        "mine is not",
    )


@pytest.mark.parametrize("kind", LIMITS)
def test_a_metric_of_ones_own_that_came_back_with_nothing_passes_nothing(kind):
    labels, answers = rows("binary")
    asked = gate(metrics={"mine": {"function": "module:function", kind: 1e9 if kind != "min" else -1e9}})
    for elsewhere in ({}, {("mine", ""): (None, None, None)}, {("other", ""): (Estimate(1, 1, 1, 0),) * 3}):
        refused(judge(asked, labels, answers, answers, elsewhere=elsewhere), "mine is not defined")


@pytest.mark.parametrize(("better", "outcome"), [("higher", "passed"), ("lower", "failed")])
def test_which_way_a_metric_of_ones_own_is_better_is_asked(better, outcome):
    judgement = own(lambda labels, answers: (labels == 1) * answers, better=better, min_improvement=0.0)
    assert the(judgement).outcome == outcome
    assert the(judgement).lower_is_better == (better == "lower")


def test_a_metric_of_ones_own_of_one_example_settles_nothing():
    labels, answers = rows("binary", 1)
    asked = gate(metrics={"mine": {"function": "module:function", "max_regression": 10.0}})
    found = judge(asked, labels, answers, answers + 0.01, own={"mine": Own(lambda labels, answers: answers)})
    refused(found, "too few examples to tell", verdict="inconclusive")


def test_the_record_of_an_answer_is_what_was_judged():
    """A judgement holds no number that a condition did not see."""
    labels, answers = rows("binary", 200, good=0.8)
    _, baseline = rows("binary", 200, seed=6, good=0.8)
    judgement = judge(gate(metrics={"accuracy": {"min": 0.1, "max_regression": 0.5}}), labels, answers, baseline)
    for condition in judgement.conditions:
        assert condition.candidate == judgement.metrics["accuracy"]
        assert condition.baseline == judgement.baseline_metrics["accuracy"]
