"""What the API server says when it refuses a request, as our errors: which cause, and what to do about it. Pure."""

from __future__ import annotations

import re
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.kinds import Object
from jenkins_ml.errors import JenkinsMLError, StageFailed, Unavailable, UsageError

_RIGHT: Final = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]*)")?'
)
_MANAGER: Final = re.compile(r'conflict with "([^"]*)"')
_POLICY: Final = ("violates PodSecurity", "denied request", "denied the request")


class Changed(StageFailed):
    """The object is not any more as it was read, or is there already: read it again."""


class Missing(StageFailed):
    """There is no such object."""


class Conflict(StageFailed):
    """Another field manager has a field that we would change."""


def error_of(status: int, answer: Object, what: str, namespace: str) -> JenkinsMLError:
    """The error for a refused request.

    Args:
        status: the HTTP status.
        answer: the Status object of the API server.
        what: was asked for, such as "apply Deployment digits-3".
        namespace: that the request was about.
    """
    message = str(answer.get("message") or f"status {status}")
    match status:
        case 401:
            return UsageError(
                f"the API server does not accept the credentials, to {what}: {message}",
                "log in to the cluster again, or give the build an account of it",
            )
        case 403:
            return _forbidden(message, what, namespace)
        case 404:
            return _missing(answer, message, what, namespace)
        case 409:
            return _conflict(answer, message, what)
    if any(sign in message for sign in _POLICY):
        return denied(message, what)
    return StageFailed(f"the API server refuses to {what}: {message}")


def denied(message: str, what: str) -> StageFailed:
    """A policy of the cluster forbids it."""
    return StageFailed(
        f"a policy of the cluster forbids to {what}: {message}",
        "ask whoever runs the cluster for an exception, or change what the policy names in `serve.kubernetes`",
    )


def over_quota(message: str, what: str) -> Unavailable:
    """There is no room in the quota of the namespace."""
    return Unavailable(
        f"the quota of the namespace leaves no room to {what}: {message}",
        "lower `serve.kubernetes.resources` or `replicas`, take out a version that is kept warm, or raise the quota",
    )


def _forbidden(message: str, what: str, namespace: str) -> JenkinsMLError:
    if found := _RIGHT.search(message):
        resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
        where = f"in namespace {found['namespace']}" if found["namespace"] else "in the whole cluster"
        elsewhere = "" if found["namespace"] else ", or look at one namespace only: --namespace"
        return UsageError(
            f"{found['user']} may not {found['verb']} {resource} {where}, to {what}",
            f"give it the Role in docs/kubernetes.md{elsewhere}",
        )
    if "exceeded quota" in message or "failed quota" in message:
        return over_quota(message, what)
    if "is being terminated" in message:
        return UsageError(f"namespace {namespace} is being deleted", "release to another one, or wait and make it anew")
    return denied(message, what)


def _missing(answer: Object, message: str, what: str, namespace: str) -> JenkinsMLError:
    details = answer.get("details") or {}
    if details.get("kind") == "namespaces":
        return UsageError(
            f"there is no namespace {namespace}",
            f"make it (kubectl create namespace {namespace}), or name another one in `serve.kubernetes.namespace`",
        )
    if not details.get("name"):
        return UsageError(
            f"the cluster knows nothing of the kind, to {what}: {message}",
            "install what it belongs to: Argo Rollouts for `traffic: argo-rollouts`, Gateway API for `traffic: httproute`",
        )
    return Missing(f"there is nothing to {what}: {message}")


def _conflict(answer: Object, message: str, what: str) -> StageFailed:
    causes = [
        cause
        for cause in (answer.get("details") or {}).get("causes") or ()
        if cause.get("reason") == "FieldManagerConflict"
    ]
    if not causes:
        return Changed(f"cannot {what}: {message}")
    found = _MANAGER.search(causes[0].get("message", ""))
    manager = found[1] if found else "another manager"
    fields = ", ".join(cause.get("field", "?") for cause in causes[:5])
    return Conflict(
        f'"{manager}" manages what this would change, to {what}: {fields}; nothing was changed',
        f'find out who changes it as "{manager}" (kubectl get --show-managed-fields), let them stop, and hand it back: '
        f"kubectl apply --server-side --force-conflicts --field-manager={names.OWNER}, with the value it shall have",
    )
