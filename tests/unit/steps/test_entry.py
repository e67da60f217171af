import os
import signal

import click
import pytest

from jenkins_ml import errors
from jenkins_ml.steps.entry import guarded


@pytest.fixture(autouse=True)
def handlers():
    """What guarded does to the handling of signals is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raising(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StageFailed("what", "do this"), 1),
        (errors.UsageError("what", "do this"), 2),
        (errors.GateRejected("what", "do this"), 3),
        (errors.GateInconclusive("what", "do this"), 4),
        (errors.RolledBack("what", "do this"), 5),
        (errors.Unavailable("what", "do this"), 6),
        (errors.IntegrityError("what", "do this"), 7),
    ],
)
def test_our_failures_are_one_message_and_their_exit_code(error, code, capsys):
    assert guarded(raising(error)) == code
    assert capsys.readouterr() == ("", "error: what\n  next: do this\n")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(28, "No space left on device", "/store"), 6, "the disk is full (/store)"),
        (PermissionError(13, "Permission denied", "/store"), 2, "not permitted (/store)"),
        (click.UsageError("no such option"), 2, "no such option"),
        (KeyError("x"), 1, "this is a defect of jenkins-ml"),
        (click.exceptions.Exit(3), 3, ""),
    ],
)
def test_other_failures(error, code, words, capsys):
    assert guarded(raising(error)) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_a_second_one_does_not_disturb_the_cleaning_up(number, capsys):
    cleaned = []

    def call():
        try:
            os.kill(os.getpid(), number)
        finally:
            for each in (signal.SIGINT, signal.SIGTERM):
                os.kill(os.getpid(), each)
            cleaned.append(True)

    assert guarded(call) == 130
    assert cleaned
    assert f"error: stopped by {number.name}\n  next: " in capsys.readouterr().err


def test_a_signal_is_not_swallowed_by_who_catches_exceptions():
    def call():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Exception:
            return 0

    assert guarded(call) == 130


def test_click_turns_it_into_an_abort_and_the_name_is_still_said(capsys):
    @click.command()
    def command():
        os.kill(os.getpid(), signal.SIGTERM)

    assert guarded(lambda: command.main([], standalone_mode=False)) == 130
    assert "error: stopped by SIGTERM" in capsys.readouterr().err
