"""What brings up the pods of versions: a Deployment for each; or, see argo.py, one Rollout for two of them."""

from __future__ import annotations

from typing import Final, Protocol

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.kinds import DEPLOYMENT, Kind, Object, kind_of, version_of
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.traffic import Traffic, carries
from jenkins_ml.adapters.kubernetes.writing import Writer, is_going
from jenkins_ml.adapters.target import Servable

# Why a version runs, as notes on it; none of them is a reason for other pods.
REASONS: Final = (
    names.NOTE_RUN,
    names.NOTE_BY,
    names.NOTE_COMMIT,
    names.NOTE_BUILD,
    names.NOTE_RELEASE,
    names.NOTE_IMAGE,
)


class Workloads(Protocol):
    """What brings up the pods of the versions of one model in one environment.

    Each version is a Deployment here, or looks like one: `metadata`, `spec.replicas`, `spec.template` and `status`.
    """

    def all(self) -> dict[int, Object]:
        """Those of all versions that are there and not on their way out."""

    def find(self, version: int) -> Object | None:
        """That of one version; None for none."""

    def name(self, version: int) -> str:
        """What it is, for messages, such as "Deployment digits-production-v3"."""

    def make(self, servable: Servable, traffic: Traffic, image: str) -> None:
        """Make what brings up a version, beside what gets traffic; one that is there keeps its pods.

        Args:
            servable: the version.
            traffic: where requests go.
            image: what its pods run.
        """

    def scale(self, version: int, own: Object, replicas: int) -> Object:
        """Let a version have as many pods; answers it as it is then, which does not wait for them."""

    def part_with(self, version: int) -> list[tuple[Kind, Object]]:
        """Let a version go that gets no traffic; answers what is left to be deleted for that."""

    def autoscaler(self, version: int) -> Object | None:
        """The HorizontalPodAutoscaler that fits, once this version has all requests; None where none is configured."""


class Deployments:
    """One Deployment a version.

    Args:
        api: the API server.
        writer: makes the changes.
        shapes: what objects look like.
    """

    def __init__(self, api: Api, writer: Writer, shapes: Shapes) -> None:
        self._api, self._writer, self._shapes = api, writer, shapes

    def all(self) -> dict[int, Object]:
        """See Workloads."""
        found = self._api.list(DEPLOYMENT, self._shapes.namespace, self._shapes.selector(None))["items"]
        return {
            version: deployment
            for deployment in found
            if (version := version_of(deployment)) is not None and not is_going(deployment)
        }

    def find(self, version: int) -> Object | None:
        """See Workloads."""
        found = self._api.get(DEPLOYMENT, self._shapes.namespace, self._shapes.deployment(version))
        return None if found is None or is_going(found) else found

    def name(self, version: int) -> str:
        """See Workloads."""
        return f"{DEPLOYMENT.name} {self._shapes.deployment(version)}"

    def make(self, servable: Servable, traffic: Traffic, image: str) -> None:
        """See Workloads."""
        for thing in self._shapes.of_version(servable, traffic, image):
            self._writer.apply(thing, lambda wanted, current: _kept(wanted, current, traffic))

    def scale(self, version: int, own: Object, replicas: int) -> Object:  # noqa: ARG002 - its name says which it is
        """See Workloads."""
        if own["spec"]["replicas"] == replicas:
            return own
        return self._writer.change(DEPLOYMENT, own["metadata"]["name"], {"spec": {"replicas": replicas}})

    def part_with(self, version: int) -> list[tuple[Kind, Object]]:
        """See Workloads."""
        selector = self._shapes.selector(version)
        return [
            (kind, thing)
            for kind in self._shapes.kinds_of_a_version
            for thing in self._api.list(kind, self._shapes.namespace, selector)["items"]
        ]

    def autoscaler(self, version: int) -> Object | None:
        """See Workloads."""
        return self._shapes.autoscaler(version)


def _kept(wanted: Object, current: Object, traffic: Traffic) -> Object:
    """What is wanted of an object that is there: as many pods as it has, and the labels and notes that its pods have.

    Its replicas belong to whoever scaled it last. Who releases it now, and for which run, is no reason for other pods;
    labels are one only where the version shall share the traffic of one that it was not brought up beside.
    """
    if kind_of(wanted) is not DEPLOYMENT:
        return wanted
    meta, pods = wanted["spec"]["template"]["metadata"], current["spec"]["template"]["metadata"]
    notes = {note: text for note, text in (pods.get("annotations") or {}).items() if note in REASONS}
    labels = {label: text for label, text in pods["labels"].items() if label.startswith(names.LABEL_RELEASE_PREFIX)}
    if traffic.stable is not None and not carries(current, traffic.stable):
        labels = {}
    template = {
        **wanted["spec"]["template"],
        "metadata": {**meta, "labels": {**meta["labels"], **labels}, "annotations": {**meta["annotations"], **notes}},
    }
    replicas = current["spec"]["replicas"] or wanted["spec"]["replicas"]
    return {**wanted, "spec": {**wanted["spec"], "replicas": replicas, "template": template}}
