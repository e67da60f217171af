"""What an engine builds an image from: a tar archive, made while it is sent, of a version's files and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from jenkins_ml.adapters import archives
from jenkins_ml.records import Manifest
from jenkins_ml.rendering import dockerfile


def build_context(text: str, manifest: Manifest, path: Path) -> Iterator[bytes]:
    """The archive, piece by piece; equal versions give equal bytes.

    The files belong to root and everybody may read them. Their time is the version's, so that the layer that the engine
    makes of them is the same wherever and whenever it is built.

    Args:
        text: the Dockerfile.
        manifest: of the version; only the files that it lists are sent, and the manifest itself.
        path: the folder of the version.

    Raises:
        IntegrityError: a file is not what the manifest says; the engine gets an archive that is cut off, and builds nothing.
    """
    when = datetime.fromisoformat(manifest.created).timestamp()
    yield from archives.member("Dockerfile", text.encode(), when)
    yield from archives.members_of_version(
        manifest, path, dockerfile.ROOT + dockerfile.folder(manifest.model, manifest.version), when
    )
    yield archives.END
