"""The `gate` section of jenkins-ml.yaml: what a model must reach to be released."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from jenkins_ml.config import patterns
from jenkins_ml.config.model_checks import Latency, Serving, Size
from jenkins_ml.config.section import Known, Path_, Section, refuse, unknown_keys

Function = Annotated[str, Field(pattern=patterns.FUNCTION)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Policy = Literal["fail", "warn", "pass"]
Average = Literal["macro", "micro", "weighted"]
Task = Literal["binary", "multiclass", "multilabel", "regression"]
AnyTask = Literal["auto", "binary", "multiclass", "multilabel", "regression"]
MetricKind = Literal[
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "f_beta",
    "mcc",
    "top_k_accuracy",
    "loss",
    "log_loss",
    "brier",
    "calibration_error",
    "roc_auc",
    "pr_auc",
    "flip_rate",
    "mse",
    "rmse",
    "mae",
    "mape",
    "r2",
    "quantile_loss",
]
METRIC_KINDS: Final[tuple[str, ...]] = MetricKind.__args__  # type: ignore[attr-defined]

# Which metrics an option means something for.
_OPTIONS: Final = {
    # For accuracy and loss it means nothing either, but always was accepted.
    "average": {"precision", "recall", "specificity", "f1", "f_beta", "roc_auc", "pr_auc", "accuracy", "loss"},
    "class": {"precision", "recall", "specificity", "f1", "f_beta", "roc_auc", "pr_auc"},
    "threshold": {
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "f_beta",
        "mcc",
        "flip_rate",
    },
    "beta": {"f_beta"},
    "k": {"top_k_accuracy"},
    "quantile": {"quantile_loss"},
}


_NO_FEATURES: Final = frozenset({"id", "label", "labels", "prediction", "predictions", "weight"})


class Bounds(Section):
    """What is asked of a metric. Changes are against production, in the direction in which the metric is better."""

    min: Finite | None = Field(default=None, description="The point value must be at least this.")
    max: Finite | None = Field(default=None, description="The point value must be at most this.")
    max_regression: Share | None = Field(
        default=None,
        description="How much worse than production it may be, in the metric's own unit: a paired non-inferiority test "
        "on the same examples, at `gate.confidence`.",
    )
    max_relative_regression: Share | None = Field(
        default=None,
        description="The same as a share of production's value without its sign; where that is 0 nothing passes.",
    )
    min_improvement: Share | None = Field(
        default=None, description="How much better than production it has to be: the same test, of superiority."
    )
    min_relative_improvement: Share | None = Field(
        default=None, description="The same as a share of production's value; where that is 0 nothing passes."
    )
    max_improvement: Share | None = Field(
        default=None,
        description="More than this is too good to be true, such as from examples that leaked into the training; by the "
        "point value.",
    )
    max_relative_improvement: Share | None = Field(
        default=None, description="The same as a share of production's value; where that is 0 nothing passes."
    )

    @property
    def asked(self) -> dict[str, float]:
        """The limits that are set, in the order in which they are looked at."""
        values = ((name, getattr(self, name)) for name in Bounds.model_fields)
        return {name: value for name, value in values if value is not None}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for low, high in (
            ("min", "max"),
            ("min_improvement", "max_improvement"),
            ("min_relative_improvement", "max_relative_improvement"),
        ):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                raise ValueError(f"`{low}` {least} is above `{high}` {most}: nothing can pass")
        return self


class WarningBounds(Bounds):
    """Limits beside those that decide: what misses one of these is told, and released all the same."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.asked:
            raise ValueError(f"give at least one of {', '.join(f'`{name}`' for name in Bounds.model_fields)}")
        return self


class MetricLimits(Bounds):
    """The limits of one metric. At least one of them is needed, here or in `warn`."""

    metric: MetricKind | None = Field(
        default=None,
        description="Which metric; default the one that the key names. It lets one metric have several names, such as "
        "`recall_of_cats: {metric: recall, class: 3, min: 0.9}`.",
    )
    function: Function | None = Field(
        default=None,
        description='A metric of your own, "module:function": called as function(labels, predictions) on batches, it '
        "returns a number for each example, whose mean is the metric, or an array of shape (examples, m), from whose "
        "means `value` makes it.",
    )
    value: Function | None = Field(
        default=None,
        description='"module:function", called with the m means that `function` has; returns the metric. '
        "Such as a quotient of two means.",
    )
    better: Literal["higher", "lower"] | None = Field(
        default=None, description="For `function`: which is better. Default higher; the others know it."
    )
    average: Average | None = Field(
        default=None,
        description="For precision, recall, specificity, f1, f_beta, roc_auc and pr_auc over several classes. "
        "Default macro: every class counts the same.",
    )
    of_class: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        alias="class",
        description="Instead of an average: of this class alone against the rest, counted from 0.",
    )
    threshold: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="Of binary and multilabel models: from which score on it is class 1. Default 0.5.",
    )
    beta: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="For f_beta: how many times as much recall counts as precision."
    )
    k: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="For top_k_accuracy: how many classes an answer may name. Default 5."
    )
    quantile: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="For quantile_loss: the quantile that the model predicts. Default 0.5."
    )
    warn: WarningBounds | None = Field(
        default=None, description="Limits that only warn, such as a `min` above the one that decides."
    )
    compare: Literal["paired", "point"] = Field(
        default="paired",
        description="How changes are held against their limits. paired: with the stated confidence, which may not be "
        "able to tell. point: the two values alone, which blocks half of the models that are as good.",
    )
    inconclusive: Policy | None = Field(
        default=None, description="What to do when the data cannot tell; default `gate.inconclusive`."
    )

    def kind(self, key: str) -> str:
        """Which metric this is, by the key that it stands under; empty for one of the user's own."""
        return "" if self.function is not None else self.metric or key

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.asked and self.warn is None:
            raise ValueError(f"give at least one of {', '.join(f'`{name}`' for name in Bounds.model_fields)}")
        if self.function is not None and self.metric is not None:
            raise ValueError("give either `metric` or `function`")
        if self.function is None:
            for name in ("value", "better"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`{name}` belongs to `function`")
        if self.average is not None and self.of_class is not None:
            raise ValueError("give either `average` or `class`")
        return self


def _known_metrics(metrics: dict[str, MetricLimits]) -> dict[str, MetricLimits]:
    if unknown := [key for key, limits in metrics.items() if limits.kind(key) not in ("", *METRIC_KINDS)]:
        unknown_keys(unknown)
    if problems := [problem for key, limits in metrics.items() for problem in _problems_of(key, limits)]:
        refuse(problems)
    return metrics


def _problems_of(key: str, limits: MetricLimits) -> list[tuple[Path_, str]]:
    kind = limits.kind(key)
    given: dict[str, Any] = {name: getattr(limits, "of_class" if name == "class" else name) for name in _OPTIONS}
    problems: list[tuple[Path_, str]] = [
        ((key, name), f"`{name}` means nothing for {kind or 'a metric of your own'}")
        for name, value in given.items()
        if value is not None and kind not in _OPTIONS[name]
    ]
    if kind == "f_beta" and limits.beta is None:
        problems.append(((key,), "f_beta needs `beta`"))
    if kind == "flip_rate" and (wrong := limits.asked.keys() - {"max"}):
        problems.append(((key,), f"flip_rate is of two versions already: `max` alone limits it, not `{min(wrong)}`"))
    return problems


MetricName = Annotated[str, Field(pattern=patterns.METRIC), Known(METRIC_KINDS)]
Metrics = Annotated[dict[MetricName, MetricLimits], AfterValidator(_known_metrics)]


class Slice(Section):
    """Examples that are also judged by themselves, one slice for each value of a feature. Each has to hold its limits."""

    feature: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The column: of the file of predictions, or one that data.load returns."
    )
    features: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        default=None,
        strict=False,
        min_length=2,
        max_length=4,
        description="Several columns, crossed: a slice for each combination of values that occurs.",
    )
    values: tuple[str | int | float | bool, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="Only these values of `feature`; one that never appears fails. Default: each that appears.",
    )
    quantiles: Annotated[int, Field(ge=2, le=100)] | None = Field(
        default=None, description="Cut the numbers of `feature` into so many slices of about as many examples."
    )
    min_examples: Annotated[int, Field(ge=1)] = Field(
        default=100, description="A slice with fewer is listed and not judged. 100: fewer settle next to nothing."
    )
    metrics: Metrics | None = Field(default=None, description="Limits of each slice; default those of `gate.metrics`.")
    inconclusive: Policy | None = Field(
        default=None, description="What to do where a slice cannot tell; default as the metric says."
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made from."""
        return self.features or (str(self.feature),)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.feature is None) == (self.features is None):
            raise ValueError("give either `feature` or `features`")
        if self.features is not None and (self.values is not None or self.quantiles is not None):
            raise ValueError("`values` and `quantiles` belong to a single `feature`")
        for name in self.columns:
            if name in _NO_FEATURES or re.fullmatch(r"(label|prediction)_\d+", name):
                raise ValueError(f"`{name}` is what is judged, or how rows are joined: no column to slice by")
        if self.values is not None and self.quantiles is not None:
            raise ValueError("give either `values` or `quantiles`")
        if self.features is not None and len(set(self.features)) < len(self.features):
            raise ValueError("`features` names a column twice")
        return self


class Gate(Section):
    """What a model must reach to be released. Without metrics nothing is approved."""

    metrics: Metrics = Field(
        default_factory=dict,
        description=f"Limits by metric: {', '.join(METRIC_KINDS)}; or by a name of your own, with `metric` or "
        "`function`. `loss` is log loss for classification and squared error for regression.",
    )
    slices: tuple[Slice, ...] = Field(
        default=(), strict=False, description="Parts of the examples that are also judged by themselves."
    )
    task: AnyTask = Field(
        default="auto",
        description="Default auto: two classes with one score are binary, several scores are multiclass, "
        "real-valued labels are regression. multilabel has to be said.",
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        default=0.95,
        description="Of each one-sided comparison with production. 0.95: one worse model in twenty gets through.",
    )
    inconclusive: Policy = Field(
        default="fail",
        description="When the data cannot tell: fail exits 4; warn and pass exit 0 and say so.",
    )
    sequential: bool = Field(
        default=False,
        description="Whether the gate is run again and again on new examples, such as every night: what it has seen "
        "adds up, and the confidence holds over all looks together, for all candidates against one production version.",
    )
    stream: Annotated[str, Field(pattern=patterns.NAME)] = Field(
        default="test",
        description="With `sequential`: what the stream of new examples is called. Under another name everything starts "
        "anew.",
    )
    scan: bool = Field(
        default=True,
        description="Whether files that run code when they are loaded are refused (exit 7): Lambda layers, pickles, "
        "Python in a SavedModel.",
    )
    serving: Serving = Field(
        default_factory=Serving.model_construct, description="What the model that is served must answer."
    )
    latency: Latency | None = Field(default=None, description="How quickly the real server answers one example.")
    max_size: Size | None = Field(
        default=None,
        description="The most that the model's files may have together: bytes, or a number and a unit, such as 500 MB.",
    )
    first_release: Literal["allow", "outside-jenkins"] = Field(
        default="outside-jenkins",
        description="Whether a model may be approved with no production version to compare with. By default not in a "
        "Jenkins build, where a lost store must not look like a first release.",
    )
