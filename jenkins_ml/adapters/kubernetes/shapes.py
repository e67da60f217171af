"""What the objects of one environment look like, and what of its configuration the rest of this package asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.kinds import DEPLOYMENT, ROLLOUT, ROUTE, SERVICE, Kind, Object
from jenkins_ml.adapters.kubernetes.traffic import NOTE, Traffic
from jenkins_ml.adapters.target import Servable
from jenkins_ml.config.model import seconds
from jenkins_ml.config.serve import Serve
from jenkins_ml.core import replica_shares
from jenkins_ml.errors import UsageError
from jenkins_ml.rendering.kubernetes import naming
from jenkins_ml.rendering.kubernetes.objects import Objects
from jenkins_ml.rendering.kubernetes.pod import REST_PORT, Version, pinned

_WHOLE: Final = 100
_MOST_IN_PERCENT: Final = 50  # a share of so many beside as many is still told from the next one by a full percent


class Shapes:
    """One environment of a model.

    Args:
        model: its name.
        environment: its name.
        serve: the section, as it holds in this environment.
    """

    kinds_of_a_version: tuple[Kind, ...] = (SERVICE, DEPLOYMENT)
    port = REST_PORT

    def __init__(self, model: str, environment: str, serve: Serve) -> None:
        self._objects = Objects(model, environment, serve)
        self._serve, self._kubernetes = serve, serve.kubernetes
        self.model, self.environment = model, environment
        self.name, self.namespace = self._objects.name, self._objects.namespace
        self.labels = naming.labels(model, environment)
        self.server = serve.server.kind
        self.weighted = self._kubernetes.traffic == "httproute"
        self.argo = self._kubernetes.traffic == "argo-rollouts"
        self.kinds_added: tuple[Kind, ...] = ((ROUTE,) if self.weighted else ()) + ((ROLLOUT,) if self.argo else ())
        autoscale = self._kubernetes.autoscale
        self.autoscaled = autoscale is not None
        self.replicas = autoscale.min if autoscale is not None else self._kubernetes.replicas
        self.most = autoscale.max if autoscale is not None else self._kubernetes.replicas
        self.samples = serve.canary.shadow > 0 and self.server == "jenkins-ml"
        self.limit_ms = serve.canary.max_latency_p99_ms
        self.ready_seconds = seconds(self._kubernetes.ready_timeout)

    # --- what can be asked for -----------------------------------------------------------------------------------------
    def check(self, steps: tuple[int, ...]) -> None:
        """Make sure that traffic can be split in these steps.

        Raises:
            UsageError: it says which could be.
        """
        if not self.weighted and (problem := replica_shares.cannot_form(steps, self.replicas)):
            raise UsageError(
                problem, "change `serve.canary.steps` or `serve.kubernetes.replicas`, or use `traffic: httproute`"
            )

    def check_shadow(self, shadow: int) -> None:
        """Make sure that the pods can keep a sample of users' requests, where `shadow` is not 0.

        Raises:
            UsageError: they cannot.
        """
        if shadow and self.server != "jenkins-ml":
            raise UsageError(
                "users' requests cannot be sampled on Kubernetes where the pods run TensorFlow Serving: it keeps none",
                "set `serve.server.kind: jenkins-ml` and an image of our server, which does, or leave out "
                "`serve.canary.shadow`; recorded examples are replayed to both versions in any case",
            )

    def refuse_what_cannot_be(self) -> None:
        """Make sure that there is a way to move traffic, and one for the model to come into the pods."""
        if self.argo and self.most > _MOST_IN_PERCENT:
            raise UsageError(
                f"Argo counts shares in full percents, which say it exactly for up to {_MOST_IN_PERCENT} pods of each "
                f"version; production may have {self.most}",
                "lower `serve.kubernetes.replicas` or `autoscale.max`, or use `traffic: httproute`",
            )
        if self._serve.image is None and self._kubernetes.volume is None and self._kubernetes.object_store is None:
            raise UsageError(
                "the pods have no way to the model's files",
                "set `serve.image`, `serve.kubernetes.volume` or `serve.kubernetes.object_store`",
            )

    def canary_replicas(self, stable: int, weight: int) -> int:
        """How many pods the canary needs beside `stable` ones, for a share in percent.

        By weight as many as take that share of the load; by replicas as many as make it, or nearly, where production
        was scaled since the steps were checked.
        """
        if weight == _WHOLE:
            return stable
        if self.weighted:
            return max(1, math.ceil(stable * weight / _WHOLE))
        formed = replica_shares.replicas_for(weight, stable)
        return formed or min(stable, max(1, round(stable * weight / (_WHOLE - weight))))

    def first_replicas(self, stable: int) -> int:
        """How many pods a canary begins with beside `stable` ones."""
        return self.canary_replicas(stable, self._serve.canary.steps[0])

    # --- names ---------------------------------------------------------------------------------------------------------
    def selector(self, version: int | None) -> str:
        """The label selector of what we made here; or of one version of it."""
        labels = naming.selecting(self.model, self.environment, version)
        return ",".join(f"{label}={value}" for label, value in {names.LABEL_MANAGED_BY: names.OWNER, **labels}.items())

    def deployment(self, version: int) -> str:
        """The name of a version's Deployment."""
        return self._objects.of_version(version)

    def pinned(self, version: int) -> str:
        """The path of exactly one version over REST."""
        return pinned(self.model, version)

    def addresses(self, gateway: Callable[[str, str], str | None]) -> tuple[str | None, str | None]:
        """Where the model answers over REST, and over gRPC.

        Args:
            gateway: takes a namespace and the name of a Gateway there; answers its address, None for none.
        """
        entry = self._kubernetes.gateway
        if self.weighted and entry is not None:
            host = entry.hostnames[0] if entry.hostnames else gateway(entry.namespace or self.namespace, entry.name)
            if host is None:
                return None, None
            return f"http://{host}/v1/models/{self.model}", host if self._kubernetes.grpc else None
        host = f"{self.name}.{self.namespace}.svc"
        return f"http://{host}:{self._serve.rest_port}/v1/models/{self.model}", f"{host}:{self._serve.grpc_port}"

    # --- objects -------------------------------------------------------------------------------------------------------
    def shared(self, now: Traffic) -> list[Object]:
        """What is there once; the Service sends requests where it does now."""
        return [*self._objects.shared(), self.service(now)]

    def service(self, traffic: Traffic) -> Object:
        """The Service that users call."""
        if self.weighted or traffic.stable is None:
            return self._objects.service(None)
        selector = self._objects.selector(traffic.stable, traffic.canary, traffic.weight)
        return self._objects.service(selector, {NOTE: traffic.note})

    def route(self, traffic: Traffic) -> Object:
        """The HTTPRoute that users' requests take."""
        if traffic.stable is None:
            raise AssertionError("a route leads somewhere")
        return self._objects.route(traffic.stable, traffic.canary, traffic.weight, {NOTE: traffic.note})

    def of_version(self, servable: Servable, traffic: Traffic, image: str) -> list[Object]:
        """A version's objects, as they begin."""
        described = self._version(servable, traffic, image)
        service = [self._objects.version_service(described)] if self.weighted else []
        return [*service, self._objects.deployment(described)]

    def rollout(self, servable: Servable, traffic: Traffic, image: str) -> Object:
        """The Rollout of Argo whose newest version this is."""
        return self._objects.rollout(self._version(servable, traffic, image))

    def _version(self, servable: Servable, traffic: Traffic, image: str) -> Version:
        """A version as it begins: beside one in production with the pods of the first step."""
        beside = traffic.stable if traffic.stable != servable.version else None
        origin = servable.origin
        return Version(
            version=servable.version,
            image=image,
            stable=traffic.stable,
            replicas=self.replicas if beside is None else self.first_replicas(self.replicas),
            notes={
                names.NOTE_DIGEST: servable.reference.manifest_digest,
                names.NOTE_COMMIT: origin.commit or "",
                names.NOTE_RUN: origin.run or "",
                names.NOTE_BUILD: origin.build or "",
                names.NOTE_RELEASE: "" if origin.release is None else str(origin.release),
                names.NOTE_BY: servable.by,
                names.NOTE_IMAGE: image,
            },
        )

    def autoscaler(self, version: int) -> Object | None:
        """The HorizontalPodAutoscaler of the version that has all requests; None where none is configured."""
        return self._objects.autoscaler(version)
