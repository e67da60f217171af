"""How a deployer takes the sample of users' requests, and their summary, from a server without an admin interface, such as one in a pod.

Whoever may ask for predictions reaches these paths, too, and what users ask is private: so they want a token. It comes from
a file, which an engine can change while the server runs, and is read anew each time; without one nothing is sampled.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jenkins_ml import names
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.sampling import Sampler

LEASE_SECONDS: Final = 10.0  # without a visit, after which the sample is forgotten and none is kept any more


def sample_route(sampler: Sampler, token_file: Path) -> Route:
    """The path at which the sample is taken: POST, with the percent to keep from now on as `?percent=`.

    Args:
        sampler: what was kept.
        token_file: with the token that requests must carry; it need not be there.
    """

    async def endpoint(request: Request) -> Response:
        if (refused := _refused(request, token_file)) is not None:
            return refused
        percent = request.query_params.get("percent", "")
        if not (percent.isascii() and percent.isdigit() and int(percent) <= 100):
            return _error(400, "percent: a whole number from 0 to 100 is needed")
        taken = sampler.take(int(percent), LEASE_SECONDS)
        # Megabytes, perhaps: beside the event loop, so that users' requests need not wait for them.
        return Response(await asyncio.to_thread(_document, taken), media_type="application/json")

    return Route(names.SAMPLE_PATH, endpoint, methods=["POST"])


def summary_route(plane: DataPlane, version: int, token_file: Path) -> Route:
    """The path at which the summary of a version's requests is read: GET.

    Args:
        plane: what answers them.
        version: which one.
        token_file: as for the sample.
    """

    async def endpoint(request: Request) -> Response:
        if (refused := _refused(request, token_file)) is not None:
            return refused
        return JSONResponse(plane.summary(version))

    return Route(names.SUMMARY_PATH, endpoint, methods=["GET"])


def _refused(request: Request, token_file: Path) -> Response | None:
    token = _token(token_file)
    if token is None:
        return _error(404, f"no sample is kept here: there is no token of {names.SHORTEST_TOKEN} characters or more")
    if not hmac.compare_digest(request.headers.get(names.TOKEN_HEADER, "").encode(), token):
        return _error(401, f"the token is needed: {names.TOKEN_HEADER}")
    return None


def _document(bodies: Iterable[bytes]) -> bytes:
    """The answer; base64 needs no quoting, so this takes half as long as JSON's own writer."""
    texts = b",".join(b'"%b"' % base64.b64encode(body) for body in bodies)
    return b'{"bodies":[%b]}' % texts


def _token(file: Path) -> bytes | None:
    try:
        token = file.read_bytes().strip()
    except OSError:
        return None
    return token if len(token) >= names.SHORTEST_TOKEN else None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)
