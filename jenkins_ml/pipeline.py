"""The stage graph as a value: what runs, in which order, and under which conditions.

The Jenkinsfile is rendered from it and the local runner executes it, so that both do the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from jenkins_ml.config.model import Config
from jenkins_ml.errors import UsageError

# What a stage needs beside the time that the configuration gives the user's own code: imports, evaluation, replay,
# writing. Generous, because it only ends what hangs.
_OVERHEAD: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One process of the pipeline.

    Args:
        name: the stage's word in `--from`, `--until` and in the names of its records.
        title: what people see in Jenkins.
        command: the arguments after `jenkins-ml`.
        needs: names of the stages whose record it reads.
        release_only: runs on the release branch only.
        repeatable: may be started again within a run without a second effect. Training is not: it would make a
            second version.
        timeout: the stage is ended after this long.
    """

    name: str
    title: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    release_only: bool = False
    repeatable: bool = True
    timeout: timedelta


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The stages of one model in their order, and the environment variables that all of them get."""

    model: str
    environment: Mapping[str, str]
    stages: tuple[Stage, ...]

    def between(self, first: str | None, last: str | None) -> Pipeline:
        """The part of the pipeline from stage `first` until stage `last`, both included; None is the end itself.

        Raises:
            UsageError: there is no such stage, or `last` comes before `first`.
        """
        start = self._position(first) if first else 0
        end = self._position(last) if last else len(self.stages) - 1
        if end < start:
            raise UsageError(f"stage {last} comes before {first}", f"the order is {', '.join(self._names())}")
        return replace(self, stages=self.stages[start : end + 1])

    def _position(self, name: str) -> int:
        names = self._names()
        if name in names:
            return names.index(name)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the stages are {', '.join(names)}"
        raise UsageError(f"there is no stage {name!r} in this pipeline", hint)

    def _names(self) -> list[str]:
        return [stage.name for stage in self.stages]


def build(config: Config) -> Pipeline:
    """The pipeline that a configuration asks for."""
    stages = [
        Stage(
            name="train", title="Train", command=("train",), repeatable=False, timeout=config.train.timeout + _OVERHEAD
        ),
        # Evaluating goes through the data once: never longer than training, which goes through it many times.
        Stage(name="gate", title="Gate", command=("gate",), needs=("train",), timeout=config.train.timeout + _OVERHEAD),
        Stage(
            name="serve",
            title="Serve",
            command=("serve",),
            needs=("gate",),
            release_only=True,
            timeout=len(config.serve.canary.steps) * (config.serve.canary.interval + _OVERHEAD),
        ),
    ]
    if config.test:
        stages.insert(0, Stage(name="test", title="Test", command=("test",), timeout=config.test.timeout + _OVERHEAD))
    return Pipeline(
        model=config.model,
        # A stage's output reaches the console as it is written, also when the stage is ended half-way.
        environment={"PYTHONUNBUFFERED": "1"},
        stages=tuple(stages),
    )
