"""What a test does whose engine this machine does not have: it is left out, or fails where every real part is required."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import NoReturn


class MissingPart(Exception):
    """An engine cannot be had here; the message says what it lacks."""


def need(*programs: str, root: bool = False) -> None:
    """Raise MissingPart unless these programs are there, and this process may do what only root may."""
    lacking = [program for program in programs if shutil.which(program) is None]
    if lacking:
        raise MissingPart(f"needs {' and '.join(lacking)}")
    if root and os.geteuid() != 0:
        raise MissingPart("needs root")


def leave_out(reason: str) -> NoReturn:
    """End the test that is running: skipped on a user's machine, failed with JENKINS_ML_REQUIRE=all."""
    import pytest  # not above: .ci/run builds engines before there is an environment

    if os.environ.get("JENKINS_ML_REQUIRE") == "all":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def left_out() -> Iterator[None]:
    """A test that misses a part in this block is left out."""
    try:
        yield
    except MissingPart as missing:
        leave_out(str(missing))
