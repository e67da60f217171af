"""`jenkins-ml jobs apply`: make the server as jobs.yaml says, or carry out a plan that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jenkins_ml.core.jobs.plan import Rules
from jenkins_ml.core.jobs.saved import intact
from jenkins_ml.errors import IntegrityError, UsageError
from jenkins_ml.records import JobsPlan, decode
from jenkins_ml.reporting.console import Reporter, reporter, say
from jenkins_ml.reporting.jobs import plan_lines
from jenkins_ml.steps.common import json_option
from jenkins_ml.steps.jobs import desired, doing, planning
from jenkins_ml.steps.jobs.connection import Span, connected, profile_option, timeout_option
from jenkins_ml.steps.jobs.desired import file_option

if TYPE_CHECKING:
    from jenkins_ml.adapters.jenkins_server import Server


@click.command("apply")
@click.argument("saved", required=False, metavar="[PLAN]", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@file_option
@doing.yes_option
@click.option("--allow-missing", is_flag=True, help="Go on although plugins or credentials are missing.")
@planning.rules_options
@planning.parallel_option
@timeout_option("1h")
@profile_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    saved: Path | None,
    file: Path,
    yes: bool,
    allow_missing: bool,
    parallel: int,
    timeout: Span,
    profile: str | None,
    as_json: bool,
    **allowed: Any,
) -> None:
    """Carry out what `jobs plan` shows; or PLAN, exactly as it was saved and reviewed.

    Each job's outcome is told. What changed since the plan is left alone; the rest is done all the same.
    """
    if saved is not None:
        _refuse_beside_plan(context, {"file": "-f", **planning.RULES_OPTIONS})
    with reporter() as report:
        report.stage("jobs")
        if saved is not None:
            found = _read(saved)
            with connected(profile, timeout, report) as server:
                _same_server(found, server)
                _go(server, found, yes, allow_missing, parallel, as_json, report)
            return
        jobs = desired.load(file)
        rules = Rules(owner=jobs.owner, ignore=jobs.ignore, **allowed)
        wanted = list(desired.wanted(jobs, file))
        with connected(profile, timeout, report) as server:
            found = planning.make(server, wanted, rules, parallel, report)
            _go(server, found, yes, allow_missing, parallel, as_json, report)


def _go(
    server: Server, found: JobsPlan, yes: bool, allow_missing: bool, parallel: int, as_json: bool, report: Reporter
) -> None:
    report.close()
    for line in plan_lines(found):
        say(line, error=as_json)
    if found.missing and not allow_missing:
        raise UsageError(
            f"the server lacks {len(found.missing)} thing{'s' * (len(found.missing) != 1)} that these jobs need; nothing was applied",
            "install or create what is missing, or go on with --allow-missing",
        )
    doing.carry_out(server, found, yes=yes, parallel=parallel, as_json=as_json, report=report)


def _read(saved: Path) -> JobsPlan:
    try:
        data = saved.read_bytes()
    except OSError as error:
        raise UsageError(f"{saved} cannot be read: {error.strerror}", "look at its path and rights") from error
    found = decode(JobsPlan, data, str(saved))
    if not intact(found):
        raise IntegrityError(
            f"{saved} is not as `jobs plan` saved it: somebody has edited it", "plan again, and review that"
        )
    return found


def _same_server(found: JobsPlan, server: Server) -> None:
    if found.server != server.server:
        raise IntegrityError(
            f"this plan is for {found.server}, and the server here is {server.server}",
            "set JENKINS_URL to the server that it was made for, or plan again",
        )


def _refuse_beside_plan(context: click.Context, options: dict[str, str]) -> None:
    given = [
        option
        for name, option in options.items()
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    ]
    if given:
        raise UsageError(f"{', '.join(given)} cannot stand beside a saved plan", "the plan says it all: leave it out")
