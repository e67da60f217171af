"""jenkins-ml.yaml becomes a Config, or every problem in it, each with its place and what to write instead."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from jenkins_ml.config.document import Document, Place, parse, read
from jenkins_ml.config.model import Config, seconds
from jenkins_ml.config.validation import validated
from jenkins_ml.errors import ConfigurationError
from jenkins_ml.names import CONFIG_FILE

_NEXT_STEP: Final = "every key and its type: `jenkins-ml validate --schema`"


def load(directory: Path) -> Config:
    """The configuration of a model repository.

    Args:
        directory: the folder that holds jenkins-ml.yaml.

    Raises:
        ConfigurationError: with every problem of the file (see `validated`).
    """
    return _validate(read(directory / CONFIG_FILE))


def loads(text: str, file: str = CONFIG_FILE) -> Config:
    """The configuration in `text`; `file` is its name in messages. Raises as `load` does."""
    return _validate(parse(text.encode(), file))


def digest(directory: Path) -> str:
    """`digest_of` the configuration in `directory`. Raises as `load` does."""
    return digest_of(load(directory))


def digest_of(config: Config) -> str:
    """SHA-256, in hexadecimal, of a configuration with its defaults: of what it says, not of how it is written."""
    # Durations as seconds: pydantic's own text for them may change between its versions.
    canonical = json.dumps(
        config.model_dump(), default=seconds, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _validate(document: Document) -> Config:
    if document.value is None and not document.problems:
        problem = document.problem(Place(1, 1), "is empty: at least `model`, `data` and `train` are needed")
        raise ConfigurationError((problem,), "run `jenkins-ml init` in an empty folder to see one")
    return validated(document, Config, _NEXT_STEP)
