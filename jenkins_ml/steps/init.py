"""`jenkins-ml init`: a copy of an example, or jenkins-ml.yaml beside existing code."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from jenkins_ml.adapters import checkout, files, generated
from jenkins_ml.config.loader import load
from jenkins_ml.errors import UsageError
from jenkins_ml.names import CONFIG_FILE, DEFAULT_STORE, PROJECT_DIR, REPORTS_DIR
from jenkins_ml.rendering.plan import Plan
from jenkins_ml.resources import examples, folder
from jenkins_ml.steps.discovery import Found, discover
from jenkins_ml.steps.generate import rendered

# What is not copied: what running an example leaves behind, and what is generated for the place of the copy.
_LEFT_BEHIND = ("__pycache__", ".pytest_cache", PROJECT_DIR, "*.h5", "*.keras", "Jenkinsfile", "Jenkinsfile.*")
_PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*( [A-Za-z0-9_./=-]+)*")
_NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off"}


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="[DIR]")
@click.option("--example", metavar="NAME", help="Copy this example instead: a working model repository.")
def command(directory: Path, example: str | None) -> None:
    """Write jenkins-ml.yaml beside the code in DIR, or copy an example into it."""
    config = directory / CONFIG_FILE
    if config.exists():
        raise UsageError(f"{config} is there already", "change it, and check it with `jenkins-ml validate`")
    if example is not None:
        _copy(example, directory)
        click.echo(f"copied the example {example} to {directory}")
        click.echo(f"next: {_in(directory)}run `jenkins-ml run`")
    else:
        _write(directory, config)


def _copy(example: str, directory: Path) -> None:
    known = examples()
    if example not in known:
        near = difflib.get_close_matches(example, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise UsageError(f"there is no example {example!r}", hint)
    source = folder("examples") / example
    left_behind = shutil.ignore_patterns(*_LEFT_BEHIND)
    names = {path.name for path in source.iterdir()}
    texts = rendered(load(source), directory)
    taken = sorted(
        name for name in {*names - left_behind(str(source), sorted(names)), *texts} if os.path.lexists(directory / name)
    )
    if taken:
        raise UsageError(f"{directory} has {', '.join(taken)} already", "copy the example into another folder")
    with files.translated(f"copying the example to {directory}"):
        shutil.copytree(source, directory, ignore=left_behind, dirs_exist_ok=True)
    found = generated.read(directory, texts)
    generated.write(directory, [Plan(name, "created", found[name], text, text) for name, text in texts.items()])


def _write(directory: Path, config: Path) -> None:
    if not directory.is_dir() or all(path.name.startswith(".") for path in directory.iterdir()):
        suggestions = "|".join(examples())
        raise UsageError(f"{directory} is empty", f"start from an example: `jenkins-ml init --example {suggestions}`")
    found = discover(directory)
    branch = checkout.describe(directory).branch
    with files.translated(f"writing {config}"):
        files.write_atomic(config, _text(_name(directory), found, branch).encode())
        ignored = _ignore(directory / ".gitignore")
    for line in _told(found, branch, ignored):
        click.echo(line)
    needed = _needed(found)
    for line in needed:
        click.echo(f"still needed in {config}: {line}")
    click.echo(f"wrote {config}")
    first = "fill in what is needed, check it with `jenkins-ml validate`" if needed else "set limits in `gate`"
    click.echo(f"next: {_in(directory)}{first}, then `jenkins-ml run`; `jenkins-ml generate` writes the Jenkinsfile")


def _told(found: Found, branch: str | None, ignored: list[str]) -> Iterator[str]:
    if found.script:
        yield f"found the training script {found.script}" + (f", which writes {found.output}" if found.output else "")
    if found.loader:
        yield f"found the data loader {found.loader}"
    if found.tests:
        yield "found tests: they run as pytest -q"
    if _releases_elsewhere(branch):
        yield f"releases come from the branch that is checked out now: {branch}"
    for name in found.unreadable:
        yield f"left out {name}: it is not Python 3"
    if ignored:
        yield f"added to .gitignore: {', '.join(ignored)}"


def _needed(found: Found) -> list[str]:
    lines = []
    if found.loader is None:
        lines.append("data.load: no module here has a function load(split)")
    if found.script is None:
        lines.append("train.command and train.output, or train.entrypoint: no script here is named like training")
    elif found.output is None:
        lines.append(f'train.output: {found.script} has no .save("...") or .export("...") of a model')
    return lines


def _text(model: str, found: Found, branch: str | None) -> str:
    """The configuration; where something was not found, its key stands empty with what it needs."""
    loader = _scalar(found.loader) if found.loader else "# needed: module:function that gives load(split) its data"
    script = _scalar(f"python {found.script}") if found.script else "# needed: what trains, such as python train.py"
    output = (
        _scalar(found.output) if found.output else "# needed: the .h5 or .keras file or SavedModel folder it writes"
    )
    lines = [f"model: {_scalar(model)}", "data:", f"  load: {loader}"]
    if found.tests:
        lines += ["test:", "  command: pytest -q"]
    lines += ["train:", f"  command: {script}", f"  output: {output}"]
    lines += [
        "gate:",
        "  # Limits, such as `accuracy: {min: 0.9, max_regression: 0.01}`. Without any, nothing is approved.",
        "  metrics: {}",
    ]
    if _releases_elsewhere(branch):
        lines += ["serve:", f"  release_branch: {_scalar(branch or '')}"]
    return "\n".join(lines) + "\n"


def _releases_elsewhere(branch: str | None) -> bool:
    return branch not in (None, "main")


def _scalar(text: str) -> str:
    """Text as YAML, in quotes where it would be read as something else."""
    if _PLAIN_TEXT.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    # YAML's double quotes are JSON's, but it wants everything invisible escaped.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def _name(directory: Path) -> str:
    """The folder's name as the name of a model."""
    name = re.sub(r"[^a-z0-9._-]+", "-", directory.resolve().name.lower())[:63].strip("._-")
    return name or "model"


def _ignore(gitignore: Path) -> list[str]:
    """Adds what is local to this machine to .gitignore; answers the lines that were not there."""
    text = gitignore.read_text(encoding="utf-8", errors="surrogateescape") if gitignore.exists() else ""
    missing = [line for line in (f"{DEFAULT_STORE}/", f"{REPORTS_DIR}/") if line not in text.splitlines()]
    if missing:
        separator = "" if text.endswith("\n") or not text else "\n"
        added = text + separator + "\n".join(missing) + "\n"
        files.write_atomic(gitignore, added.encode("utf-8", errors="surrogateescape"))
    return missing


def _in(directory: Path) -> str:
    return "" if directory == Path() else f"in {directory}: "


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
