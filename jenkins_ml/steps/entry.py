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
    step.params.insert(0, directory_option)
    sys.exit(guarded(lambda: step.main(prog_name=f"jenkins-ml {step.name}", standalone_mode=False)))


def guarded(call: Callable[[], Any]) -> int:
    """Run a command; every failure becomes one message on standard error and an exit code."""
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


def _stop(*_: object) -> None:
    raise Interrupted("stopped by SIGTERM", "what was done is kept; the next run goes on from there")


def _interrupted() -> int:
    _say(f"error: {Interrupted('interrupted', 'what was done is kept; the next run goes on from there')}")
    return Interrupted.exit_code


def _say(text: str) -> None:
    click.echo(text, err=True)
