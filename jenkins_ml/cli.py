"""How people call us: the commands, listed without importing them."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from jenkins_ml import __version__
from jenkins_ml.steps import restore_threads
from jenkins_ml.steps.entry import directory_option, guarded

# name -> what it does; the module is what `module_of` says. In the order of a model's life.
COMMANDS: Final = {
    "init": "A working model repository, or jenkins-ml.yaml beside existing code.",
    "validate": "Check jenkins-ml.yaml: every error at once.",
    "generate": "Write the Jenkinsfile.",
    "run": "The whole pipeline, on this machine.",
    "test": "Stage: run the tests of the model's code.",
    "train": "Stage: train a model and keep it as a new version.",
    "gate": "Stage: compare the version with its limits and with production.",
    "publish": "Tell GitHub or GitLab what the gate decided.",
    "serve": "Stage: release the version by a canary.",
    "monitor": "One bounded look at what is in production.",
    "approve": "Agree to a release, with your SSH key.",
    "promote": "Release a version by its number, if its gate approved it.",
    "rollback": "Put the version before back into production.",
    "alert-hook": "Roll back, or train anew, when Alertmanager says so.",
    "destroy": "Take away what serves an environment.",
    "status": "What is in production, what is on its way, and why.",
    "models": "List, show, verify and prune versions.",
    "server": "The embedded model server, alone.",
    "jobs": "Jobs of a Jenkins server, from one file: plan, apply, trigger.",
}


def module_of(name: str) -> str:
    """The module of a command."""
    return f"jenkins_ml.steps.{name.replace('-', '_')}"


class _Lazy(click.Group):
    """A group that imports a command only when it is called, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(module_of(cmd_name)).command
        restore_threads()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"there is no command {args[0]!r}" + (f": did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]}, params=[directory_option])
@click.version_option(__version__, prog_name="jenkins-ml")
def command() -> None:
    """From git push to a tested, gated, served and reversible model.

    Exit codes: 0 done, 1 a stage failed, 2 wrong usage or configuration, 3 the gate rejected the model, 4 the gate could
    not decide, 5 the release was rolled back, 6 something outside was not available, 7 an integrity check failed,
    130 interrupted.
    """


def main() -> None:
    """The `jenkins-ml` program."""
    sys.exit(guarded(lambda: command.main(prog_name="jenkins-ml", standalone_mode=False)))


if __name__ == "__main__":
    main()
