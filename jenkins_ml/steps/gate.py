"""`jenkins-ml gate`: compare a version with its limits and with production, and hand over the decision."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import BadZipFile

import click
import numpy as np

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.processes import Worker
from jenkins_ml.config.model import seconds
from jenkins_ml.core import examples, gate
from jenkins_ml.errors import GateInconclusive, GateRejected, IntegrityError, JenkinsMLError
from jenkins_ml.records import Decision, JournalEntry, Manifest, Trained, VersionRef, encode
from jenkins_ml.reporting import console, html, junit, markdown
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.reporting.data import ReportData
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.steps.common import (
    Project,
    built_by,
    current_run,
    environment_option,
    in_jenkins,
    join_run,
    json_option,
    print_json,
    trained,
)
from jenkins_ml.steps.entry import StageCommand


@click.command("gate", cls=StageCommand)
@environment_option
@json_option
def command(environment: str | None, as_json: bool) -> None:
    """Decide whether the version of this run may be released; writes the reports."""
    project = Project.here()
    run = current_run()
    join_run(project, run)
    with reporter() as report:
        report.stage("gate")
        decision, page = decide(project, run, project.environment(environment), report)
        report.close()
        console.conditions_table(decision)
        if decision.verdict == "approved":
            report.note(f"approved: {decision.summary}")
        report.note(f"report: {page}")
    if as_json:
        print_json(json.loads(encode(decision)))
    if failure := refusal(decision):
        raise failure


def decide(project: Project, run: str, environment: str, report: Reporter) -> tuple[Decision, Path]:
    """The decision of a run against what is in production now, made once, and the page that shows it."""
    store = project.store
    record = trained(project, run)
    manifest = store.verify(record.candidate, record.branch)
    production = store.journal.history(environment).production
    baseline = store.verify(production) if production else None
    scored = _scored(project, record.data_digest, manifest, record.branch, report)
    compared = _scored(project, record.data_digest, baseline, None, report) if baseline else None
    allowed = project.config.gate.first_release == "allow" or not in_jenkins()
    judgement = gate.decide(project.config.gate, scored, compared, allowed)
    decision = Decision(
        run=run,
        model=project.config.model,
        environment=environment,
        verdict=judgement.verdict,
        summary=judgement.summary,
        candidate=record.candidate,
        baseline=production,
        data_digest=record.data_digest,
        count=scored.count,
        confidence=project.config.gate.confidence,
        conditions=judgement.conditions,
        metrics=judgement.metrics,
        baseline_metrics=judgement.baseline_metrics,
        created=now(),
    )
    decision = _hand_over(project, run, record, decision)
    data = ReportData(
        decision=decision,
        candidate=manifest,
        baseline=baseline,
        confusion=judgement.confusion,
        baseline_confusion=judgement.baseline_confusion,
    )
    project.report(run, "decision.json", encode(decision).decode())
    return decision, _report(project.reports(run), data)


def stage_name(environment: str, production: VersionRef | None) -> str:
    """The name of a decision's record: a run has one decision for each production version it was held against."""
    return f"gate-{environment}-against-{production.version}" if production else f"gate-{environment}"


def refusal(decision: Decision) -> JenkinsMLError | None:
    """The failure that a decision stands for; None when it approves."""
    subject = f"version {decision.candidate.version}: {decision.summary}"
    if decision.verdict == "rejected":
        return GateRejected(f"the gate rejected {subject}", "production is as it was; the report shows each condition")
    if decision.verdict == "inconclusive":
        unsettled = any(condition.outcome == "inconclusive" for condition in decision.conditions)
        hint = "bring more test examples, or set gate.inconclusive" if unsettled else "see the reason, then gate again"
        return GateInconclusive(f"the gate could not decide on {subject}", hint)
    return None


def _scored(
    project: Project, data_digest: str, manifest: Manifest, branch: str | None, report: Reporter
) -> examples.Scored:
    """Labels and predictions of a version on the run's data: kept, or computed now by a process of its own."""
    path = project.store.predictions(manifest.artefact_digest, data_digest)
    if path is None:
        path = _predict(project, data_digest, manifest, branch, report)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            labels, predictions = arrays["labels"], arrays["predictions"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise IntegrityError(
            f"{path} holds no predictions: {error}", "remove its folder; they are computed again"
        ) from error
    return examples.score(labels, predictions, project.config.gate.task)


def _predict(project: Project, data_digest: str, manifest: Manifest, branch: str | None, report: Reporter) -> Path:
    report.note(f"predicting the test split with version {manifest.version}")
    store = project.store
    with store.staging() as staged, Worker("serving") as worker:
        job = {
            "mode": "predict",
            "directory": str(project.directory),
            "load": project.config.data.load,
            "saved_model": str(store.path(manifest.version, branch)),
            "out": str(staged),
        }
        result = worker.do(job, seconds(project.config.train.timeout))
        if result["data_digest"] != data_digest:
            raise IntegrityError(
                "the test split is not the one that this run's model was evaluated on",
                "data.load must return the same examples at every call; or train again",
            )
        store.keep_predictions(staged / "predictions", manifest.artefact_digest, data_digest, int(result["count"]))
    path = store.predictions(manifest.artefact_digest, data_digest)
    if path is None:
        raise IntegrityError("the predictions that were just kept are gone", "run it again")
    return path


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
                version=decision.candidate.version,
                manifest_digest=decision.candidate.manifest_digest,
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


def _report(folder: Path, data: ReportData) -> Path:
    junit.write(folder / "junit.xml", data.decision)
    write_atomically(folder / "summary.md", markdown.summary(data.decision))
    return html.write(folder, data)


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
