"""The Docker engine, and its failures as ours."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from jenkins_ml.adapters.images import failures
from jenkins_ml.errors import StageFailed, Unavailable, UsageError

_SECONDS = 120.0  # without a word of the engine
_LOOPBACK = "127.0.0.1"
_LONGEST = 300  # characters of a message that are worth a line
_ANY = ("0.0.0.0", "::")  # noqa: S104 - what the user wrote; nothing is bound here


class Missing(Unavailable):
    """A container, or a file in it, is not there (any more)."""


def connect(host: str | None) -> Any:
    """A client of an engine.

    Args:
        host: its address; None for what DOCKER_HOST and its companions for TLS say.

    Raises:
        UsageError: the address cannot be one.
        Unavailable: the engine does not answer.
    """
    import docker
    from docker.utils import kwargs_from_env

    address = address_of(host)
    next_step = "start it, or name the right one in serve.docker.host or DOCKER_HOST"
    try:
        if address.startswith("unix://"):
            _knock(address.removeprefix("unix://"))
        settings = kwargs_from_env(environment={**os.environ, "DOCKER_HOST": address})
        client = docker.DockerClient(timeout=_SECONDS, use_ssh_client=address.startswith("ssh:"), **settings)
    except docker.errors.TLSParameterError as error:
        raise UsageError(f"the certificates for the Docker engine cannot be used: {error}", next_step) from error
    except PermissionError as error:
        raise UsageError(
            f"this user may not use the Docker engine at {address}", "let them: they have to be in the group docker"
        ) from error
    except (docker.errors.DockerException, ValueError, OSError) as error:
        raise Unavailable(f"no Docker engine answers at {address}: {error}", next_step) from error
    return client


def _knock(path: str) -> None:
    """Raises OSError where nobody listens on a socket: there the SDK would leave its own open."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(path)


def address_of(host: str | None) -> str:
    """The engine's address: the one that is configured, or DOCKER_HOST, or that of this machine."""
    return host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def reached_at(address: str, bind: str) -> str:
    """The host under which what an engine publishes is reached.

    Args:
        address: of the engine, such as tcp://ml-1:2376.
        bind: the address of its machine that it publishes on.
    """
    if bind not in _ANY:
        return f"[{bind}]" if ":" in bind else bind
    return urlsplit(address).hostname or _LOOPBACK


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what the SDK raises in the block into our errors.

    Args:
        doing: what was being done, such as "starting the proxy".

    Raises:
        Missing: what it was done with is not there.
        JenkinsMLError: the engine refuses it, or does not answer.
    """
    import requests
    from docker import errors

    try:
        yield
    except errors.NotFound as error:
        message = str(error.explanation or error)
        why = refusal(doing, message)
        gone = Missing(f"{doing}: {_short(message)}", "somebody else has taken it away: run it again")
        raise (gone if type(why) is StageFailed else why) from error
    except errors.APIError as error:
        raise refusal(doing, str(error.explanation or error)) from error
    except (requests.exceptions.RequestException, errors.DockerException, OSError) as error:
        raise Unavailable(
            f"{doing}: the Docker engine does not answer: {_short(str(error))}",
            "start the engine, then run it again",
        ) from error


def refusal(doing: str, message: str) -> StageFailed | UsageError | Unavailable:
    """Our error for what an engine refused, by its message."""
    what = f"{doing}: {_short(message)}"
    if "port is already allocated" in message or "address already in use" in message:
        return UsageError(
            what,
            "another program has this port: name others in serve.rest_port, serve.grpc_port and "
            "serve.docker.metrics_port, or stop that program",
        )
    if "cannot assign requested address" in message:
        return UsageError(what, "serve.docker.bind must be an address of the engine's machine")
    if "could not select device driver" in message:
        return UsageError(
            what, "install NVIDIA's container toolkit on the engine's machine, or leave out serve.docker.gpus"
        )
    if "executable file not found" in message or "no command specified" in message.lower():
        return UsageError(
            what, "serve.server.image must start the server by itself, as that of TensorFlow Serving does"
        )
    if "no space left on device" in message:
        return Unavailable(what, "free some space where the Docker engine keeps its data, then run it again")
    return StageFailed(what, "look at the log of the Docker engine")


def present(client: Any, name: str, progress: Callable[[str], None]) -> Any:
    """An image that the engine has, pulled where it had it not.

    Raises:
        UsageError: there is no such image, or the registry does not let us in.
        Unavailable: the registry does not answer.
    """
    from docker.errors import ImageNotFound

    with failures.translated(f"looking for the image {name}", name):
        try:
            return client.images.get(name)
        except ImageNotFound:
            pass
    doing = f"pulling the image {name}"
    progress(doing)
    repository, _, digest = name.partition("@")
    tag = digest
    if not digest and ":" in repository.rpartition("/")[2]:
        repository, _, tag = repository.rpartition(":")
    layers: dict[str, bool] = {}
    with failures.translated(doing, name):
        stream = client.api.pull(repository, tag=tag or "latest", stream=True, decode=True)
        for event in failures.events(stream, doing, name):
            if (layer := event.get("id")) and "rogress" not in event.get("status", ""):
                done = event["status"] in ("Pull complete", "Already exists")
                if done and not layers.get(layer):
                    progress(f"{doing}: {sum(layers.values()) + 1} of {len(layers) or 1} layers")
                layers[layer] = done or layers.get(layer, False)
        return client.images.get(name)


def _short(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
