"""Keras' .h5 files: the configuration that they hold as an attribute, read by h5py in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from jenkins_ml.adapters.artefact_scan import hdf5_attributes, keras_config
from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable, quoted

SUFFIXES: Final = frozenset((".h5", ".hdf5", ".hdf", ".he5"))
MAGIC: Final = b"\x89HDF\r\n\x1a\n"
_DEADLINE: Final = 2.0 * hdf5_attributes.SECONDS  # seconds


def judge(path: Path, notes: Notes) -> None:
    """Note what a file's configuration asks for, and what it takes from other files.

    Args:
        path: of the file.
        notes: of the file.

    Raises:
        Unreadable: it is damaged, or h5py is not installed.
    """
    program = Path(hdf5_attributes.__file__)
    environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "FALSE", "OPENBLAS_NUM_THREADS": "1"}
    try:
        answer = subprocess.run(
            [sys.executable, "-P", str(program), str(path.absolute())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DEADLINE,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable("takes too long to read") from error
    if answer.returncode == hdf5_attributes.NO_H5PY:
        raise Unreadable("needs h5py, which is not installed here (pip install h5py)")
    try:
        found = json.loads(answer.stdout) if answer.returncode == 0 else None
    except ValueError:
        found = None
    if found is None:
        raise Unreadable("is not what an HDF5 file looks like")
    for configuration in found["configurations"].values():
        keras_config.judge(keras_config.parse(configuration), notes)
    for name in found["outside"]:
        notes.found(f"takes data from the file {quoted(name)}, outside itself")


def begins(head: bytes) -> bool:
    """Whether a file's first bytes are those of HDF5, which may follow a block of 512, 1024, ... bytes of the user's."""
    return any(head.startswith(MAGIC, place) for place in (0, 512, 1024, 2048, 4096, 8192))
