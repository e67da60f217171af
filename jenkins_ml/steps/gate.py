"""`jenkins-ml gate`: compare a version with its limits and with production, and hand over the decision."""

from __future__ import annotations

import json
from pathlib import Path

import click

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.evaluating import Predictions, evaluate
from jenkins_ml.adapters.evidence import Comparison
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.adapters.processes import Worker
from jenkins_ml.config.model import seconds
from jenkins_ml.core.model_conditions import scan_condition, size_condition
from jenkins_ml.errors import IntegrityError, UsageError
from jenkins_ml.records import Condition, Decision, JournalEntry, Manifest, Trained, VersionRef, encode
from jenkins_ml.reporting import console
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.steps import observed
from jenkins_ml.steps.common import (
    Project,
    built_by,
    current_or_new_run,
    current_run,
    environment_option,
    join_run,
    json_option,
    print_json,
    trained,
)
from jenkins_ml.steps.entry import StageCommand
from jenkins_ml.steps.gate_files import Given, decide_about
from jenkins_ml.steps.gate_looks import looks_at
from jenkins_ml.steps.gating import decided, past_decisions, progress_of, refusal, write_reports

_FILE = click.Path(path_type=Path)


@click.command("gate", cls=StageCommand)
@environment_option
@click.option(
    "--candidate", type=_FILE, metavar="FILE", help="Decide about these predictions instead of a run's version."
)
@click.option("--baseline", type=_FILE, metavar="FILE", help="With --candidate: what the model in production predicts.")
@click.option("--name", metavar="NAME", help="With --candidate and gate.sequential: what the candidate is called.")
@click.option("--baseline-name", metavar="NAME", help="The same of the model in production.")
@click.option("--reports", type=_FILE, metavar="DIR", help="With --candidate: where the reports go.")
@click.option(
    "--version",
    type=click.IntRange(min=1),
    metavar="N",
    help="Gate this version on the data of now, in a run of its own.",
)
@json_option
def command(
    environment: str | None,
    candidate: Path | None,
    baseline: Path | None,
    name: str | None,
    baseline_name: str | None,
    reports: Path | None,
    version: int | None,
    as_json: bool,
) -> None:
    """Decide whether the version of this run may be released; writes the reports.

    With --candidate about predictions in files (Parquet, Arrow, CSV, npz), which releases nothing.
    """
    if candidate is None and any(option is not None for option in (baseline, name, baseline_name, reports)):
        raise UsageError(
            "--baseline, --name, --baseline-name and --reports go with --candidate", "name the candidate's file"
        )
    if candidate is not None and version is not None:
        raise UsageError("give either --candidate or --version")
    project = Project.here()
    run = current_run() if candidate is None and version is None else current_or_new_run()
    if candidate is None:
        join_run(project, run)
    with reporter() as report:
        report.stage("gate")
        stage = observed.under_way()
        stage.environment = where = project.environment(environment)
        stage.aside = candidate is not None
        if candidate is not None:
            given = Given(
                candidate=candidate, baseline=baseline, name=name, baseline_name=baseline_name, reports=reports
            )
            decision, page = decide_about(project, run, where, given, report)
        else:
            if version is not None:
                take_version(project, run, version, report)
            decision, page = decide(project, run, where, report)
        _tell(stage, decision)
        report.close()
        console.conditions_table(decision)
        if decision.verdict == "approved":
            report.note(f"approved: {decision.summary}")
        report.note(f"report: {page}")
    if as_json:
        print_json(json.loads(encode(decision)))
    if failure := refusal(decision):
        raise failure


def _tell(stage: observed.Stage, decision: Decision) -> None:
    """What is reported of a gate that has decided."""
    stage.version = decision.candidate.version if decision.candidate else None
    stage.rows = decision.count
    measured = {"gate": decision.metrics, "production": decision.baseline_metrics}
    stage.metrics = {
        (of, name): value for of, metrics in measured.items() for name, value in metrics.items() if value is not None
    }


def decide(project: Project, run: str, environment: str, report: Reporter) -> tuple[Decision, Path]:
    """The decision of a run against what is in production now, made once, and the page that shows it."""
    store, config = project.store, project.config.gate
    record = trained(project, run)
    manifest = store.verify(record.candidate, record.branch)
    production = store.journal.history(environment).production
    baseline = store.verify(production) if production else None
    # Unsafe files are refused before anything is loaded from them.
    beside = _about_files(project, manifest, record.branch)
    predictions = Predictions(
        candidate=_predictions(project, record.data_digest, manifest, record.branch, report),
        baseline=_predictions(project, record.data_digest, baseline, None, report) if baseline else None,
    )
    with store.staging() as scratch:
        measured = evaluate(config, predictions, project.directory, scratch, progress_of(report))
    beside += _about_answers(project, manifest, record.branch, predictions.candidate, report)
    looks = None
    if config.sequential and production is not None:
        comparison = Comparison(stream=config.stream, baseline=production, candidate=record.candidate)
        looks = looks_at(store, config, measured, comparison, run, record.data_digest)
    judgement, decision = decided(
        project,
        run,
        environment,
        measured,
        beside=beside,
        looks=looks,
        candidate=record.candidate,
        baseline=production,
        data_digest=record.data_digest,
    )
    decision = _hand_over(project, run, record, decision)
    history = past_decisions(store, environment, run)
    return decision, write_reports(project.reports(run), decision, judgement, measured, (manifest, baseline), history)


def take_version(project: Project, run: str, version: int, report: Reporter) -> None:
    """Begin a run with a version that another run has trained, and the examples that data.load answers now."""
    if project.store.read_run(Trained, run, "train") is not None:
        raise UsageError(f"run {run} has a version already", "gate it without --version, or begin another run")
    manifest, reference = project.store.manifest(version)
    data_digest = _predict(project, None, manifest, None, report)
    record = Trained(run=run, candidate=reference, branch=None, data_digest=data_digest, created=now())
    project.store.write_run(run, "train", record)
    report.note(f"run {run} gates version {version}")


def stage_name(environment: str, production: VersionRef | None) -> str:
    """The name of a decision's record: a run has one decision for each production version it was held against."""
    return f"gate-{environment}-against-{production.version}" if production else f"gate-{environment}"


def _about_files(project: Project, manifest: Manifest, branch: str | None) -> list[Condition]:
    """Conditions on the version's files, none of which is loaded for them.

    Raises:
        IntegrityError: they run code when they are loaded, or nothing could be scanned.
    """
    found: list[Condition] = []
    if project.config.gate.scan:
        from jenkins_ml.adapters.artefact_scan import refuse_unsafe

        scan = refuse_unsafe(project.store.path(manifest.version, branch))
        found.append(scan_condition(len(scan.scanned), []))
    if (limit := project.config.gate.max_size) is not None:
        size = sum(entry.size for entry in manifest.files)
        found.append(size_condition(size, limit, len(manifest.files)))
    return found


def _about_answers(
    project: Project, manifest: Manifest, branch: str | None, predictions: Path, report: Reporter
) -> tuple[Condition, ...]:
    """Conditions on what the version answers to the recorded examples, and how quickly."""
    from jenkins_ml.adapters import serving_check
    from jenkins_ml.adapters.serving_look import Subject

    subject = Subject(
        model=project.config.model,
        version=manifest.version,
        path=project.store.path(manifest.version, branch),
        signature=manifest.signature,
        predictions=predictions,
    )
    return serving_check.check(project.config.gate.serving, project.config.gate.latency, subject, report.note)


def _predictions(project: Project, data_digest: str, manifest: Manifest, branch: str | None, report: Reporter) -> Path:
    """Labels and predictions of a version on the run's data: kept, or computed now by a process of its own."""
    if project.store.predictions(manifest.artefact_digest, data_digest) is None:
        _predict(project, data_digest, manifest, branch, report)
    path = project.store.predictions(manifest.artefact_digest, data_digest)
    if path is None:
        raise IntegrityError("the predictions that were just kept are gone", "run it again")
    return path


def _predict(
    project: Project, data_digest: str | None, manifest: Manifest, branch: str | None, report: Reporter
) -> str:
    """Predict the test split with a version and keep that; answers the split's digest, which has to be this one if given."""
    report.note(f"predicting the test split with version {manifest.version}")
    store: ModelStore = project.store
    with store.staging() as staged, Worker("serving") as worker:
        job = {
            "mode": "predict",
            "directory": str(project.directory),
            "load": project.config.data.load,
            "saved_model": str(store.path(manifest.version, branch)),
            "out": str(staged),
        }
        result = worker.do(job, seconds(project.config.train.timeout))
        found = str(result["data_digest"])
        if data_digest not in (None, found):
            raise IntegrityError(
                "the test split is not the one that this run's model was evaluated on",
                "data.load must return the same examples at every call; or train again",
            )
        store.keep_predictions(staged / "predictions", manifest.artefact_digest, found, int(result["count"]))
    return found


def _hand_over(project: Project, run: str, record: Trained, decision: Decision) -> Decision:
    """Write the decision once and journal it once; a repeated stage answers the first one."""
    name = stage_name(decision.environment, decision.baseline)
    if not project.store.write_run(run, name, decision):
        decision = project.store.read_run(Decision, run, name) or decision
    # Other branches never touch the journal.
    if record.branch is None and not _journalled(project.store.journal.entries(), decision):
        project.store.journal.append(
            lambda number: JournalEntry(
                number=number,
                time=decision.created,
                kind="decision",
                environment=decision.environment,
                version=record.candidate.version,
                manifest_digest=record.candidate.manifest_digest,
                previous=decision.baseline.version if decision.baseline else None,
                run=run,
                by=built_by(),
                reason=f"{decision.verdict}: {decision.summary}",
            )
        )
    return decision


def _journalled(entries: tuple[JournalEntry, ...], decision: Decision) -> bool:
    """Whether the journal has a decision: a stage that died may have handed it over and not come to journalling it."""
    previous = decision.baseline.version if decision.baseline else None
    return any(
        (entry.kind, entry.run, entry.environment, entry.previous)
        == ("decision", decision.run, decision.environment, previous)
        for entry in entries
    )


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
