"""`jenkins-ml jobs render`: the config.xml of each job, without a server."""

from __future__ import annotations

from pathlib import Path

import click

from jenkins_ml.core.jobs import plan
from jenkins_ml.core.jobs.plan import Rules
from jenkins_ml.core.jobs.xml_tree import write
from jenkins_ml.errors import UsageError
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.steps.jobs import desired
from jenkins_ml.steps.jobs.desired import file_option


@click.command("render")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@file_option
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to, NAME/config.xml each; default standard output.",
)
def command(names: tuple[str, ...], file: Path, output: Path | None) -> None:
    """Write the configuration that jobs.yaml means for each job (or for those that are named), exactly as it is sent."""
    jobs = desired.load(file)
    rules = Rules(owner=jobs.owner, ignore=jobs.ignore)
    left = set(names)
    for each, _ in desired.configured(jobs, file):
        name = each.name
        if names and name not in names:
            continue
        left.discard(name)
        text = write(plan.marked(each, rules)[0])
        if output is None:
            click.echo(f"<!-- {name} -->\n{text}" if len(names) != 1 else text, nl=False)
        else:
            write_atomically(output / name / "config.xml", text)
    if left:
        raise UsageError(f"{file} has no {', '.join(map(repr, sorted(left)))}", "full names, such as folder/job")
