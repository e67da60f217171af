"""The HTTP side as one application: metrics and admin at their paths, TensorFlow Serving's interface for all others."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from jenkins_ml.server.admin import Admin
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.metrics import Metrics
from jenkins_ml.server.rest_api import RestApi


def make_app(plane: DataPlane, metrics: Metrics, admin: Admin | None) -> Router:
    """The ASGI application; without an admin interface nobody can move its traffic."""

    async def scrape(_: Request) -> Response:
        return Response(metrics.text(plane), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Router(
        [Route("/metrics", scrape, methods=["GET"]), *(admin.routes() if admin else ())],
        default=RestApi(plane),
        redirect_slashes=False,
    )
