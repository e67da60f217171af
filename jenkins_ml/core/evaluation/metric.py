"""Which metrics there are: for which tasks, which way is better, and how each is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml.config.gate import Average, MetricLimits, Task

Family = Literal[
    "tallies",  # from how many examples of which class were predicted as which
    "means",  # from the mean of a number for each example
    "ranks",  # from the order of the scores
    "calibration",
    "flips",
    "own",  # the user's
]

_CLASSES: Final = frozenset[Task]({"binary", "multiclass"})
_LABELS: Final = frozenset[Task]({"binary", "multiclass", "multilabel"})
_VALUES: Final = frozenset[Task]({"regression"})

# kind -> its family and the tasks that have it
_KINDS: Final[Mapping[str, tuple[Family, frozenset[Task]]]] = {
    "accuracy": ("tallies", _LABELS),
    "balanced_accuracy": ("tallies", _CLASSES),
    "precision": ("tallies", _LABELS),
    "recall": ("tallies", _LABELS),
    "specificity": ("tallies", _LABELS),
    "f1": ("tallies", _LABELS),
    "f_beta": ("tallies", _LABELS),
    "mcc": ("tallies", _CLASSES),
    "top_k_accuracy": ("means", frozenset[Task]({"multiclass"})),
    "loss": ("means", _LABELS | _VALUES),
    "log_loss": ("means", _LABELS),
    "brier": ("means", _LABELS),
    "calibration_error": ("calibration", _CLASSES),
    "roc_auc": ("ranks", _LABELS),
    "pr_auc": ("ranks", _LABELS),
    "flip_rate": ("flips", _CLASSES),
    "mse": ("means", _VALUES),
    "rmse": ("means", _VALUES),
    "mae": ("means", _VALUES),
    "mape": ("means", _VALUES),
    "r2": ("means", _VALUES),
    "quantile_loss": ("means", _VALUES),
}
_LOWER_IS_BETTER: Final = frozenset(
    {
        *("loss", "log_loss", "brier", "calibration_error", "flip_rate"),
        *("mse", "rmse", "mae", "mape", "quantile_loss"),
    }
)
THRESHOLD: Final = 0.5  # a score from here on means class 1, or that a label holds

# What is measured of every model, asked for or not.
ALWAYS: Final[Mapping[Task, tuple[str, ...]]] = {
    "binary": ("accuracy", "precision", "recall", "f1", "loss", "roc_auc"),
    "multiclass": ("accuracy", "precision", "recall", "f1", "loss", "roc_auc"),
    "multilabel": ("accuracy", "precision", "recall", "f1", "loss"),
    "regression": ("loss", "mae", "r2"),
}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric as it is asked for.

    Args:
        name: its key in the configuration.
        kind: one of `config.gate.METRIC_KINDS`; empty for one of the user's own.
        average: over the classes, for several of them.
        of_class: of this class alone, instead of an average.
        threshold: from which score on it is class 1.
        beta: how many times as much recall counts as precision.
        k: how many classes an answer may name.
        quantile: that a regression predicts.
        lower_is_better: which way is better.
    """

    name: str
    kind: str
    average: Average = "macro"
    of_class: int | None = None
    threshold: float = THRESHOLD
    beta: float = 1.0
    k: int = 5
    quantile: float = 0.5
    lower_is_better: bool = False

    @property
    def family(self) -> Family:
        """How it is made."""
        return _KINDS[self.kind][0] if self.kind else "own"

    def fits(self, task: Task) -> bool:
        """Whether a model of this task has it."""
        return not self.kind or task in _KINDS[self.kind][1]


def asked(name: str, limits: MetricLimits) -> Metric:
    """The metric that a key of `gate.metrics` and its options ask for."""
    kind = limits.kind(name)
    given = {
        "average": limits.average,
        "of_class": limits.of_class,
        "threshold": limits.threshold,
        "beta": limits.beta,
        "k": limits.k,
        "quantile": limits.quantile,
    }
    lower = kind in _LOWER_IS_BETTER if kind else limits.better == "lower"
    return Metric(
        name=name,
        kind=kind,
        lower_is_better=lower,
        **{key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


def usual(kind: str) -> Metric:
    """A metric that nobody asked for, as it is measured of every model."""
    return Metric(name=kind, kind=kind, lower_is_better=kind in _LOWER_IS_BETTER)


def kinds_of(task: Task) -> tuple[str, ...]:
    """The metrics that a model of this task has."""
    return tuple(kind for kind, (_, tasks) in _KINDS.items() if task in tasks)
