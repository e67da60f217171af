"""`jenkins-ml generate`: writes the Jenkinsfile, or says whether the one that is there is current."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from jenkins_ml.config.loader import load
from jenkins_ml.errors import StageFailed, UsageError
from jenkins_ml.names import ENV_STORE
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.jenkinsfile import FILE, made_by_us, render


@click.command("generate")
@click.option("--ci", type=click.Choice(["jenkins"]), default="jenkins", help="The CI system to write for.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=".", help="Folder to write to."
)
@click.option("--force", is_flag=True, help="Replace a Jenkinsfile that jenkins-ml did not make.")
def command(ci: str, check: bool, diff: bool, output: Path, force: bool) -> None:
    """Write the Jenkinsfile that runs this configuration's pipeline."""
    del ci  # one so far; the option is there so that scripts can name it
    if check and diff:
        raise UsageError("--check and --diff exclude each other", "choose one")
    config = load(Path())
    text = render(config, build(config))
    path = output / FILE
    present = _present(path)
    if present and not made_by_us(present) and not force:
        raise UsageError(f"jenkins-ml did not make {path}", "move it away, or replace it with --force")
    if not Path(config.store).is_absolute():
        click.echo(
            f"warning: the store {config.store!r} is relative, and Jenkins wipes workspaces: "
            f"set {ENV_STORE} on the agents, or `store:`, to an absolute folder that lasts",
            err=True,
        )
    if diff:
        old, new = present.splitlines(keepends=True), text.splitlines(keepends=True)
        click.echo("".join(difflib.unified_diff(old, new, str(path), f"{path} (generated)")), nl=False)
    elif present == text:
        click.echo(f"{path} is current")
    elif check:
        raise StageFailed(f"{path} is not current", "run `jenkins-ml generate` and commit it")
    else:
        from jenkins_ml.adapters import files

        with files.translated(f"writing {path}"):
            files.write_atomic(path, text.encode())
        click.echo(f"wrote {path}")


def _present(path: Path) -> str:
    """The text that is there, as it is: a file with other line ends is another file. "" for none."""
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
