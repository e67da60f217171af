"""Why a stage of a Jenkins build failed, in a file that the Jenkinsfile reads: the log is not everywhere it is shown."""

from __future__ import annotations

import contextlib
from pathlib import Path

from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.names import FAILURE_FILE
from jenkins_ml.reporting.files import write_atomically


def write(message: str) -> None:
    """Keep a message for the build, in the current folder; that it cannot be kept changes nothing about the failure."""
    with contextlib.suppress(JenkinsMLError):
        write_atomically(Path(FAILURE_FILE), message.encode("utf-8", "replace").decode() + "\n")


def forget() -> None:
    """Remove what an earlier stage, or another build in the same workspace, has left."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        Path(FAILURE_FILE).unlink()
