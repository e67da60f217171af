"""Reads a small file of a container, running or not."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from jenkins_ml.adapters.docker.connection import Missing, translated


def file_in(container: Any, path: str) -> bytes | None:
    """What is in a file of a container; None where there is no such file.

    Raises:
        Unavailable: the engine does not answer.
    """
    try:
        with translated(f"reading {path} in {container.name}"):
            pieces, _ = container.get_archive(path)
            data = b"".join(pieces)
    except Missing:
        return None
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile(archive.next() or tarfile.TarInfo())
        return file.read() if file else None
