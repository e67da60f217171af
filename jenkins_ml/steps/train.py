"""`jenkins-ml train`: train a model, and keep it as a new version with its predictions of the evaluation split."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.adapters.artefact_scan import refuse_unsafe
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.evaluating import measured_values
from jenkins_ml.adapters.processes import Imports, Worker, run_command
from jenkins_ml.config.model import Train, seconds
from jenkins_ml.config.overrides import overridden
from jenkins_ml.errors import StageFailed, Unavailable
from jenkins_ml.records import (
    Lineage,
    Manifest,
    Signature,
    TensorSpec,
    Trained,
    artefact_digest,
    encode,
)
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.steps import observed
from jenkins_ml.steps.common import Project, built_by, current_or_new_run, join_run, json_option, print_json
from jenkins_ml.steps.entry import StageCommand


@click.command("train", cls=StageCommand)
@json_option
def command(as_json: bool) -> None:
    """Train a model and keep it as a new version; prints the run and the version."""
    project = Project.here()
    run = current_or_new_run()
    join_run(project, run)
    with reporter() as report:
        report.stage("train")
        record = project.store.read_run(Trained, run, "train")
        if record is not None:
            report.note(f"run {run} has trained version {record.candidate.version} already")
        else:
            record = _train(project, run, report)
        manifest, _ = project.store.manifest(record.candidate.version, record.branch)
        # As it lies in the store, byte for byte: Jenkins finds a file again by its fingerprint.
        project.report(run, names.MANIFEST, encode(manifest).decode())
        stage = observed.under_way()
        stage.version = manifest.version
        stage.metrics = {("training", name): value for name, value in manifest.metrics.items()}
    if as_json:
        reference = record.candidate
        print_json({"run": run, "version": reference.version, "manifest_digest": reference.manifest_digest})
    elif not os.environ.get(names.ENV_RUN):
        click.echo(f"{names.ENV_RUN}={run}")


def _train(project: Project, run: str, report: Reporter) -> Trained:
    store = project.store
    # A matrix or a build parameter may have set some.
    params = overridden(project.config.train.params, os.environ)
    train = project.config.train.model_copy(update={"params": params})
    if changed := {name: value for name, value in train.params.items() if value != project.config.train.params[name]}:
        report.note(
            f"by the environment: {', '.join(f'{name}={json.dumps(value)}' for name, value in changed.items())}"
        )
    with store.staging() as staged:
        result = _make(project, train, staged, report)
        values = measured_values(project.config.gate, staged / "predictions" / "predictions.npz", staged)
        branch = project.candidate_branch
        version = store.reserve()
        manifest = _manifest(project, train, run, version, staged, result, values)
        reference = store.commit(staged / "model", manifest, branch)
        store.keep_predictions(
            staged / "predictions", manifest.artefact_digest, result["data_digest"], int(result["count"])
        )
    observed.under_way().rows = int(result["count"])
    record = Trained(run=run, candidate=reference, branch=branch, data_digest=result["data_digest"], created=now())
    store.write_run(run, "train", record)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in manifest.metrics.items())
    report.done(f"version {reference.version}: {shown}")
    return record


def _make(project: Project, train: Train, staged: Path, report: Reporter) -> dict[str, Any]:
    """Train and export into `staged`; answers what the worker found."""
    job: dict[str, Any] = {
        "directory": str(project.directory),
        "load": project.config.data.load,
        "out": str(staged),
    }
    production = project.store.journal.history(project.environment()).production
    if production is not None:
        job["reference"] = str(project.store.path(production.version) / names.REFERENCE)
    with Worker(_imports(train)) as worker:
        if train.entrypoint is not None:
            report.note(f"training by {train.entrypoint}")
            job |= {"mode": "train", "entrypoint": train.entrypoint, "params": dict(train.params)}
        else:
            output = _run_training_command(project, train, report)
            if project.config.gate.scan:
                refuse_unsafe(output)  # before anything loads it
            job |= {"mode": "export", "output": str(output)}
            report.step(f"exporting {train.output}")
        return worker.do(job, seconds(train.timeout))


def _imports(train: Train) -> Imports:
    if train.entrypoint is not None:
        return "whole"
    return "lean" if Path(train.output or "").suffix in (".h5", ".hdf5", ".keras") else "serving"


def _run_training_command(project: Project, train: Train, report: Reporter) -> Path:
    """Run the command; answers what it left behind, and refuses what was there before."""
    command, output = str(train.command), project.directory / str(train.output)
    report.note(f"training by {command}")
    environment = {**os.environ, names.ENV_PARAMS: json.dumps(dict(train.params), sort_keys=True)}
    lock = project.directory / names.PROJECT_DIR / "train.lock"
    before = _fingerprint(output)
    try:
        with files.lock(lock, f"process {os.getpid()}"):
            run_command(command, project.directory, environment, seconds(train.timeout), "training")
    except files.Locked as error:
        raise Unavailable(
            f"{error.holder} is training in this folder, and both would write {train.output}",
            "wait for it to end, or work in a checkout of its own",
        ) from error
    after = _fingerprint(output)
    if after is None:
        raise StageFailed(
            f"{command} left no {train.output} behind", "correct train.output, or what the command writes"
        )
    if after == before:
        raise StageFailed(f"{command} did not write {train.output}: it is the one from before", "correct train.output")
    return output


def _fingerprint(path: Path) -> frozenset[tuple[str, int, int, int]] | None:
    """What changes when a file, or any file of a folder, is written again."""
    if not path.exists():
        return None
    every = [path, *path.rglob("*")] if path.is_dir() else [path]
    return frozenset((str(item), (found := item.stat()).st_ino, found.st_size, found.st_mtime_ns) for item in every)


def _manifest(
    project: Project,
    train: Train,
    run: str,
    version: int,
    staged: Path,
    result: Mapping[str, Any],
    measured: Mapping[str, float | None],
) -> Manifest:
    entries = files.describe(staged / "model")
    production = project.store.journal.history(project.environment()).production
    return Manifest(
        model=project.config.model,
        version=version,
        created=now(),
        framework=train.framework,
        artefact_digest=artefact_digest(entries),
        files=entries,
        signature=_signature(result["signature"]),
        metrics={name: value for name, value in measured.items() if value is not None},
        curves={name: tuple(values) for name, values in result["curves"].items()},
        lineage=Lineage(
            commit=project.commit,
            data_digest=result["data_digest"],
            training=train.entrypoint or str(train.command),
            params=dict(train.params),
            environment=result["environment"],
            run=run,
            built_by=built_by(),
            compared_with=production.version if production else None,
        ),
    )


def _signature(value: Mapping[str, Any]) -> Signature:
    def specs(items: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec(name=item["name"], dtype=item["dtype"], shape=tuple(item["shape"])) for item in items)

    return Signature(inputs=specs(value["inputs"]), outputs=specs(value["outputs"]))


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
