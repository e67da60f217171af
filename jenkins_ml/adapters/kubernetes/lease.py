"""Who may change an environment: a Lease of the cluster, and its number, by which the cluster itself turns others away.

As client-go elects leaders: the holder renews the lease; somebody else takes it over after having seen no renewal for
the whole time that it lasts, by their own clock, so that clocks need not agree. A holder whose process is known to be
dead (same boot of the same machine, same process namespace) is replaced at once.

`leaseTransitions` grows with every holder. Whoever gets the lease stamps that number on what decides about traffic
(see writing.py), so a deployer that lost the lease, and does not know it yet, finds each of these objects changed
since it read it, or stamped with a higher number: it can change nothing any more.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jenkins_ml.adapters import identity
from jenkins_ml.adapters.kubernetes.api import Api, Note
from jenkins_ml.adapters.kubernetes.kinds import LEASE, Object
from jenkins_ml.adapters.kubernetes.refusals import Changed, Missing
from jenkins_ml.errors import JenkinsMLError, Unavailable

SECONDS: Final = 15.0  # that a lease lasts; as client-go has it
_PROCESS: Final = "jenkins-ml.io/process"  # annotation: who exactly holds it, for others on the same machine
_HURRY: Final = 3.0  # seconds that a renewal may take


@dataclass(frozen=True)
class Place:
    """Where the lease of a model in an environment is.

    Args:
        namespace: its namespace.
        name: its name.
        labels: what it is labelled with.
        seconds: how long it lasts without renewal.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    seconds: float = SECONDS


class Holding:
    """The lease, as long as we hold it.

    Args:
        api: the API server.
        place: where the lease is.
        lease: as it was when we got it.
    """

    def __init__(self, api: Api, place: Place, lease: Object) -> None:
        self._api, self._place = api, place
        self._lock = threading.Lock()
        self._version: str = lease["metadata"]["resourceVersion"]
        self._holder: str = lease["spec"]["holderIdentity"]
        self._renewed = api.clock.monotonic()
        self._lost = ""
        self.fence: int = lease["spec"]["leaseTransitions"]
        self.forget = False  # whether the lease itself is to be taken away at the end

    def check(self) -> None:
        """Make sure that we still hold it.

        Raises:
            Unavailable: somebody else does.
        """
        if self._api.clock.monotonic() - self._renewed > self._place.seconds * 0.6:
            self.renew(patience=None)
        if self._lost:
            raise lost(self._lost)

    def renew(self, patience: float | None = _HURRY) -> None:
        """Say that we live; finds out when somebody else has taken over."""
        with self._lock:
            began = self._api.clock.monotonic()
            while not self._lost:
                change = {"metadata": {"resourceVersion": self._version}, "spec": {"renewTime": _now()}}
                try:
                    lease = self._patch(change, patience)
                except Changed:
                    if self._is_ours(patience):
                        continue
                except Missing:
                    self._lost = "nobody: the lease was deleted"
                else:
                    self._version, self._renewed = lease["metadata"]["resourceVersion"], began
                return

    def _patch(self, change: Object, patience: float | None) -> Object:
        return self._api.patch(LEASE, self._place.namespace, self._place.name, change, "merge", patience)

    def _is_ours(self, patience: float | None) -> bool:
        """Whether the lease, which has changed, is still ours (a note was made on it); its new resource version is kept."""
        lease = self._api.get(LEASE, self._place.namespace, self._place.name, patience)
        if lease is None:
            self._lost = "nobody: the lease was deleted"
            return False
        if lease["spec"].get("leaseTransitions") != self.fence:
            self._lost = lease["spec"].get("holderIdentity") or "nobody"
            return False
        self._version = lease["metadata"]["resourceVersion"]
        return True

    def give_back(self) -> None:
        """Let the next one have it at once; or take the lease itself away, if it is to be forgotten."""
        with self._lock:
            while not self._lost:
                try:
                    if self.forget:
                        self._api.delete(LEASE, self._place.namespace, self._place.name, version=self._version)
                    else:
                        ended = {"holderIdentity": None, "renewTime": _now()}
                        self._patch({"metadata": {"resourceVersion": self._version}, "spec": ended}, _HURRY)
                except Changed:
                    if self._is_ours(_HURRY):
                        continue
                except Missing:
                    pass
                return


def lost(holder: str) -> Unavailable:
    """Somebody else may change the environment now."""
    return Unavailable(
        f"this deployer has lost its lease of the environment, now held by {holder}; it changes nothing any more",
        "whoever holds it finishes or undoes the release; run this again after that",
    )


@contextlib.contextmanager
def held(api: Api, place: Place, holder: str, note: Note = lambda _: None) -> Iterator[Holding]:
    """Hold the lease for the time of a block; it is renewed in the background.

    Args:
        api: the API server.
        place: where the lease is.
        holder: who we are, for messages.
        note: takes a line when somebody else has to be waited for.

    Raises:
        Unavailable: somebody else holds it.
    """
    here = f"{holder} on {socket.gethostname()}, process {os.getpid()}"
    holding = Holding(api, place, _acquire(api, place, here, note))
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(place.seconds / 5):
            with contextlib.suppress(JenkinsMLError):  # check() tries again, and says what is wrong
                holding.renew()

    renewing = threading.Thread(target=renew, name="lease", daemon=True)
    renewing.start()
    try:
        yield holding
    finally:
        ended.set()
        renewing.join()
        with contextlib.suppress(JenkinsMLError):  # it ends by itself
            holding.give_back()


@dataclass
class _Watched:
    """Somebody else's lease, watched until it is clear whether its holder lives."""

    note: Note
    _seen: tuple[object, ...] | None = None
    _since: float = 0.0
    _looked: float = 0.0

    def pause(self, lease: Object, lasts: float, now: float) -> float:
        """How long to wait before the next look; 0 when nobody renews it.

        Raises:
            Unavailable: its holder lives.
        """
        spec, meta = lease["spec"], lease["metadata"]
        holder = spec.get("holderIdentity")
        if not holder or identity.is_dead((meta.get("annotations") or {}).get(_PROCESS, "")):
            return 0.0
        current = (holder, spec.get("leaseTransitions"), spec.get("renewTime"))
        if self._seen is None:
            self.note(f"waiting for up to {lasts:.0f} s to see whether {holder} still lives")
        elif current != self._seen:
            raise _busy(str(holder), str(spec.get("acquireTime")))
        if self._seen is None or now - self._looked > lasts / 2:  # while the API server is away nobody can renew
            self._seen, self._since = current, now
        self._looked = now
        return max(0.0, min(lasts / 10, self._since + lasts - now))


def _acquire(api: Api, place: Place, holder: str, note: Note) -> Object:
    watched = _Watched(note)
    while True:
        lease = api.get(LEASE, place.namespace, place.name)
        if lease is None:
            with contextlib.suppress(Changed):
                return api.create(LEASE, place.namespace, _new(place, holder))
            continue
        spec = lease["spec"]
        lasts = float(spec.get("leaseDurationSeconds") or place.seconds)
        if (pause := watched.pause(lease, lasts, api.clock.monotonic())) > 0:
            api.clock.sleep(pause)
            continue
        version = lease["metadata"]["resourceVersion"]
        change: Object = {
            "metadata": {"resourceVersion": version, "annotations": {_PROCESS: identity.this_process()}},
            "spec": _spec(place, holder, int(spec.get("leaseTransitions") or 0) + 1),
        }
        with contextlib.suppress(Changed, Missing):
            return api.patch(LEASE, place.namespace, place.name, change, "merge")


def _new(place: Place, holder: str) -> Object:
    return {
        "apiVersion": LEASE.version,
        "kind": LEASE.name,
        "metadata": {
            "name": place.name,
            "labels": dict(place.labels),
            "annotations": {_PROCESS: identity.this_process()},
        },
        "spec": _spec(place, holder, 1),
    }


def _busy(holder: str, since: str) -> Unavailable:
    return Unavailable(
        f"this environment is being changed by {holder}, since {since}", "wait for it, or stop it, and run this again"
    )


def _spec(place: Place, holder: str, transitions: int) -> Object:
    return {
        "holderIdentity": holder,
        "leaseDurationSeconds": int(place.seconds),
        "acquireTime": _now(),
        "renewTime": _now(),
        "leaseTransitions": transitions,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
