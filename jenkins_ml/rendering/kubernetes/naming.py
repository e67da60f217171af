"""Names and labels of what we make on a cluster. A model's name may have dots and underscores, which names there may not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from jenkins_ml import names

LONGEST: Final = 40  # leaves room for the suffixes of versions and of pods in the 63 characters of a DNS label
_DIGEST_LENGTH: Final = 8


def base(model: str, environment: str) -> str:
    """The name of what serves a model in an environment: a DNS label (RFC 1035), readable, and no other pair's.

    Args:
        model: a name as jenkins-ml.yaml has it.
        environment: likewise.
    """
    wanted = f"{model}-{environment}"
    # "--" separates no two names: a-b in c and a in b-c need different ones, so whatever is ambiguous gets a digest.
    plain = re.fullmatch(r"[a-z][a-z0-9]*-[a-z][a-z0-9]*", wanted) is not None
    if plain and len(wanted) <= LONGEST:
        return wanted
    digest = hashlib.sha256(f"{model}\0{environment}".encode()).hexdigest()[:_DIGEST_LENGTH]
    readable = re.sub(r"[^a-z0-9-]+", "-", wanted)
    if not readable[0].isalpha():
        readable = f"m-{readable}"
    return f"{readable[: LONGEST - _DIGEST_LENGTH - 1].rstrip('-')}-{digest}"


def of_version(name: str, version: int) -> str:
    """The name of what belongs to one version."""
    return f"{name}-v{version}"


def sample_secret(name: str) -> str:
    """The name of the Secret with the token of who may take a sample of users' requests."""
    return f"{name}-sample"


def selecting(model: str, environment: str, version: int | None = None) -> dict[str, str]:
    """Labels that select what serves an environment, or one version in it."""
    labels = {names.LABEL_MODEL: model, names.LABEL_ENVIRONMENT: environment}
    return labels if version is None else {**labels, names.LABEL_VERSION: str(version)}


def labels(model: str, environment: str, version: int | None = None) -> dict[str, str]:
    """All labels of an object of an environment, or of one version in it."""
    common = {
        "app.kubernetes.io/name": model,
        "app.kubernetes.io/instance": base(model, environment),
        "app.kubernetes.io/component": "model-server",
        "app.kubernetes.io/part-of": model,
        names.LABEL_MANAGED_BY: names.OWNER,
        **selecting(model, environment, version),
    }
    return common if version is None else {**common, "app.kubernetes.io/version": str(version)}


def release_label(version: int) -> str:
    """The label that pods of a version, and of the canary released beside it, have in common."""
    return f"{names.LABEL_RELEASE_PREFIX}{version}"


def release_labels(version: int, stable: int | None) -> Mapping[str, str]:
    """The release labels of a version's pods.

    Args:
        version: the version.
        stable: the version in production when it was released; None for none.
    """
    numbers = {version} if stable is None else {version, stable}
    return {release_label(number): "yes" for number in sorted(numbers)}
