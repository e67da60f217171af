"""The embedded server, seen from outside: found by its state file, started, asked and stopped. Standard library only.

A server holds the lock beside its state file for as long as it lives, so a free lock means that there is none, whatever
the file says. The state file holds the ports and the admin token, and only its owner can read it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from jenkins_ml import names
from jenkins_ml.core.origin import Origin
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable
from jenkins_ml.records import Summary, decode

_FIND_SECONDS: Final = 180.0  # a server that was just started imports TensorFlow before it writes its state file
ANSWER_SECONDS: Final = 40.0  # the server answers within 30, if only with a failure
_LOAD_SECONDS: Final = 600.0
_STOP_SECONDS: Final = 20.0
_KILL_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.05
_END_IT: Final = "end its process, whose number stands in the lock file beside it"


class Elsewhere(Unavailable):
    """The server runs on another machine that has this store mounted, and answers on that machine only."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A version's requests since some point, as the server counted them.

    Args:
        sequence: number of the last outcome; asking since it answers what came after this window.
        requests: how many there were.
        failed: how many the version failed on.
        nan: how many answers had a NaN or an infinity in them.
        slow: how many took longer than asked about.
        p50_ms, p99_ms: percentiles of the latency in milliseconds; None without requests.
        latencies: how many took up to each of names.LATENCY_BOUNDS, and how many longer.
        predicted: how many predictions fell into each cell, of all users' requests since the version was loaded.
    """

    sequence: int
    requests: int
    failed: int
    nan: int
    slow: int
    p50_ms: float | None
    p99_ms: float | None
    latencies: list[int]
    predicted: list[int]


class _Connection(http.client.HTTPConnection):
    """A connection that is kept for further requests, and closed when its thread or its owner is gone."""

    def __del__(self) -> None:
        self.close()

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], seconds: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request and its answer: status, headers, body; `seconds` is how long each read may take."""
        self.timeout = seconds  # when it has yet to connect
        if self.sock is not None:
            self.sock.settimeout(seconds)
        try:
            self.request(method, path, body, headers)
            response = self.getresponse()
            return response.status, response.headers, response.read()
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True)
class LocalServer:
    """A running server.

    Args:
        state_file: where it was found.
        model: the name that it serves.
        pid: its process.
        rest_port, grpc_port: where it listens, on the loopback interface.
        token: for the admin interface.
    """

    state_file: Path
    model: str
    pid: int
    rest_port: int
    grpc_port: int
    token: str = field(repr=False)
    _local: threading.local = field(default_factory=threading.local, init=False, repr=False, compare=False)

    def rest_url(self, model: str) -> str:
        """The REST address of a model; ":predict" behind it asks for a prediction."""
        return f"http://127.0.0.1:{self.rest_port}/v1/models/{model}"

    def state(self) -> dict[str, Any]:
        """The server's identity, traffic and versions."""
        return self._admin("GET", "/state", None)

    def has(self, version: int) -> bool:
        """Whether a version is loaded and can answer."""
        loaded: dict[str, Any] = self.state()["versions"].get(str(version), {})
        return loaded.get("state") == "AVAILABLE"

    def load(
        self,
        version: int,
        path: Path,
        seconds: float = _LOAD_SECONDS,
        output: str | None = None,
        edges: Sequence[float] = (),
    ) -> None:
        """Load a version and warm it up; returns when it can answer.

        Args:
            version: the version.
            path: folder of its SavedModel.
            seconds: how long it may take.
            output: the output that predictions are counted of; None for the only one.
            edges: upper bounds of the bins that single values are counted in, but the last one's.

        Raises:
            IntegrityError: it cannot be loaded.
            Unavailable: the server has not answered by then.
        """
        question = {"version": version, "path": str(path.resolve()), "output": output, "edges": list(edges)}
        self._admin("POST", "/load", question, seconds)

    def tell_origin(self, version: int, origin: Origin) -> None:
        """Say where a version comes from, to a server that logs its requests; one that is loaded need not be anew."""
        if self.state().get("logs"):  # an older version does not say so, and knows nothing of origins
            self._admin("POST", "/origin", {"version": version, "origin": asdict(origin)})

    def unload(self, version: int) -> None:
        """Take a version out; does nothing when it is not in.

        Raises:
            StageFailed: it gets traffic.
        """
        self._admin("POST", "/unload", {"version": version})

    def set_traffic(self, stable: int, canary: int | None, weight: int, lease_seconds: float) -> None:
        """Send `weight` percent of the requests that name no version to the canary, and the others to stable.

        Args:
            stable: the version in production.
            canary: the version beside it; None with weight 0.
            weight: percent.
            lease_seconds: after which the weight falls to 0 unless this is called again.

        Raises:
            StageFailed: a version is not available.
        """
        traffic = {"stable": stable, "canary": canary, "weight": weight, "lease_seconds": lease_seconds}
        self._admin("POST", "/traffic", traffic)

    def window(self, version: int, since: int, slower_than_ms: float | None, pinned: bool | None = None) -> Window:
        """A version's outcomes after number `since`; what took longer than `slower_than_ms` counts as slow.

        Args:
            version: the version.
            since: number of the last outcome that is not wanted; 0 for all.
            slower_than_ms: in milliseconds; None: nothing is slow.
            pinned: only requests that named the version (replayed ones do), or only those that did not; None: all.
        """
        question = {"version": version, "since": since, "slower_than_ms": slower_than_ms, "pinned": pinned}
        return Window(**self._admin("POST", "/window", question))

    def summary(self, version: int) -> tuple[float, Summary] | None:
        """What users have asked a version: since when, in seconds since 1970, and the summary; None where there is none."""
        answer = self._admin("POST", "/summary", {"version": version})
        if answer["summary"] is None:
            return None
        return answer["since"], decode(Summary, json.dumps(answer["summary"]).encode(), "the server's summary")

    def sample(self, percent: int, lease_seconds: float) -> tuple[bytes, ...]:
        """Bodies of users' REST requests since this was asked the last time; `percent` of the coming ones are kept.

        Args:
            percent: 0 to 100; 0 ends it.
            lease_seconds: after which the server forgets them, unless this is called again.
        """
        answer = self._admin("POST", "/sample", {"percent": percent, "lease_seconds": lease_seconds})
        return tuple(base64.b64decode(body) for body in answer["bodies"])

    def predict(
        self, version: int | None, instances_body: bytes, seconds: float = ANSWER_SECONDS
    ) -> tuple[int, int | None, bytes]:
        """Ask for a prediction over REST.

        Args:
            version: the one to ask; None leaves it to the traffic.
            instances_body: the JSON of the request.
            seconds: how long it may take.

        Returns:
            the HTTP status, the version that answered (None when none did), and the body.

        Raises:
            Unavailable: the server does not answer.
        """
        choice = "" if version is None else f"/versions/{version}"
        path = f"/v1/models/{self.model}{choice}:predict"
        status, headers, body = self._request("POST", path, instances_body, {}, seconds)
        answered = headers.get(names.VERSION_HEADER)
        return status, None if answered is None else int(answered), body

    def metadata(self, version: int) -> tuple[int, bytes]:
        """Ask for a version's metadata over REST; answers the HTTP status and the body.

        Raises:
            Unavailable: the server does not answer.
        """
        path = f"/v1/models/{self.model}/versions/{version}/metadata"
        status, _, body = self._request("GET", path, None, {}, ANSWER_SECONDS)
        return status, body

    def stop(self) -> None:
        """Ask it to answer what is under way and end; after 20 seconds, end it."""
        with contextlib.suppress(Unavailable):
            self._admin("POST", "/stop", {})
        if self._ended_within(_STOP_SECONDS):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The lock is held, so the process with this number is still the server.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self._ended_within(_KILL_SECONDS):
                return
        raise Unavailable(f"the server, process {self.pid}, does not end", "see what it waits for, and end it")

    def _ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while alive(self.state_file):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _admin(self, method: str, path: str, value: Any, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        body = None if value is None else json.dumps(value).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        status, _, answer = self._request(method, names.ADMIN_PREFIX + path, body, headers, seconds)
        try:
            fields: dict[str, Any] = json.loads(answer)
        except ValueError as error:
            what = f"port {self.rest_port} answers {status} and no JSON"
            raise Unavailable(what, "something else may have the port") from error
        if status == http.client.OK:
            return fields
        what = f"the model server refused {path}: {fields.get('error', status)}"
        if status == http.client.UNPROCESSABLE_ENTITY:
            raise IntegrityError(str(fields["error"]), "train it again, or release another version")
        if status in (http.client.UNAUTHORIZED, http.client.NOT_FOUND):
            raise Unavailable(what, "another server has taken its port: run this again")
        raise StageFailed(what, "jenkins-ml status shows what the server has loaded")

    def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], seconds: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request over the connection that this thread keeps."""
        kept: _Connection | None = getattr(self._local, "connection", None)
        try:
            if kept is not None:
                try:
                    return kept.exchange(method, path, body, headers, seconds)
                except (http.client.RemoteDisconnected, ConnectionError):
                    pass  # the server has closed it while it was idle, or has ended: a new one will tell
            self._local.connection = kept = _Connection("127.0.0.1", self.rest_port)
            return kept.exchange(method, path, body, headers, seconds)
        except (OSError, http.client.HTTPException) as error:
            what = f"the model server on port {self.rest_port} does not answer: {str(error) or type(error).__name__}"
            raise Unavailable(what, "jenkins-ml server starts it again") from error


# --- finding ---------------------------------------------------------------------------------------------------------
def lock_file(state_file: Path) -> Path:
    """The file whose lock a server holds for life."""
    return state_file.with_name(state_file.name + ".lock")


def find(state_file: Path) -> LocalServer | None:
    """The server of a state file; None when none lives. Waits for one that is just starting.

    Raises:
        Elsewhere: it lives on another machine.
        Unavailable: one lives, but does not answer.
    """
    deadline = time.monotonic() + _FIND_SECONDS
    while alive(state_file):
        _refuse_elsewhere(state_file)
        server = read(state_file)
        if server is not None:
            return server
        if time.monotonic() > deadline:
            raise Unavailable(f"the server of {state_file} does not answer", _END_IT)
        time.sleep(POLL_SECONDS)
    return None


def _refuse_elsewhere(state_file: Path) -> None:
    try:
        host = json.loads(state_file.read_bytes()).get("host")
    except (OSError, ValueError, AttributeError):
        return  # it is just starting, or `read` will say what is wrong
    here = socket.gethostname()
    if host not in (None, here):  # None: an older version wrote it
        raise Elsewhere(f"the model server runs on {host}, this is {here}", f"run this on {host}")


def alive(state_file: Path) -> bool:
    """Whether a server holds the lock of a state file."""
    try:
        with lock_file(state_file).open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def read(state_file: Path) -> LocalServer | None:
    """The server that a state file describes; None while there is no file, or one that a dead server left behind."""
    try:
        value = json.loads(state_file.read_bytes())
        server = LocalServer(
            state_file=state_file,
            model=value["model"],
            pid=value["pid"],
            rest_port=value["rest_port"],
            grpc_port=value["grpc_port"],
            token=value["token"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"{state_file} cannot be read: {error}", _END_IT) from error
    try:
        return server if server.state()["pid"] == server.pid else None
    except Unavailable:
        return None
