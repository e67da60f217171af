"""The server that the jobs commands talk to, and for how long."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from jenkins_ml.config.section import DURATION_PATTERN, parse_duration
from jenkins_ml.errors import UsageError
from jenkins_ml.reporting.console import Reporter

if TYPE_CHECKING:
    from jenkins_ml.adapters.jenkins_server import Server

profile_option = click.option(
    "--profile", metavar="NAME", help="A server of servers.toml; default: JENKINS_URL and so on."
)


@dataclass(frozen=True)
class Span:
    """A duration of the command line.

    Args:
        text: as it was written.
        seconds: of it.
    """

    text: str
    seconds: float


def _span(ctx: click.Context, param: click.Parameter, value: str) -> Span:
    if re.fullmatch(DURATION_PATTERN, value) is None or not (span := parse_duration(value)):
        raise click.BadParameter(f"{value!r} is no duration: write 90s, 10m or 2h", ctx, param)
    return Span(value, span.total_seconds())


def timeout_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--timeout`, as a `Span`.

    Args:
        default: a duration such as "1h".
    """
    return click.option(
        "--timeout",
        callback=_span,
        default=default,
        show_default=True,
        metavar="DURATION",
        help="For everything together.",
    )


def connected(profile: str | None, timeout: Span, report: Reporter, *, restart: float | None = None) -> Server:
    """The server of the environment, or of a named profile.

    Args:
        profile: its name.
        timeout: for everything that is asked of the server.
        report: hears what is waited for.
        restart: for how many seconds a server that is not there is waited for; None: as long as restarts take.

    Raises:
        UsageError: it is not said which, or python-jenkins is not installed.
    """
    from jenkins_ml.adapters.jenkins_profile import find

    found = find(profile, os.environ)
    try:
        from jenkins_ml.adapters.jenkins_server import Server
    except ImportError as error:
        raise UsageError(f"python-jenkins cannot be imported: {error}", "pip install 'jenkins-ml[jenkins]'") from error
    from jenkins_ml.adapters.jenkins_retry import Limits

    server = Server(found, note=report.note, limits=None if restart is None else Limits(restart=restart))
    server.ends = server.clock.monotonic() + timeout.seconds
    return server
