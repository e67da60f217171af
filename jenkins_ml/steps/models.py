"""`jenkins-ml models`: list, show, verify and prune versions."""

from __future__ import annotations

import json

import click

from jenkins_ml.adapters.evidence import EvidenceStore
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.core.history import after
from jenkins_ml.core.retention import kept
from jenkins_ml.errors import IntegrityError, JenkinsMLError
from jenkins_ml.records import JournalEntry, VersionRef, encode
from jenkins_ml.reporting import console
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps.common import Project, json_option, print_json


@click.group("models")
def command() -> None:
    """The versions in the model store."""


@command.command("list")
@json_option
def list_versions(as_json: bool) -> None:
    """Every version of the release branch, newest last."""
    project = Project.here()
    entries = project.store.journal.entries()
    items = [_item(project, entries, version) for version in project.store.versions()]
    if as_json:
        print_json({"model": project.config.model, "versions": items})
        return
    columns = ("version", "created", "commit", "state", "metrics")
    rows = [tuple(str(item[name] if item[name] is not None else "-") for name in columns) for item in items]
    console.table(project.config.model, columns, rows)


@command.command("show")
@click.argument("version", type=click.IntRange(min=1))
@json_option
def show(version: int, as_json: bool) -> None:
    """The manifest of a version: files, signature, metrics and lineage."""
    manifest, reference = Project.here().store.manifest(version)
    value = json.loads(encode(manifest))
    if as_json:
        print_json(value | {"manifest_digest": reference.manifest_digest})
        return
    lineage = value.pop("lineage")
    flat = (
        value
        | {f"lineage.{name}": item for name, item in lineage.items()}
        | {"manifest_digest": reference.manifest_digest}
    )
    del flat["files"], flat["curves"]
    rows = [(name, item if isinstance(item, str) else json.dumps(item)) for name, item in sorted(flat.items())]
    console.table(f"{manifest.model} {version}", ("what", "value"), rows)


@command.command("verify")
@click.argument("versions", type=click.IntRange(min=1), nargs=-1)
@json_option
def verify(versions: tuple[int, ...], as_json: bool) -> None:
    """Check every file against its recorded digest; all versions when none is named. Exits 7 when one differs."""
    store = Project.here().store
    recorded = {
        entry.version: VersionRef(version=entry.version, manifest_digest=entry.manifest_digest)
        for entry in store.journal.entries()
    }
    checked = {version: _problem(store, version, recorded.get(version)) for version in versions or store.versions()}
    if as_json:
        print_json({"versions": {str(version): problem or "intact" for version, problem in checked.items()}})
    else:
        rows = [(str(version), problem or "intact") for version, problem in checked.items()]
        console.table("versions", ("version", "verdict"), rows)
    if damaged := [version for version, problem in checked.items() if problem]:
        raise IntegrityError(
            f"damaged: version {', '.join(map(str, damaged))}", "restore it from a backup; it is never served like this"
        )


@command.command("prune")
@click.option("--keep", type=click.IntRange(min=0), default=10, show_default=True, help="How many of the newest stay.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def prune(keep: int, dry_run: bool, as_json: bool) -> None:
    """Remove old versions; never production, the one before it, or one that an open release or decision names.

    Also what monitor.pipeline reports of stages and environments that the configuration no longer has.
    """
    from jenkins_ml.adapters import summaries  # NumPy comes with it, which the other commands here need not

    project = Project.here()
    versions, entries = project.store.versions(), project.store.journal.entries()
    stay = kept(versions, entries, keep)
    gone = [version for version in versions if version not in stay]
    if not dry_run:
        for version in gone:
            project.store.remove(version)
        project.store.prune_predictions()
        EvidenceStore(project.store).prune()
        summaries.prune(project.store)
        _remove_stale_metrics(project)
    if as_json:
        print_json({"removed": gone, "dry_run": dry_run})
    else:
        click.echo(f"{'would remove' if dry_run else 'removed'}: {', '.join(map(str, gone)) or 'nothing'}")


def _remove_stale_metrics(project: Project) -> None:
    """They are no reason to fail."""
    if project.config.monitor is None or project.config.monitor.pipeline is None:
        return
    from jenkins_ml.steps.pipeline_metrics import remove_stale

    try:
        for group in remove_stale(project):
            where = f" in {group.environment}" if group.environment else ""
            reporter().note(f"no longer reported: stage {group.stage}{where}")
    except JenkinsMLError as error:
        reporter().warn(f"what is reported of the pipeline was not looked at: {error.what}")


def _item(project: Project, entries: tuple[JournalEntry, ...], version: int) -> dict[str, object]:
    try:
        manifest, _ = project.store.manifest(version)
    except IntegrityError as error:
        return {"version": version, "created": None, "commit": None, "state": f"damaged: {error.what}", "metrics": None}
    commit = manifest.lineage.commit
    return {
        "version": version,
        "created": manifest.created,
        "commit": f"{commit.sha[:12]}{'+' if commit.dirty else ''}" if commit.sha else None,
        "state": _state(entries, version),
        "metrics": ", ".join(f"{name} {value:.4g}" for name, value in sorted(manifest.metrics.items())),
    }


def _state(entries: tuple[JournalEntry, ...], version: int) -> str:
    for environment in sorted({entry.environment for entry in entries}):
        production = after(entries, environment).production
        if production and production.version == version:
            return f"in {environment}"
    last = [entry for entry in entries if entry.version == version]
    if not last:
        return "not gated"
    return last[-1].reason.partition(":")[0] if last[-1].kind == "decision" else last[-1].kind.replace("_", " ")


def _problem(store: ModelStore, version: int, recorded: VersionRef | None) -> str | None:
    """What is wrong with a version, as the journal recorded it once it was gated; None when it is intact."""
    try:
        store.verify(recorded or store.manifest(version)[1])
    except IntegrityError as error:
        return error.what
    return None


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
