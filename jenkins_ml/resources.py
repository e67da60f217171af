"""Finds the files that lie beside the package at the top of the repository: templates/ and examples/.

A wheel has them bundled inside the package; an editable install has them where they lie.
"""

from __future__ import annotations

from pathlib import Path

from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.names import CONFIG_FILE

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `name` ("templates", "examples") of this installation.

    Raises:
        JenkinsMLError: the installation is incomplete.
    """
    return _find(_PACKAGE, name)


def examples() -> list[str]:
    """Names of the bundled examples, sorted."""
    return sorted(path.parent.name for path in folder("examples").glob(f"*/{CONFIG_FILE}"))


def _find(package: Path, name: str) -> Path:
    candidates = [package / "_bundled" / name]
    # Beside an installed package lie the folders of others: only a checkout has pyproject.toml there.
    if (package.parent / "pyproject.toml").is_file():
        candidates.append(package.parent / name)
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise JenkinsMLError(f"this installation of jenkins-ml has no {name}/", "install jenkins-ml again")
