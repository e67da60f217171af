"""The shape of `serve.kubernetes`: Deployments of versions behind a Service, in one namespace of a cluster."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from jenkins_ml.config import patterns
from jenkins_ml.config.section import Section, Timeout, refuse

Text = Annotated[str, Field(min_length=1)]
Object = Annotated[str, Field(pattern=patterns.OBJECT)]
Cpu = Annotated[str, Field(pattern=patterns.CPU)]
Memory = Annotated[str, Field(pattern=patterns.MEMORY)]
Label = Annotated[str, Field(pattern=patterns.LABEL)]
LabelValue = Annotated[str, Field(pattern=patterns.LABEL_VALUE)]


class Volume(Section):
    """Models from a persistent volume claim that holds the model store."""

    claim: Object = Field(description="Name of the claim; it is mounted read-only.")
    path: Annotated[str, Field(pattern=patterns.IN_REPOSITORY)] | None = Field(
        default=None, description="Folder of the model store in the volume; default its root."
    )


class ObjectStore(Section):
    """Models from an object store, copied by an init container when a pod starts."""

    url: Annotated[str, Field(pattern=patterns.OBJECT_URL)] = Field(
        description="Where the model store lies, such as s3://models/store."
    )
    image: Annotated[str, Field(pattern=patterns.IMAGE_REFERENCE)] = Field(
        description="Image of the init container: it has the command line that `command` calls."
    )
    command: tuple[Text, ...] = Field(
        strict=False,
        min_length=1,
        description='What copies a folder; "{source}" and "{target}" stand for its address and where it goes, such as '
        '[aws, s3, cp, --recursive, "{source}", "{target}"].',
    )
    secret: Object | None = Field(
        default=None, description="A Secret whose keys become environment variables of the init container."
    )


class Resources(Section):
    """What each server pod asks for; memory is also its limit, so that a node never kills its neighbours for it."""

    cpu: Cpu = Field(default="500m", description='CPUs that are requested, such as "2" or "500m".')
    cpu_limit: Cpu | None = Field(
        default=None, description="CPUs that it may take at most; default no limit: idle CPUs answer quicker."
    )
    memory: Memory = Field(default="1Gi", description="Memory, requested and the limit.")
    gpu: Annotated[int, Field(ge=0, le=64)] = Field(default=0, description="GPUs, requested and the limit.")
    gpu_resource: Annotated[str, Field(pattern=patterns.RESOURCE)] = Field(
        default="nvidia.com/gpu", description="What the cluster calls a GPU."
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.cpu_limit is not None and _cores(self.cpu_limit) < _cores(self.cpu):
            refuse([(("cpu_limit",), "must not be less than `cpu`, which is requested")])
        return self


def _cores(amount: str) -> float:
    """CPUs as Kubernetes writes them, as a number."""
    return float(amount.removesuffix("m")) / 1000 if amount.endswith("m") else float(amount)


class Autoscale(Section):
    """A HorizontalPodAutoscaler on the version in production."""

    min: Annotated[int, Field(ge=1, le=1000)] = Field(description="Replicas at least.")
    max: Annotated[int, Field(ge=1, le=1000)] = Field(description="Replicas at most.")
    cpu_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=70, description="How much of the requested CPUs the pods take on average before there are more of them."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max < self.min:
            raise ValueError("`max` is not less than `min`")
        return self


class Gateway(Section):
    """The Gateway that HTTPRoutes attach to (Gateway API)."""

    name: Object = Field(description="Name of the Gateway.")
    namespace: Object | None = Field(default=None, description="Its namespace; default the model's.")
    hostnames: tuple[Annotated[str, Field(pattern=patterns.HOST_NAME)], ...] = Field(
        default=(), strict=False, description="Host names that the route answers; default those of the Gateway."
    )


class KubernetesServing(Section):
    """A Deployment a version behind one Service; traffic moves by replicas, or by weight where there is a Gateway."""

    context: Text | None = Field(
        default=None, description="Context of the kubeconfig; default the current one, or the pod's own account."
    )
    namespace: Object = Field(default="default", description="Namespace of everything that is made; it must exist.")
    traffic: Literal["replicas", "httproute", "argo-rollouts"] = Field(
        default="replicas",
        description="replicas: a plain Service, whose shares are those of the ready replicas; only steps that they can "
        "form, and refused for gRPC clients, whose connections stay with one pod. httproute: weights of Gateway API. "
        "argo-rollouts: one Rollout, whose shares Argo's controller forms by replicas; the release still decides.",
    )
    grpc: bool = Field(
        default=False,
        description="Whether clients call gRPC, which a plain Service cannot split: needs `traffic: httproute`.",
    )
    gateway: Gateway | None = Field(default=None, description="For `traffic: httproute`.")
    replicas: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=2, description="Replicas of the version in production. 2: one may go away."
    )
    autoscale: Autoscale | None = Field(default=None, description="Replicas by load, instead of `replicas`.")
    resources: Resources = Field(
        default_factory=Resources.model_construct, description="What each server pod asks for."
    )
    volume: Volume | None = Field(default=None, description="Models from a volume that holds the model store.")
    object_store: ObjectStore | None = Field(default=None, description="Models from an object store.")
    pull_secrets: tuple[Object, ...] = Field(
        default=(), strict=False, description="Secrets that pull images from private registries."
    )
    node_selector: dict[Label, LabelValue] = Field(
        default_factory=dict, description="Labels that the nodes must have, and their values."
    )
    clients: dict[Label, LabelValue] = Field(
        default_factory=dict,
        description="Labels of the pods that may call the model, in any namespace; default every pod. For the "
        "NetworkPolicy.",
    )
    ready_timeout: Timeout = Field(
        default=timedelta(minutes=10),
        description="Within which all pods of a version have to be ready and answer the golden prediction.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.traffic == "httproute" and self.gateway is None:
            raise ValueError("`traffic: httproute` needs `gateway`")
        if self.grpc and self.traffic != "httproute":
            raise ValueError("`grpc: true` needs `traffic: httproute`: elsewhere a connection stays with one pod")
        if self.volume is not None and self.object_store is not None:
            raise ValueError("give either `volume` or `object_store`")
        return self
