"""The pods of a version: one model server, without rights, that answers nothing before its model is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from jenkins_ml import names
from jenkins_ml.config.kubernetes import KubernetesServing, ObjectStore, Resources, Volume
from jenkins_ml.config.model import seconds
from jenkins_ml.config.serve import Serve
from jenkins_ml.core.origin import variable
from jenkins_ml.rendering.kubernetes import naming
from jenkins_ml.rendering.kubernetes.quantity import canonical

Object = dict[str, Any]

REST_PORT: Final = 8501
GRPC_PORT: Final = 8500
CONTAINER: Final = "server"
MODELS: Final = "/models"
MONITORING: Final = "/monitoring/prometheus/metrics"  # where TensorFlow Serving has its metrics once it is told to
_MONITORING_NOTE: Final = "jenkins-ml.io/monitoring-config"
_MONITORING_FOLDER: Final = "/etc/jenkins-ml"
_MONITORING_FILE: Final = "monitoring.config"
# The Secret that lets the deployer, and nobody else, take a sample of users' requests from our server.
SAMPLE_KEY: Final = "token"
_SAMPLE_FOLDER: Final = "/etc/jenkins-ml/sample"
_TOKEN_FILE: Final = {"name": names.ENV_SAMPLE_TOKEN_FILE, "value": f"{_SAMPLE_FOLDER}/{SAMPLE_KEY}"}
# What the log of our server says of its version: as annotations, which need not be there, so that these stand at one place only.
_ORIGIN: Final = {
    "run": names.NOTE_RUN,
    "commit": names.NOTE_COMMIT,
    "build": names.NOTE_BUILD,
    "release": names.NOTE_RELEASE,
}
_USER: Final = 10001  # any but root; model files are readable by everybody
_FOR_GROUP: Final = 0o440
_PROBE_SECONDS: Final = 2
# Requests keep coming for a moment after a pod was told to end, until every node knows.
_DRAIN_SECONDS: Final = 5
_GRACE_SECONDS: Final = 45  # the drain, and the longest request


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version that is served.

    Args:
        version: its number.
        image: what its pods run.
        stable: the version in production when it was released; None for a first one.
        replicas: how many pods; None leaves that to an autoscaler.
        notes: annotations that say why it runs.
    """

    version: int
    image: str
    stable: int | None
    replicas: int | None
    notes: dict[str, str]


def pinned(model: str, version: int | str) -> str:
    """The path of exactly one version over REST."""
    return f"/v1/models/{model}/versions/{version}"


def template(model: str, environment: str, serve: Serve, version: Version) -> Object:
    """The template of a version's pods, for its Deployment."""
    kubernetes = serve.kubernetes
    monitoring = serve.server.kind == "tensorflow-serving"
    secret = None if monitoring else naming.sample_secret(naming.base(model, environment))
    notes = dict(version.notes)
    if monitoring:
        # As an annotation, which the pod sees as a file: the configuration is then of this version, and nothing else.
        notes[_MONITORING_NOTE] = f'prometheus_config {{ enable: true, path: "{MONITORING}" }}\n'
    spec: Object = {
        "serviceAccountName": naming.base(model, environment),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "topologySpreadConstraints": _spread(model, environment, version.version),
        "containers": [_server(model, environment, serve, version, monitoring=monitoring)],
        "volumes": _volumes(kubernetes, secret),
    }
    if kubernetes.object_store is not None:
        spec["initContainers"] = [_copy(model, kubernetes.object_store, kubernetes.resources, version.version)]
    if kubernetes.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in kubernetes.pull_secrets]
    if kubernetes.node_selector:
        spec["nodeSelector"] = dict(kubernetes.node_selector)
    pod_labels = {
        **naming.labels(model, environment, version.version),
        names.LABEL_ROLE: "server",
        **naming.release_labels(version.version, version.stable),
    }
    metadata = {"labels": pod_labels, **({"annotations": notes} if notes else {})}
    return {"metadata": metadata, "spec": spec}


def _server(model: str, environment: str, serve: Serve, version: Version, *, monitoring: bool) -> Object:
    kubernetes = serve.kubernetes
    arguments = [
        f"--model_name={model}",
        f"--model_base_path={MODELS}/{model}",
        f"--port={GRPC_PORT}",
        f"--rest_api_port={REST_PORT}",
        *([f"--monitoring_config_file={_MONITORING_FOLDER}/{_MONITORING_FILE}"] if monitoring else []),
        *serve.server.arguments,
    ]
    mounts: list[Object] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - in the pod, and its own
    if monitoring:
        mounts.append({"name": "monitoring", "mountPath": _MONITORING_FOLDER, "readOnly": True})
    else:
        mounts.append({"name": "sample", "mountPath": _SAMPLE_FOLDER, "readOnly": True})
    if kubernetes.volume is not None:
        mounts.append(_from_volume(model, kubernetes.volume, version.version))
    elif kubernetes.object_store is not None:
        mounts.append({"name": "model", "mountPath": f"{MODELS}/{model}", "readOnly": True})
    return {
        "name": CONTAINER,
        "image": version.image,
        "args": arguments,
        **({} if monitoring else {"env": _variables(environment)}),
        "ports": [
            {"name": "rest", "containerPort": REST_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
        ],
        "resources": _resources(kubernetes.resources),
        "securityContext": _unprivileged(),
        "volumeMounts": mounts,
        "lifecycle": {"preStop": {"sleep": {"seconds": _DRAIN_SECONDS}}},
        # The status of a version answers 200 even while it loads, its metadata only when it can answer.
        "startupProbe": {
            **_probe(f"{pinned(model, version.version)}/metadata"),
            "periodSeconds": _PROBE_SECONDS,
            "failureThreshold": max(1, math.ceil(seconds(kubernetes.ready_timeout) / _PROBE_SECONDS)),
        },
        "readinessProbe": {
            **_probe(f"{pinned(model, version.version)}/metadata"),
            "periodSeconds": 5,
            "failureThreshold": 3,
        },
        # Not through the model: one that is slow under load must not be ended for it.
        "livenessProbe": {**_probe(pinned(model, version.version)), "periodSeconds": 10, "failureThreshold": 6},
    }


def _variables(environment: str) -> list[Object]:
    """The environment variables of our server."""
    origin = [
        {"name": variable(name), "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{note}']"}}}
        for name, note in _ORIGIN.items()
    ]
    return [_TOKEN_FILE, {"name": names.ENV_SERVED, "value": environment}, *origin]


def _probe(path: str) -> Object:
    return {"httpGet": {"path": path, "port": "rest", "scheme": "HTTP"}, "timeoutSeconds": 5}


def _unprivileged() -> Object:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _resources(resources: Resources) -> Object:
    memory = canonical(resources.memory)
    requests = {"cpu": canonical(resources.cpu), "memory": memory}
    limits = {"memory": memory}
    if resources.cpu_limit is not None:
        limits["cpu"] = canonical(resources.cpu_limit)
    if resources.gpu:
        requests[resources.gpu_resource] = limits[resources.gpu_resource] = str(resources.gpu)
    return {"requests": requests, "limits": limits}


def _from_volume(model: str, volume: Volume, version: int) -> Object:
    folder = "/".join(part for part in (volume.path, model, names.VERSIONS, str(version)) if part)
    return {"name": "store", "mountPath": f"{MODELS}/{model}/{version}", "subPath": folder, "readOnly": True}


def _volumes(kubernetes: KubernetesServing, secret: str | None) -> list[Object]:
    """What the pods of a version mount; `secret` is our server's, another one has its monitoring."""
    volumes: list[Object] = [{"name": "tmp", "emptyDir": {}}]
    if secret is not None:
        # It need not be there, and may come while the pods run: whether requests are sampled is no reason for other pods.
        volumes.append(
            {"name": "sample", "secret": {"secretName": secret, "optional": True, "defaultMode": _FOR_GROUP}}
        )
    else:
        item = {"path": _MONITORING_FILE, "fieldRef": {"fieldPath": f"metadata.annotations['{_MONITORING_NOTE}']"}}
        volumes.append({"name": "monitoring", "downwardAPI": {"items": [item]}})
    if kubernetes.volume is not None:
        volumes.append(
            {"name": "store", "persistentVolumeClaim": {"claimName": kubernetes.volume.claim, "readOnly": True}}
        )
    elif kubernetes.object_store is not None:
        volumes.append({"name": "model", "emptyDir": {}})
    return volumes


def _copy(model: str, store: ObjectStore, resources: Resources, version: int) -> Object:
    """The init container that copies a version from an object store."""
    source = f"{store.url.rstrip('/')}/{model}/{names.VERSIONS}/{version}"
    target = f"{MODELS}/{model}/{version}"
    command = [part.replace("{source}", source).replace("{target}", target) for part in store.command]
    copy: Object = {
        "name": "copy-model",
        "image": store.image,
        "command": command,
        "resources": _resources(resources.model_copy(update={"gpu": 0})),
        "securityContext": _unprivileged(),
        "volumeMounts": [
            {"name": "model", "mountPath": f"{MODELS}/{model}"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in the pod, and its own
        ],
    }
    if store.secret is not None:
        copy["envFrom"] = [{"secretRef": {"name": store.secret}}]
    return copy


def _spread(model: str, environment: str, version: int) -> list[Object]:
    """Over nodes and zones as evenly as they allow: one that goes away takes no whole version with it."""
    selector = {"matchLabels": naming.selecting(model, environment, version)}
    return [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
