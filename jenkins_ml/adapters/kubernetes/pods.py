"""Pods are asked through the API server: whoever releases need not reach the network of the pods.

The API server passes a request on to a pod, and answers itself, with a Status object, where it cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Final, TypeVar

from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import Broken
from jenkins_ml.adapters.kubernetes.kinds import POD
from jenkins_ml.adapters.kubernetes.refusals import error_of
from jenkins_ml.adapters.target import Answer

T = TypeVar("T")
R = TypeVar("R")
_PARALLEL: Final = 8


def ask(
    api: Api,
    namespace: str,
    pod: str,
    port: int,
    path: str,
    body: bytes | None,
    seconds: float,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """One request to one pod, sent once: GET without a body, POST with one.

    Args:
        api: the API server.
        namespace: of the pod.
        pod: its name.
        port: of the pod.
        path: there.
        body: what is sent, JSON.
        seconds: until it counts as not answered.
        headers: that the pod gets beside the usual ones. The API server keeps `Authorization` for itself.

    Raises:
        UsageError: we may not ask pods.
    """
    target = POD.path(namespace, f"{pod}:{port}", "proxy") + path
    sent = {**({"Content-Type": "application/json"} if body is not None else {"Accept": "*/*"}), **headers}
    started = api.clock.monotonic()
    try:
        answer = api.connection.send("GET" if body is None else "POST", target, body, sent, seconds, stream=False)
    except Broken as error:
        return Answer(status=None, seconds=api.clock.monotonic() - started, body=str(error).encode())
    taken = api.clock.monotonic() - started
    content = bytes(answer.data)
    if (reason := _not_passed_on(answer.status, content)) is not None:
        if answer.status == 403:
            raise error_of(403, {"message": reason}, f"ask pod {pod}", namespace)
        return Answer(status=None, seconds=taken, body=reason.encode())
    return Answer(status=answer.status, seconds=taken, body=content)


def each(work: Callable[[T], R], items: Sequence[T]) -> Iterable[R]:
    """Do something with each item, some at a time; answers the results in order."""
    if not items:
        return ()
    with ThreadPoolExecutor(min(_PARALLEL, len(items)), thread_name_prefix="pods") as pool:
        return tuple(pool.map(work, items))


def _not_passed_on(status: int, content: bytes) -> str | None:
    """Why the API server did not pass a request on; None when the answer is the pod's."""
    if status < 400:
        return None
    try:
        parsed = json.loads(content)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict) and parsed.get("kind") == "Status":
        return str(parsed.get("message") or parsed.get("reason") or status)
    if content.startswith(b"error trying to reach service"):
        return content.decode(errors="replace")
    return None
