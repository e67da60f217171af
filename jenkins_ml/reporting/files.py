"""Report files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from jenkins_ml.errors import StageFailed


def write_atomically(path: Path, text: str) -> None:
    """Write a file as UTF-8, making its folder; a reader sees the old text or the new one, nothing between.

    Raises:
        StageFailed: it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Jenkins does not archive what ends in ~: a stage that is killed right now leaves half of it.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix="~")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
            temporary.chmod(0o644)  # mkstemp lets only its owner read; a report is for everyone
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StageFailed(
            f"the report {path} cannot be written: {error.strerror or error}",
            "check the rights and the space of that folder",
        ) from error
