"""How every command begins and ends: the folder it runs in, its signals, and the one place that turns failures into exit codes."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import click

from jenkins_ml.errors import Interrupted, JenkinsMLError
from jenkins_ml.steps import restore_threads

_STOPPING = (signal.SIGINT, signal.SIGTERM)


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


def guarded(call: Callable[[], Any]) -> int:
    """Run a command; every failure becomes one message on standard error and an exit code."""
    for number in _STOPPING:
        signal.signal(number, _stop)
    try:
        result = call()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except JenkinsMLError as error:
        _say(f"error: {error}")
        return error.exit_code
    except click.exceptions.Abort as error:  # what click makes of a KeyboardInterrupt
        return _interrupted(error.__cause__)
    except click.ClickException as error:
        error.show()
        return 2
    except click.exceptions.Exit as error:
        return error.exit_code
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except BrokenPipeError:
        # Whoever read us has gone (`jenkins-ml status | head`); Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        from jenkins_ml.adapters.files import translate  # seldom needed, and `--help` must stay quick

        translated = translate("a file operation failed", error)
        _say(f"error: {translated}")
        return translated.exit_code
    except Exception as error:
        traceback.print_exc()
        _say(
            f"error: {type(error).__name__}: {error}\n  next: this is a defect of jenkins-ml; please report it with the lines above"
        )
        return 1


def _stop(number: int, _: object) -> None:
    """End the command by an exception that no `except Exception` swallows.

    Ctrl-C reaches a stage twice, from the terminal and from the runner: the second must not cut short what the first
    began, which is putting traffic back and journalling, each within a deadline.
    """
    for each in _STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def _interrupted(cause: BaseException | None) -> int:
    by = f"stopped by {cause}" if cause is not None and str(cause) else "interrupted"
    _say(f"error: {Interrupted(by, 'what was done is kept; the next run goes on from there')}")
    return Interrupted.exit_code


def _say(text: str) -> None:
    click.echo(text, err=True)
