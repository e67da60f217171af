"""All objects of an environment, for a release that somebody else than our deployer makes: Helm, or whoever applies from git."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jenkins_ml import names
from jenkins_ml.config.gitops import Listed, Released
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import UsageError
from jenkins_ml.rendering.kubernetes.objects import Object, Objects
from jenkins_ml.rendering.kubernetes.pod import Version

# Key of a version in the file of releases -> the annotation that says it.
NOTES = {
    "manifest_digest": names.NOTE_DIGEST,
    "commit": names.NOTE_COMMIT,
    "run": names.NOTE_RUN,
    "build": names.NOTE_BUILD,
    "by": names.NOTE_BY,
}
# What is wrong with a canary, as Helm says it, too.
ARGO_CANARY = "with `traffic: argo-rollouts` the Rollout makes the canary"
NOT_BESIDE = "version %d was not released beside version %d, and can share no traffic with it"
ALSO_BESIDE = "version %d was released beside version %d, too, and would share the traffic"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What runs in an environment.

    Args:
        versions: all that are deployed.
        stable: the version in production; None for none yet.
        canary: the one beside it; None for none.
        weight: the canary's share in percent.
    """

    versions: tuple[Version, ...] = ()
    stable: int | None = None
    canary: int | None = None
    weight: int = 0


def release(serve: Serve, released: Released) -> Release:
    """A release as its file describes it.

    Args:
        serve: the section, as it holds in the environment.
        released: what the file says.

    Raises:
        UsageError: traffic cannot be split so.
    """
    _check_canary(serve, released)
    versions = tuple(_version(serve, each) for each in released.versions)
    return Release(versions=versions, stable=released.stable, canary=released.canary, weight=released.weight)


def _check_canary(serve: Serve, released: Released) -> None:
    if released.canary is None or serve.kubernetes.traffic == "httproute":
        return
    if serve.kubernetes.traffic == "argo-rollouts":
        raise UsageError(ARGO_CANARY, "name the new version as `stable`, and no `canary`")
    # A Service selects by what the pods of stable and of those released beside it have in common.
    for each in released.versions:
        if each.version == released.canary and each.beside != released.stable:
            raise UsageError(NOT_BESIDE % (each.version, released.stable), f"give it `beside: {released.stable}`")
        if each.version != released.canary and each.beside == released.stable:
            raise UsageError(ALSO_BESIDE % (each.version, released.stable), "take it out before the next canary")


def default_image(serve: Serve, version: int | str) -> str:
    """What a version's pods run where nobody named it by digest: what `serve` would deploy, by tag."""
    return serve.server.image if serve.image is None else f"{serve.image.repository}:{version}"


def default_replicas(serve: Serve) -> int | None:
    """How many pods a version has where nobody said; None where an autoscaler does."""
    return serve.kubernetes.replicas if serve.kubernetes.autoscale is None else None


def everything(objects: Objects, wanted: Release) -> list[Object]:
    """All objects of an environment; what sends traffic somewhere stands behind that."""
    return [*objects.shared(), *_versions(objects, wanted), *_traffic(objects, wanted)]


def _traffic(objects: Objects, wanted: Release) -> Iterator[Object]:
    stable, traffic = wanted.stable, objects.serve.kubernetes.traffic
    if stable is None or traffic == "httproute":
        yield objects.service(None)
    elif traffic == "argo-rollouts":
        yield objects.service(objects.selector_of_all())
    else:
        yield objects.service(objects.selector(stable, wanted.canary, wanted.weight))
    if stable is None:
        return
    if traffic == "httproute":
        yield objects.route(stable, wanted.canary, wanted.weight)
    scaled = objects.autoscaler(stable)
    if scaled is not None:
        yield scaled


def _versions(objects: Objects, wanted: Release) -> Iterator[Object]:
    for version in wanted.versions:
        match objects.serve.kubernetes.traffic:
            case "argo-rollouts":
                if version.version == wanted.stable:
                    yield objects.rollout(version)
            case "httproute":
                yield objects.version_service(version)
                yield objects.deployment(version)
            case _:
                yield objects.deployment(version)


def _version(serve: Serve, listed: Listed) -> Version:
    return Version(
        version=listed.version,
        image=listed.image or default_image(serve, listed.version),
        stable=listed.beside,
        replicas=listed.replicas or default_replicas(serve),
        notes={note: value for key, note in NOTES.items() if (value := getattr(listed, key)) is not None},
    )
