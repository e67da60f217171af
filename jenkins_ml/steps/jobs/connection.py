"""The server that the jobs commands talk to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from jenkins_ml.errors import UsageError
from jenkins_ml.reporting.console import Reporter

if TYPE_CHECKING:
    from jenkins_ml.adapters.jenkins_server import Server

profile_option = click.option(
    "--profile", metavar="NAME", help="A server of servers.toml; default: JENKINS_URL and so on."
)


def connected(profile: str | None, report: Reporter) -> Server:
    """The server of the environment, or of a named profile.

    Raises:
        UsageError: it is not said which, or python-jenkins is not installed.
    """
    from jenkins_ml.adapters.jenkins_profile import find

    found = find(profile, os.environ)
    try:
        from jenkins_ml.adapters.jenkins_server import Server
    except ImportError as error:
        raise UsageError(f"python-jenkins cannot be imported: {error}", "pip install 'jenkins-ml[jenkins]'") from error
    return Server(found, note=report.note)
