"""Moves users' requests between versions: first the pods that shall answer, then the one change that sends requests there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from jenkins_ml.adapters.kubernetes import readiness, traffic
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.kinds import AUTOSCALER, ROUTE, SERVICE, Object
from jenkins_ml.adapters.kubernetes.readiness import Wanted, is_complete
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.state import Objects, traffic_of
from jenkins_ml.adapters.kubernetes.traffic import Traffic, carries
from jenkins_ml.adapters.kubernetes.workloads import Workloads
from jenkins_ml.adapters.kubernetes.writing import Writer
from jenkins_ml.errors import StageFailed, Unavailable

_ROUTE_SECONDS: Final = 10.0  # within which a Gateway's controller takes a route
_QUIET_SECONDS: Final = 2.0  # without a word about it there is no controller
_PAUSE: Final = 0.1


class Router:
    """Routes users' requests of one model in one environment.

    Args:
        api: the API server.
        writer: makes the changes.
        shapes: what objects look like.
        workloads: bring up the pods.
        note: takes a line about what is under way.
    """

    def __init__(
        self, api: Api, writer: Writer, shapes: Shapes, workloads: Workloads, note: Callable[[str], None]
    ) -> None:
        self._api, self._writer, self._shapes, self._workloads, self._note = api, writer, shapes, workloads, note
        self._uncontrolled = False  # no Gateway's controller says anything

    def now(self) -> Traffic:
        """Where requests go."""
        return self._traffic(self._workloads.all())

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Give `weight` percent to the canary and the rest to stable.

        Raises:
            StageFailed: a version is not there, or not ready.
        """
        there = self._workloads.all()
        before = self._traffic(there)
        wanted = Traffic(stable, canary, weight) if canary is not None and weight else Traffic(stable)
        for version in (stable, *((canary,) if canary is not None else ())):
            if version not in there:
                raise StageFailed(f"version {version} is not on the cluster", "load it first")
        only = wanted.only
        if only is not None:
            self._make_room(there, before, only)
        else:
            self._form_share(there, wanted)
        if before != wanted:
            self._write(wanted)
        if only is not None:
            self._settle(there[only], only, is_production=wanted.canary is None)

    def wait(self, version: int, what: str) -> list[Object]:
        """Wait until all pods of a version are ready; answers them.

        Args:
            version: the version.
            what: is being done, for messages, such as "bring up version 3".

        Raises:
            JenkinsMLError: see readiness.wait.
        """
        wanted = Wanted(
            namespace=self._shapes.namespace,
            name=self._workloads.name(version),
            look=lambda: self._workloads.find(version),
            labels=self._shapes.selector(version),
            what=what,
            seconds=self._shapes.ready_seconds,
        )
        return readiness.wait(self._api, wanted, self._note, self._writer.check)

    # --- the pods that shall answer ----------------------------------------------------------------------------------
    def _make_room(self, there: dict[int, Object], before: Traffic, version: int) -> None:
        """See to it that a version can take all requests.

        One that took them before, and was kept warm, gets them at once: what it replaces is bad. It is asked to grow
        to as many pods as production has now, but that is not waited for.
        """
        own = there[version]
        ready = is_complete(own) and own["spec"]["replicas"] >= self._shapes.replicas
        if before.only == version:
            if not _answers(own):
                self._wait(version)
            return
        # By load there may be more of them than are configured; without an autoscaler the configuration says how many.
        bearer = there.get(before.only or before.stable or version, own)
        needed = bearer["spec"]["replicas"] if self._shapes.autoscaled else 0
        replicas = max(self._shapes.replicas, own["spec"]["replicas"], needed)
        there[version] = own = self._workloads.scale(version, own, replicas)
        is_promoted = version == before.canary or before.stable is None
        if not ready or is_promoted:
            self._wait(version)

    def _form_share(self, there: Mapping[int, Object], wanted: Traffic) -> None:
        """See to it that the canary has the pods that its share takes, and that only it shares with stable."""
        stable, canary = wanted.stable, wanted.canary
        if stable is None or canary is None:
            raise AssertionError("a share is between two versions")
        if not _answers(there[stable]):
            self._wait(stable)
        if not self._shapes.weighted:
            if not carries(there[canary], stable):
                raise StageFailed(
                    f"version {canary} was brought up beside another one than {stable}: it cannot share its traffic",
                    "load it again",
                )
            for version, other in there.items():
                if version not in (stable, canary) and carries(other, stable) and other["spec"]["replicas"]:
                    self._note(f"version {version} would get a share, too: its pods end")
                    self._workloads.scale(version, other, 0)
                    self._wait(version)
        replicas = self._shapes.canary_replicas(there[stable]["spec"]["replicas"], wanted.weight)
        self._workloads.scale(canary, there[canary], replicas)
        self._wait(canary)

    def _settle(self, own: Object, version: int, *, is_production: bool) -> None:
        """Once a version has all the requests: pods by load, or as many as are configured."""
        autoscaler = self._workloads.autoscaler(version)
        if autoscaler is not None:
            self._writer.apply(autoscaler)
        elif is_production:
            self._writer.delete(AUTOSCALER, self._shapes.name)  # which the configuration had before
            self._workloads.scale(version, own, self._shapes.replicas)

    def _wait(self, version: int) -> None:
        self.wait(version, f"route requests to version {version}")

    # --- the change --------------------------------------------------------------------------------------------------
    def _write(self, wanted: Traffic) -> None:
        if not self._shapes.weighted:
            self._writer.apply(self._shapes.service(wanted))
            return
        written = self._writer.apply(self._shapes.route(wanted))
        self._wait_for_gateway(written)

    def _wait_for_gateway(self, route: Object) -> None:
        """Wait until the Gateway's controller has taken the route; where none says anything, there is none to wait for."""
        began, generation = self._api.clock.monotonic(), route["metadata"]["generation"]
        while True:
            problems = _problems(route, generation)
            waited = self._api.clock.monotonic() - began
            self._uncontrolled = problems is None and (self._uncontrolled or waited > _QUIET_SECONDS)
            if problems == [] or self._uncontrolled:
                return
            if waited > _ROUTE_SECONDS:
                text = "; ".join(problems or ["it says nothing"])
                raise Unavailable(
                    f"the Gateway does not take HTTPRoute {route['metadata']['name']}: {text}",
                    "look at the Gateway's listeners and its controller (kubectl describe httproute)",
                )
            self._api.clock.sleep(_PAUSE)
            self._writer.check()
            route = self._api.get(ROUTE, self._shapes.namespace, route["metadata"]["name"]) or route

    # --- what there is -----------------------------------------------------------------------------------------------
    def _traffic(self, there: Mapping[int, Object]) -> Traffic:
        if self._shapes.weighted:
            services = self._api.list(SERVICE, self._shapes.namespace, self._shapes.selector(None))["items"]
            route = self._api.get(ROUTE, self._shapes.namespace, self._shapes.name)
            return traffic_of(Objects(list(there.values()), [], services, [], [route] if route else []))
        service = self._api.get(SERVICE, self._shapes.namespace, self._shapes.name)
        found = traffic.of_service(service, list(there.values())) if service is not None else None
        return found or Traffic()


def _answers(deployment: Object) -> bool:
    return bool((deployment.get("status") or {}).get("readyReplicas", 0))


def _problems(route: Object, generation: int) -> list[str] | None:
    """What the controllers of Gateways have against a route; None while none has said anything of this generation."""
    conditions = [
        condition
        for parent in (route.get("status") or {}).get("parents") or ()
        for condition in parent.get("conditions") or ()
        if condition.get("observedGeneration", generation) >= generation
        and condition["type"] in ("Accepted", "ResolvedRefs")
    ]
    if not conditions:
        return None
    return [
        f"{condition['type']}: {condition.get('message') or condition.get('reason')}"
        for condition in conditions
        if condition["status"] != "True"
    ]
