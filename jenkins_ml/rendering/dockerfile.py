"""The Dockerfile of an image with a model inside, and the labels that say what is in it.

FROM the server's image          shared by all versions, as are its layers
LABEL, ENV                       no layers
COPY root /                      the only layer of the version: the folders of MODELS in the build context
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jenkins_ml import names
from jenkins_ml.records import Manifest

MODELS: Final = "/models"  # where TensorFlow Serving's image looks for models
ROOT: Final = "root"  # the folder of the build context that is copied to /
BASE_NAME: Final = "org.opencontainers.image.base.name"
_BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
_REVISION: Final = "org.opencontainers.image.revision"
_CREATED: Final = "org.opencontainers.image.created"
_TITLE: Final = "org.opencontainers.image.title"
_VERSION: Final = "org.opencontainers.image.version"


def folder(model: str, version: int) -> str:
    """Where a version's files lie in its image."""
    return f"{MODELS}/{model}/{version}"


def labels(manifest: Manifest, manifest_digest: str, base: str, base_digest: str | None) -> dict[str, str]:
    """What an image says of itself: which version it holds, and where that comes from. Sorted by name.

    All of it is known from the version and the base, so that equal versions get equal labels whoever builds them; "created"
    is when the version was made.

    Args:
        manifest: of the version.
        manifest_digest: of that.
        base: name and tag of the server's image.
        base_digest: "sha256:..." of it in its registry; None where it came from none.
    """
    commit = manifest.lineage.commit
    found = {
        names.LABEL_MANAGED_BY: names.OWNER,
        names.LABEL_MODEL: manifest.model,
        names.LABEL_VERSION: str(manifest.version),
        names.NOTE_DIGEST: manifest_digest,
        names.NOTE_COMMIT: commit.sha,
        names.NOTE_RUN: manifest.lineage.run,
        names.NOTE_BY: manifest.lineage.built_by,
        BASE_NAME: base,
        _BASE_DIGEST: base_digest,
        _REVISION: commit.sha and (f"{commit.sha}-dirty" if commit.dirty else commit.sha),
        _CREATED: manifest.created,
        _TITLE: f"{manifest.model} {manifest.version}",
        _VERSION: str(manifest.version),
    }
    return {name: value for name, value in sorted(found.items()) if value}


def dockerfile(base: str, model: str, labels: Mapping[str, str]) -> str:
    """The Dockerfile. Whom the server runs as, and how it starts, stays as the base has it.

    Args:
        base: name and tag of the server's image.
        model: the model's name, checked by the configuration.
        labels: those of the image.
    """
    pairs = (f"{_quoted(name)}={_quoted(value)}" for name, value in labels.items())
    lines = [
        "# Made by jenkins-ml.",
        f"FROM {base}",
        "LABEL " + " \\\n      ".join(pairs),  # one instruction: each takes the engine a while
        f"ENV MODEL_NAME={_quoted(model)} MODEL_BASE_PATH={_quoted(MODELS)}",
        f"COPY {ROOT} /",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A word of a Dockerfile that stands for exactly this text; line ends and other controls become blanks."""
    plain = "".join(
        " " if ord(character) < 32 or character in "\x7f\x85\u2028\u2029" else character for character in text
    )
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
