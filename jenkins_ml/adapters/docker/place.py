"""Names and labels of what is made on an engine for one model in one environment. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jenkins_ml import names

SERVER: Final = "server"
PROXY: Final = "proxy"
LOCK: Final = "lock"
HOLDER: Final = "jenkins-ml.io/holder"  # who holds the lock
SHAPE: Final = "jenkins-ml.io/shape"  # digest of how the proxy was made
LONGEST: Final = 200  # characters of a label's value


@dataclass(frozen=True)
class Place:
    """One environment of a model on an engine.

    Args:
        model: its name.
        environment: its name.
    """

    model: str
    environment: str

    @property
    def name(self) -> str:
        """What names begin with: readable, and no other pair's."""
        plain = f"{names.OWNER}-{self.model}-{self.environment}"
        # a-b in c and a in b-c need different names, so whatever is ambiguous gets a digest.
        if "-" not in self.model and "-" not in self.environment:
            return plain
        digest = hashlib.sha256(f"{self.model}\0{self.environment}".encode()).hexdigest()[:6]
        return f"{plain}-{digest}"

    def named(self, role: str, version: int | None = None) -> str:
        """The name of a container or volume."""
        return f"{self.name}-{role}" if version is None else f"{self.name}-v{version}"

    def labels(
        self, role: str, version: int | None = None, notes: Mapping[str, str | None] | None = None
    ) -> dict[str, str]:
        """The labels of something.

        Args:
            role: what it is.
            version: the version that it belongs to; None for none.
            notes: further ones; None is left out, and all become one line.
        """
        own = {
            names.LABEL_MANAGED_BY: names.OWNER,
            names.LABEL_MODEL: self.model,
            names.LABEL_ENVIRONMENT: self.environment,
            names.LABEL_ROLE: role,
            names.LABEL_VERSION: None if version is None else str(version),
        }
        return {name: line(value) for name, value in {**own, **(notes or {})}.items() if value is not None}

    def filters(self, role: str | None = None) -> dict[str, list[str]]:
        """What the engine finds them by."""
        wanted = {
            names.LABEL_MANAGED_BY: names.OWNER,
            names.LABEL_MODEL: self.model,
            names.LABEL_ENVIRONMENT: self.environment,
        }
        if role is not None:
            wanted[names.LABEL_ROLE] = role
        return {"label": [f"{name}={value}" for name, value in wanted.items()]}


def line(text: str) -> str:
    """A text as one line, for a label."""
    return re.sub(r"\s+", " ", text).strip()[:LONGEST]
