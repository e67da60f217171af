"""Waits until all pods of a version are ready, and says why they are not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jenkins_ml.adapters.kubernetes import causes
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.causes import Cause
from jenkins_ml.adapters.kubernetes.kinds import EVENT, POD, Object
from jenkins_ml.errors import JenkinsMLError, StageFailed, Unavailable

_LOG_LINES: Final = 10
_LOG_SECONDS: Final = 3.0
_SETTLING: Final = 0.05  # seconds until the Deployment says what its pods say already
_LONGEST: Final = 5.0  # seconds without a look at the Deployment and at the events


@dataclass(frozen=True)
class Wanted:
    """A version that is waited for.

    Args:
        namespace: of it.
        name: what brings its pods up, such as "Deployment digits-v3".
        look: answers the Deployment, or what looks like one; None where there is none any more.
        labels: selector of its pods.
        what: is being done, for messages, such as "bring up version 3".
        seconds: until it is given up.
    """

    namespace: str
    name: str
    look: Callable[[], Object | None]
    labels: str
    what: str
    seconds: float


def wait(api: Api, wanted: Wanted, note: Callable[[str], None], still_ours: Callable[[], None]) -> list[Object]:
    """Wait until a version has all its pods ready; answers them.

    Args:
        api: the API server.
        wanted: what is waited for.
        note: takes a line about how far it is, and what is in the way.
        still_ours: raises when somebody else may change the environment now.

    Raises:
        IntegrityError: it does not come up, and the version is to blame.
        StageFailed: its configuration is, or a policy.
        Unavailable: the cluster has no room for it, or it was not ready in time.
    """
    now = api.clock.monotonic
    ends, tick = now() + wanted.seconds, 1.0
    hopeless: tuple[str, float] | None = None  # whose fault it is, and since when
    told = ""
    while True:
        still_ours()
        deployment = wanted.look()
        if deployment is None:
            what = f"cannot {wanted.what}: somebody deleted {wanted.name}, or took the version out of it"
            raise StageFailed(what, "run it again")
        listed = api.list(POD, wanted.namespace, wanted.labels)
        pods = {pod["metadata"]["uid"]: pod for pod in listed["items"]}
        if is_complete(deployment):
            return [pod for pod in pods.values() if causes.is_ready(pod)]
        cause = find_cause(api, wanted.namespace, deployment, list(pods.values()))
        if cause is None or cause.lasts is None:
            hopeless = None
        else:
            hopeless = hopeless if hopeless and hopeless[0] == cause.blame else (cause.blame, now())
            if now() - hopeless[1] >= cause.lasts:
                raise cause.error(wanted.what, _log(api, wanted, cause))
        if now() >= ends:
            raise _too_late(wanted, deployment, cause, lambda found: _log(api, wanted, found))
        line = (
            f"{_count(list(pods.values()))} of {deployment['spec']['replicas']} pods of {wanted.name.split()[-1]} are ready"
            + (f": {cause.text}" if cause else "")
        )
        if line != told:
            note(line)
            told = line
        if _count(list(pods.values())) >= deployment["spec"]["replicas"]:
            api.clock.sleep(_SETTLING)
            continue
        left = ends - now()
        if hopeless is not None and cause is not None and cause.lasts is not None:
            left = min(left, hopeless[1] + cause.lasts - now())
        _watch(api, wanted, listed, pods, deployment["spec"]["replicas"], min(tick, left))
        tick = min(tick * 2, _LONGEST)


def find_cause(api: Api, namespace: str, deployment: Object, pods: list[Object]) -> Cause | None:
    """Why a version is not ready; asks for events only where nothing else says it."""
    cause = causes.of_deployment(deployment) or causes.of_pods(pods)
    if cause is not None or not any(_is_old(pod) for pod in pods if not causes.is_ready(pod)):
        return cause
    return causes.of_pods(pods, warnings(api, namespace))


def warnings(api: Api, namespace: str | None) -> list[Object]:
    """Warnings about pods, the newest last."""
    events: list[Object] = api.list(EVENT, namespace, fields="involvedObject.kind=Pod,type=Warning")["items"]
    return sorted(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))


def is_complete(deployment: Object) -> bool:
    """Whether all pods that a Deployment wants are ready, and made after its present template."""
    status, replicas = deployment.get("status") or {}, deployment["spec"]["replicas"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return seen and all(count == replicas for count in counts)


def _watch(api: Api, wanted: Wanted, listed: Object, pods: dict[str, Object], replicas: int, seconds: float) -> None:
    """Follow the pods until enough are ready, one cannot become ready, or some seconds have passed."""
    ends = api.clock.monotonic() + seconds
    since = listed["metadata"]["resourceVersion"]
    for change, pod in api.watch(POD, wanted.namespace, since, seconds, wanted.labels):
        pods.pop(pod["metadata"]["uid"], None)
        if change != "DELETED":
            pods[pod["metadata"]["uid"]] = pod
        cause = causes.of_pods(list(pods.values()))
        if _count(list(pods.values())) >= replicas or (cause is not None and cause.lasts == 0):
            return
        if api.clock.monotonic() >= ends:
            return
    if (left := ends - api.clock.monotonic()) > 0:  # it broke off
        api.clock.sleep(min(left, 1.0))


def _count(pods: list[Object]) -> int:
    return sum(causes.is_ready(pod) for pod in pods)


def _is_old(pod: Object) -> bool:
    """Whether a pod has been scheduled: from then on only events may say what it waits for."""
    return bool((pod.get("status") or {}).get("startTime"))


def _too_late(wanted: Wanted, deployment: Object, cause: Cause | None, log: Callable[[Cause], str]) -> JenkinsMLError:
    if cause is not None:
        return cause.error(f"{wanted.what} within {wanted.seconds:.0f} s", log(cause))
    ready = (deployment.get("status") or {}).get("readyReplicas", 0)
    return Unavailable(
        f"cannot {wanted.what}: after {wanted.seconds:.0f} s {ready} of {deployment['spec']['replicas']} pods are ready",
        "give it more time in `serve.kubernetes.ready_timeout`, or look what the pods wait for (kubectl describe)",
    )


def _log(api: Api, wanted: Wanted, cause: Cause) -> str:
    """The last lines of the log that explains it; empty where there are none."""
    if cause.log is None:
        return ""
    query = {
        "container": cause.log.container,
        "tailLines": str(_LOG_LINES),
        **({"previous": "true"} if cause.log.previous else {}),
    }
    with contextlib.suppress(JenkinsMLError):  # the node may not answer; the cause itself is known
        return api.text(POD, wanted.namespace, cause.log.pod, "log", query, _LOG_SECONDS).rstrip()
    return ""
