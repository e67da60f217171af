"""Requests to the API server: each has a deadline, and is repeated while the server is away or overloaded.

Everything here may be repeated: applying is idempotent, patches and deletions carry the resource version or identity
that they are about, and creating what is there already is told apart (`Changed`). An API server that restarts refuses
connections first, then for a moment answers 401, 403 or 404 while its caches fill: those are repeated too, shortly.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes.connection import Broken, Connection
from jenkins_ml.adapters.kubernetes.kinds import DEPLOYMENT, ROLLOUT, Kind, Object
from jenkins_ml.adapters.kubernetes.refusals import Missing, error_of
from jenkins_ml.errors import Unavailable

Note = Callable[[str], None]
Patch = Literal["apply", "merge"]

REQUEST_SECONDS: Final = 30.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_FILLING_SECONDS: Final = 5.0  # how long the caches of an API server that was away are waited for
_MEDIA: Final = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "json": "application/json",
}


@dataclass(frozen=True)
class Clock:
    """Where time comes from: seconds that never go backwards, and how to wait."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Api:
    """One API server.

    Args:
        connection: how it is reached.
        note: takes a line when it is away, and when it is back.
        patience: seconds that it may be away.
        clock: the time.
    """

    def __init__(
        self, connection: Connection, note: Note = lambda _: None, patience: float = 60.0, clock: Clock | None = None
    ) -> None:
        self.connection = connection
        self.clock = clock or Clock()
        self._note = note
        self._patience = patience
        self._away: float | None = None  # when it was noticed to be away
        self._back = float("-inf")  # when it answered again

    # --- what objects are asked for ----------------------------------------------------------------------------------
    def get(self, kind: Kind, namespace: str | None, name: str, patience: float | None = None) -> Object | None:
        """One object; None when there is none."""
        try:
            return self._json(
                "GET", kind.path(namespace, name), f"get {kind.name} {name}", namespace, patience=patience
            )
        except Missing:
            return None

    def list(self, kind: Kind, namespace: str | None, labels: str = "", fields: str = "") -> Object:
        """All objects of a kind, with the resource version from which they can be watched.

        Args:
            kind: of them.
            namespace: None for all namespaces.
            labels: a label selector.
            fields: a field selector.
        """
        query = {"labelSelector": labels, "fieldSelector": fields}
        return self._json("GET", _with(kind.path(namespace), query), f"list {kind.plural}", namespace)

    def watch(
        self, kind: Kind, namespace: str, since: str, seconds: float, labels: str = "", fields: str = ""
    ) -> Iterator[tuple[str, Object]]:
        """What becomes of the objects that were listed: "ADDED", "MODIFIED" or "DELETED", and the object.

        Ends after some seconds, or when the connection is lost: list again then.
        """
        query = {
            "labelSelector": labels,
            "fieldSelector": fields,
            "watch": "1",
            "resourceVersion": since,
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        try:
            answer = self.connection.send(
                "GET", _with(kind.path(namespace), query), None, {}, seconds + REQUEST_SECONDS, stream=True
            )
        except Broken:
            return
        try:
            if answer.status == 200:
                yield from _events(answer)
            else:
                answer.drain_conn()
        finally:
            answer.close()

    def create(self, kind: Kind, namespace: str | None, thing: Object) -> Object:
        """Make an object; `Changed` when it is there already."""
        what = f"create {kind.name} {thing['metadata']['name']}"
        target = _with(kind.path(namespace), {"fieldManager": names.OWNER})
        return self._json("POST", target, what, namespace, thing, "json")

    def patch(
        self, kind: Kind, namespace: str, name: str, thing: Object, how: Patch, patience: float | None = None
    ) -> Object:
        """Change an object, as our field manager.

        Args:
            kind: of it.
            namespace: of it.
            name: of it.
            thing: for "apply" all that we want of it (server-side apply, conflicts are errors); for "merge" the change.
            how: which of the two.
            patience: seconds that the API server may be away.
        """
        query = {"fieldManager": names.OWNER, **({"force": "false"} if how == "apply" else {})}
        what = f"{'apply' if how == 'apply' else 'patch'} {kind.name} {name}"
        return self._json("PATCH", _with(kind.path(namespace, name), query), what, namespace, thing, how, patience)

    def delete(self, kind: Kind, namespace: str | None, name: str, version: str, uid: str = "") -> None:
        """Delete an object with all that it made, if it is still as it was read (`Changed` otherwise).

        Args:
            kind: of it.
            namespace: of it.
            name: of it.
            version: its resource version.
            uid: its identity, where that is known.
        """
        known = {"resourceVersion": version, **({"uid": uid} if uid else {})}
        # What has pods stays until they have gone, so that one can wait for them.
        policy = "Foreground" if kind in (DEPLOYMENT, ROLLOUT) else "Background"
        body = {"propagationPolicy": policy, "preconditions": known}
        with contextlib.suppress(Missing):
            self._json("DELETE", kind.path(namespace, name), f"delete {kind.name} {name}", namespace, body, "json")

    def text(
        self, kind: Kind, namespace: str, name: str, part: str, query: Mapping[str, str], patience: float | None = None
    ) -> str:
        """A part of an object that is text, such as the log of a pod."""
        target = _with(kind.path(namespace, name, part), query)
        answer = self._answered("GET", target, f"get {part} of {kind.name} {name}", namespace, None, {}, patience)
        return bytes(answer.data).decode(errors="replace")

    # --- requests ----------------------------------------------------------------------------------------------------
    def _json(
        self,
        method: str,
        target: str,
        what: str,
        namespace: str | None,
        body: Object | None = None,
        media: str = "",
        patience: float | None = None,
    ) -> Object:
        headers = {"Content-Type": _MEDIA[media]} if media else {}
        sent = json.dumps(body).encode() if body is not None else None
        answer = self._answered(method, target, what, namespace, sent, headers, patience)
        parsed: Object = json.loads(answer.data)
        return parsed

    def _answered(
        self,
        method: str,
        target: str,
        what: str,
        namespace: str | None,
        body: bytes | None,
        headers: Mapping[str, str],
        patience: float | None,
    ) -> Any:
        """An answer that counts; repeats while there is none."""
        now = self.clock.monotonic
        ends = now() + (self._patience if patience is None else patience)
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = self.connection.send(method, target, body, headers, REQUEST_SECONDS, stream=False)
            except Broken as error:
                answer, trouble = None, str(error)
            else:
                if answer.status < 500 and answer.status != 429:
                    self._is_back()
                if 200 <= answer.status < 300:
                    return answer
                status = _status(answer.data)
                refused = error_of(answer.status, status, what, namespace or "")
                if not self._may_pass(answer.status, status):
                    raise refused
                trouble = str(status.get("message") or answer.status)
            if answer is None:
                self._is_away(trouble, ends - now())
            left = ends - now()
            if left <= 0:
                raise Unavailable(
                    f"the API server at {self.connection.server} does not let us {what}: {trouble}",
                    "try again when it answers; what was begun is finished or undone then",
                )
            self.clock.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _may_pass(self, status: int, answer: Object) -> bool:
        if status == 429 or status >= 500:
            return True
        named = (answer.get("details") or {}).get("name")
        if status in (401, 403) or (status == 404 and not named):
            return self.clock.monotonic() - self._back < _FILLING_SECONDS
        return False

    def _is_away(self, why: str, left: float) -> None:
        if self._away is None:
            self._away = self.clock.monotonic()
            self._note(
                f"the API server at {self.connection.server} does not answer ({why}); waiting up to {left:.0f} s"
            )

    def _is_back(self) -> None:
        if self._away is not None:
            self._back = self.clock.monotonic()
            self._note(f"the API server answers again, after {self._back - self._away:.0f} s")
            self._away = None


def _with(path: str, query: Mapping[str, str]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def _status(body: bytes) -> Object:
    """The Status object in an answer; its text as the message where it is none."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"message": bytes(body[:500]).decode(errors="replace")}


def _events(answer: Any) -> Iterator[tuple[str, Object]]:
    import urllib3

    rest = b""
    try:
        for piece in answer.stream(2**16):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if not line:
                    continue
                event = json.loads(line)
                if event["type"] == "ERROR":  # what was listed is too long ago, for example
                    return
                yield event["type"], event["object"]
    except (urllib3.exceptions.HTTPError, OSError):
        return
