"""Images with a model inside: built by a Docker engine, and pushed where that is asked for.

    context     the archive that the engine builds from
    failures    what engines and registries say when something goes wrong

The engine's own store of credentials says who pushes; nothing secret passes through here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jenkins_ml import names
from jenkins_ml.adapters.images.context import build_context
from jenkins_ml.adapters.images.failures import events, translated
from jenkins_ml.errors import IntegrityError, StageFailed, UsageError
from jenkins_ml.rendering import dockerfile

if TYPE_CHECKING:
    from jenkins_ml.adapters.target import Servable
    from jenkins_ml.config.serve import Image, Server

Progress = Callable[[str], None]
_DONE = ("Pushed", "Layer already exists", "Mounted from")


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """An image that holds a version.

    Args:
        reference: its name and tag, such as registry.example.com/ml/digits:3.
        digest: the same by digest, registry.example.com/ml/digits@sha256:..., which no push can change any more; None
            for one that is not pushed.
        id: by which the engine that has it knows it, "sha256:...".
    """

    reference: str
    digest: str | None
    id: str


def ensure(
    client: Any,
    *,
    config: Image,
    server: Server,
    model: str,
    servable: Servable,
    progress: Progress = lambda _: None,
) -> BuiltImage:
    """The image of a version: the one that there is already, or a new one.

    An image counts as this version's when its labels say so: the same manifest, and the same server's image by name. One
    of the same manifest on another server's image is built anew, and its tag moves on.

    Args:
        client: a `docker.DockerClient`.
        config: what the image is called, and whether it is pushed.
        server: the server's image.
        model: the model's name.
        servable: the version; its files are checked once more while they are sent.
        progress: takes one line about what is done.

    Raises:
        IntegrityError: the tag is that of another manifest already, or a file of the version was changed.
        UsageError: the server's image is not there, or the registry does not let us in.
        Unavailable: the engine or the registry does not answer.
    """
    tag = str(servable.version)
    name = f"{config.repository}:{tag}"
    with translated(f"looking for {name}", name):
        pushed = _pushed_digest(client, name) if config.push else None
        found = _find(client, f"{config.repository}@{pushed}" if pushed else name, pull=pushed is not None)
        if found is not None and _holds(found, name, servable, server.image):
            progress(f"image {name} is there already")
            if pushed is not None:
                found.tag(config.repository, tag)
            if pushed is not None or not config.push:
                return _built(name, config.repository, pushed, found)
        else:
            found = None
    if found is None:
        found = _build(client, name, server.image, model, servable, progress)
    return _built(
        name, config.repository, _push(client, config.repository, tag, progress) if config.push else None, found
    )


def _built(name: str, repository: str, digest: str | None, image: Any) -> BuiltImage:
    return BuiltImage(reference=name, digest=digest and f"{repository}@{digest}", id=image.id)


# --- what there is ---------------------------------------------------------------------------------------------------
def _pushed_digest(client: Any, name: str) -> str | None:
    """The digest behind a tag in its registry; None when there is none.

    Registries that do not let us look may yet let us push, and some say "denied" of what is not there.
    """
    try:
        with translated(f"looking for {name} in its registry", name):
            return str(client.api.inspect_distribution(name)["Descriptor"]["digest"])
    except UsageError:
        return None


def _find(client: Any, name: str, *, pull: bool) -> Any:
    """An image that the engine has; None when it has none."""
    from docker.errors import ImageNotFound

    try:
        return client.images.get(name)
    except ImageNotFound:
        if not pull:
            return None
        _pull(client, name)
        return client.images.get(name)


def _pull(client: Any, name: str) -> None:
    doing = f"pulling {name}"
    repository, _, digest = name.partition("@")
    tag = digest
    if not digest and ":" in repository.rpartition("/")[2]:
        repository, _, tag = repository.rpartition(":")
    with translated(doing, name):
        for _ in events(client.api.pull(repository, tag=tag or "latest", stream=True, decode=True), doing, name):
            pass


def _holds(image: Any, name: str, servable: Servable, base: str) -> bool:
    """Whether an image is the one that would be built; False when it holds the version on another server's image.

    Raises:
        IntegrityError: it holds something else.
    """
    digest = image.labels.get(names.NOTE_DIGEST)
    if digest != servable.reference.manifest_digest:
        raise IntegrityError(
            f"{name} is there already, and "
            + (f"holds a version with the manifest {digest}" if digest else "was not made by jenkins-ml"),
            f"version {servable.version} has the manifest {servable.reference.manifest_digest}: find out who made the "
            "image; then take the tag away, or name another repository in serve.image",
        )
    return bool(image.labels.get(dockerfile.BASE_NAME) == base)


# --- a new one -------------------------------------------------------------------------------------------------------
def _build(client: Any, name: str, base: str, model: str, servable: Servable, progress: Progress) -> Any:
    with translated(f"looking for {base}", base):
        if _find(client, base, pull=False) is None:
            progress(f"pulling {base}")
        found = _find(client, base, pull=True)
    digests = [each.rpartition("@")[2] for each in found.attrs.get("RepoDigests") or ()]
    manifest = servable.manifest
    labels = dockerfile.labels(manifest, servable.reference.manifest_digest, base, digests[0] if digests else None)
    text = dockerfile.dockerfile(base, model, labels)
    doing = f"building {name}"
    progress(doing)
    with translated(doing, base):
        stream = client.api.build(
            fileobj=build_context(text, manifest, servable.path),
            custom_context=True,
            tag=name,
            rm=True,
            forcerm=True,
            use_config_proxy=False,  # nothing is fetched while it is built
            decode=True,
        )
        for _ in events(stream, doing, base):
            pass
        return client.images.get(name)


def _push(client: Any, repository: str, tag: str, progress: Progress) -> str:
    """Push a tag; answers the digest by which the registry has it."""
    name = f"{repository}:{tag}"
    doing = f"pushing {name}"
    progress(doing)
    layers: dict[str, bool] = {}  # whether the registry has it
    digest = None
    with translated(doing, name):
        for event in events(client.api.push(repository, tag=tag, stream=True, decode=True), doing, name):
            digest = event.get("aux", {}).get("Digest", digest)
            status, layer = event.get("status", ""), event.get("id")
            if layer is None or layer == tag:
                continue
            done = status.startswith(_DONE)
            if done and not layers.get(layer):
                progress(f"{doing}: {sum(layers.values()) + 1} of {len(layers)} layers")
            layers[layer] = done or layers.get(layer, False)
    if digest is None:
        raise StageFailed(f"{doing}: the engine did not say by which digest the registry has it", "run it again")
    return str(digest)
