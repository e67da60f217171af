"""Makes the objects of versions, and takes them away."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes import readiness
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.asking import Asker
from jenkins_ml.adapters.kubernetes.kinds import DEPLOYMENT, MADE, POD, SLICE, Kind, Object, kind_of
from jenkins_ml.adapters.kubernetes.readiness import Wanted
from jenkins_ml.adapters.kubernetes.routing import Router
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.traffic import Traffic, carries
from jenkins_ml.adapters.kubernetes.writing import Writer, is_going, is_ours
from jenkins_ml.adapters.target import Servable
from jenkins_ml.errors import IntegrityError, JenkinsMLError, StageFailed

_GOING_SECONDS: Final = 90.0  # how long pods that end are waited for
_LEAVING_SECONDS: Final = 10.0  # within which a Service forgets pods that it does not select any more
_PAUSE: Final = 0.1
_REASONS: Final = (names.NOTE_RUN, names.NOTE_BY, names.NOTE_COMMIT, names.NOTE_IMAGE)


class Bringer:
    """Brings versions of one model in one environment up and down.

    Args:
        api: the API server.
        writer: makes the changes.
        shapes: what objects look like.
        router: knows which versions get traffic.
        asker: asks pods whether they serve what they should.
        image_of: says which image a version's pods run; builds it where it has to be.
        note: takes a line about what is under way.
    """

    def __init__(
        self,
        api: Api,
        writer: Writer,
        shapes: Shapes,
        router: Router,
        asker: Asker,
        image_of: Callable[[Servable], str],
        note: Callable[[str], None],
    ) -> None:
        self._api, self._writer, self._shapes = api, writer, shapes
        self._router, self._asker, self._image_of, self._note = router, asker, image_of, note
        self._shared = False

    def share(self) -> None:
        """Make what all versions share, once; traffic stays as it is."""
        if not self._shared:
            self._shapes.refuse_what_cannot_be()
            now = self._router.now()
            for thing in self._shapes.shared(now):
                self._writer.apply(thing)
            self._shared = True

    def bring(self, servable: Servable) -> None:
        """Make a version's objects, wait until its pods are ready, and ask each of them."""
        self.share()
        version = servable.version
        traffic = self._router.now()
        used = version in (traffic.stable, traffic.canary)
        current = self._find(servable, used=used)
        # What is there keeps its image: neither engine nor registry is needed to bring back a pod.
        image = self._image_of(servable) if current is None else _image_in(current)
        try:
            for thing in self._shapes.of_version(servable, traffic, image):
                self._writer.apply(thing, lambda wanted, current: _kept(wanted, current, traffic))
            wanted = Wanted(
                namespace=self._shapes.namespace,
                deployment=self._shapes.deployment(version),
                labels=self._shapes.selector(version),
                what=f"bring up version {version}",
                seconds=self._shapes.ready_seconds,
            )
            ready = readiness.wait(self._api, wanted, self._note, self._writer.check)
            self._asker.forget(version)
            self._asker.prove(servable, ready)
        except JenkinsMLError:
            if not used:
                with contextlib.suppress(JenkinsMLError):  # why it failed is what counts
                    self.take_out(version)
            raise

    def take_out(self, version: int) -> None:
        """Take away a version's objects; its pods answer what they are at, and end."""
        traffic = self._router.now()
        if version in (traffic.stable, traffic.canary):
            raise StageFailed(f"version {version} gets traffic: it cannot be taken out", "route the traffic elsewhere")
        self._wait_until_left(version)
        selector = self._shapes.selector(version)
        found = [
            (kind, thing)
            for kind in self._shapes.kinds_of_a_version
            for thing in self._api.list(kind, self._shapes.namespace, selector)["items"]
        ]
        self.take_away(found)
        self._asker.forget(version)

    def take_away(self, found: Iterable[tuple[Kind, Object]]) -> tuple[str, ...]:
        """Delete objects that are ours, and wait until their pods have gone; answers their names."""
        going = [(kind, thing["metadata"]["name"]) for kind, thing in found if is_ours(thing)]
        going.sort(key=lambda item: MADE.index(item[0]))
        for kind, name in going:
            self._writer.delete(kind, name)
        deployments = {name for kind, name in going if kind is DEPLOYMENT}
        self._wait_until_gone(deployments)
        return tuple(f"{kind.name} {name}" for kind, name in going)

    def _find(self, servable: Servable, *, used: bool) -> Object | None:
        """The version's Deployment; one of the same number but of another digest goes, unless it has traffic."""
        name = self._shapes.deployment(servable.version)
        current = self._api.get(DEPLOYMENT, self._shapes.namespace, name)
        if current is None or is_going(current):
            return None
        digest = (current["metadata"].get("annotations") or {}).get(names.NOTE_DIGEST)
        if digest == servable.reference.manifest_digest:
            return current
        if used:
            raise IntegrityError(
                f"Deployment {name} has another version {servable.version}, of digest {digest}, and gets traffic",
                "find out which of the two is meant: a store that was lost gives its numbers anew",
            )
        self.take_out(servable.version)
        return None

    def _wait_until_left(self, version: int) -> None:
        """Wait until no request is sent to a version any more by the Service that it was taken out of."""
        ends = self._api.clock.monotonic() + _LEAVING_SECONDS
        names_of = None
        while self._api.clock.monotonic() < ends:
            slices = self._api.list(SLICE, self._shapes.namespace, f"kubernetes.io/service-name={self._shapes.name}")[
                "items"
            ]
            targets = {
                (endpoint.get("targetRef") or {}).get("name")
                for slice_ in slices
                for endpoint in slice_.get("endpoints") or ()
            }
            if not targets:
                return
            if names_of is None:
                listed = self._api.list(POD, self._shapes.namespace, self._shapes.selector(version))["items"]
                names_of = {pod["metadata"]["name"] for pod in listed}
            if not targets & names_of:
                return
            self._api.clock.sleep(_PAUSE)

    def _wait_until_gone(self, deployments: set[str]) -> None:
        """They go when their pods have gone; on a node that does not answer that may take until it is back."""
        ends = self._api.clock.monotonic() + _GOING_SECONDS
        while deployments:
            listed = self._api.list(DEPLOYMENT, self._shapes.namespace, self._shapes.selector(None))["items"]
            left = deployments & {deployment["metadata"]["name"] for deployment in listed}
            if not left:
                return
            if self._api.clock.monotonic() > ends:
                self._note(f"{', '.join(sorted(left))}: deleted, and still ending")
                return
            self._api.clock.sleep(_PAUSE)


def _image_in(deployment: Object) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def _kept(wanted: Object, current: Object, traffic: Traffic) -> Object:
    """What is wanted of an object that is there: as many pods as it has, and the labels and notes that its pods have.

    Its replicas belong to whoever scaled it last. Who releases it now, and for which run, is no reason for other pods;
    labels are one only where the version shall share the traffic of one that it was not brought up beside.
    """
    if kind_of(wanted) is not DEPLOYMENT:
        return wanted
    meta, pods = wanted["spec"]["template"]["metadata"], current["spec"]["template"]["metadata"]
    notes = {note: text for note, text in (pods.get("annotations") or {}).items() if note in _REASONS}
    labels = {label: text for label, text in pods["labels"].items() if label.startswith(names.LABEL_RELEASE_PREFIX)}
    if traffic.stable is not None and not carries(current, traffic.stable):
        labels = {}
    template = {
        **wanted["spec"]["template"],
        "metadata": {**meta, "labels": {**meta["labels"], **labels}, "annotations": {**meta["annotations"], **notes}},
    }
    replicas = current["spec"]["replicas"] or wanted["spec"]["replicas"]
    return {**wanted, "spec": {**wanted["spec"], "replicas": replicas, "template": template}}
