"""An environment of its own for each peer, made once for each state of its requirements file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.processes import PYTHON, environment, run

_SECONDS = 1800.0  # TensorFlow and Beam are large
# Nothing is sent anywhere, and TensorFlow does not say what it found.
_QUIET = {"DO_NOT_TRACK": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def variables() -> dict[str, str]:
    """In which a peer's own code runs."""
    return environment(**_QUIET)


def installed(name: str) -> Path:
    """The environment with what requirements/NAME.txt pins; it needs a package index the first time.

    Returns:
        its folder, whose `bin` has its programs.
    """
    requirements = ROOT / "requirements" / f"{name}.txt"
    made_from = hashlib.sha256(requirements.read_bytes() + PYTHON.encode()).hexdigest()[:12]
    folder = ROOT / "build" / f"{name}-{made_from}"
    stamp = folder / "installed"
    if not stamp.exists():
        print(f"installing {requirements.name} into {folder}", flush=True)
        run((PYTHON, "-m", "venv", "--clear", str(folder)), ROOT, environment())
        pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        run((*pip, "--no-deps", "--require-hashes", "-r", str(requirements)), ROOT, environment(), _SECONDS)
        stamp.touch()  # comes last, so that an interrupted installation is done again
    return folder
