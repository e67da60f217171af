"""The shape of jenkins-ml.yaml. Each field says what, its unit, its default and why that default.

docs/configuration.md and the JSON Schema are made from these descriptions, so they are written for users.
"""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from jenkins_ml.config import patterns, rules
from jenkins_ml.config.gate import Function, Gate
from jenkins_ml.config.jenkins import Jenkins
from jenkins_ml.config.monitor import Monitor
from jenkins_ml.config.section import Section, Timeout, refuse
from jenkins_ml.config.serve import Serve
from jenkins_ml.names import DEFAULT_STORE

Name = Annotated[str, Field(pattern=patterns.NAME)]
Command = Annotated[str, Field(min_length=1)]


class Data(Section):
    """Where the examples come from."""

    load: Function = Field(
        description='"module:function", called as load(split) with "train" or "test"; it returns (features, labels): '
        "arrays, a dictionary of named feature arrays, or an iterable of such batches (a tf.data.Dataset, for example). "
        'For "test" a third part may name columns that the gate slices by, and `weight`: a dictionary of arrays.'
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
    monitor: Monitor | None = Field(
        default=None,
        description="What is watched once it is served, and what happens then. Without this section nothing is generated "
        "for Prometheus, Grafana or Elasticsearch; `monitor: {}` takes all defaults.",
    )
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
