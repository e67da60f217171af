"""The pod that the kubernetes plugin starts for a stage, as YAML (which JSON is)."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from jenkins_ml.config.jenkins import Kubernetes

CONTAINER: Final = "stages"


def pod(agent: Kubernetes) -> str:
    """The pod's definition on one line: JSON is YAML, and needs no indentation to be kept."""
    requests = {
        name: value
        for name, value in (
            ("cpu", agent.cpu),
            ("memory", agent.memory),
            (agent.gpu_resource, agent.gpu and str(agent.gpu)),
        )
        if value
    }
    # Kubernetes wants the limit of a GPU equal to its request; memory beyond its request ends other pods.
    limits = {name: value for name, value in requests.items() if name != "cpu"}
    volumes = sorted(agent.volumes.items())
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": agent.image,
        # The plugin runs each step in it by `exec`: it only has to be there.
        "command": ["sleep"],
        "args": ["infinity"],
    }
    if requests:
        container["resources"] = {"requests": requests} | ({"limits": limits} if limits else {})
    if volumes:
        container["volumeMounts"] = [{"name": _name(claim), "mountPath": path} for path, claim in volumes]
    spec: dict[str, Any] = {"containers": [container]}
    if volumes:
        claims = sorted({claim for _, claim in volumes})
        spec["volumes"] = [{"name": _name(claim), "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
    if agent.service_account is not None:
        spec["serviceAccountName"] = agent.service_account
    if agent.node_selector:
        spec["nodeSelector"] = dict(sorted(agent.node_selector.items()))
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": spec}, separators=(", ", ": "))


def _name(claim: str) -> str:
    """A volume's name for a claim: a claim's may have dots, a volume's not."""
    return re.sub(r"[^a-z0-9-]", "-", claim)
