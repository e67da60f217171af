"""`jenkins-ml gate --candidate FILE`: decide about predictions that were made elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from jenkins_ml.adapters import files
from jenkins_ml.adapters.evaluating import Predictions, evaluate
from jenkins_ml.adapters.evidence import Comparison
from jenkins_ml.errors import UsageError
from jenkins_ml.records import Decision, VersionRef, digest
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps.common import Project
from jenkins_ml.steps.gate_looks import looks_at
from jenkins_ml.steps.gating import decided, progress_of, write_reports


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the command line names.

    Args:
        candidate: file of the candidate's predictions.
        baseline: production's; None without one.
        name: what the candidate is called in evidence over several looks; None where there is one only.
        baseline_name: the same of production.
        reports: where the reports go; None: beside those of runs.
    """

    candidate: Path
    baseline: Path | None
    name: str | None
    baseline_name: str | None
    reports: Path | None


def decide_about(project: Project, run: str, environment: str, given: Given, report: Reporter) -> tuple[Decision, Path]:
    """The decision, which releases nothing, and the page that shows it."""
    config = project.config.gate
    if config.sequential and given.baseline is not None and (given.name is None or given.baseline_name is None):
        raise UsageError(
            "gate.sequential adds up what each look finds, and has to know whose predictions these are",
            "name both models, the same ones at every look: --name v7 --baseline-name v6",
        )
    if ignored := [f"gate.{name}" for name in ("max_size", "latency") if getattr(config, name) is not None]:
        report.warn(f"{' and '.join(ignored)} not looked at: there is no model, only what it predicts")
    predictions = Predictions(candidate=given.candidate, baseline=given.baseline)
    with project.store.staging() as scratch:
        measured = evaluate(config, predictions, project.directory, scratch, progress_of(report))
    looks = None
    if config.sequential and given.baseline is not None:
        comparison = Comparison(
            stream=config.stream, baseline=_named(given.baseline_name), candidate=_named(given.name)
        )
        looks = looks_at(project.store, config, measured, comparison, run, _digest(given))
    judgement, decision = decided(
        project,
        run,
        environment,
        measured,
        looks=looks,
        candidate=None,
        baseline=None,
        data_digest="",
        candidate_file=str(given.candidate),
        baseline_file="" if given.baseline is None else str(given.baseline),
    )
    folder = given.reports or project.reports(run)
    return decision, write_reports(folder, decision, judgement, measured)


def _named(name: str | None) -> VersionRef:
    """A model that is known by a name only."""
    return VersionRef(version=0, manifest_digest=digest((name or "").encode()))


def _digest(given: Given) -> str:
    """Of both files: the same ones are not counted twice."""
    total = hashlib.sha256()
    with files.translated("reading predictions"):
        for path in (given.candidate, given.baseline):
            if path is not None:
                with path.open("rb") as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
