"""What jobs.yaml asks for, ready to be compared: configurations, and what they need of the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from jenkins_ml.config import jobs_file
from jenkins_ml.config.jobs import AnyItem, Folder, Pipeline
from jenkins_ml.config.jobs_file import Jobs
from jenkins_ml.core.jobs.plan import Desired, parents
from jenkins_ml.errors import UsageError
from jenkins_ml.rendering import job_xml
from jenkins_ml.rendering.job_needs import NeedsOf, needs

_MOST_BYTES: Final = 1 << 20  # of a Jenkinsfile

file_option = click.option(
    "-f",
    "--file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="jobs.yaml",
    show_default=True,
    help="The file that describes the jobs.",
)


@dataclass(frozen=True)
class Wanted:
    """One folder or job, and what it needs of the server."""

    desired: Desired
    needs: NeedsOf


def load(file: Path) -> Jobs:
    """The jobs of a file; raises ConfigurationError with every problem in it."""
    return jobs_file.load(file)


def configured(jobs: Jobs, file: Path) -> Iterator[tuple[Desired, AnyItem]]:
    """Each folder and job that is asked for, and before them the folders that they lie in.

    Raises:
        UsageError: a file that jobs.yaml names cannot be read.
    """
    for name in parents(jobs.keys()):
        folder = Folder(name=name, type="folder")
        yield Desired(name=name, config=job_xml.config(folder), implied=True), folder
    for name, item in jobs.items():
        whole = _with_text(name, item, file.parent)
        yield Desired(name=name, config=job_xml.config(whole)), whole


def wanted(jobs: Jobs, file: Path) -> Iterator[Wanted]:
    """The same with what they need of the server. Raises as `configured` does."""
    for desired, item in configured(jobs, file):
        yield Wanted(desired, needs(item, _jenkinsfile(desired.name, item, file.parent)))


def _with_text(name: str, item: AnyItem, folder: Path) -> AnyItem:
    """The same with the text that lies in a file of its own."""
    if isinstance(item, Pipeline) and item.inline_file is not None:
        return item.model_copy(update={"inline": _text(name, folder / item.inline_file), "inline_file": None})
    return item


def _jenkinsfile(name: str, item: AnyItem, folder: Path) -> str:
    """The text of a job's Jenkinsfile, where it is at hand."""
    checkout = getattr(item, "checkout", None)
    if checkout is not None:
        return _text(name, folder / checkout / item.script)  # type: ignore[union-attr]  # who has one has both
    return item.inline or "" if isinstance(item, Pipeline) else ""


def _text(name: str, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UsageError(
                f"{path}, which job {name!r} names, is larger than {_MOST_BYTES} bytes", "name another file"
            )
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, which job {name!r} names, is not UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise UsageError(
            f"{path}, which job {name!r} names, cannot be read: {error.strerror}", "paths are relative to jobs.yaml"
        ) from error
