"""The pod that the kubernetes plugin starts for a stage, as YAML (which JSON is)."""

from __future__ import annotations

import json
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
    # A claim's name may have dots and be long, a volume's not: a volume is only a number.
    names = {claim: f"volume-{number}" for number, claim in enumerate(sorted(set(agent.volumes.values())))}
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": agent.image,
        # The plugin runs each step in it by `exec`: it only has to be there.
        "command": ["sleep"],
        "args": ["infinity"],
    }
    if requests:
        container["resources"] = {"requests": requests} | ({"limits": limits} if limits else {})
    if names:
        mounts = sorted(agent.volumes.items())
        container["volumeMounts"] = [{"name": names[claim], "mountPath": path} for path, claim in mounts]
    spec: dict[str, Any] = {"containers": [container]}
    if names:
        spec["volumes"] = [
            {"name": name, "persistentVolumeClaim": {"claimName": claim}} for claim, name in names.items()
        ]
    if agent.service_account is not None:
        spec["serviceAccountName"] = agent.service_account
    if agent.node_selector:
        spec["nodeSelector"] = dict(sorted(agent.node_selector.items()))
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": spec}, separators=(", ", ": "))
