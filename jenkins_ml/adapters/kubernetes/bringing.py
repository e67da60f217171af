"""Makes the objects of versions, and takes them away."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.asking import Asker
from jenkins_ml.adapters.kubernetes.kinds import DEPLOYMENT, MADE, POD, ROLLOUT, SLICE, Kind, Object
from jenkins_ml.adapters.kubernetes.routing import Router
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.workloads import Workloads
from jenkins_ml.adapters.kubernetes.writing import Writer, is_ours
from jenkins_ml.adapters.target import Servable
from jenkins_ml.errors import IntegrityError, JenkinsMLError, StageFailed

_GOING_SECONDS: Final = 90.0  # how long pods that end are waited for
_LEAVING_SECONDS: Final = 10.0  # within which a Service forgets pods that it does not select any more
_PAUSE: Final = 0.1


class Bringer:
    """Brings versions of one model in one environment up and down.

    Args:
        api: the API server.
        writer: makes the changes.
        shapes: what objects look like.
        workloads: bring up the pods.
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
        workloads: Workloads,
        router: Router,
        asker: Asker,
        image_of: Callable[[Servable], str],
        note: Callable[[str], None],
    ) -> None:
        self._api, self._writer, self._shapes, self._workloads = api, writer, shapes, workloads
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
            self._workloads.make(servable, traffic, image)
            ready = self._router.wait(version, f"bring up version {version}")
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
        self.take_away(self._workloads.part_with(version))
        self._asker.forget(version)

    def take_away(self, found: Iterable[tuple[Kind, Object]]) -> tuple[str, ...]:
        """Delete objects that are ours, and wait until their pods have gone; answers their names."""
        going = [(kind, thing["metadata"]["name"]) for kind, thing in found if is_ours(thing)]
        going.sort(key=lambda item: MADE.index(item[0]))
        for kind, name in going:
            self._writer.delete(kind, name)
        for having_pods in (ROLLOUT, DEPLOYMENT):
            self._wait_until_gone(having_pods, {name for kind, name in going if kind is having_pods})
        return tuple(f"{kind.name} {name}" for kind, name in going)

    def _find(self, servable: Servable, *, used: bool) -> Object | None:
        """What brings the version up; one of the same number but of another digest goes, unless it has traffic."""
        current = self._workloads.find(servable.version)
        if current is None:
            return None
        digest = (current["metadata"].get("annotations") or {}).get(names.NOTE_DIGEST)
        if digest == servable.reference.manifest_digest:
            return current
        if used:
            raise IntegrityError(
                f"{self._workloads.name(servable.version)} has another version {servable.version}, of digest {digest}, "
                "and gets traffic",
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

    def _wait_until_gone(self, kind: Kind, going: set[str]) -> None:
        """They go when their pods have gone; on a node that does not answer that may take until it is back."""
        ends = self._api.clock.monotonic() + _GOING_SECONDS
        while going:
            listed = self._api.list(kind, self._shapes.namespace, self._shapes.selector(None))["items"]
            left = going & {thing["metadata"]["name"] for thing in listed}
            if not left:
                return
            if self._api.clock.monotonic() > ends:
                self._note(f"{', '.join(sorted(left))}: deleted, and still ending")
                return
            self._api.clock.sleep(_PAUSE)


def _image_in(deployment: Object) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image
