"""Where a version that is served comes from: what a line of a server's log is to lead to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from jenkins_ml import names


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

    def variables(self) -> dict[str, str]:
        """The environment variables of a server's process that say it; `read` takes them."""
        return {variable(name): str(value) for name, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """What a JSON object says; what it does not say, or says in another type, is not known."""
        texts = {name: said[name] for name in ("run", "commit", "build") if isinstance(said.get(name), str)}
        release = said.get("release")
        return cls(**texts, release=release if type(release) is int else None)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """What environment variables say; of what is not there, or empty, nothing is known."""
        run, commit, build, release = (environment.get(variable(each.name)) or None for each in fields(cls))
        number = int(release) if release is not None and release.isascii() and release.isdigit() else None
        return cls(run=run, commit=commit, build=build, release=number)


def variable(name: str) -> str:
    """The environment variable of a server's process that says one of the origin's fields."""
    return f"{names.ENV_ORIGIN_PREFIX}{name.upper()}"
