"""Which image the pods of a version run: one with the model inside, built and pushed here, or the server's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from jenkins_ml.adapters.target import Servable
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import Unavailable


def image_of(servable: Servable, model: str, serve: Serve, progress: Callable[[str], None]) -> str:
    """The image, by digest where it has been pushed.

    Args:
        servable: the version.
        model: its model's name.
        serve: the section, as it holds in this environment.
        progress: takes a line about what is done.

    Raises:
        Unavailable: there is no Docker engine to build it.
    """
    if serve.image is None:
        return serve.server.image
    import docker

    from jenkins_ml.adapters import images

    try:
        client = docker.DockerClient(base_url=serve.docker.host) if serve.docker.host else docker.from_env()
    except docker.errors.DockerException as error:
        raise Unavailable(
            f"no Docker engine answers, to build an image with version {servable.version} inside: {error}",
            "start one where the release runs, name it in DOCKER_HOST, or let the pods take models from a volume or an "
            "object store (`serve.kubernetes`)",
        ) from error
    with contextlib.closing(client):
        built = images.ensure(
            client, config=serve.image, server=serve.server, model=model, servable=servable, progress=progress
        )
    return built.digest or built.reference
