"""Where the stages' metrics go: to a Pushgateway, or into files for the node exporter.

Samples lie in groups: one for each stage of a model, by environment where the stage has one. A group has no label of
the machine or the build, since it is about the model's pipeline, wherever it runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from jenkins_ml.adapters import files
from jenkins_ml.adapters.web import Answer, NoAnswer, exchange
from jenkins_ml.core.samples import Sample
from jenkins_ml.core.stage_samples import HELP
from jenkins_ml.errors import Unavailable
from jenkins_ml.rendering import exposition
from jenkins_ml.reporting.files import write_atomically

if TYPE_CHECKING:
    from jenkins_ml.config.monitor import Pipeline

JOB: Final = "jenkins_ml"
SECONDS: Final = 3.0  # for everything that one stage reports
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, order=True)
class Group:
    """What is replaced and removed together.

    Args:
        model: name of the model.
        stage: of the pipeline, or "release" for what is in production and "measured" for what was found there.
        environment: empty for stages that have none.
    """

    model: str
    stage: str
    environment: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """What all its samples have."""
        own = {"model": self.model, "stage": self.stage}
        return own | ({"environment": self.environment} if self.environment else {})


class Sink(Protocol):
    """Where metrics go. All methods raise Unavailable when that cannot be done, in time."""

    def add(self, group: Group, samples: Iterable[Sample]) -> None:
        """Replace metrics of a group; its others stay."""

    def replace(self, group: Group, samples: Iterable[Sample]) -> None:
        """Make these all that a group has; without any it is removed."""

    def remove(self, group: Group) -> None:
        """Remove a group, if it is there."""

    def groups(self, model: str) -> tuple[Group, ...]:
        """The groups of a model."""


@dataclass
class Pushgateway:
    """A Pushgateway, for the end of one stage.

    Args:
        url: its address.
        seconds: for all that is asked of it, together.
    """

    url: str
    seconds: float = SECONDS
    _ends: float | None = field(default=None, init=False)

    def add(self, group: Group, samples: Iterable[Sample]) -> None:
        """See Sink."""
        self._ask("POST", _path(group), exposition.text(samples, HELP))

    def replace(self, group: Group, samples: Iterable[Sample]) -> None:
        """See Sink."""
        if text := exposition.text(samples, HELP):
            self._ask("PUT", _path(group), text)
        else:
            self.remove(group)

    def remove(self, group: Group) -> None:
        """See Sink."""
        self._ask("DELETE", _path(group))

    def groups(self, model: str) -> tuple[Group, ...]:
        """See Sink."""
        answer = self._ask("GET", "/api/v1/metrics")
        try:
            every = [dict(each["labels"]) for each in json.loads(answer.body)["data"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"what answers at {self.url} is no Pushgateway", "correct monitor.pipeline.pushgateway"
            ) from error
        found = [
            Group(each["model"], each["stage"], each.get("environment", ""))
            for each in every
            if each.get("job") == JOB and each.get("model") == model and "stage" in each
        ]
        return tuple(sorted(found))

    def _ask(self, method: str, path: str, text: str = "") -> Answer:
        now = time.monotonic()
        self._ends = now + self.seconds if self._ends is None else self._ends
        left = self._ends - now
        reason = f"no answer within {self.seconds:g} s"
        if left > 0:
            try:
                answer = exchange(
                    method,
                    self.url.rstrip("/") + path,
                    seconds=left,
                    headers={"Content-Type": _TYPE} if text else {},
                    body=text.encode() if text else None,
                )
                if 200 <= answer.status < 300:
                    return answer
                reason = f"it answers {answer.status}: {answer.text}"
            except NoAnswer as error:
                reason = str(error)
        raise Unavailable(f"the Pushgateway at {self.url}: {reason}", "see that it runs, and that this is its address")


def _path(group: Group) -> str:
    labels = "".join(f"/{name}/{quote(value, safe='')}" for name, value in group.labels.items())
    return f"/metrics/job/{JOB}{labels}"


@dataclass(frozen=True)
class TextFiles:
    """The folder of the node exporter's textfile collector: one file a group.

    Args:
        folder: it has to be there; whoever runs the node exporter makes it.
    """

    folder: Path

    def add(self, group: Group, samples: Iterable[Sample]) -> None:
        """See Sink."""
        path = self._path(group)
        with files.translated(f"reading {path}"):
            before = path.read_text("utf-8") if path.exists() else ""
        self._write(group, exposition.merged(before, exposition.text(samples, HELP, group.labels)))

    def replace(self, group: Group, samples: Iterable[Sample]) -> None:
        """See Sink."""
        if text := exposition.text(samples, HELP, group.labels):
            self._write(group, text)
        else:
            self.remove(group)

    def remove(self, group: Group) -> None:
        """See Sink."""
        with files.translated(f"removing {self._path(group)}"):
            self._path(group).unlink(missing_ok=True)

    def groups(self, model: str) -> tuple[Group, ...]:
        """See Sink."""
        found = []
        for path in sorted(self.folder.glob(f"{JOB}@{model}@*.prom")):
            parts = path.name.removesuffix(".prom").split("@")
            if 3 <= len(parts) <= 4:
                found.append(Group(*parts[1:]))
        return tuple(sorted(found))

    def _path(self, group: Group) -> Path:
        # No name has an "@", so no two groups have the same file.
        return self.folder / f"{'@'.join((JOB, *group.labels.values()))}.prom"

    def _write(self, group: Group, text: str) -> None:
        if not self.folder.is_dir():
            raise Unavailable(
                f"there is no folder {self.folder} for metrics", "make it, or correct monitor.pipeline.textfile"
            )
        write_atomically(self._path(group), text)


def sink_of(settings: Pipeline, directory: Path) -> Sink:
    """Where a configuration sends metrics to.

    Args:
        settings: of `monitor.pipeline`.
        directory: where jenkins-ml.yaml lies.
    """
    if settings.pushgateway is not None:
        return Pushgateway(settings.pushgateway)
    return TextFiles(directory / str(settings.textfile))
