"""Who may change an environment: a container that lives as long as the connection of its holder.

Names of containers are unique on an engine, so making one is atomic. It runs `cat` on a standard input that the holder has
attached: when the holder ends, however, its connection closes, `cat` ends, and the engine removes the container. Nobody
has to tell a slow holder from a dead one, and there is no clock. What a connection cannot know is left: a holder behind a
broken network is held to live until the engine notices, which TCP keep-alive decides.

Fencing: an engine has no compare-and-swap, so the holder looks whether its container still runs before each change.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from jenkins_ml.adapters.docker.engine import Engine, Object, translated
from jenkins_ml.adapters.docker.place import HOLDER, LOCK, Place
from jenkins_ml.errors import Unavailable

_STARTING_SECONDS: Final = 30.0  # between making the container and starting it; longer ago, that will not come
_TRIES: Final = 5


class Holding:
    """A lock that is held.

    Args:
        engine: where.
        container: the lock's id.
        connection: what keeps it.
    """

    def __init__(self, engine: Engine, container: str, connection: Any) -> None:
        self._engine, self._container, self._connection = engine, container, connection

    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            Unavailable: it is not.
        """
        found = self._engine.inspect(self._container)
        if found is None or not found["State"]["Running"]:
            raise Unavailable(
                "the lock of this environment was lost: the engine was started again, or somebody removed its container",
                "run it again",
            )

    def release(self) -> None:
        """Give it back."""
        _close(self._connection)
        self._engine.remove(self._container)


@contextlib.contextmanager
def held(engine: Engine, place: Place, image: str, holder: str) -> Iterator[Holding]:
    """Hold the lock for the time of a block.

    Args:
        engine: where.
        place: of what.
        image: any that has `cat`.
        holder: who we are, for others to read.

    Raises:
        Unavailable: somebody else holds it; the message says who.
    """
    holding = _take(engine, place, image, holder)
    try:
        yield holding
    finally:
        holding.release()


def _take(engine: Engine, place: Place, image: str, holder: str) -> Holding:
    from docker import errors

    name = place.named(LOCK)
    for _ in range(_TRIES):
        with translated("take the lock of this environment"):
            try:
                made = engine.api.create_container(
                    image,
                    entrypoint=["cat"],
                    command=[],
                    name=name,
                    labels=place.labels(LOCK, notes={HOLDER: holder}),
                    stdin_open=True,
                    user="65534:65534",
                    network_disabled=True,
                    healthcheck={"test": ["NONE"]},
                    host_config=engine.api.create_host_config(
                        auto_remove=True,
                        network_mode="none",
                        read_only=True,
                        cap_drop=["ALL"],
                        security_opt=["no-new-privileges:true"],
                        pids_limit=8,
                        mem_limit="32m",
                        log_config={"type": "none"},
                    ),
                )
            except errors.APIError as error:
                if error.status_code != 409:
                    raise
            else:
                return _begin(engine, made["Id"])
        _make_way(engine, name)
    raise Unavailable("the lock of this environment changes hands all the time", "run it again")


def _begin(engine: Engine, container: str) -> Holding:
    """Start the container of the lock, with its input attached before."""
    with translated("take the lock of this environment"):
        connection = engine.api.attach_socket(container, params={"stdin": 1, "stream": 1})
        try:
            engine.api.start(container)  # somebody who held us to be dead may have removed it: then this fails
        except BaseException:
            _close(connection)
            engine.remove(container)
            raise
    return Holding(engine, container, connection)


def _make_way(engine: Engine, name: str) -> None:
    """Remove what a holder has left behind.

    Raises:
        Unavailable: the holder lives.
    """
    found = engine.inspect(name)
    if found is None:
        return
    if found["State"]["Running"] or _is_starting(engine, found):
        holder = found["Config"]["Labels"].get(HOLDER, "somebody")
        raise Unavailable(
            f"this environment is being changed by {holder}, since {found['Created'][:19]}Z",
            f"wait until that ends; it ends with that process (the lock is the container {name})",
        )
    # By id and without force: never one that somebody else has started meanwhile.
    if not engine.remove(found["Id"], force=False):
        time.sleep(0.1)  # the engine is at it


def _is_starting(engine: Engine, found: Object) -> bool:
    if found["State"]["Status"] != "created":
        return False
    made = datetime.fromisoformat(found["Created"][:19] + "+00:00").timestamp()
    return engine.now() - made < _STARTING_SECONDS


def _close(connection: Any) -> None:
    """Close the connection of an attached container at once."""
    raw = getattr(connection, "_sock", connection)
    with contextlib.suppress(OSError):
        raw.shutdown(socket.SHUT_RDWR)
    raw.close()
    connection.close()
    response = getattr(connection, "_response", None)  # the SDK keeps it there
    if response is not None:
        response.close()
