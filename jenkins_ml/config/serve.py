"""The shape of the `serve` section: where a model is served, how a new version gets there, and in which environments."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from jenkins_ml.config import patterns
from jenkins_ml.config.docker import DockerServing
from jenkins_ml.config.kubernetes import KubernetesServing
from jenkins_ml.config.section import Duration, Section, Timeout, refuse

Name = Annotated[str, Field(pattern=patterns.NAME)]
Port = Annotated[int, Field(ge=0, le=65535)]
Target = Literal["local", "docker", "kubernetes"]


class Canary(Section):
    """How traffic moves to a new version, and what stops it."""

    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(
        default=(5, 25, 50, 100),
        strict=False,
        min_length=1,
        description="Percent of the traffic, rising, ending with 100. First a small one: few users meet a bad version.",
    )
    shadow: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0,
        description="Percent of users' REST requests that are put to both versions in a step before the others: their "
        "answers are compared in pairs, and users see production's only. 0: no such step. On Kubernetes only where the "
        "pods run our server (`serve.server.kind: jenkins-ml`).",
    )
    interval: Duration = Field(
        default=timedelta(seconds=60),
        description="How long each step is watched before the next; a release takes this long for every step.",
    )
    deadline: Timeout | None = Field(
        default=None,
        description="A release that the judge could not decide by then is inconclusive: traffic goes back to production, "
        "exit code 4. Default: an hour, or twice what all steps take if that is longer.",
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
    max_latency_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="How many times as long as production the canary may take to answer, such as 1.5; rounded up to the "
        "bounds of latency that the server counts by. Default: not looked at.",
    )
    max_prediction_shift: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1,
        description="How far the distribution of the canary's predictions may be from production's: the share of "
        "predictions that have moved to another class, or range of values, net. 0.1: one in ten. 1: not looked at.",
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
        if self.deadline is not None and self.deadline <= self._steps_take:
            refuse([(("deadline",), "must be longer than all steps together take: `interval` times their number")])
        return self

    @property
    def decided_within(self) -> timedelta:
        """The deadline that holds."""
        return self.deadline if self.deadline is not None else max(timedelta(hours=1), 2 * self._steps_take)

    @property
    def _steps_take(self) -> timedelta:
        """How long all steps are watched together."""
        return (len(self.steps) + bool(self.shadow)) * self.interval


class Image(Section):
    """An image with the model inside, built by `serve`. Only its last layer differs from version to version."""

    repository: Annotated[str, Field(pattern=patterns.IMAGE)] = Field(
        description="What it is called, without a tag, such as registry.example.com/ml/digits; the tag is the version."
    )
    push: bool = Field(
        default=True,
        description="Whether it is pushed to the registry in its name. false: only the engine that built it has it.",
    )


class Server(Section):
    """The model server that Docker and Kubernetes run; the local target has the embedded one."""

    image: Annotated[str, Field(pattern=patterns.IMAGE_REFERENCE)] = Field(
        default="tensorflow/serving:2.19.1",
        description="Its image. Named by a tag; what the tag meant at deployment is recorded by digest.",
    )
    kind: Literal["tensorflow-serving", "jenkins-ml"] = Field(
        default="tensorflow-serving",
        description="What the image runs. tensorflow-serving: its metrics know no version. jenkins-ml: our server, with "
        "the same command line and answers.",
    )
    arguments: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), strict=False, description="Further arguments of the server, such as --enable_batching."
    )


class Environment(Section):
    """What is different in one environment. What it does not name is as `serve` has it."""

    target: Target | None = Field(default=None, description="Where this environment runs.")
    after: Name | None = Field(
        default=None,
        description="Only a version that is in production in that environment is released here: the same version, by "
        "the same digest.",
    )
    approval: bool = Field(
        default=False,
        description="Whether somebody has to agree: by the input of the Jenkinsfile, or by a signed approval "
        "(`jenkins-ml approve`).",
    )
    canary: Canary | None = Field(default=None, description="Steps, interval and limits here.")
    keep_warm: Duration | None = Field(default=None, description="How long the version before stays here.")
    rest_port: Port | None = Field(default=None, description="Port of the REST interface here.")
    grpc_port: Port | None = Field(default=None, description="Port of the gRPC interface here.")
    docker: DockerServing | None = Field(default=None, description="Docker here.")
    kubernetes: KubernetesServing | None = Field(default=None, description="Kubernetes here.")


class Serve(Section):
    """Where the model is served, and how a new version gets there."""

    target: Target = Field(
        default="local",
        description="local: the embedded server on this machine. docker: containers behind a proxy. kubernetes: "
        "Deployments behind a Service.",
    )
    environment: Name = Field(
        default="production", description="Name of what is released to; each has its own history."
    )
    environments: dict[Name, Environment] = Field(
        default_factory=dict,
        description="Environments that differ from the rest of this section, such as staging before production.",
    )
    release_branch: Annotated[str, Field(min_length=1)] = Field(
        default="main", description="Only this branch releases; every other one trains and gates."
    )
    rest_port: Port = Field(
        default=8501,
        description="Loopback port of the REST interface, as TensorFlow Serving has it; 0 takes a free one. On "
        "Kubernetes the port of the Service.",
    )
    grpc_port: Port = Field(
        default=8500,
        description="Loopback port of the gRPC interface, as TensorFlow Serving has it; 0 takes a free one. On "
        "Kubernetes the port of the Service.",
    )
    canary: Canary = Field(
        default_factory=Canary.model_construct, description="Steps, interval and limits of the canary."
    )
    keep_warm: Duration = Field(
        default=timedelta(hours=24),
        description="How long the version before stays ready after a release, so that a rollback is a switch of traffic. "
        "Later it is taken out by the next command that changes the environment, or by `jenkins-ml monitor`. A day: most "
        "regressions show by then.",
    )
    server: Server = Field(
        default_factory=Server.model_construct, description="The model server of Docker and Kubernetes."
    )
    image: Image | None = Field(
        default=None,
        description="An image with the model inside. Without it Docker copies the files into the container, and "
        "Kubernetes takes them from a volume or an object store.",
    )
    docker: DockerServing = Field(default_factory=DockerServing.model_construct, description="For `target: docker`.")
    kubernetes: KubernetesServing = Field(
        default_factory=KubernetesServing.model_construct, description="For `target: kubernetes`."
    )

    def of(self, environment: str) -> Self:
        """This section as it holds in one environment: what the environment names replaces what stands here."""
        own = self.environments.get(environment)
        if own is None:
            return self
        given = {
            name: value
            for name in ("target", "canary", "keep_warm", "rest_port", "grpc_port", "docker", "kubernetes")
            if (value := getattr(own, name)) is not None
        }
        return self.model_copy(update=given)
