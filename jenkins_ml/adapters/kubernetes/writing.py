"""Changes to our objects, which only the deployer that holds the environment can make.

What decides about traffic carries the number of the lease under which it was touched last (`FENCE`). It is written on
all of them when a lease is taken; after that, each change is made only to an object that was read, carries no higher
number, and has not changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.kinds import GUARDED, Kind, Object, kind_of
from jenkins_ml.adapters.kubernetes.lease import Holding, lost
from jenkins_ml.adapters.kubernetes.refusals import Changed, Missing
from jenkins_ml.errors import Unavailable

FENCE: Final = "jenkins-ml.io/fence"
_PAUSE: Final = 0.05
_TRIES: Final = 100  # a Deployment's status changes many times while its pods start
_GOING_SECONDS: Final = 120.0  # how long an object that is being deleted is waited for, before it is made anew


class Writer:
    """Writes objects in one namespace.

    Args:
        api: the API server.
        namespace: of all of them.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self.holding: Holding | None = None

    def check(self) -> None:
        """Make sure that the environment is still ours, where it is held."""
        if self.holding is not None:
            self.holding.check()

    def stamp(self, found: Iterable[tuple[Kind, Object]]) -> None:
        """Write the number of our lease on what decides about traffic: from now on nobody older can change it."""
        if self.holding is None:
            return
        for kind, thing in found:
            self._refuse_newer(kind, thing)
            stamp = {"metadata": {"annotations": {FENCE: str(self.holding.fence)}}}
            try:
                self._api.patch(kind, self._namespace, thing["metadata"]["name"], stamp, "merge")
            except Missing:
                continue

    def apply(self, thing: Object, adapted: Callable[[Object, Object], Object] = lambda wanted, _: wanted) -> Object:
        """Make an object as it shall be (server-side apply); answers it as it is then.

        Args:
            thing: all that we want of it.
            adapted: takes that and the object as it is, where there is one; answers what is wanted then.
        """
        kind, name = kind_of(thing), thing["metadata"]["name"]
        if kind not in GUARDED:
            self.check()
            return self._api.patch(kind, self._namespace, name, thing, "apply")

        def write(current: Object | None) -> Object:
            wanted = thing if current is None else _at(current, adapted(thing, current))
            return self._api.patch(kind, self._namespace, name, wanted, "apply")

        return self._guarded(kind, name, write)

    def change(self, kind: Kind, name: str, change: Object) -> Object:
        """Change a part of an object (merge patch); `Missing` when it is not there."""

        def write(current: Object | None) -> Object:
            if current is None:
                raise Missing(f"there is no {kind.name} {name}")
            return self._api.patch(kind, self._namespace, name, _at(current, change), "merge")

        return self._guarded(kind, name, write)

    def delete(self, kind: Kind, name: str) -> bool:
        """Delete an object with all that it made; whether there was one. It goes when its pods have gone."""

        def write(current: Object | None) -> Object:
            if current is None or is_going(current):
                return {}
            meta = current["metadata"]
            self._api.delete(kind, self._namespace, name, meta["resourceVersion"], meta["uid"])
            return current

        return bool(self._guarded(kind, name, write, deleting=True))

    def _guarded(
        self, kind: Kind, name: str, write: Callable[[Object | None], Object], *, deleting: bool = False
    ) -> Object:
        """Read, look whether we may, write exactly that; once more when it has changed in between."""
        ends = self._api.clock.monotonic() + _GOING_SECONDS
        tries = 0
        while True:
            self.check()
            current = self._api.get(kind, self._namespace, name)
            if current is not None:
                self._refuse_newer(kind, current)
                if is_going(current) and not deleting:
                    self._wait_for_going(kind, name, ends)
                    continue
            try:
                return write(current)
            except Changed:
                tries += 1
                if tries >= _TRIES:
                    raise
                self._api.clock.sleep(_PAUSE)

    def _wait_for_going(self, kind: Kind, name: str, ends: float) -> None:
        if self._api.clock.monotonic() > ends:
            raise Unavailable(
                f"{kind.name} {name} was deleted, and does not go",
                "look what holds it: its pods may be on a node that does not answer",
            )
        self._api.clock.sleep(_PAUSE * 4)

    def _refuse_newer(self, kind: Kind, current: Object) -> None:
        """Raise when somebody newer has touched an object."""
        number = (current["metadata"].get("annotations") or {}).get(FENCE, "")
        if self.holding is not None and number.isdecimal() and int(number) > self.holding.fence:
            raise lost(f"another, as {kind.name} {current['metadata']['name']} says")


def is_ours(thing: Object) -> bool:
    """Whether we made an object: our labels may have been copied, but our field manager not by accident."""
    meta = thing["metadata"]
    return (meta.get("labels") or {}).get(names.LABEL_MANAGED_BY) == names.OWNER and any(
        entry.get("manager") == names.OWNER for entry in meta.get("managedFields") or ()
    )


def is_going(thing: Object) -> bool:
    """Whether an object was deleted, and waits for what it made to go first."""
    return "deletionTimestamp" in thing["metadata"]


def _at(current: Object, change: Object) -> Object:
    """A change that is only carried out if the object is still as it was read."""
    meta = {**change.get("metadata", {}), "resourceVersion": current["metadata"]["resourceVersion"]}
    return {**change, "metadata": meta}
