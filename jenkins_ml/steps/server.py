"""`jenkins-ml server`: the embedded model server, alone."""

from __future__ import annotations

import click

from jenkins_ml.adapters import local_server
from jenkins_ml.errors import UsageError
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
    if project.config.serve.of(environment).target != "local":
        raise UsageError(
            f"{environment} is not served by the embedded server",
            "jenkins-ml status shows what serves it, jenkins-ml destroy takes it away",
        )
    with reporter() as report:
        report.stage("server")
        target = serving.target_of(project, environment, report)
        if stop:
            serving.refuse_other_agents(project)
            stopped = local_server.find(project.store.server_state(environment))
            if stopped is not None:
                stopped.stop()
            report.done("stopped" if stopped else "no server was running")
            if as_json:
                print_json({"environment": environment, "stopped": stopped is not None})
            return
        with serving.releasing(project, target, environment, "server", report) as held:
            history = serving.end_what_was_left(project, held, environment, current_or_new_run(), report)
            held.start()
            serving.settle(project, held, history, environment)
        if history.production is None:
            report.warn(f"nothing is in production in {environment}: it answers no predictions yet")
        now_serving = target.serving()
        report.done(serving.how_to_ask(project, environment, now_serving))
    if as_json:
        server = local_server.find(project.store.server_state(environment))
        print_json(
            {
                "environment": environment,
                "pid": server.pid if server else None,
                "rest": now_serving.rest,
                "grpc": now_serving.grpc,
            }
        )


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
