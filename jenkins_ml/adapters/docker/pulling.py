"""Images that the engine has, or gets from their registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jenkins_ml.adapters.docker.engine import Engine
from jenkins_ml.adapters.images.failures import events, translated


@dataclass(frozen=True)
class Image:
    """An image that the engine has.

    Args:
        id: by which containers are made of it.
        digest: what it is recorded by: name@sha256:... of its registry; its id where it came from none.
        user: whom it runs as; empty for root.
    """

    id: str
    digest: str
    user: str


def ensure(engine: Engine, name: str, progress: Callable[[str], None]) -> Image:
    """The image of that name; pulled when the engine has none.

    Args:
        engine: where it is needed.
        name: with a tag or digest.
        progress: takes lines about the pull.

    Raises:
        UsageError: there is no such image, or the registry does not let us in.
        Unavailable: the registry does not answer.
    """
    return find(engine, name) or _pulled(engine, name, progress)


def find(engine: Engine, name: str) -> Image | None:
    """The image of that name or id, where the engine has it."""
    from docker import errors

    with translated(f"looking for {name}", name):
        try:
            found = engine.api.inspect_image(name)
        except errors.ImageNotFound:
            return None
    digests = sorted(found.get("RepoDigests") or ())
    repository = name.partition("@")[0]
    own = [digest for digest in digests if digest.partition("@")[0] == repository.rpartition(":")[0]]
    return Image(found["Id"], next(iter(own or digests), found["Id"]), (found.get("Config") or {}).get("User") or "")


def _pulled(engine: Engine, name: str, progress: Callable[[str], None]) -> Image:
    doing = f"pulling {name}"
    progress(doing)
    repository, at, digest = name.partition("@")
    head, colon, tag = repository.rpartition(":")
    if at:
        repository, tag = (head if colon and "/" not in tag else repository), digest
    elif colon and "/" not in tag:
        repository = head
    else:
        tag = "latest"
    layers: dict[str, bool] = {}
    with translated(doing, name):
        for event in events(engine.api.pull(repository, tag=tag, stream=True, decode=True), doing, name):
            status, layer = event.get("status", ""), event.get("id")
            if layer is None or status.startswith("Pulling from"):
                continue
            done = status in ("Pull complete", "Already exists")
            if done and not layers.get(layer):
                progress(f"{doing}: {sum(layers.values()) + 1} of {len(layers | {layer: True})} layers")
            layers[layer] = done or layers.get(layer, False)
    found = find(engine, name)
    if found is None:
        raise AssertionError(f"{name} was pulled and is not there")
    return found
