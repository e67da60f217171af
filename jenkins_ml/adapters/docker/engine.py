"""The API of a Docker engine, and its failures as our errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from jenkins_ml.errors import JenkinsMLError, StageFailed, Unavailable, UsageError

Object = dict[str, Any]

_SECONDS: Final = 120  # an engine that is busy takes long to make a container
_LONGEST: Final = 400
# What an engine says -> what to do about it, and whether a retry is worth it.
_KNOWN: Final[tuple[tuple[str, type[JenkinsMLError], str], ...]] = (
    (
        r"port is already allocated|address already in use|failed to bind",
        UsageError,
        "choose other ports in serve.rest_port, serve.grpc_port and serve.docker.metrics_port (0 takes a free one), or stop "
        "what has them",
    ),
    (r"cannot assign requested address", UsageError, "serve.docker.bind must be an address of the engine's machine"),
    (
        r"could not select device driver|unknown or invalid runtime|nvidia-container",
        UsageError,
        "install NVIDIA's container runtime on the engine's machine, or set serve.docker.gpus to 0",
    ),
    (
        r"non-overlapping IPv4 address pool|fully subnetted|address pools",
        UsageError,
        "the engine has no addresses left for another network: remove unused ones (docker network prune), or give it more "
        "in default-address-pools of its daemon.json",
    ),
    (r"no space left on device", Unavailable, "free some space where the engine keeps its data, then run it again"),
    (r"permission denied", Unavailable, "let this user reach the engine, such as by the group docker"),
)


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what the Docker SDK raises in the block into our errors.

    Args:
        doing: what was being done, such as "start the proxy".
    """
    import requests
    from docker import errors

    try:
        yield
    except errors.APIError as error:
        raise failure(doing, str(error.explanation or error)) from error
    except (requests.exceptions.RequestException, errors.DockerException, OSError) as error:
        raise _no_answer(doing, error) from error


def failure(doing: str, message: str) -> JenkinsMLError:
    """Our error for what an engine said.

    Args:
        doing: what was being done.
        message: why it failed.
    """
    what = f"cannot {doing}: {short(message)}"
    for pattern, kind, next_step in _KNOWN:
        if re.search(pattern, message, re.I):
            return kind(what, next_step)
    return StageFailed(what, "the engine's log may say more")


def _no_answer(doing: str, error: Exception) -> Unavailable:
    if "Permission denied" in str(error):
        return Unavailable(
            f"cannot {doing}: this user may not use the Docker engine",
            "add the user to the group docker, then log in again",
        )
    return Unavailable(
        f"cannot {doing}: the Docker engine does not answer: {short(str(error))}",
        "start the engine, or check serve.docker.host and DOCKER_HOST; then run it again",
    )


def short(message: str) -> str:
    """A message on one line, and not longer than one can read."""
    text = " ".join(message.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class Engine:
    """One engine, reached when it is needed.

    Args:
        host: its address; None takes it from the environment, as `docker` does.
    """

    def __init__(self, host: str | None) -> None:
        self._host = host

    @cached_property
    def client(self) -> Any:
        """The SDK's client.

        Raises:
            Unavailable: the engine does not answer.
        """
        import docker

        with translated("reach the engine"):
            # The version is asked of the engine: older ones refuse a newer client.
            if self._host is None:
                return docker.from_env(timeout=_SECONDS)
            tls = docker.utils.kwargs_from_env().get("tls") if self._host.startswith("tcp://") else None
            return docker.DockerClient(base_url=self._host, timeout=_SECONDS, tls=tls or False)

    @property
    def api(self) -> Any:
        """The SDK's client of single requests."""
        return self.client.api

    def close(self) -> None:
        """Close the connections; it can be used again."""
        client = self.__dict__.pop("client", None)
        if client is not None:
            client.close()

    def containers(self, filters: dict[str, list[str]]) -> list[Object]:
        """Containers, also those that do not run, in one request."""
        with translated("list containers"):
            return list(self.api.containers(all=True, filters=filters))

    def inspect(self, container: str) -> Object | None:
        """All about one container, by name or id; None when there is none."""
        from docker import errors

        with translated(f"look at container {container}"):
            try:
                return dict(self.api.inspect_container(container))
            except errors.NotFound:
                return None

    def remove(self, container: str, *, force: bool = True) -> bool:
        """Remove a container and its anonymous volumes; whether it was there and could be removed.

        Args:
            container: its id.
            force: also when it runs; without, one that runs is left.
        """
        from docker import errors

        with translated(f"remove container {container}"):
            try:
                self.api.remove_container(container, force=force, v=True)
            except errors.NotFound:
                return False
            except errors.APIError as error:
                if error.status_code != 409:  # it runs, or is being removed
                    raise
                return False
        return True

    def logs(self, container: str, lines: int) -> str:
        """The last lines that a container has written."""
        with translated(f"read the log of container {container}"):
            written = self.api.logs(container, tail=lines, stdout=True, stderr=True)
        return str(written.decode(errors="replace")).strip()

    def now(self) -> float:
        """The time on the clock of the engine's machine, in seconds since 1970."""
        from datetime import datetime

        with translated("ask the engine for the time"):
            text = str(self.api.info()["SystemTime"])
        # Nanoseconds are more than Python reads.
        return datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", lambda found: f".{found[1]:0<6}", text)).timestamp()
