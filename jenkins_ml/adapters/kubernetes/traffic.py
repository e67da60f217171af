"""Where users' requests go: written on the Service or the HTTPRoute that they call, and read back from it. Pure.

With a plain Service the selector decides. It names one version; or, while a canary gets a share, the label that the
pods of stable and of its canary have in common. The share is then that of the ready pods. What was asked for stands
beside it as an annotation, written by the same request, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.kinds import Object
from jenkins_ml.rendering.kubernetes.naming import release_label

NOTE: Final = "jenkins-ml.io/traffic"  # "STABLE", or "STABLE CANARY WEIGHT"


@dataclass(frozen=True)
class Traffic:
    """The version in production, the one beside it, and that one's share in percent."""

    stable: int | None = None
    canary: int | None = None
    weight: int = 0

    @property
    def note(self) -> str:
        """As an annotation."""
        return f"{self.stable} {self.canary} {self.weight}" if self.canary is not None else f"{self.stable}"

    @property
    def only(self) -> int | None:
        """The version that gets all requests; None while two of them do."""
        if self.canary is None or self.weight == 0:
            return self.stable
        return self.canary if self.weight == 100 else None


def carries(deployment: Object, stable: int) -> bool:
    """Whether the pods of a Deployment are selected while this version and its canary share the traffic."""
    labels: Mapping[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return release_label(stable) in labels


def of_service(service: Object, deployments: Sequence[Object]) -> Traffic | None:
    """What a Service's selector says; None when it selects nothing of ours."""
    selector: Mapping[str, str] = service["spec"].get("selector") or {}
    noted = _noted((service["metadata"].get("annotations") or {}).get(NOTE, ""))
    if (version := selector.get(names.LABEL_VERSION, "")).isdecimal():
        if noted is not None and noted.only == int(version):
            return noted
        return Traffic(int(version))
    stable = next(
        (key.removeprefix(names.LABEL_RELEASE_PREFIX) for key in selector if names.LABEL_RELEASE_PREFIX in key), ""
    )
    if not stable.isdecimal():
        return None
    if noted is not None and noted.stable == int(stable) and noted.only is None:
        return noted
    return _by_replicas(int(stable), deployments)


def of_route(route: Object, versions: Mapping[str, int]) -> Traffic | None:
    """What the weights of an HTTPRoute say; None when there are none.

    Args:
        route: the HTTPRoute.
        versions: which version the Service of a name belongs to.
    """
    noted = _noted((route["metadata"].get("annotations") or {}).get(NOTE, ""))
    backends = [
        (versions[backend["name"]], int(backend.get("weight", 1)))
        for rule in route["spec"].get("rules") or ()
        for backend in rule.get("backendRefs") or ()
        if backend["name"] in versions
    ]
    weights = dict(backends)
    if noted is not None and noted.stable in weights and weights.get(noted.canary or 0, 0) == noted.weight:
        return noted
    whole = [version for version, weight in backends if weight]
    return Traffic(whole[0]) if len(set(whole)) == 1 else None


def _noted(text: str) -> Traffic | None:
    numbers = [int(part) for part in text.split() if part.isdecimal()]
    return Traffic(*numbers) if len(numbers) in (1, 3) else None


def _by_replicas(stable: int, deployments: Iterable[Object]) -> Traffic:
    """The canary is whichever version the selector selects beside stable."""
    replicas = {
        int(deployment["metadata"]["labels"][names.LABEL_VERSION]): deployment["spec"]["replicas"]
        for deployment in deployments
        if carries(deployment, stable)
    }
    others = {version: count for version, count in replicas.items() if version != stable and count}
    if not others:
        return Traffic(stable)
    canary = max(others)
    return Traffic(stable, canary, round(100 * others[canary] / sum(replicas.values())))
