"""Versions that a target is told of, without files: for tests that never look at them."""

from pathlib import Path

from jenkins_ml.adapters.answers import AnswerReader
from jenkins_ml.adapters.target import Golden, Servable
from jenkins_ml.records import Commit, Lineage, Manifest, Signature, VersionRef


def manifest(version: int, model: str = "m") -> Manifest:
    commit = Commit(sha="c" * 40, branch="main", dirty=False)
    lineage = Lineage(
        commit=commit,
        data_digest="d" * 64,
        training="model:train",
        params={},
        environment={},
        run="r",
        built_by="me",
        compared_with=None,
    )
    return Manifest(
        model=model,
        version=version,
        created="2026-01-01T00:00:00.000Z",
        framework="keras",
        artefact_digest="a" * 64,
        files=(),
        signature=Signature(inputs=(), outputs=()),
        metrics={},
        curves={},
        lineage=lineage,
    )


def servable(
    version: int, path: Path = Path("nowhere"), golden: Golden | None = None, model: str = "m", digest: str = "f"
) -> Servable:
    return Servable(
        reference=VersionRef(version=version, manifest_digest=digest * 64),
        manifest=manifest(version, model),
        path=path,
        golden=golden,
        reader=AnswerReader(),
        by="me",
    )
