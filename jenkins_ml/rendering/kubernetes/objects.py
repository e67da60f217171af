"""The objects that serve an environment: those that are there once, and those of each version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from jenkins_ml.config.model import seconds
from jenkins_ml.config.serve import Serve
from jenkins_ml.rendering.kubernetes import naming
from jenkins_ml.rendering.kubernetes.pod import GRPC_PORT, REST_PORT, Version, template

Object = dict[str, Any]

_METHODS: Final = ("predict", "classify", "regress")  # of TensorFlow Serving's REST interface
_ARGO: Final = "argoproj.io/v1alpha1"


class Objects:
    """What serves one environment of a model. Every method answers new objects, in the form in which they are applied.

    Args:
        model: its name.
        environment: its name.
        serve: the section, as it holds in this environment.
    """

    def __init__(self, model: str, environment: str, serve: Serve) -> None:
        self.model = model
        self.environment = environment
        self.serve = serve
        self.name = naming.base(model, environment)
        self.namespace = serve.kubernetes.namespace

    # --- once ----------------------------------------------------------------------------------------------------------
    def account(self) -> Object:
        """The account that the pods run as. It has no rights, and no token of it is in a pod."""
        return {**self._object("v1", "ServiceAccount"), "automountServiceAccountToken": False}

    def budget(self) -> Object:
        """One pod at a time may be taken away for maintenance. With a single replica that is the only one: it says so."""
        spec = {
            "maxUnavailable": 1,
            "selector": {"matchLabels": naming.selecting(self.model, self.environment)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        }
        return {**self._object("policy/v1", "PodDisruptionBudget"), "spec": spec}

    def policy(self) -> Object:
        """Who may call the pods, and whom they may call: nobody, unless an object store has to be reached."""
        clients = self.serve.kubernetes.clients
        callers = [{"namespaceSelector": {}, "podSelector": {"matchLabels": dict(clients)}}] if clients else []
        ports = [{"protocol": "TCP", "port": port} for port in (REST_PORT, GRPC_PORT)]
        rule: Object = {"from": callers, "ports": ports} if callers else {"ports": ports}
        spec: Object = {
            "podSelector": {"matchLabels": naming.selecting(self.model, self.environment)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [rule],
        }
        # No rule is no way out. An empty list would say so too, but the API server leaves those out.
        if self.serve.kubernetes.object_store is not None:
            spec["egress"] = [{}]
        return {**self._object("networking.k8s.io/v1", "NetworkPolicy"), "spec": spec}

    def service(self, selector: Mapping[str, str] | None, notes: Mapping[str, str] | None = None) -> Object:
        """The Service that users call.

        Args:
            selector: of the pods that answer them; None where an HTTPRoute sends them elsewhere, or nothing is served yet.
            notes: annotations.
        """
        service = self._object("v1", "Service", notes=notes)
        spec: Object = {"type": "ClusterIP", "ports": self._ports()}
        if selector is not None:
            spec["selector"] = dict(selector)
        return {**service, "spec": spec}

    def selector(self, stable: int, canary: int | None, weight: int) -> dict[str, str]:
        """Whom the Service selects: one version, or stable and its canary while that gets a share."""
        if canary is None or weight == 0:
            return naming.selecting(self.model, self.environment, stable)
        if weight == 100:
            return naming.selecting(self.model, self.environment, canary)
        return {**naming.selecting(self.model, self.environment), naming.release_label(stable): "yes"}

    def selector_of_all(self) -> dict[str, str]:
        """Whom the Service selects where others decide which pods there are: all of them."""
        return naming.selecting(self.model, self.environment)

    def route(self, stable: int, canary: int | None, weight: int, notes: Mapping[str, str] | None = None) -> Object:
        """The HTTPRoute that splits requests by weight. REST and gRPC, which is HTTP/2, move together by one write."""
        gateway = self.serve.kubernetes.gateway
        if gateway is None:
            raise ValueError("weights need a Gateway: the configuration makes sure that there is one")
        parent = {"name": gateway.name, **({"namespace": gateway.namespace} if gateway.namespace else {})}
        shares = [(stable, 100 - weight if canary is not None else 100)]
        if canary is not None:
            shares.append((canary, weight))
        rest = f"/v1/models/{self.model}"
        # A prefix ends where a part of the path does: it has /versions/7:predict, and not :predict.
        paths = [("PathPrefix", rest), *(("Exact", f"{rest}:{method}") for method in _METHODS)]
        rules = [self._rule(paths, self.serve.rest_port, shares)]
        if self.serve.kubernetes.grpc:
            service = [("PathPrefix", "/tensorflow.serving.PredictionService")]
            rules.append(self._rule(service, self.serve.grpc_port, shares))
        spec: Object = {"parentRefs": [parent], "rules": rules}
        if gateway.hostnames:
            spec["hostnames"] = list(gateway.hostnames)
        return {**self._object("gateway.networking.k8s.io/v1", "HTTPRoute", notes=notes), "spec": spec}

    def autoscaler(self, version: int) -> Object | None:
        """The HorizontalPodAutoscaler of the version in production; None where none is asked for."""
        autoscale = self.serve.kubernetes.autoscale
        if autoscale is None:
            return None
        target = {"type": "Utilization", "averageUtilization": autoscale.cpu_percent}
        scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.of_version(version)}
        if self.serve.kubernetes.traffic == "argo-rollouts":
            scaled = {"apiVersion": _ARGO, "kind": "Rollout", "name": self.name}
        spec = {
            "scaleTargetRef": scaled,
            "minReplicas": autoscale.min,
            "maxReplicas": autoscale.max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        return {**self._object("autoscaling/v2", "HorizontalPodAutoscaler"), "spec": spec}

    def shared(self) -> list[Object]:
        """What is there once, besides the Service and what moves traffic."""
        return [self.account(), self.policy(), self.budget()]

    # --- of a version --------------------------------------------------------------------------------------------------
    def of_version(self, version: int) -> str:
        """The name of what belongs to one version."""
        return naming.of_version(self.name, version)

    def deployment(self, version: Version) -> Object:
        """The Deployment of one version."""
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        selector = naming.selecting(self.model, self.environment, version.version)
        spec = self._pods(version, selector, strategy)
        return {**self._object("apps/v1", "Deployment", version.version, version.notes), "spec": spec}

    def version_service(self, version: Version) -> Object:
        """The Service of one version alone, which an HTTPRoute gives a weight."""
        spec = {
            "type": "ClusterIP",
            "ports": self._ports(),
            "selector": naming.selecting(self.model, self.environment, version.version),
        }
        return {**self._object("v1", "Service", version.version), "spec": spec}

    def rollout(self, version: Version) -> Object:
        """The Rollout of Argo, which takes the place of all Deployments: a new version is a change of its pods.

        Its steps are those of the canary. Argo's controller forms their shares by replicas, and judges nothing.
        """
        pause = {"pause": {"duration": f"{math.ceil(seconds(self.serve.canary.interval))}s"}}
        steps = [step for weight in self.serve.canary.steps[:-1] for step in ({"setWeight": weight}, pause)]
        strategy = {"canary": {"maxUnavailable": 0, "maxSurge": 1, "steps": steps}}
        spec = self._pods(version, self.selector_of_all(), strategy)
        return {**self._object(_ARGO, "Rollout", notes=version.notes), "spec": spec}

    # --- parts ---------------------------------------------------------------------------------------------------------
    def _pods(self, version: Version, selector: dict[str, str], strategy: Object) -> Object:
        """What a Deployment and a Rollout say alike."""
        spec: Object = {
            "selector": {"matchLabels": selector},
            "strategy": strategy,
            "revisionHistoryLimit": 1,
            "progressDeadlineSeconds": max(1, math.ceil(seconds(self.serve.kubernetes.ready_timeout))),
            "template": template(self.model, self.environment, self.serve, version),
        }
        return spec if version.replicas is None else {"replicas": version.replicas, **spec}

    def _ports(self) -> list[Object]:
        return [
            {"name": "rest", "port": self.serve.rest_port, "targetPort": "rest", "protocol": "TCP"},
            {
                "name": "grpc",
                "port": self.serve.grpc_port,
                "targetPort": "grpc",
                "protocol": "TCP",
                "appProtocol": "kubernetes.io/h2c",
            },
        ]

    def _rule(self, paths: list[tuple[str, str]], port: int, shares: list[tuple[int, int]]) -> Object:
        """A rule for any of these paths; each with how it is matched."""
        backends = [{"name": self.of_version(version), "port": port, "weight": weight} for version, weight in shares]
        matches = [{"path": {"type": kind, "value": path}} for kind, path in paths]
        return {"matches": matches, "backendRefs": backends}

    def _object(
        self, api: str, kind: str, version: int | None = None, notes: Mapping[str, str] | None = None
    ) -> Object:
        metadata: Object = {
            "name": self.name if version is None else self.of_version(version),
            "namespace": self.namespace,
            "labels": naming.labels(self.model, self.environment, version),
        }
        if notes:
            metadata["annotations"] = dict(notes)
        return {"apiVersion": api, "kind": kind, "metadata": metadata}
