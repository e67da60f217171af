"""How people call us: the commands, listed without importing them, and the one place that turns failures into exit codes."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final

import click

from jenkins_ml import __version__
from jenkins_ml.errors import Interrupted, JenkinsMLError

# name -> what it does; the module is jenkins_ml.steps.<name>. In the order of a model's life.
COMMANDS: Final = {
    "init": "A working model repository, or jenkins-ml.yaml beside existing code.",
    "validate": "Check jenkins-ml.yaml: every error at once.",
    "generate": "Write the Jenkinsfile.",
    "run": "The whole pipeline, on this machine.",
    "test": "Stage: run the tests of the model's code.",
    "train": "Stage: train a model and keep it as a new version.",
    "gate": "Stage: compare the version with its limits and with production.",
    "serve": "Stage: release the version by a canary.",
    "rollback": "Put the version before back into production.",
    "status": "What is in production, what is on its way, and why.",
    "models": "List, show, verify and prune versions.",
    "server": "The embedded model server, alone.",
}


class _Lazy(click.Group):
    """A group that imports a command only when it is called, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"jenkins_ml.steps.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"there is no command {args[0]!r}" + (f": did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


def _change_directory(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None and not ctx.resilient_parsing:
        os.chdir(value)


_DIRECTORY = click.Option(
    ["-C", "directory"],
    type=click.Path(exists=True, file_okay=False),
    expose_value=False,
    is_eager=True,
    callback=_change_directory,
    help="Run in another folder.",
)


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]}, params=[_DIRECTORY])
@click.version_option(__version__, prog_name="jenkins-ml")
def command() -> None:
    """From git push to a tested, gated, served and reversible model.

    Exit codes: 0 done, 1 a stage failed, 2 wrong usage or configuration, 3 the gate rejected the model, 4 the gate could
    not decide, 5 the release was rolled back, 6 something outside was not available, 7 an integrity check failed,
    130 interrupted.
    """


def main() -> None:
    """The `jenkins-ml` program."""
    sys.exit(_guarded(lambda: command.main(prog_name="jenkins-ml", standalone_mode=False)))


def run_step(step: click.Command) -> None:
    """`python -m jenkins_ml.steps.NAME`: the same as `jenkins-ml NAME`."""
    step.params.insert(0, _DIRECTORY)
    sys.exit(_guarded(lambda: step.main(prog_name=f"jenkins-ml {step.name}", standalone_mode=False)))


def _guarded(call: Callable[[], Any]) -> int:
    signal.signal(signal.SIGTERM, _stop)
    try:
        result = call()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except JenkinsMLError as error:
        _say(f"error: {error}")
        return error.exit_code
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return 2
    except click.exceptions.Exit as error:
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # Whoever read us has gone (`jenkins-ml status | head`); Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        from jenkins_ml.adapters.files import translate

        translated = translate("a file operation failed", error)
        _say(f"error: {translated}")
        return translated.exit_code
    except Exception as error:
        traceback.print_exc()
        _say(f"error: {type(error).__name__}: {error}\n  next: this is a defect of jenkins-ml; please report it with the lines above")
        return 1


def _stop(*_: object) -> None:
    raise Interrupted("stopped by SIGTERM", "what was done is kept; the next run goes on from there")


def _interrupted() -> int:
    _say(f"error: {Interrupted('interrupted', 'what was done is kept; the next run goes on from there')}")
    return Interrupted.exit_code


def _say(text: str) -> None:
    click.echo(text, err=True)



if __name__ == "__main__":
    main()
