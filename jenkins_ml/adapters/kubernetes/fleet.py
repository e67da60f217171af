"""All models of a cluster at once."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.api import Api, Note
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.adapters.kubernetes.kinds import ROUTE, Object, version_of
from jenkins_ml.adapters.kubernetes.state import Objects, add_rollouts, explain, ours, read, serving_of
from jenkins_ml.adapters.target import Serving
from jenkins_ml.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """One model in one environment, as a cluster has it."""

    model: str
    environment: str
    namespace: str
    serving: Serving


def of_context(context: str | None, namespace: str | None, note: Note) -> list[Deployed]:
    """All models of the cluster of a context.

    Args:
        context: of the kubeconfig; None for the current one, or the pod's own account.
        namespace: None for all of them.
        note: takes a line when the API server is away.
    """
    return fleet(Api(connect(context), note), namespace)


def fleet(api: Api, namespace: str | None) -> list[Deployed]:
    """All models of a cluster, or of one namespace: five requests, one more where something is not ready, and two for Rollouts.

    Args:
        api: the API server.
        namespace: None for all of them.
    """
    objects = read(api, namespace, ours(), (ROUTE,))
    if _has_pods_of_others(objects):  # only then: most clusters have no Rollouts
        with contextlib.suppress(UsageError):  # not installed, or not ours to see
            add_rollouts(api, namespace, ours(), objects)
        explain(api, namespace, objects)
    parts = _by_model(objects)
    return [
        Deployed(
            model=model, environment=environment, namespace=place, serving=serving_of(part, *_addresses(part, model))
        )
        for (place, model, environment), part in sorted(parts.items())
    ]


def _has_pods_of_others(objects: Objects) -> bool:
    """Whether there are pods of versions that no Deployment brings up."""
    return not {_whose(pod) for pod in objects.pods} <= {_whose(deployment) for deployment in objects.deployments}


def _whose(thing: Object) -> tuple[str, str, str, int | None]:
    return (*_key(thing), version_of(thing))


def _key(thing: Object) -> tuple[str, str, str]:
    """Namespace, model and environment of an object."""
    meta = thing["metadata"]
    labels = meta.get("labels") or {}
    return meta["namespace"], labels.get(names.LABEL_MODEL, ""), labels.get(names.LABEL_ENVIRONMENT, "")


def _by_model(objects: Objects) -> Mapping[tuple[str, str, str], Objects]:
    """The objects of each (namespace, model, environment)."""
    parts: dict[tuple[str, str, str], Objects] = defaultdict(Objects)
    for name in ("deployments", "pods", "services", "slices", "routes"):
        for thing in getattr(objects, name):
            getattr(parts[_key(thing)], name).append(thing)
    for part in parts.values():
        part.events = objects.events
    return parts


def _addresses(objects: Objects, model: str) -> tuple[str | None, str | None]:
    """Where a model answers, over REST and gRPC: by its HTTPRoute, or within the cluster by the ports of its Service."""
    for route in objects.routes:
        if hosts := route["spec"].get("hostnames"):
            return f"http://{hosts[0]}/v1/models/{model}", None
    for service in objects.services:
        if version_of(service) is None:
            meta = service["metadata"]
            host = f"{meta['name']}.{meta['namespace']}.svc"
            ports = {port.get("name"): port["port"] for port in service["spec"].get("ports") or ()}
            return (
                f"http://{host}:{ports['rest']}/v1/models/{model}" if "rest" in ports else None,
                f"{host}:{ports['grpc']}" if "grpc" in ports else None,
            )
    return None, None
