"""How a deployer moves versions and traffic: JSON over HTTP, with the token that stands in the state file."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jenkins_ml import names
from jenkins_ml.core.origin import Origin
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.server.dataplane import DataPlane, Version
from jenkins_ml.server.predicted import Cells
from jenkins_ml.server.request_log import RequestLog


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What this server is.

    Args:
        environment: that it serves.
        rest_port, grpc_port: where it listens.
        token: that admin requests must carry.
    """

    environment: str
    rest_port: int
    grpc_port: int
    token: str


class _FieldError(Exception):
    """A field is missing or is of another type."""


class Admin:
    """The admin interface.

    Args:
        plane: what is administered.
        identity: what this server is.
        stop: set when the server is to drain and end.
        log: is told where each version comes from.
    """

    def __init__(
        self, plane: DataPlane, identity: Identity, stop: asyncio.Event, log: RequestLog | None = None
    ) -> None:
        self._plane = plane
        self._identity = identity
        self._stop = stop
        self._log = log

    def routes(self) -> list[Route]:
        """The routes of this interface."""
        return [
            self._route("/state", "GET", self._state),
            self._route("/load", "POST", self._load),
            self._route("/origin", "POST", self._origin),
            self._route("/unload", "POST", self._unload),
            self._route("/traffic", "POST", self._traffic),
            self._route("/window", "POST", self._window),
            self._route("/summary", "POST", self._summary),
            self._route("/sample", "POST", self._sample),
            self._route("/stop", "POST", self._end),
        ]

    def _route(self, path: str, method: str, answer: Callable[[Any], Awaitable[dict[str, Any]]]) -> Route:
        async def endpoint(request: Request) -> Response:
            expected = f"Bearer {self._identity.token}".encode()
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
                return _error(401, "the token of the state file is needed: Authorization: Bearer <token>")
            try:
                return JSONResponse(await answer(await _fields(request) if method == "POST" else {}))
            except _FieldError as error:
                return _error(400, str(error))
            except (UsageError, Unavailable) as error:
                return _error(409, error.what)
            except IntegrityError as error:
                return _error(422, error.what)

        return Route(names.ADMIN_PREFIX + path, endpoint, methods=[method])

    async def _state(self, _: Any) -> dict[str, Any]:
        plane, identity = self._plane, self._identity
        traffic = plane.traffic
        return {
            "model": plane.name,
            "environment": identity.environment,
            "pid": os.getpid(),
            "rest_port": identity.rest_port,
            "grpc_port": identity.grpc_port,
            "logs": self._log is not None,
            "traffic": {
                "stable": traffic.stable,
                "canary": traffic.canary,
                "weight": plane.weight,
                "lease_seconds_left": plane.lease_seconds_left,
            },
            "versions": {str(number): _version(version) for number, version in sorted(plane.versions.items())},
        }

    async def _load(self, fields: Any) -> dict[str, Any]:
        number, path = _number(fields, "version"), fields.get("path")
        if not isinstance(path, str) or not Path(path).is_absolute():
            raise _FieldError("path: the absolute path of a SavedModel's folder is needed")
        await self._plane.load(number, Path(path), _cells(fields))
        return {}

    async def _origin(self, fields: Any) -> dict[str, Any]:
        number, origin = _number(fields, "version"), fields.get("origin")
        if not isinstance(origin, dict):
            raise _FieldError("origin: an object is needed")
        if self._log is not None:
            self._log.know(number, Origin.of(origin))
        return {}

    async def _unload(self, fields: Any) -> dict[str, Any]:
        await self._plane.unload(_number(fields, "version"))
        return {}

    async def _traffic(self, fields: Any) -> dict[str, Any]:
        stable = _number(fields, "stable")
        canary = None if fields.get("canary") is None else _number(fields, "canary")
        weight = _number(fields, "weight")
        lease = _seconds(fields, "lease_seconds")
        if weight > (0 if canary is None else 100):
            raise _FieldError("weight: between 0 and 100, and 0 without a canary")
        if canary == stable:
            raise _FieldError("canary: another version than stable")
        self._plane.set_traffic(stable, canary, weight, lease)
        return {}

    async def _window(self, fields: Any) -> dict[str, Any]:
        number, since = _number(fields, "version"), _number(fields, "since")
        slower = None if fields.get("slower_than_ms") is None else _seconds(fields, "slower_than_ms")
        version = self._plane.versions.get(number)
        if version is None:
            raise UsageError(f"version {number} is not loaded")
        pinned = fields.get("pinned")
        if not (pinned is None or isinstance(pinned, bool)):
            raise _FieldError("pinned: true, false or null")
        return asdict(version.outcomes.since(since, slower, pinned))

    async def _summary(self, fields: Any) -> dict[str, Any]:
        return self._plane.summary(_number(fields, "version"))

    async def _sample(self, fields: Any) -> dict[str, Any]:
        percent = _number(fields, "percent")
        if percent > 100:
            raise _FieldError("percent: at most 100")
        bodies = self._plane.sampler.take(percent, _seconds(fields, "lease_seconds"))
        return {"bodies": [base64.b64encode(body).decode() for body in bodies]}

    async def _end(self, _: Any) -> dict[str, Any]:
        self._stop.set()
        return {}


def _version(version: Version) -> dict[str, Any]:
    outcomes = version.outcomes
    return {
        "state": version.state,
        "error": version.error,
        "requests": outcomes.requests,
        "failed": outcomes.failed,
        "nan": outcomes.nan,
        "sequence": outcomes.requests,
        "loaded_at": version.loaded_at,
    }


async def _fields(request: Request) -> dict[str, Any]:
    try:
        fields = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise _FieldError(f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise _FieldError("the body is not a JSON object")
    return fields


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise _FieldError(f"{name}: a whole number, 0 or more, is needed")
    return value


def _seconds(fields: dict[str, Any], name: str) -> float:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise _FieldError(f"{name}: a number, 0 or more, is needed")
    return float(value)


def _cells(fields: dict[str, Any]) -> Cells:
    output, edges = fields.get("output"), fields.get("edges") or []
    if not (output is None or isinstance(output, str)):
        raise _FieldError("output: a name or null")
    if (
        not isinstance(edges, list)
        or not all(isinstance(edge, int | float) for edge in edges)
        or edges != sorted(edges)
    ):
        raise _FieldError("edges: a list of rising numbers")
    return Cells(output=output, edges=tuple(map(float, edges)))


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)
