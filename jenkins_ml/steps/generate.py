"""`jenkins-ml generate`: writes what Jenkins needs, with the edits that people made, or says whether it is current."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from jenkins_ml.adapters import generated, repository
from jenkins_ml.config.loader import load
from jenkins_ml.config.model import Config
from jenkins_ml.errors import JenkinsMLError, StageFailed, UsageError
from jenkins_ml.names import INSTALL_SCRIPT, PROJECT_DIR
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.jenkinsfile import FILE, ROLLBACK_FILE, render
from jenkins_ml.rendering.plan import Merged, Plan, State, plan
from jenkins_ml.rendering.warnings import warnings

# What a configuration may ask for: such a file of ours that it no longer asks for is removed.
_FILES: Final = (FILE, ROLLBACK_FILE, INSTALL_SCRIPT)
_FOLDERS: Final = ("deploy", "monitoring")  # and those below them
_SAID: Final[Mapping[State, str]] = {
    "current": "{} is current",
    "edited": "{} is current, with local edits",
    "adopted": "{} is current; wrote its base",
    "created": "wrote {}",
    "updated": "wrote {}",
    "merged": "wrote {}, with local edits",
    "marked": "wrote {} with conflict markers: edit what stands between <<<<<<< and >>>>>>>",
    "replaced": "wrote {} in place of what was there",
    "removed": "removed {}: it is no longer asked for",
    "kept": "{} is no longer asked for, and stays because it has local edits: delete it if nobody needs it",
}
_WRONG: Final[Mapping[State, str]] = {
    "conflict": "local edits of {} stand where something new is generated",
    "unresolved": "{} has conflict markers",
    "unknown": "{} is not what is generated now, and nothing says what was edited in it",
    "foreign": "jenkins-ml did not make {}",
}
_WAY_OUT: Final[Mapping[State, str]] = {
    "conflict": "take over by hand what is generated now; or `jenkins-ml generate --mark` writes both sides between "
    "conflict markers; or --force drops the local edits",
    "unresolved": "edit what stands between <<<<<<< and >>>>>>>, then run it again; or --force drops the local edits",
    "unknown": "commit it, then `jenkins-ml generate --mark` writes both sides between conflict markers; or --force "
    "replaces it (--diff --force shows the change)",
    "foreign": "move it away, or replace it with --force",
}


@click.command("generate")
@click.option("--ci", type=click.Choice(["jenkins"]), default="jenkins", help="The CI system to write for.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if something would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=".", help="Folder to write to."
)
@click.option("--mark", is_flag=True, help="Write conflicts with local edits into the file, between conflict markers.")
@click.option("--force", is_flag=True, help="Drop local edits, and replace files that jenkins-ml did not make.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
def command(ci: str, check: bool, diff: bool, output: Path, mark: bool, force: bool, as_json: bool) -> None:
    """Write the files that make Jenkins run this configuration's pipeline; local edits in them stay."""
    del ci  # one so far; the option is there so that scripts can name it
    _exclude({"--check": check, "--diff": diff})
    _exclude({"--json": as_json, "--diff": diff})
    _exclude({"--mark": mark, "--force": force})
    config = load(Path())
    plans = _plans(output, rendered(config, Path()), mark, force)
    refused = [each for each in plans if each.refused]
    stale = [each for each in plans if each.writes] if check else []
    if not (check or diff or refused):
        generated.write(output, plans)
    warned = list(_warnings(config, output, plans))
    if as_json:
        files = [{"path": _path(output, each), "state": each.state} for each in plans]
        click.echo(json.dumps({"files": files, "warnings": warned}, indent=2, sort_keys=True, ensure_ascii=False))
    else:
        for line in warned:
            click.echo(f"warning: {line}", err=True)
        if diff:
            _show_changes(output, plans)
        elif not (refused or stale):
            for each in plans:
                click.echo(_SAID[each.state].format(_path(output, each)))
    if refused:
        for each in refused:
            _show_conflicts(_path(output, each), each.merged)
        raise _refusal(output, refused)
    if stale:
        raise StageFailed(
            "\n".join(_not_current(output, each) for each in stale),
            f"run `jenkins-ml generate`, and commit what it writes with {output / generated.BASES}",
        )


def rendered(config: Config, directory: Path) -> dict[str, str]:
    """The files for a configuration that lies, or will lie, in `directory`: relative name -> text."""
    return {
        **render(config, build(config), repository.prefix(directory)),
        **_manifests(config, directory),
        **_monitoring(config),
    }


def _manifests(config: Config, directory: Path) -> dict[str, str]:
    from jenkins_ml.config import gitops  # few models are on Kubernetes

    serves = gitops.environments(config.serve)
    releases = gitops.load(directory, serves)
    if not serves:
        return {}
    from jenkins_ml.rendering.kubernetes.files import files

    return files(config, releases)


def _monitoring(config: Config) -> dict[str, str]:
    if config.monitor is None:
        return {}
    from jenkins_ml.rendering.monitoring.files import files  # only here, for those who ask for it

    return files(config)


def _plans(output: Path, texts: Mapping[str, str], mark: bool, force: bool) -> list[Plan]:
    """What becomes of each file that is asked for, or was."""
    found = generated.read(output, dict.fromkeys((*texts, *_FILES, *_made_before(output))))
    plans = [
        plan(name, each, texts.get(name), functools.partial(_merge, str(output / name)), force=force, mark=mark)
        for name, each in found.items()
    ]
    # Nothing to say about a file that nobody asked for, ever.
    return [each for each in plans if each.name in texts or each.state != "current"]


def _made_before(output: Path) -> list[str]:
    """What was generated last time into folders of their own, and may no longer be asked for."""
    bases = output / generated.BASES
    return sorted(
        path.relative_to(bases).as_posix()
        for folder in _FOLDERS
        for path in (bases / folder).rglob("*")
        if path.is_file()
    )


def _merge(path: str, edited: str, base: str | None, new: str) -> Merged:
    from jenkins_ml.adapters.merge import merge  # seldom needed

    return merge(path, edited, base, new)


def _warnings(config: Config, output: Path, plans: Sequence[Plan]) -> Iterator[str]:
    yield from warnings(config)
    names = [each.name for each in plans if each.text is not None]
    if INSTALL_SCRIPT in names and output.resolve() != Path.cwd():
        yield (
            f"agents run {INSTALL_SCRIPT} where jenkins-ml.yaml lies, and it is written to {output}: leave out --output "
            "(a job can take its Jenkinsfile from any folder)"
        )
    if any(each.writes for each in plans) and output.is_dir():
        committed = [*names, *(f"{generated.BASES}/{name}" for name in names)]
        if left_out := repository.ignored(output, committed):
            yield (
                f"git ignores {', '.join(left_out)}, which have to be committed: in .gitignore, name "
                f"{PROJECT_DIR}/models/ and {PROJECT_DIR}/reports/ only"
            )


def _show_changes(output: Path, plans: Sequence[Plan]) -> None:
    import difflib
    import io

    for each in plans:
        path, old, new = _path(output, each), each.found.present or "", each.text or ""
        if each.writes and old == new:
            click.echo(f"{path} stays, and its base would be written", err=True)
        lines = difflib.unified_diff(list(io.StringIO(old)), list(io.StringIO(new)), path, f"{path} (generated)")
        for line in lines:
            click.echo(_printable(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"), nl=False)


def _show_conflicts(path: str, merged: Merged | None) -> None:
    if merged is None:
        return
    from jenkins_ml.adapters.merge import conflicts

    for number, (_, text) in enumerate(conflicts(merged), 1):
        click.echo(f"{path}, conflict {number} of {merged.conflicts}:", err=True)
        click.echo(_printable(text), err=True)


def _refusal(output: Path, refused: Sequence[Plan]) -> JenkinsMLError:
    """One error for all: where somebody else's file is in the way, the command was called in the wrong place."""
    what = "\n".join(_WRONG[each.state].format(_path(output, each)) for each in refused)
    states = dict.fromkeys(each.state for each in refused)
    kind = UsageError if "foreign" in states else StageFailed
    return kind(f"{what}; nothing was written", "\n        ".join(_WAY_OUT[state] for state in states))


def _not_current(output: Path, stale: Plan) -> str:
    path = _path(output, stale)
    if stale.text is None:
        return f"{path} is no longer asked for"
    if stale.state == "adopted":
        return f"the base of {path} is not current"
    return f"{path} is not current" if stale.found.present is not None else f"{path} is not there"


def _path(output: Path, plan: Plan) -> str:
    return (output / plan.name).as_posix()


def _printable(text: str) -> str:
    """Bytes that are no UTF-8 cannot be printed as they are."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _exclude(options: Mapping[str, bool]) -> None:
    if all(options.values()):
        raise UsageError(f"{' and '.join(options)} exclude each other", "choose one")


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
