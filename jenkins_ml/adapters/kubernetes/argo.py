"""Versions brought up by one Rollout of Argo: its controller makes the ReplicaSets, and gives each the pods that we name.

Argo decides nothing here. All that it is told stands in the Rollout's spec, under our fence: the template of the newest
version, how many pods there are in all, and one step, `setWeight` and an endless pause, which says how many of them are
the newest version's. Whom users reach is said by the Service's selector, as with Deployments: it names versions by a
label that their pods have, and Argo never changes it.

A Rollout has room for two versions: the newest, and the one that was completed before it. `100 %` without a pause makes
the newest the only one; the template of the other one takes the newest away again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes import rollouts
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.causes import STOPPED, UNHEARD, of_deployment
from jenkins_ml.adapters.kubernetes.kinds import AUTOSCALER, POD, REPLICASET, ROLLOUT, Kind, Object
from jenkins_ml.adapters.kubernetes.rollouts import Pair
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.traffic import Traffic, carries
from jenkins_ml.adapters.kubernetes.workloads import REASONS
from jenkins_ml.adapters.kubernetes.writing import Writer, is_going
from jenkins_ml.adapters.target import Servable
from jenkins_ml.errors import StageFailed

_NOTES: Final = (names.NOTE_DIGEST, *REASONS)
_ACTS_SECONDS: Final = 20.0  # within which a controller does what asks for no new pods
_QUIET_SECONDS: Final = 2.0  # that a controller may take to hear of a change, before we say so
_GOING_SECONDS: Final = 90.0  # how long pods that end are waited for
_PAUSE: Final = 0.05


class ArgoRollout:
    """One Rollout for the newest version and the one before it; see Workloads.

    Args:
        api: the API server.
        writer: makes the changes.
        shapes: what objects look like.
        note: takes a line about what is under way.
    """

    def __init__(self, api: Api, writer: Writer, shapes: Shapes, note: Callable[[str], None]) -> None:
        self._api, self._writer, self._shapes, self._note = api, writer, shapes, note
        self._unheard: float | None = None  # since when the controller has not taken up what was written

    # --- what there is -----------------------------------------------------------------------------------------------
    def all(self) -> dict[int, Object]:
        """See Workloads."""
        pair = self._read()
        return pair.views() if pair is not None else {}

    def find(self, version: int) -> Object | None:
        """See Workloads."""
        found = self.all().get(version)
        return found if found is None else self._patiently(found)

    def name(self, version: int) -> str:  # noqa: ARG002 - one has all of them
        """See Workloads."""
        return f"{ROLLOUT.name} {self._shapes.name}"

    def autoscaler(self, version: int) -> Object | None:
        """See Workloads. While there are two versions it may add pods, and take none."""
        wanted, pair = self._shapes.autoscaler(version), self._read()
        if wanted is None or pair is None or pair.before is None:
            return wanted
        return _at_least(wanted, sum(pair.counts.values()))

    # --- what is changed ---------------------------------------------------------------------------------------------
    def make(self, servable: Servable, traffic: Traffic, image: str) -> None:
        """See Workloads. A version that cannot share the traffic of production, as its pods are, is brought up anew.

        Raises:
            StageFailed: both places are taken.
            Unavailable: no controller does what it is told.
        """
        version = servable.version
        pair = self._read()
        if pair is None:
            first = _formed(self._shapes.rollout(servable, traffic, image), self._shapes.replicas, None)
            self._writer.apply(first)
            return
        own = pair.views()[version] if version in pair.counts else None
        if own is not None and not _may_stay(own, version, traffic):
            self.part_with(version)
            own, pair = None, self._read()
            if pair is None:
                raise AssertionError("the version with the traffic was there beside it")
        if own is None:
            self._make_place(pair, version, traffic)
            self._writer.apply(self._shapes.rollout(servable, traffic, image), _with_new_template)
            pair = self._until(f"bring up version {version}", lambda now: now.newest == version and now.is_heard)
        elif own["spec"]["replicas"]:
            return
        if pair.before is not None:
            beside = pair.counts[pair.before]
            self._form(pair, {version: self._shapes.first_replicas(beside), pair.before: beside})

    def scale(self, version: int, own: Object, replicas: int) -> Object:
        """See Workloads. Where there are two, the other one keeps the pods that it has."""
        if own["spec"]["replicas"] == replicas:
            return own
        pair = self._read()
        if pair is None or version not in pair.counts:
            raise StageFailed(f"version {version} is not on the cluster any more", "run it again")
        self._form(pair, {**pair.counts, version: replicas})
        spec, status = {**own["spec"], "replicas": replicas}, {**own["status"], "observedGeneration": 0}
        return {**own, "spec": spec, "status": status}

    def part_with(self, version: int) -> list[tuple[Kind, Object]]:
        """See Workloads."""
        pair = self._read()
        if pair is None:
            return []
        if version not in pair.counts:
            self._until(f"take out version {version}", lambda now: now.is_alone)
        elif pair.before is None:
            return [(ROLLOUT, pair.rollout)]
        elif version == pair.newest:
            self._go_back(pair)
        else:
            self._complete(pair)
        self._until_gone(version)
        return []

    # --- inside ------------------------------------------------------------------------------------------------------
    def _make_place(self, pair: Pair, version: int, traffic: Traffic) -> None:
        """See to it that one version is left, beside which a new one can come, and that it keeps all its pods."""
        production = traffic.only or traffic.stable
        if pair.before is not None:
            users = {traffic.stable, traffic.canary} if traffic.only is None else {production}
            if users >= set(pair.counts):
                raise StageFailed(
                    f"versions {pair.before} and {pair.newest} share the traffic, and a Rollout has no third place",
                    "give the traffic to one of them first: jenkins-ml serve, or rollback",
                )
            if pair.newest == production:
                self._note(f"version {pair.before} makes place for version {version}: a Rollout has two")
                pair = self._complete(pair)
            elif production is not None and version < production < pair.newest:
                raise StageFailed(
                    f"a Rollout has place for one version beside {production}, and version {pair.newest} has it",
                    "it can be brought up when that one was taken out",
                )
        # The newest version changes with the template: from here on it has no pods until we say how many.
        before = pair.before if pair.before is not None else pair.newest
        self._write(pair.counts[before], 0)
        if pair.before is not None:
            self._until(f"bring up version {version}", lambda now: now.is_heard and not _pods(now, pair.newest))

    def _complete(self, pair: Pair) -> Pair:
        """Make the newest version the only one."""
        self._form(pair, {pair.newest: pair.counts[pair.newest]})
        what = f"make version {pair.newest} the only one"
        return self._until(what, lambda now: now.before is None and now.is_heard and now.is_alone)

    def _go_back(self, pair: Pair) -> None:
        """Make the version before the only one, by its own template."""
        if pair.before is None:
            raise AssertionError("there is one to go back to")
        self._form(pair, {pair.newest: 0, pair.before: pair.counts[pair.before]})
        meta, template = pair.rollout["metadata"], pair.template_before()
        notes = {note: text for note, text in template["metadata"]["annotations"].items() if note in _NOTES}
        wanted = {
            "apiVersion": ROLLOUT.version,
            "kind": ROLLOUT.name,
            "metadata": {
                "name": meta["name"],
                "namespace": meta["namespace"],
                "labels": meta["labels"],
                "annotations": notes,
            },
            "spec": {**pair.rollout["spec"], "template": template},
        }
        self._writer.apply(wanted, _with_new_template)
        what = f"go back to version {pair.before}"
        self._until(what, lambda now: now.newest == pair.before and now.is_heard and now.is_alone)

    def _form(self, pair: Pair, counts: Mapping[int, int]) -> None:
        """Let each version have as many pods."""
        total = sum(counts.values())
        two = pair.before in counts and pair.before is not None
        self._write(total, rollouts.weight_of(counts[pair.newest], total) if two else None)

    def _write(self, total: int, weight: int | None) -> None:
        """Say how many pods there are, and the newest version's share of them in percent; None for all of them."""
        if self._shapes.autoscaled:
            self._keep_autoscaler(total, two=weight is not None)
        change = _formed({"spec": {"strategy": {"canary": {}}}}, total, weight)
        self._writer.change(ROLLOUT, self._shapes.name, change)

    def _keep_autoscaler(self, total: int, *, two: bool) -> None:
        """See to it that no autoscaler takes away the pods of a second version."""
        wanted = self._shapes.autoscaler(0)  # whichever version: its Rollout has all of them
        if wanted is not None and self._api.get(AUTOSCALER, self._shapes.namespace, self._shapes.name) is not None:
            self._writer.apply(_at_least(wanted, total) if two else wanted)

    def _read(self) -> Pair | None:
        rollout = self._api.get(ROLLOUT, self._shapes.namespace, self._shapes.name)
        if rollout is None or is_going(rollout):
            return None
        sets = self._api.list(REPLICASET, self._shapes.namespace, self._shapes.selector(None))["items"]
        return rollouts.pair_of(rollout, sets)

    def _patiently(self, view: Object) -> Object:
        """A view that says only after a moment that no controller has heard of it."""
        conditions = view["status"]["conditions"]
        if not any(condition["type"] == UNHEARD for condition in conditions):
            self._unheard = None
            return view
        now = self._api.clock.monotonic()
        self._unheard = now if self._unheard is None else self._unheard
        if now - self._unheard >= _QUIET_SECONDS:
            return view
        heard = [condition for condition in conditions if condition["type"] != UNHEARD]
        return {**view, "status": {**view["status"], "conditions": heard}}

    def _until(self, what: str, done: Callable[[Pair], bool]) -> Pair:
        """Wait until the controller has done what it was told; answers how it is then.

        Raises:
            Unavailable: it has not.
        """
        ends = self._api.clock.monotonic() + min(_ACTS_SECONDS, self._shapes.ready_seconds)
        while True:
            self._writer.check()
            pair = self._read()
            if pair is None:
                raise StageFailed(f"cannot {what}: somebody deleted Rollout {self._shapes.name}", "run it again")
            if done(pair):
                return pair
            if self._api.clock.monotonic() > ends:
                raise self._stuck(what, pair)
            self._api.clock.sleep(_PAUSE)

    def _stuck(self, what: str, pair: Pair) -> Exception:
        conditions = pair.views()[pair.newest]["status"]["conditions"]
        known = [condition for condition in conditions if condition["type"] in (UNHEARD, STOPPED)]
        text = f"Argo's controller does not do what Rollout {self._shapes.name} asks for"
        cause = of_deployment({"status": {"conditions": known or [{"type": STOPPED, "message": text}]}})
        if cause is None:
            raise AssertionError("these conditions are causes")
        return cause.error(what)

    def _until_gone(self, version: int) -> None:
        ends = self._api.clock.monotonic() + _GOING_SECONDS
        while self._api.list(POD, self._shapes.namespace, self._shapes.selector(version))["items"]:
            if self._api.clock.monotonic() > ends:
                self._note(f"pods of version {version}: deleted, and still ending")
                return
            self._api.clock.sleep(_PAUSE)


def _formed(thing: Object, total: int, weight: int | None) -> Object:
    """A Rollout, or a change of one, with so many pods, of which the newest version has a share in percent; None: all."""
    steps: list[Object] = [{"setWeight": 100}] if weight is None else [{"setWeight": weight}, {"pause": {}}]
    # Without a surge Argo forms exactly the share that is nearest; nothing is taken from what we do not ask for.
    canary = {**thing["spec"]["strategy"]["canary"], "maxUnavailable": 1, "maxSurge": 0, "steps": steps}
    return {**thing, "spec": {**thing["spec"], "replicas": total, "strategy": {"canary": canary}}}


def _with_new_template(wanted: Object, current: Object) -> Object:
    """What is wanted of a Rollout that is there: another template, and the pods that it has."""
    kept = {field: current["spec"][field] for field in ("replicas", "strategy")}
    return {**wanted, "spec": {**wanted["spec"], **kept}}


def _may_stay(own: Object, version: int, traffic: Traffic) -> bool:
    """Whether a version's pods can be left: it has traffic, or could share that of production."""
    used = version in (traffic.stable, traffic.canary)
    return used or traffic.stable is None or carries(own, traffic.stable)


def _at_least(autoscaler: Object, total: int) -> Object:
    spec = autoscaler["spec"]
    most = max(spec["maxReplicas"], total)
    return {**autoscaler, "spec": {**spec, "minReplicas": total, "maxReplicas": most}}


def _pods(pair: Pair, version: int) -> int:
    view = pair.views().get(version)
    return view["status"]["replicas"] if view is not None else 0
