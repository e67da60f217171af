"""`jenkins-ml jobs destroy`: remove what belongs to the owner of jobs.yaml, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from jenkins_ml.adapters.clock import now
from jenkins_ml.core.jobs import plan
from jenkins_ml.core.jobs.plan import Rules
from jenkins_ml.records import JobsPlan
from jenkins_ml.reporting.console import reporter, say
from jenkins_ml.reporting.jobs import plan_lines
from jenkins_ml.steps.common import json_option
from jenkins_ml.steps.jobs import desired, doing, planning
from jenkins_ml.steps.jobs.connection import Span, connected, profile_option, timeout_option
from jenkins_ml.steps.jobs.desired import file_option


@click.command("destroy")
@file_option
@doing.yes_option
@planning.parallel_option
@timeout_option("1h")
@profile_option
@json_option
def command(file: Path, yes: bool, parallel: int, timeout: Span, profile: str | None, as_json: bool) -> None:
    """Remove every job and folder on the server that carries the owner of jobs.yaml, with their builds.

    A folder in which something of somebody else lies stays.
    """
    jobs = desired.load(file)
    rules = Rules(owner=jobs.owner)
    with reporter() as report:
        report.stage("jobs")
        with connected(profile, timeout, report) as server:
            from jenkins_ml.adapters import jenkins_items

            report.step(f"listing the jobs of {server.server}")
            actions = tuple(plan.removals(jenkins_items.listing(server).values(), (), rules))
            report.close()
            found = JobsPlan(
                owner=jobs.owner,
                server=server.server,
                created=now(),
                ignore=(),
                actions=actions,
                missing=(),
                unchecked=(),
            )
            for line in plan_lines(found):
                say(line, error=as_json)
            doing.carry_out(server, found, yes=yes, parallel=parallel, as_json=as_json, report=report)
