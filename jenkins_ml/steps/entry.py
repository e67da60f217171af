"""How every command begins and ends: the folder it runs in, its signals, and the one place that turns failures into exit codes."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import click

from jenkins_ml import names
from jenkins_ml.errors import Interrupted, JenkinsMLError, UsageError
from jenkins_ml.steps import restore_threads

R = TypeVar("R")
_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Defect(JenkinsMLError):
    """A failure that nobody foresaw."""


def _change_directory(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None and not ctx.resilient_parsing:
        os.chdir(value)


directory_option = click.Option(
    ["-C", "directory"],
    type=click.Path(exists=True, file_okay=False),
    expose_value=False,
    is_eager=True,
    callback=_change_directory,
    help="Run in another folder.",
)


def run_step(step: click.Command) -> None:
    """`python -m jenkins_ml.steps.NAME`: the same as `jenkins-ml NAME`."""
    restore_threads()
    step.params.insert(0, directory_option)
    sys.exit(guarded(lambda: step.main(prog_name=f"jenkins-ml {step.name}", standalone_mode=False)))


class StageCommand(click.Command):
    """A command whose failure a Jenkins build shows: it leaves its message in a file, and removes an older one first.

    Other commands only look or tell; theirs must not hide why the stage before them failed. Stages are also observed.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments, as click does."""
        return _recorded(lambda: super(StageCommand, self).make_context(info_name, args, parent, **extra))

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, as click does, in the folder that the arguments have named."""
        return _recorded(lambda: _observed(self.name or "", lambda: super(StageCommand, self).invoke(ctx)))


def _recorded(call: Callable[[], R]) -> R:
    if not os.environ.get(names.ENV_BUILD_TAG):
        return call()
    from jenkins_ml.reporting import failure  # `--help` must stay quick

    failure.forget()
    try:
        return call()
    except (click.exceptions.Exit, BrokenPipeError):  # no failures: see `guarded`
        raise
    except BaseException as error:
        failure.write(_explained(error).what)
        raise


def _observed(name: str, call: Callable[[], R]) -> R:
    from jenkins_ml.steps import observed  # `--help` must stay quick

    end = observed.begin(name)
    try:
        result = call()
    except click.exceptions.Exit as error:
        end(error.exit_code, None, None)
        raise
    except BrokenPipeError:
        end(0, None, None)
        raise
    except BaseException as error:
        explained = _explained(error)
        end(explained.exit_code, explained, error)
        raise
    end(0, None, None)
    return result


def guarded(call: Callable[[], Any]) -> int:
    """Run a command; every failure becomes one message on standard error and an exit code."""
    for number in _STOPPING:
        signal.signal(number, _stop)
    try:
        result = call()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except BrokenPipeError:
        # Whoever read us has gone (`jenkins-ml status | head`); Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except click.ClickException as error:
        error.show()
        return UsageError.exit_code
    except (Exception, KeyboardInterrupt) as error:
        explained = _explained(error)
        if type(explained) is Defect:
            traceback.print_exc()
        _say(f"error: {explained}")
        return explained.exit_code


def _explained(error: BaseException) -> JenkinsMLError:
    """Any failure as one of ours: what happened, the next step and the exit code."""
    match error:
        case JenkinsMLError():
            return error
        case click.exceptions.Abort() | KeyboardInterrupt():
            # Abort is what click makes of a KeyboardInterrupt.
            cause = error.__cause__ if isinstance(error, click.exceptions.Abort) else error
            by = f"stopped by {cause}" if cause is not None and str(cause) else "interrupted"
            return Interrupted(by, "what was done is kept; the next run goes on from there")
        case click.ClickException():
            return UsageError(error.format_message())
        case OSError():
            from jenkins_ml.adapters.files import translate  # seldom needed, and `--help` must stay quick

            return translate("a file operation failed", error)
    return Defect(
        f"{type(error).__name__}: {error}", "this is a defect of jenkins-ml; please report it with the lines above"
    )


def _stop(number: int, _: object) -> None:
    """End the command by an exception that no `except Exception` swallows.

    Ctrl-C reaches a stage twice, from the terminal and from the runner: the second must not cut short what the first
    began, which is putting traffic back and journalling, each within a deadline.
    """
    for each in _STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def _say(text: str) -> None:
    click.echo(text, err=True)
