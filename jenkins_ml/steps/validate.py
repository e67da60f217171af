"""`jenkins-ml validate`: is the configuration right, and what does it ask for?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from jenkins_ml.config.loader import load
from jenkins_ml.config.model import Config
from jenkins_ml.errors import ConfigurationError, Problem
from jenkins_ml.names import CONFIG_FILE
from jenkins_ml.pipeline import build


@click.command("validate")
@click.option("--schema", "wants_schema", is_flag=True, help="Print the JSON Schema of jenkins-ml.yaml; check nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
def command(wants_schema: bool, as_json: bool) -> None:
    """Check jenkins-ml.yaml: every error at once, each with line and column."""
    if wants_schema:
        from jenkins_ml.config.schema import schema_text

        click.echo(schema_text(), nl=False)
        return
    try:
        config = load(Path())
    except ConfigurationError as error:
        if as_json:
            _print_json(error.problems)
        raise
    if as_json:
        _print_json(())
    else:
        click.echo(_understood(config))


def _print_json(problems: tuple[Problem, ...]) -> None:
    answer = {"valid": not problems, "problems": [dataclasses.asdict(problem) for problem in problems]}
    click.echo(json.dumps(answer, indent=2, sort_keys=True, ensure_ascii=False))


def _understood(config: Config) -> str:
    stages = ", ".join(
        f"{stage.name} (branch {config.serve.release_branch} only)" if stage.release_only else stage.name
        for stage in build(config).stages
    )
    return f"{CONFIG_FILE} is valid: model {config.model}, stages {stages}"


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
