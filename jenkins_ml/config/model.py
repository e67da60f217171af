"""The shape of jenkins-ml.yaml. Each field says what, its unit, its default and why that default.

docs/configuration.md and the JSON Schema are made from these descriptions, so they are written for users.
"""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from jenkins_ml.config import patterns, rules
from jenkins_ml.config.jenkins import Jenkins
from jenkins_ml.config.section import Duration, Section, Timeout, refuse
from jenkins_ml.names import DEFAULT_STORE

Name = Annotated[str, Field(pattern=patterns.NAME)]
Function = Annotated[str, Field(pattern=patterns.FUNCTION)]
Command = Annotated[str, Field(min_length=1)]
MetricName = Literal["accuracy", "precision", "recall", "f1", "loss", "roc_auc"]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Data(Section):
    """Where the examples come from."""

    load: Function = Field(
        description='"module:function", called as load(split) with "train" or "test"; it returns (features, labels): '
        "arrays, a dictionary of named feature arrays, or an iterable of such batches (a tf.data.Dataset, for example)."
    )


class Test(Section):
    """The tests of the model's code."""

    command: Command = Field(
        description="Run by the shell in the folder of this file; any exit code but 0 fails the stage."
    )
    timeout: Timeout = Field(
        default=timedelta(minutes=30), description="Ended after this long; tests rarely need more."
    )


class Train(Section):
    """How a model is trained: by a function, or by a command that leaves a model behind."""

    entrypoint: Function | None = Field(
        default=None,
        description='"module:function", called as train(data, **params) with what load("train") returned; '
        "it returns the trained model.",
    )
    command: Command | None = Field(
        default=None, description="A training script as it is today, run by the shell; it writes `output`."
    )
    output: str | None = Field(
        default=None,
        min_length=1,
        description="What `command` leaves behind: a .h5 or .keras file, or the folder of a SavedModel. "
        "Relative to this file.",
    )
    params: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Keyword arguments of the entrypoint; for a command, one JSON object in JENKINS_ML_PARAMS.",
    )
    framework: Literal["keras"] = Field(default="keras", description="What made the model.")
    timeout: Timeout = Field(
        default=timedelta(hours=24), description="Training is ended after this long: a guard, not a schedule."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.entrypoint is None) == (self.command is None):
            raise ValueError("give either `entrypoint` or `command`")
        if self.command is not None and self.output is None:
            raise ValueError("`command` needs `output`: the model that it writes")
        if self.entrypoint is not None and self.output is not None:
            raise ValueError("`output` belongs to `command`; an entrypoint returns its model")
        return self


Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


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

    warn: WarningBounds | None = Field(
        default=None, description="Limits that only warn, such as a `min` above the one that decides."
    )
    compare: Literal["paired", "point"] = Field(
        default="paired",
        description="How changes are held against their limits. paired: with the stated confidence, which may not be "
        "able to tell. point: the two values alone, which blocks half of the models that are as good.",
    )
    average: Literal["macro", "micro", "weighted"] | None = Field(
        default=None,
        description="For precision, recall, f1 and roc_auc over several classes. "
        "Default macro: every class counts the same.",
    )
    inconclusive: Literal["fail", "warn", "pass"] | None = Field(
        default=None, description="What to do when the data cannot tell; default `gate.inconclusive`."
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.asked and self.warn is None:
            raise ValueError(f"give at least one of {', '.join(f'`{name}`' for name in Bounds.model_fields)}")
        return self


class Gate(Section):
    """What a model must reach to be released. Without metrics nothing is approved."""

    metrics: dict[MetricName, MetricLimits] = Field(
        default_factory=dict,
        description="Limits by metric: accuracy, precision, recall, f1, loss, roc_auc. `loss` is log loss for "
        "classification and squared error for regression.",
    )
    task: Literal["auto", "binary", "multiclass", "regression"] = Field(
        default="auto",
        description="Default auto: two classes with one score are binary, several scores are multiclass, "
        "real-valued labels are regression.",
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        default=0.95,
        description="Of each one-sided comparison with production. 0.95: one worse model in twenty gets through.",
    )
    inconclusive: Literal["fail", "warn", "pass"] = Field(
        default="fail",
        description="When the data cannot tell: fail exits 4; warn and pass exit 0 and say so.",
    )
    first_release: Literal["allow", "outside-jenkins"] = Field(
        default="outside-jenkins",
        description="Whether a model may be approved with no production version to compare with. By default not in a "
        "Jenkins build, where a lost store must not look like a first release.",
    )


class Canary(Section):
    """How traffic moves to a new version, and what stops it."""

    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(
        default=(5, 25, 50, 100),
        strict=False,
        min_length=1,
        description="Percent of the traffic, rising, ending with 100. First a small one: few users meet a bad version.",
    )
    interval: Duration = Field(
        default=timedelta(seconds=60),
        description="How long each step is watched before the next; a release takes this long for every step.",
    )
    max_error_rate_increase: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.01,
        description="How much higher the canary's share of failed or NaN answers may be than production's; a share "
        "between 0 and 1. 0.01: one answer in a hundred.",
    )
    max_latency_p99_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="99 of 100 of the canary's answers must be this quick, in milliseconds. Default: not looked at.",
    )
    min_requests: Annotated[int, Field(ge=20, le=100_000)] = Field(
        default=100,
        description="Answers of the canary that each step needs; where live traffic brings fewer, the gate's examples "
        "are replayed to both versions. 100: fewer have no 99th percentile.",
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if list(self.steps) != sorted(set(self.steps)) or self.steps[-1] != 100:
            raise ValueError("`steps` rise and end with 100, such as [5, 25, 50, 100]")
        return self


class Serve(Section):
    """Where the model is served, and how a new version gets there."""

    target: Literal["local"] = Field(default="local", description="local: the embedded server on this machine.")
    environment: Name = Field(
        default="production", description="Name of what is released to; each has its own history."
    )
    release_branch: Annotated[str, Field(min_length=1)] = Field(
        default="main", description="Only this branch releases; every other one trains and gates."
    )
    rest_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8501,
        description="Loopback port of the REST interface, as TensorFlow Serving has it; 0 takes a free one.",
    )
    grpc_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8500,
        description="Loopback port of the gRPC interface, as TensorFlow Serving has it; 0 takes a free one.",
    )
    canary: Canary = Field(
        default_factory=Canary.model_construct, description="Steps, interval and limits of the canary."
    )


class Config(Section):
    """jenkins-ml.yaml as a whole."""

    model: Name = Field(
        description="Name of the model: small letters, digits, '.', '_' and '-'. It names folders, metrics and URLs."
    )
    data: Data = Field(description="Where the examples come from.")
    test: Test | None = Field(
        default=None, description="The tests of the model's code; without it the stage is left out."
    )
    train: Train = Field(description="How a model is trained.")
    gate: Gate = Field(default_factory=Gate.model_construct, description="What a model must reach.")
    serve: Serve = Field(default_factory=Serve.model_construct, description="Where and how it is released.")
    jenkins: Jenkins = Field(
        default_factory=Jenkins.model_construct, description="What the generated Jenkinsfile needs."
    )
    store: Annotated[str, Field(min_length=1)] = Field(
        default=DEFAULT_STORE,
        description="Folder of the model store, relative to this file; absolute in Jenkins, where workspaces are "
        "wiped. JENKINS_ML_STORE overrides it.",
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if problems := [*rules.problems(self)]:
            refuse(problems)
        return self


def seconds(duration: timedelta) -> float:
    """A duration in seconds."""
    return duration / timedelta(seconds=1)
