"""Where a version that is served comes from: what a line of a server's log is to lead to. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a version comes from; None is what is not known.

    Args:
        run: the run that made it.
        commit: of the checkout that it was made of.
        build: URL of the build that made it, or "user@host" outside Jenkins.
        release: number of the journal's entry that began its last release in this environment.
    """

    run: str | None = None
    commit: str | None = None
    build: str | None = None
    release: int | None = None

    def labels(self) -> dict[str, object]:
        """The fields of a line, see core/ecs.py."""
        return {f"labels.{name}": value for name, value in asdict(self).items()}

    def json(self) -> str:
        """One JSON object, as `read` takes it."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None}, sort_keys=True)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """What a JSON object says; what it does not say, or says in another type, is not known."""
        texts = {name: fields[name] for name in ("run", "commit", "build") if isinstance(fields.get(name), str)}
        release = fields.get("release")
        return cls(**texts, release=release if type(release) is int else None)

    @classmethod
    def read(cls, text: str) -> Self:
        """What a JSON text says; nothing is known where it is none."""
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        return cls.of(fields if isinstance(fields, dict) else {})
