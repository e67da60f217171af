"""`jenkins-ml server`: the embedded model server, alone."""

from __future__ import annotations

import click

from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps import serving
from jenkins_ml.steps.common import Project, current_or_new_run, environment_option, json_option, print_json


@click.command("server")
@click.option("--stop", is_flag=True, help="Stop it; requests under way are answered first.")
@environment_option
@json_option
def command(stop: bool, environment: str | None, as_json: bool) -> None:
    """Start the server with what is in production, or find it where it runs."""
    project = Project.here()
    environment = project.environment(environment)
    with reporter() as report:
        report.stage("server")
        if stop:
            serving.refuse_other_agents(project)
            server = serving.find(project, environment)
            if server is not None:
                server.stop()
            report.done("stopped" if server else "no server was running")
            if as_json:
                print_json({"environment": environment, "stopped": server is not None})
            return
        with serving.releasing(project, environment, "server"):
            history = serving.end_what_was_left(project, environment, current_or_new_run(), report)
            server = serving.find_or_start(project, environment, report)
            serving.settle(project, server, history)
        if history.production is None:
            report.warn(f"nothing is in production in {environment}: it answers no predictions yet")
        report.done(serving.how_to_ask(server, project.config.model))
    if as_json:
        print_json(
            {
                "environment": environment,
                "pid": server.pid,
                "rest": server.rest_url(project.config.model),
                "grpc": f"127.0.0.1:{server.grpc_port}",
            }
        )


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
