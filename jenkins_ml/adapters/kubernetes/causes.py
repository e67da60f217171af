"""Why pods are not ready, as one sentence that names the cause. Pure: out of what the API server says of them.

The kubelet, the scheduler and the controllers each say it in a place of their own: in the state of a container, in a
condition of the pod or of the Deployment, or only in an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml.adapters.kubernetes.kinds import Object
from jenkins_ml.adapters.kubernetes.refusals import denied, over_quota
from jenkins_ml.errors import IntegrityError, JenkinsMLError, StageFailed, Unavailable

Blame = Literal["version", "setup", "cluster", "quota", "policy", "controller"]
UNHEARD: Final = "Unheard"  # condition of a view of a Rollout: no controller has taken it up
STOPPED: Final = "Stopped"  # condition of a view of a Rollout: its controller does not go on with it

_NO_IMAGE: Final = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
_NO_START: Final = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PostStartHookError"}
_AT_ONCE: Final = {"InvalidImageName", "ErrImageNeverPull"}
_CONTROLLER_SECONDS: Final = 20.0  # a controller that is started anew is there again by then
_CRASHES: Final = 2  # restarts after which it is a loop: three attempts
_SETUP_EVENTS: Final = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedCreate"}


@dataclass(frozen=True)
class Log:
    """Where the container whose end is to be explained has its log."""

    pod: str
    container: str
    previous: bool


@dataclass(frozen=True)
class Cause:
    """Why a version is not ready.

    Args:
        text: one sentence without a full stop.
        blame: the version itself, its configuration, the cluster (which may recover), its quota, a policy, or the
            controller of Argo Rollouts.
        lasts: seconds that this must have been so until it is given up: it could pass by itself. None: as long as
            one is willing to wait.
        log: whose last lines say more; None where nobody's do.
    """

    text: str
    blame: Blame
    lasts: float | None = None
    log: Log | None = None

    def error(self, what: str, lines: str = "") -> JenkinsMLError:
        """The error that it is.

        Args:
            what: could not be done, such as "bring up version 3".
            lines: the last ones of the log.
        """
        text = f"cannot {what}: {self.text}" + (f"; the last lines of its log:\n{lines}" if lines else "")
        match self.blame:
            case "version":
                return IntegrityError(text, "look at the log of the version's pods, and at what its training made")
            case "setup":
                return StageFailed(text, "correct `serve` in jenkins-ml.yaml, or what it names in the cluster")
            case "quota":
                return over_quota(self.text, what)
            case "policy":
                return denied(self.text, what)
            case "controller":
                return Unavailable(
                    text,
                    "see to it that the controller of Argo Rollouts runs and watches this namespace, and that nobody "
                    "else moves this Rollout (kubectl describe rollout)",
                )
        return Unavailable(text, "try again when the cluster has room for it and its nodes answer")


def of_pods(pods: Sequence[Object], events: Iterable[Object] = ()) -> Cause | None:
    """The cause in the pods of a version; None when all of them are ready or on their way without trouble.

    Args:
        pods: of the version.
        events: warnings about these pods; the newest last.
    """
    told = {event["involvedObject"].get("uid", ""): event for event in events}
    causes = [cause for pod in pods if (cause := _of_pod(pod, told)) is not None]
    return min(causes, key=_rank, default=None)


def of_deployment(deployment: Object) -> Cause | None:
    """The cause in a Deployment: its pods cannot even be made."""
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            message = str(condition.get("message"))
            if "exceeded quota" in message or "failed quota" in message:
                return Cause(message, "quota", lasts=20.0)
            return Cause(message, "policy", lasts=3.0)
        if condition["type"] in (UNHEARD, STOPPED):
            return Cause(str(condition["message"]), "controller", lasts=_CONTROLLER_SECONDS)
    return None


def is_ready(pod: Object) -> bool:
    """Whether a pod gets requests: it is ready, and not on its way out."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _rank(cause: Cause) -> tuple[bool, bool]:
    """What will not pass comes first; then what has a log to show."""
    return cause.lasts is None, cause.log is None


def _of_pod(pod: Object, told: Mapping[str, Object]) -> Cause | None:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    if is_ready(pod) or "deletionTimestamp" in pod["metadata"]:
        return None
    if status.get("phase") == "Failed":
        return Cause(f"pod {name} has failed: {status.get('message') or status.get('reason')}", "cluster")
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Cause(f"pod {name} cannot be scheduled: {condition.get('message')}", "cluster")
    containers = [
        *((container, "init container") for container in status.get("initContainerStatuses") or ()),
        *((container, "container") for container in status.get("containerStatuses") or ()),
    ]
    for container, kind in containers:
        if (cause := _of_container(pod, container, kind)) is not None:
            return cause
    return _of_event(pod, told.get(pod["metadata"].get("uid", "")))


def _of_container(pod: Object, container: Object, kind: str) -> Cause | None:
    name = pod["metadata"]["name"]
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting = state.get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _NO_IMAGE:
        why = f"image {container.get('image')} cannot be pulled: {message or reason} ({reason})"
        return Cause(why, "setup", lasts=0.0 if reason in _AT_ONCE else 20.0)
    if reason in _NO_START:
        return Cause(
            f"{kind} {container['name']} of pod {name} cannot be started: {message or reason}", "setup", lasts=20.0
        )
    ended = state.get("terminated") or last.get("terminated")
    if ended and (kind == "container" or ended.get("exitCode")):
        restarts = int(container.get("restartCount") or 0)
        times = restarts + ("running" not in state)
        ends = f"{times} times" if times > 1 else "once"
        return Cause(
            f"{kind} {container['name']} of pod {name} {_ending(pod, container, ended)}, {ends}",
            "version" if kind == "container" else "setup",
            lasts=0.0 if restarts >= _CRASHES else None,
            log=Log(name, container["name"], previous="terminated" not in state),
        )
    return None


def _ending(pod: Object, container: Object, ended: Object) -> str:
    if ended.get("reason") == "OOMKilled":
        limits = {
            spec["name"]: ((spec.get("resources") or {}).get("limits") or {}).get("memory")
            for spec in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"])
        }
        return f"was killed because it used more than its {limits.get(container['name']) or 'memory'} of memory (OOMKilled)"
    how = f" by signal {ended['signal']}" if ended.get("signal") else f" with exit code {ended.get('exitCode')}"
    return f"ended{how}" + (f" ({ended['reason']})" if ended.get("reason") else "")


def _of_event(pod: Object, event: Object | None) -> Cause | None:
    """What only an event tells; a pod that runs, whose containers are ready and which is not, is on a lost node."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    if containers and all(container.get("ready") for container in containers):
        return Cause(f"node {pod['spec'].get('nodeName')} of pod {name} does not answer", "cluster")
    if event is None:
        return None
    reason, message = event.get("reason", ""), str(event.get("message", "")).strip()
    if reason == "Unhealthy":
        server = next((container["name"] for container in containers), "")
        return Cause(
            f"pod {name} runs and does not become ready: {message}", "version", log=Log(name, server, previous=False)
        )
    blame: Blame = "setup" if reason in _SETUP_EVENTS else "cluster"
    return Cause(f"pod {name} waits: {message} ({reason})", blame)
