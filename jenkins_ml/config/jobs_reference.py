"""The page that says what jobs.yaml may hold, from the model in config/jobs.py."""

from __future__ import annotations

from typing import Any, Final

from jenkins_ml.config.jobs import Folder, JobsFile, Multibranch, Pipeline, Release
from jenkins_ml.config.schema import Generator, sections

PAGE: Final = "jobs-file.md"

_INTRODUCTION: Final = """\
# jobs.yaml

<!-- Made by `python -m jenkins_ml.config.schema docs/` from jenkins_ml/config/jobs.py: change it there. -->

One file for the jobs of a Jenkins server, or of one team on it; YAML 1.2. How it is used: [jobs.md](jobs.md).
`jenkins-ml jobs render` shows every mistake in it at once, each with line and column, without a server; a file with a
mistake is never applied. A duration is a number of up to six digits and a unit: 500ms, 90s, 10m, 2h or 1d.

Each entry of `jobs` is a folder or a job of one of the types below; without `type` it is a `pipeline`. An entry may also
have:

| key | meaning |
|---|---|
| `template` | a name of `templates`: what the entry does not say itself it has from there, then from `defaults` |
| `with` | words and their values: `{{ word }}` in any text of the entry or its template becomes the value |
| `each` | a list of such words, a job for each; an entry that is only a text is the value of `{{ item }}` |

Sections of entry, template and defaults are merged key by key; texts and lists are replaced whole.
"""
_TYPES: Final = {
    "type: folder": Folder,
    "type: pipeline": Pipeline,
    "type: multibranch": Multibranch,
    "type: promote, type: rollback, type: monitor": Release,
}


def reference_page() -> str:
    """The Markdown page of every key: type, default, meaning."""
    shown: dict[str, str] = {}
    parts = [_INTRODUCTION, *sections(_schema(JobsFile), shown=shown)]
    for title, cls in _TYPES.items():
        parts += sections(_schema(cls), title, shown)
    return "\n".join(parts) + "\n"


def _schema(cls: Any) -> dict[str, Any]:
    schema: dict[str, Any] = cls.model_json_schema(schema_generator=Generator)
    return schema
