"""`jenkins-ml jobs plan`: what would change on the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from jenkins_ml.core.jobs.plan import Rules
from jenkins_ml.core.jobs.saved import sealed
from jenkins_ml.errors import StageFailed
from jenkins_ml.records import JobsPlan, encode
from jenkins_ml.reporting.console import reporter, say
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.reporting.jobs import plan_lines
from jenkins_ml.steps.common import json_option, print_json
from jenkins_ml.steps.jobs import desired, planning
from jenkins_ml.steps.jobs.connection import Span, connected, profile_option, timeout_option
from jenkins_ml.steps.jobs.desired import file_option


@click.command("plan")
@file_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan, for `jobs apply`."
)
@click.option("--check", is_flag=True, help="Exit 1 if something would change.")
@click.option("--all", "everything", is_flag=True, help="Also show what stays as it is.")
@planning.rules_options
@planning.parallel_option
@timeout_option("1h")
@profile_option
@json_option
def command(
    file: Path,
    output: Path | None,
    check: bool,
    everything: bool,
    parallel: int,
    timeout: Span,
    profile: str | None,
    as_json: bool,
    **allowed: Any,
) -> None:
    """Show what would change on the server, setting by setting: added, changed, removed, untouched. Changes nothing."""
    jobs = desired.load(file)
    rules = Rules(owner=jobs.owner, ignore=jobs.ignore, **allowed)
    wanted = list(desired.wanted(jobs, file))
    with reporter() as report:
        report.stage("jobs")
        with connected(profile, timeout, report) as server:
            found = planning.make(server, wanted, rules, parallel, report)
    if output is not None:
        write_atomically(output, encode(sealed(found)).decode())
    if as_json:
        print_json(as_value(found))
    else:
        for line in plan_lines(found, everything):
            say(line)
    left = [each for each in found.actions if each.deed != "nothing"]
    if check and left:
        raise StageFailed("the server is not as jobs.yaml says", "`jenkins-ml jobs apply` makes it so")
    if check and found.missing:
        raise StageFailed("the server lacks what these jobs need", "install or create what is missing")


def as_value(found: JobsPlan) -> dict[str, object]:
    """A plan as JSON, without the configurations."""
    return {
        "owner": found.owner,
        "server": found.server,
        "missing": list(found.missing),
        "unchecked": list(found.unchecked),
        "actions": [
            {
                "name": each.name,
                "action": each.deed,
                "kind": each.kind,
                "note": each.note,
                "changes": [
                    {"setting": change.setting, "before": change.before, "after": change.after}
                    for change in each.changes
                ],
            }
            for each in found.actions
        ],
    }
