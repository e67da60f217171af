"""Who may change an environment: a container of the engine that is never started, and whose name only one can have.

The holder puts a number into it, a new one every few seconds. Somebody else takes over who has not seen a new number for
the whole time that the lock lasts, by their own clock, or who knows that the holder's process is dead (same boot of the
same machine). They remove that container by its id, which only one of them can, and make another one; the holder that was
only slow finds its own container gone, and changes nothing any more.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from jenkins_ml.adapters import archives, identity
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.docker.connection import Missing, translated
from jenkins_ml.adapters.docker.shapes import LOCK, Shapes
from jenkins_ml.errors import JenkinsMLError, Unavailable

SECONDS: Final = 15.0  # that a lock lasts without a sign of life
_HOLDER: Final = "jenkins-ml.io/holder"
_PROCESS: Final = "jenkins-ml.io/process"
_SINCE: Final = "jenkins-ml.io/since"
_FOLDER: Final = "/"
_FILE: Final = "jenkins-ml-alive"


class Holding:
    """The lock, as long as we hold it.

    Args:
        client: of the engine.
        container: id of the lock's container.
    """

    def __init__(self, client: Any, container: str) -> None:
        self._client, self._container = client, container
        self._beats = 0
        self._lost = False

    def check(self) -> None:
        """Make sure that we still hold it.

        Raises:
            Unavailable: somebody else does.
        """
        if not self._lost:
            try:
                with translated("looking at the lock"):
                    self._client.api.inspect_container(self._container)
            except Missing:
                self._lost = True
        if self._lost:
            raise Unavailable(
                "this deployer was taken for dead, and has lost the environment; it changes nothing any more",
                "whoever took over finishes or undoes the release; run this again after that",
            )

    def beat(self) -> None:
        """Say that we live."""
        self._beats += 1
        data = archives.of_texts({_FILE: f"{self._beats} {time.monotonic()}".encode()})
        try:
            with translated("renewing the lock"):
                self._client.api.put_archive(self._container, _FOLDER, data)
        except Missing:
            self._lost = True

    def give_back(self) -> None:
        """Let the next one have it."""
        with contextlib.suppress(Missing), translated("giving back the lock"):
            self._client.api.remove_container(self._container, force=True)


@contextlib.contextmanager
def held(client: Any, shapes: Shapes, image: str, holder: str, seconds: float = SECONDS) -> Iterator[Holding]:
    """Hold the lock for the time of a block.

    Args:
        client: of the engine.
        shapes: whose environment.
        image: any image; nothing of it is run.
        holder: who we are, for messages.
        seconds: how long it lasts without a sign of life.

    Raises:
        Unavailable: somebody else holds it.
    """
    holding = Holding(client, _acquire(client, shapes, image, holder, seconds))
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(seconds / 5):
            with contextlib.suppress(JenkinsMLError):  # check() says what is wrong
                holding.beat()

    beating = threading.Thread(target=beat, name="lock", daemon=True)
    beating.start()
    try:
        yield holding
    finally:
        ended.set()
        beating.join()
        with contextlib.suppress(JenkinsMLError):  # it ends by itself
            holding.give_back()


def _acquire(client: Any, shapes: Shapes, image: str, holder: str, seconds: float) -> str:
    from docker.errors import APIError

    labels = {
        **shapes.labels(LOCK),
        _HOLDER: f"{holder} on {socket.gethostname()}, process {os.getpid()}",
        _PROCESS: identity.this_process(),
        _SINCE: now(),
    }
    settings = {"Image": image, "Cmd": ["never", "started"], "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
    seen: tuple[str, bytes | None] | None = None
    since = 0.0
    while True:
        try:
            return str(client.api.create_container_from_config(settings, shapes.lock)["Id"])
        except APIError as error:
            if error.status_code != 409:
                with translated("taking the lock"):
                    raise
        try:
            with translated("looking at the lock"):
                there = client.api.inspect_container(shapes.lock)
            sign = _sign(client, there["Id"])
        except Missing:
            continue
        theirs = there["Config"]["Labels"] or {}
        if not identity.is_dead(theirs.get(_PROCESS, "")):
            current, moment = (there["Id"], sign), time.monotonic()
            if seen is None:
                seen, since = current, moment
            if current != seen:
                raise Unavailable(
                    f"this environment is being changed by {theirs.get(_HOLDER, shapes.lock)}, since "
                    f"{theirs.get(_SINCE, '?')}",
                    "wait for it, or stop it, and run this again",
                )
            if moment - since < seconds:
                time.sleep(min(seconds / 10, since + seconds - moment))
                continue
        with contextlib.suppress(Missing), translated("taking over the lock"):
            client.api.remove_container(there["Id"], force=True)


def _sign(client: Any, container: str) -> bytes | None:
    """The last sign of life; None when there has been none."""
    try:
        with translated("looking at the lock"):
            pieces, _ = client.api.get_archive(container, f"/{_FILE}")
            data = b"".join(pieces)
    except Missing:
        with translated("looking at the lock"):
            client.api.inspect_container(container)  # raises where it is the container that is not there
        return None
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member else None
        return file.read() if file else None
