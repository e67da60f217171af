"""The shape of deploy/releases/ENVIRONMENT.yaml: what runs in an environment that is deployed from git.

It is written by people or by a job. Helm takes it as the values of the chart, and `jenkins-ml generate` makes the kustomize
base from it, so that both are always about the same release.
"""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from jenkins_ml.config import patterns
from jenkins_ml.config.document import read
from jenkins_ml.config.section import Section, refuse
from jenkins_ml.config.serve import Serve
from jenkins_ml.config.validation import validated
from jenkins_ml.errors import ConfigurationError, Problem

FOLDER: Final = "deploy/releases"
MOST: Final = 2**53 - 1  # of a version: Helm reads numbers as JavaScript does
MOST_REPLICAS: Final = 1000
_NEXT_STEP: Final = "every key: docs/kubernetes-manifests.md"

Number = Annotated[int, Field(ge=1, le=MOST)]
Line = Annotated[str, Field(min_length=1)]


class Listed(Section):
    """A version that is deployed, with traffic or without."""

    version: Number = Field(description="Its number.")
    manifest_digest: Annotated[str, Field(pattern=patterns.SHA256)] = Field(
        description="SHA-256 of its manifest, as `jenkins-ml models show` has it."
    )
    image: Annotated[str, Field(pattern=patterns.IMAGE_REFERENCE)] | None = Field(
        default=None, description="What its pods run, best by digest; default what `serve` would deploy, by tag."
    )
    beside: Number | None = Field(
        default=None, description="The version in production when this one was added; none for a first one."
    )
    replicas: Annotated[int, Field(ge=1, le=MOST_REPLICAS)] | None = Field(
        default=None, description="How many pods; default `serve.kubernetes.replicas`."
    )
    commit: Line | None = Field(default=None, description="The commit that it was trained from.")
    run: Line | None = Field(default=None, description="The run that made it.")
    build: Line | None = Field(default=None, description="The address of the build that made it.")
    by: Line | None = Field(default=None, description="Who released it.")


class Released(Section):
    """What runs in one environment, and who of it gets the traffic."""

    environment: Line | None = Field(default=None, description="Its name, for the chart; here that of the file.")
    versions: tuple[Listed, ...] = Field(
        default=(), strict=False, description="All versions that are deployed, in any order."
    )
    stable: Number | None = Field(
        default=None, description="The version in production; none before the first one is ready."
    )
    canary: Number | None = Field(default=None, description="The version that gets a share of its traffic.")
    weight: Annotated[int, Field(ge=0, le=100)] = Field(default=0, description="That share in percent.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numbers = [each.version for each in self.versions]
        wrong: list[tuple[tuple[str | int, ...], str]] = [
            (("versions", place, "version"), f"version {number} is listed already")
            for place, number in enumerate(numbers)
            if number in numbers[:place]
        ]
        wrong += [
            (("versions", place, "beside"), "a version is not released beside itself")
            for place, each in enumerate(self.versions)
            if each.beside == each.version
        ]
        for key, number in (("stable", self.stable), ("canary", self.canary)):
            if number is not None and number not in numbers:
                wrong.append(((key,), f"version {number} is not in `versions`"))
        if self.canary is not None and self.canary in (self.stable, None):
            wrong.append((("canary",), "is the stable version"))
        if self.canary is not None and self.stable is None:
            wrong.append((("canary",), "there is no `stable` version whose traffic it could share"))
        if self.canary is None and self.weight:
            wrong.append((("weight",), "there is no `canary` that could get it"))
        if wrong:
            refuse(wrong)
        return self


def environments(serve: Serve) -> dict[str, Serve]:
    """The environments on Kubernetes: name -> the section as it holds there; the one that is released to by default first."""
    names = dict.fromkeys((serve.environment, *serve.environments))
    found = {name: serve.of(name) for name in names}
    return {name: each for name, each in found.items() if each.target == "kubernetes"}


def load(directory: Path, environments: Collection[str]) -> dict[str, Released]:
    """What is released to each environment: what its file says, nothing where there is none.

    Args:
        directory: the folder that holds jenkins-ml.yaml.
        environments: the names of those on Kubernetes.

    Raises:
        ConfigurationError: with every problem of a file, or that it is about no such environment.
    """
    for file in sorted((directory / FOLDER).glob("*.yaml")):
        if file.stem not in environments:
            known = ", ".join(environments) or "none"
            problem = Problem(str(file), 0, 0, f"no environment {file.stem!r} is on Kubernetes: there are {known}")
            raise ConfigurationError((problem,), "rename the file, or remove it")
    return {name: _load(directory / FOLDER / f"{name}.yaml", name) for name in environments}


def _load(file: Path, environment: str) -> Released:
    if not file.exists():
        return Released()
    document = read(file)
    if document.value is None and not document.problems:  # empty: nothing is released yet
        return Released()
    released = validated(document, Released, _NEXT_STEP)
    if released.environment not in (None, environment):
        place = document.values[("environment",)]
        problem = document.problem(place, f"environment: the name of the file says {environment!r}")
        raise ConfigurationError((problem,), _NEXT_STEP)
    return released
