"""The kinds of objects that we make, and where the API server has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jenkins_ml import names

Object = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Args:
        name: as objects have it in `kind`.
        version: as objects have it in `apiVersion`.
        plural: as paths have it.
    """

    name: str
    version: str
    plural: str

    def path(self, namespace: str | None, name: str = "", part: str = "") -> str:
        """Where they are.

        Args:
            namespace: None for all namespaces.
            name: of one; empty for all of them.
            part: of one, such as "log".
        """
        start = f"/apis/{self.version}" if "/" in self.version else f"/api/{self.version}"
        place = f"/namespaces/{quote(namespace, safe='')}" if namespace is not None else ""
        rest = "".join(f"/{quote(piece, safe=':')}" for piece in (name, part) if piece)
        return f"{start}{place}/{self.plural}{rest}"


POD: Final = Kind("Pod", "v1", "pods")
EVENT: Final = Kind("Event", "v1", "events")
SERVICE: Final = Kind("Service", "v1", "services")
SECRET: Final = Kind("Secret", "v1", "secrets")
ACCOUNT: Final = Kind("ServiceAccount", "v1", "serviceaccounts")
DEPLOYMENT: Final = Kind("Deployment", "apps/v1", "deployments")
REPLICASET: Final = Kind("ReplicaSet", "apps/v1", "replicasets")
ROLLOUT: Final = Kind("Rollout", "argoproj.io/v1alpha1", "rollouts")  # of Argo Rollouts
BUDGET: Final = Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets")
POLICY: Final = Kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies")
AUTOSCALER: Final = Kind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers")
SLICE: Final = Kind("EndpointSlice", "discovery.k8s.io/v1", "endpointslices")
LEASE: Final = Kind("Lease", "coordination.k8s.io/v1", "leases")
ROUTE: Final = Kind("HTTPRoute", "gateway.networking.k8s.io/v1", "httproutes")
GATEWAY: Final = Kind("Gateway", "gateway.networking.k8s.io/v1", "gateways")

# In the order in which they are taken away: first what brings requests, last what says who may.
MADE: Final = (ROUTE, SERVICE, AUTOSCALER, ROLLOUT, DEPLOYMENT, BUDGET, POLICY, ACCOUNT)
# A deployer that lost its lease must not be able to change these: they decide where requests go.
GUARDED: Final = (ROUTE, SERVICE, AUTOSCALER, ROLLOUT, DEPLOYMENT)
# Kinds that a cluster need not know: they come with what is installed beside Kubernetes.
ADDED: Final = (ROUTE, ROLLOUT)

_BY_NAME: Final = {(kind.version, kind.name): kind for kind in (*MADE, LEASE)}


def version_of(thing: Object) -> int | None:
    """The version that an object belongs to; None for what all versions share."""
    number = (thing["metadata"].get("labels") or {}).get(names.LABEL_VERSION, "")
    return int(number) if number.isdecimal() else None


def kind_of(thing: Object) -> Kind:
    """The kind of an object."""
    return _BY_NAME[thing["apiVersion"], thing["kind"]]
