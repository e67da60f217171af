"""Thousands of jobs as text, the same for jenkins-ml and for jenkins-job-builder. Pure.

Each is a pipeline whose Jenkinsfile lies in a repository, with one parameter, a schedule and a limit of kept builds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

OWNER = "benchmarks/jobs"


class Job(NamedTuple):
    """One of them."""

    folder: str
    own_name: str

    @property
    def name(self) -> str:
        """Its full name."""
        return f"{self.folder}/{self.own_name}"


def jobs(count: int, folders: int) -> tuple[Job, ...]:
    """So many jobs, in so many folders."""
    each = -(-count // folders)
    return tuple(Job(f"team-{index // each:03}", f"model-{index % each:03}") for index in range(count))


def folders_of(asked: Iterable[Job]) -> tuple[str, ...]:
    """The folders that they lie in."""
    return tuple(sorted({job.folder for job in asked}))


def ours(asked: Iterable[Job]) -> Iterator[str]:
    """jobs.yaml with every job written out, in pieces."""
    asked = tuple(asked)
    yield f"owner: {OWNER}\njobs:\n"
    yield from _our_folders(asked)
    settings = _indented(_OURS, 4)
    for job in asked:
        yield f"  - name: {job.name}\n{settings.format(folder=job.folder, name=job.own_name)}"


def ours_by_template(asked: Iterable[Job]) -> Iterator[str]:
    """jobs.yaml with one template and a row for each job, in pieces."""
    asked = tuple(asked)
    settings = _indented(_OURS, 4).format(folder="{{folder}}", name="{{name}}")
    yield f"owner: {OWNER}\ntemplates:\n  model:\n{settings}jobs:\n"
    yield from _our_folders(asked)
    yield '  - name: "{{folder}}/{{name}}"\n    template: model\n    each:\n'
    for job in asked:
        yield f"      - {{folder: {job.folder}, name: {job.own_name}}}\n"


def _our_folders(asked: Iterable[Job]) -> Iterator[str]:
    for folder in folders_of(asked):
        yield f"  - name: {folder}\n    type: folder\n"


def peer(asked: Iterable[Job]) -> Iterator[str]:
    """The same for jenkins-job-builder, in pieces."""
    settings = _indented(_PEER, 4)
    for job in asked:
        yield f"- job:\n    name: {job.name}\n{settings.format(folder=job.folder, name=job.own_name)}"


def peer_by_template(asked: Iterable[Job]) -> Iterator[str]:
    """The same for jenkins-job-builder: one template, and a project with a list of models for each folder; in pieces."""
    yield "- job-template:\n    name: '{folder}/{model}'\n" + _indented(_PEER, 4).format(
        folder="{folder}", name="{model}"
    )
    by_folder: dict[str, list[str]] = {}
    for job in asked:
        by_folder.setdefault(job.folder, []).append(job.own_name)
    for folder, names in by_folder.items():
        yield f"- project:\n    name: {folder}\n    folder: {folder}\n    model: [{', '.join(names)}]\n"
        yield "    jobs:\n      - '{folder}/{model}'\n"


def peer_folders(folders: Iterable[str]) -> Iterator[str]:
    """Folders for jenkins-job-builder, in pieces."""
    for folder in folders:
        yield f"- job:\n    name: {folder}\n    project-type: folder\n"


_OURS = """\
description: Builds {name} of {folder}.
scm:
  git: https://git.example.com/{folder}/{name}.git
  branch: main
script: ci/Jenkinsfile
parameters:
  - string: DATASET
    default: s3://{folder}/{name}
    description: What to train on.
triggers:
  - cron: H 3 * * *
discard:
  keep: 30
"""
# What jenkins-job-builder would do otherwise, and what would cost it a request more for each job, is said.
_PEER = """\
description: Builds {name} of {folder}.
project-type: pipeline
disabled: false
concurrent: true
pipeline-scm:
  scm:
    - git:
        url: https://git.example.com/{folder}/{name}.git
        branches:
          - '*/main'
        wipe-workspace: false
  script-path: ci/Jenkinsfile
  lightweight-checkout: true
parameters:
  - string:
      name: DATASET
      default: s3://{folder}/{name}
      description: What to train on.
triggers:
  - timed: H 3 * * *
properties:
  - build-discarder:
      num-to-keep: 30
"""


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}" for line in text.splitlines(keepends=True))
