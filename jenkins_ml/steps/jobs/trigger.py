"""`jenkins-ml jobs trigger`: start exactly one build of a job, wait for it, show its log."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from jenkins_ml.errors import Interrupted, StageFailed, Unavailable, UsageError
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.reporting.text import printable
from jenkins_ml.steps.common import json_option, print_json
from jenkins_ml.steps.jobs.connection import Span, connected, profile_option, timeout_option

if TYPE_CHECKING:
    from jenkins_ml.adapters.jenkins_client import Build, RequestedBuild, Server

CANCELLED: Final = "CANCELLED"  # our word for what never became a build; Jenkins has none
_ABORT_SECONDS: Final = 90.0  # for stop, term and kill, with a server that is slow to answer
_COLOURS: Final = re.compile(r"(\x1b\[[0-9;]*m)")


@click.command("trigger")
@click.argument("name")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="K[=V]",
    help="A parameter; K alone takes the value of the environment variable K, for secrets.",
)
@click.option(
    "--param-file", "param_files", multiple=True, metavar="K=PATH", help="A parameter whose value is a file's text."
)
@click.option("--wait", is_flag=True, help="Wait until the build has ended; its result is the exit code.")
@click.option("--follow", is_flag=True, help="Show the log while waiting.")
@click.option("--own", is_flag=True, help="A build of its own: never join one that waits in the queue.")
@click.option("--abort", is_flag=True, help="Abort the build when this is interrupted or its time is up.")
@click.option("--quiet-period", is_flag=True, help="Wait for the job's quiet period.")
@timeout_option("2h")
@profile_option
@json_option
def command(
    name: str,
    params: tuple[str, ...],
    param_files: tuple[str, ...],
    wait: bool,
    follow: bool,
    own: bool,
    abort: bool,
    quiet_period: bool,
    timeout: Span,
    profile: str | None,
    as_json: bool,
) -> None:
    """Start exactly one build of the job NAME (folder/job).

    Exits 0 when it is in the queue; with --wait or --follow when it ended SUCCESS, 1 when it ended otherwise.
    """
    given = _parameters(params, param_files, os.environ)
    with reporter() as report, connected(profile, timeout, report) as server:
        build = _requested(server, name, given, own=own, quiet_period=quiet_period)
        trigger = _Trigger(server, build, report, timeout, [key for key, _ in given], as_json=as_json)
        trigger.run(wait=wait or follow, follow=follow, abort=abort)


class _Trigger:
    """One build, and what is told of it."""

    def __init__(
        self,
        server: Server,
        build: RequestedBuild,
        report: Reporter,
        timeout: Span,
        parameters: Sequence[str],
        *,
        as_json: bool,
    ) -> None:
        self._server, self._build, self._report, self._timeout = server, build, report, timeout
        self._parameters, self._json = parameters, as_json
        self._followed = False
        self._result: str | None = None
        self._seconds: float | None = None

    def run(self, *, wait: bool, follow: bool, abort: bool) -> None:
        """Start it, and stay with it as far as wanted; whatever happens, what is known is told."""
        try:
            self._go(wait=wait, follow=follow)
        except KeyboardInterrupt as stop:
            done = self._stopped(abort)
            self._answer()
            raise Interrupted(f"{self._shown}: interrupted; {done}", self._where()) from stop
        except Unavailable as error:
            if self._build.queued is None:
                raise
            if self._server.ends is None or self._server.clock.monotonic() < self._server.ends:
                self._answer()
                raise Unavailable(f"{self._shown}: {error.what}; the build goes on", self._where()) from error
            done = self._stopped(abort)
            self._answer()
            raise Unavailable(
                f"{self._shown} has not ended within {self._timeout.text}; {done}", self._where()
            ) from error
        self._answer()
        if self._result not in (None, "SUCCESS"):
            raise StageFailed(f"{self._shown} ended {self._result}", self._where())

    def _go(self, *, wait: bool, follow: bool) -> None:
        from jenkins_ml.adapters.jenkins_client import Cancelled

        build, report = self._build, self._report
        queued = build.trigger()
        joined = "; it waited already, or others asked for it too" if queued.joined else ""
        report.note(f"{build.job.name}: item {queued.queue_id} of the queue{joined}")
        try:
            if not wait:
                with contextlib.suppress(Unavailable):  # it is in the queue, which is all that was asked for
                    build.look()
                return
            number = build.wait_for_number()
            report.note(f"{build.job.name} #{number}: {build.url}")
            if follow:
                self._show_log()
            else:
                report.step(f"{build.job.name} #{number} is running")
            self._ended(build.wait())
        except Cancelled as cancelled:
            report.note(cancelled.what)
            self._result = CANCELLED

    def _ended(self, build: Build) -> None:
        self._result, self._seconds = build.result, build.seconds
        self._report.done(f"{self._shown}: {build.result} after {build.seconds:.1f} s")

    def _show_log(self) -> None:
        stream = sys.stderr if self._json else sys.stdout
        self._report.close()
        self._followed = True
        for text in self._build.log():
            if not _write(stream, text):
                return  # nobody reads any more; the result still counts

    def _stopped(self, abort: bool) -> str:
        """End the build if that is wanted; what was done, in words."""
        if not abort:
            return "the build goes on" if self._build.queued is not None else "a build may have been started"
        self._server.ends = self._server.clock.monotonic() + _ABORT_SECONDS
        try:
            return self._build.abort()
        except (StageFailed, UsageError, Unavailable) as error:
            return f"it could not be aborted: {error.what}"

    def _answer(self) -> None:
        build, queued = self._build, self._build.queued
        if queued is None:
            return
        if self._json:
            print_json(
                {
                    "name": build.job.name,
                    "number": build.number,
                    "url": build.url,
                    "queue_id": queued.queue_id,
                    "result": self._result,
                    "joined": queued.joined,
                    "parameters": self._parameters,
                    "duration_s": self._seconds,
                }
            )
        elif not self._followed:  # else the log is the answer
            click.echo(" ".join(filter(None, (self._shown, self._result, build.url))))

    @property
    def _shown(self) -> str:
        build = self._build
        if build.number is not None:
            return f"{build.job.name} #{build.number}"
        return build.job.name if build.queued is None else f"{build.job.name}, item {build.queued.queue_id}"

    def _where(self) -> str:
        return f"look at {self._build.url}{'' if self._build.number is None else 'console'}"


def _requested(
    server: Server, name: str, given: Sequence[tuple[str, str]], *, own: bool, quiet_period: bool
) -> RequestedBuild:
    from jenkins_ml.adapters.jenkins_client import RequestedBuild

    return RequestedBuild(server, name, given, own=own, quiet_period=quiet_period)


def _parameters(
    params: Sequence[str], param_files: Sequence[str], environment: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The parameters, with their values from where they are.

    Raises:
        UsageError: a value is not there, or is no text. No message holds a value.
    """
    given = []
    for text in params:
        key, equals, value = text.partition("=")
        if not equals and key not in environment:
            raise UsageError(
                f"--param {key} names an environment variable that is not set", f"write {key}=VALUE, or set it"
            )
        given.append((key, value if equals else environment[key]))
    for text in param_files:
        key, equals, path = text.partition("=")
        if not equals:
            raise UsageError(f"--param-file {text} names no file", "write it as NAME=PATH")
        try:
            given.append((key, Path(path).read_bytes().decode("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
            raise UsageError(
                f"the value of parameter {key} cannot be read from {path}: {why}", "look at the file"
            ) from None
    for key, value in given:
        if not key or "\0" in value or re.search(r"[\ud800-\udfff]", value):
            raise UsageError(
                f"the value of parameter {key!r} is no text" if key else "a parameter has no name",
                "write it as NAME=VALUE, in UTF-8",
            )
    return given


def _write(stream: TextIO, text: str) -> bool:
    """Write a piece of the log; False when nobody reads any more."""
    if stream.isatty():
        # A log may hold what builds, and whoever they fetch from, want a terminal to do: only colours are let through.
        pieces = _COLOURS.split(text)
        text = "".join(piece if index % 2 else printable(piece) for index, piece in enumerate(pieces))
    try:
        stream.write(text.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8"))
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return False
    return True


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
