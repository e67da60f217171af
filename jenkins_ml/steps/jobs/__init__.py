"""`jenkins-ml jobs`: the jobs of a Jenkins server, from one file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import click

_COMMANDS: Final[Mapping[str, str]] = {
    "plan": "What would change on the server, setting by setting; changes nothing.",
    "apply": "Make the server as jobs.yaml says, or carry out a saved plan.",
    "destroy": "Remove everything on the server that belongs to the owner of jobs.yaml.",
    "render": "Write the config.xml of each job, without a server.",
    "trigger": "Start exactly one build of a job; wait for it, show its log.",
}


class _Jobs(click.Group):
    """Imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command("jobs", cls=_Jobs)
def command() -> None:
    """Jobs of a Jenkins server as code: one file says which there are."""
