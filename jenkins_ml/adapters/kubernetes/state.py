"""What runs, out of lists of objects; as many requests for one model as for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes import causes, rollouts
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.kinds import (
    DEPLOYMENT,
    GATEWAY,
    POD,
    REPLICASET,
    ROLLOUT,
    ROUTE,
    SERVICE,
    SLICE,
    Kind,
    Object,
    version_of,
)
from jenkins_ml.adapters.kubernetes.readiness import is_complete, warnings
from jenkins_ml.adapters.kubernetes.traffic import Traffic, of_route, of_service
from jenkins_ml.adapters.target import Running, Serving
from jenkins_ml.errors import UsageError

# The label that Kubernetes puts on the EndpointSlices of a Service.
_SLICE_OF: Final = "kubernetes.io/service-name"


@dataclass
class Objects:
    """The objects of one model in one environment."""

    deployments: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    services: list[Object] = field(default_factory=list)
    slices: list[Object] = field(default_factory=list)
    routes: list[Object] = field(default_factory=list)
    events: list[Object] = field(default_factory=list)


def ours(model: str | None = None, environment: str | None = None, version: int | None = None) -> str:
    """The label selector of what we made: all of it, or of a model, an environment and a version."""
    wanted = {
        names.LABEL_MANAGED_BY: names.OWNER,
        names.LABEL_MODEL: model,
        names.LABEL_ENVIRONMENT: environment,
        names.LABEL_VERSION: None if version is None else str(version),
    }
    return ",".join(f"{label}={value}" for label, value in wanted.items() if value is not None)


def read(api: Api, namespace: str | None, selector: str, added: tuple[Kind, ...]) -> Objects:
    """All objects that a selector finds: four requests, one or two more for what is added, one where something is not ready.

    Args:
        api: the API server.
        namespace: None for all namespaces.
        selector: of labels.
        added: kinds beside those of Kubernetes itself: HTTPRoutes, Rollouts.
    """

    def listed(kind: Kind) -> list[Object]:
        try:
            return list(api.list(kind, namespace, selector)["items"])
        except UsageError:
            if kind is ROUTE:  # Gateway API is not installed, or not ours to see
                return []
            raise

    kinds = (DEPLOYMENT, POD, SERVICE, SLICE, *((ROUTE,) if ROUTE in added else ()))
    with ThreadPoolExecutor(len(kinds), thread_name_prefix="state") as pool:
        found = list(pool.map(listed, kinds))
    objects = Objects(*found)
    if ROLLOUT in added:
        add_rollouts(api, namespace, selector, objects)
    explain(api, namespace, objects)
    return objects


def explain(api: Api, namespace: str | None, objects: Objects) -> None:
    """Add the events that may say why something is not ready, where something is not: one request."""
    if not objects.events and any(not is_complete(deployment) for deployment in objects.deployments):
        objects.events = warnings(api, namespace)


def add_rollouts(api: Api, namespace: str | None, selector: str, objects: Objects) -> None:
    """Add what Rollouts bring up, beside the Deployments: two requests."""
    found = api.list(ROLLOUT, namespace, selector)["items"]
    sets = api.list(REPLICASET, namespace, selector)["items"] if found else []
    objects.deployments += rollouts.views_of(found, sets)


def traffic_of(objects: Objects) -> Traffic:
    """Where users' requests go."""
    versions = {
        service["metadata"]["name"]: number
        for service in objects.services
        if (number := version_of(service)) is not None
    }
    for route in objects.routes:
        if (traffic := of_route(route, versions)) is not None:
            return traffic
    for service in objects.services:
        if version_of(service) is None and (traffic := of_service(service, objects.deployments)) is not None:
            return traffic
    return Traffic()


def serving_of(objects: Objects, rest: str | None, grpc: str | None) -> Serving:
    """What runs.

    Args:
        objects: of one model in one environment.
        rest: where it answers, once a version gets traffic.
        grpc: the same over gRPC.
    """
    traffic = traffic_of(objects)
    pods: dict[int | None, list[Object]] = defaultdict(list)
    for pod in objects.pods:
        pods[version_of(pod)].append(pod)
    versions = tuple(
        _running(deployment, number, pods[number], objects.events)
        for deployment in objects.deployments
        if (number := version_of(deployment)) is not None and "deletionTimestamp" not in deployment["metadata"]
    )
    answers = traffic.stable is not None
    return Serving(
        versions=tuple(sorted(versions, key=lambda running: running.version)),
        stable=traffic.stable,
        canary=traffic.canary,
        weight=traffic.weight,
        share=_share(objects, traffic),
        rest=rest if answers else None,
        grpc=grpc if answers else None,
    )


def _running(deployment: Object, version: int, pods: Sequence[Object], events: Iterable[Object]) -> Running:
    meta, status = deployment["metadata"], deployment.get("status") or {}
    notes = meta.get("annotations") or {}
    problem = ""
    if not is_complete(deployment):
        cause = causes.of_deployment(deployment) or causes.of_pods(pods, events)
        problem = cause.text if cause else "its pods are starting"
    return Running(
        version=version,
        manifest_digest=notes.get(names.NOTE_DIGEST),
        replicas=deployment["spec"]["replicas"],
        ready=status.get("readyReplicas", 0),
        image=_image(pods) or notes.get(names.NOTE_IMAGE),
        since=meta["creationTimestamp"],
        problem=problem,
    )


def _image(pods: Sequence[Object]) -> str | None:
    """What the server container runs, by digest, as the kubelet says it."""
    for pod in pods:
        server = pod["spec"]["containers"][0]["name"]
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            if container["name"] == server and container.get("imageID"):
                image: str = container["imageID"]
                return image.removeprefix("docker-pullable://")
    return None


def _share(objects: Objects, traffic: Traffic) -> float | None:
    """The canary's share of the endpoints that get requests, in percent."""
    if traffic.stable is None:
        return None
    if objects.routes:
        return float(traffic.weight)
    versions = {pod["metadata"]["name"]: version_of(pod) for pod in objects.pods}
    services = {service["metadata"]["name"] for service in objects.services if version_of(service) is None}
    ready = [
        versions.get((endpoint.get("targetRef") or {}).get("name"))
        for slice_ in objects.slices
        if slice_["metadata"]["labels"].get(_SLICE_OF) in services
        for endpoint in slice_.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready")
    ]
    if not ready or traffic.canary is None:
        return 0.0 if ready else None
    return 100 * sum(version == traffic.canary for version in ready) / len(ready)


def gateway_address(api: Api, namespace: str, name: str) -> str | None:
    """The address of a Gateway; None where it has none, or we may not look."""
    try:
        gateway = api.get(GATEWAY, namespace, name)
    except UsageError:
        return None
    addresses = ((gateway or {}).get("status") or {}).get("addresses") or ()
    return addresses[0]["value"] if addresses else None
