"""The HTTP side as one application: metrics and admin at their paths, TensorFlow Serving's interface for all others."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from jenkins_ml.server.answer_keeper import AnswerKeeper
from jenkins_ml.server.dataplane import DataPlane
from jenkins_ml.server.metrics import Metrics
from jenkins_ml.server.request_log import RequestLog
from jenkins_ml.server.rest_api import RestApi


def make_app(
    plane: DataPlane,
    metrics: Metrics,
    routes: Iterable[Route] = (),
    log: RequestLog | None = None,
    answers: AnswerKeeper | None = None,
) -> Router:
    """The ASGI application.

    Args:
        plane: what answers.
        metrics: what was counted.
        routes: those of the admin interface, or what else only a deployer may ask; without any nobody moves its traffic.
        log: takes a line for each prediction that is asked for.
        answers: keeps what was predicted.
    """

    async def scrape(_: Request) -> Response:
        return Response(metrics.text(plane), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Router(
        [Route("/metrics", scrape, methods=["GET"]), *routes],
        default=RestApi(plane, log, answers),
        redirect_slashes=False,
    )
