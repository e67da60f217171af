"""What both ways to gate share, a run's version and predictions in files: reports, progress, and the failure at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.adapters.predictions import Progress
from jenkins_ml.core import gate
from jenkins_ml.core.conditions import Looks
from jenkins_ml.core.evaluation.curves import curves_of
from jenkins_ml.core.evaluation.evaluation import Measured
from jenkins_ml.core.gate import Judgement
from jenkins_ml.errors import GateInconclusive, GateRejected, JenkinsMLError
from jenkins_ml.records import Condition, Decision, JournalEntry, Manifest, encode
from jenkins_ml.reporting import html, junit, markdown
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.reporting.data import PastDecision, ReportData
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.steps.common import Project, in_jenkins

_MOST_HISTORY = 50  # earlier decisions in a report
_EVERY = 10.0  # seconds between two lines about progress


def refusal(decision: Decision) -> JenkinsMLError | None:
    """The failure that a decision stands for; None when it approves."""
    subject = f"{named(decision)}: {decision.summary}"
    if decision.verdict == "rejected":
        return GateRejected(f"the gate rejected {subject}", "production is as it was; the report shows each condition")
    if decision.verdict == "inconclusive":
        unsettled = any(condition.outcome == "inconclusive" for condition in decision.conditions)
        hint = "bring more test examples, or set gate.inconclusive" if unsettled else "see the reason, then gate again"
        return GateInconclusive(f"the gate could not decide on {subject}", hint)
    return None


def named(decision: Decision) -> str:
    """What a decision is about."""
    return (
        f"version {decision.candidate.version}"
        if decision.candidate
        else f"the predictions in {decision.candidate_file}"
    )


def decided(
    project: Project,
    run: str,
    environment: str,
    measured: Measured,
    *,
    beside: Sequence[Condition] = (),
    looks: Mapping[tuple[str, str], Looks] | None = None,
    **about: Any,
) -> tuple[Judgement, Decision]:
    """What the gate finds, and its record.

    Args:
        project: whose gate.
        run: that decides.
        environment: that is decided for.
        measured: what both versions do.
        beside: conditions on the model beside its metrics.
        looks: as in `gate.decide`.
        about: the fields of the record that say what it is about.
    """
    config = project.config.gate
    allowed = config.first_release == "allow" or not in_jenkins()
    judgement = gate.decide(config, measured, allowed, beside, looks)
    decision = Decision(
        run=run,
        model=project.config.model,
        environment=environment,
        verdict=judgement.verdict,
        summary=judgement.summary,
        count=measured.overall.count,
        confidence=config.confidence,
        conditions=judgement.conditions,
        metrics=judgement.metrics,
        baseline_metrics=judgement.baseline_metrics,
        created=now(),
        measurements=judgement.measurements,
        **about,
    )
    return judgement, decision


def write_reports(
    folder: Path,
    decision: Decision,
    judgement: Judgement,
    measured: Measured,
    manifests: tuple[Manifest | None, Manifest | None] = (None, None),
    history: Sequence[PastDecision] = (),
) -> Path:
    """Write the record, JUnit XML, Markdown and the page; answers the page.

    Args:
        folder: where to.
        decision: what was decided.
        judgement: what the gate found.
        measured: what both versions do.
        manifests: of the candidate and of production.
        history: earlier decisions, oldest first.
    """
    data = ReportData(
        decision=decision,
        candidate=manifests[0],
        baseline=manifests[1],
        confusion=judgement.confusion,
        baseline_confusion=judgement.baseline_confusion,
        curves=curves_of(measured, 0),
        baseline_curves=curves_of(measured, 1) if measured.paired else None,
        history=tuple(history),
    )
    write_atomically(folder / "decision.json", encode(decision).decode())
    junit.write(folder / "junit.xml", decision)
    write_atomically(folder / "summary.md", markdown.summary(decision))
    return html.write(folder, data)


def past_decisions(store: ModelStore, environment: str, but_of: str) -> tuple[PastDecision, ...]:
    """The newest earlier decisions of an environment, oldest first, with what their candidates measured.

    Args:
        store: of the model.
        environment: which.
        but_of: the run whose decision is left out.
    """
    entries = [
        entry
        for entry in store.journal.entries()
        if entry.kind == "decision" and entry.environment == environment and entry.run != but_of
    ]
    found = [_past(store, entry) for entry in entries[-_MOST_HISTORY:]]
    return tuple(past for past in found if past is not None)


def _past(store: ModelStore, entry: JournalEntry) -> PastDecision | None:
    verdict = entry.reason.partition(":")[0]
    if verdict not in ("approved", "rejected", "inconclusive"):
        return None
    try:
        manifest, _ = store.manifest(entry.version)
    except JenkinsMLError:
        return None  # it was pruned
    return PastDecision(
        version=entry.version,
        created=entry.time,
        verdict=verdict,  # type: ignore[arg-type] # one of the three, as was looked at above
        metrics=dict(manifest.metrics),
    )


def progress_of(report: Reporter) -> Progress:
    """Says from time to time how many examples were evaluated, where it takes long."""
    said = time.monotonic()

    def progress(done: int, total: int | None) -> None:
        nonlocal said
        if time.monotonic() - said >= _EVERY:
            said = time.monotonic()
            of = f" of {total:,} ({100 * done // max(total, 1)} %)" if total else ""
            report.note(f"evaluated {done:,}{of} examples")

    return progress
