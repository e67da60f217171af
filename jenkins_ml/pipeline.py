"""The stage graph as a value: what runs, in which order, and under which conditions.

The Jenkinsfile is rendered from it and the local runner executes it, so that both do the same.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from jenkins_ml.config.jenkins import Matrix, Parameter, StageName
from jenkins_ml.config.model import Config
from jenkins_ml.errors import UsageError
from jenkins_ml.names import ENV_PARAM_PREFIX, ENV_RUN

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
        release_only: runs on the release branch only.
        each_cell: runs once for each cell of the matrix.
        repeatable: may be started again within a run without a second effect. Training is not: it would make a
            second version.
        timeout: the stage is ended after this long.
    """

    name: StageName
    title: str
    command: tuple[str, ...]
    release_only: bool = False
    each_cell: bool = False
    repeatable: bool = True
    timeout: timedelta


@dataclass(frozen=True)
class Cell:
    """One combination of the matrix: a run of its own with its training parameters.

    Args:
        parameters: name of a training parameter -> its value as text. Empty where there is no matrix.
    """

    parameters: Mapping[str, str]

    @property
    def suffix(self) -> str:
        """What is added to the run's name, so that each cell is a run of its own."""
        return "".join(f",{name}={value}" for name, value in self.parameters.items())

    def environment(self, run: str) -> dict[str, str]:
        """The environment variables of the cell's stages within `run`."""
        chosen = {f"{ENV_PARAM_PREFIX}{name}": value for name, value in self.parameters.items()}
        return {ENV_RUN: run + self.suffix, **chosen}


@dataclass(frozen=True)
class Job:
    """One process to start: a stage, the cell it belongs to (None: the pipeline as a whole), and its environment."""

    stage: Stage
    cell: Cell | None
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The stages of one model in their order, and what they share.

    Args:
        model: its name.
        environment: variables that all stages get.
        parameters: of the build; each reaches the stages as a variable of its name.
        stages: in order.
        cells: of the matrix; a single empty one where there is none. The first is what may be released.
        fail_fast: the first cell that fails ends the others.
    """

    model: str
    environment: Mapping[str, str]
    parameters: tuple[Parameter, ...] = ()
    stages: tuple[Stage, ...]
    cells: tuple[Cell, ...] = (Cell({}),)
    fail_fast: bool = False

    def jobs(self, run: str, chosen: Mapping[str, str]) -> tuple[Job, ...]:
        """Every process of a run in order: cell after cell, then what is released.

        Args:
            run: name of the run.
            chosen: values of the build's parameters by name; one that is missing has its default.
        """
        shared = {**self.environment, **self._chosen(chosen)}
        jobs: list[Job] = []
        for each_cell, stages in itertools.groupby(self.stages, key=lambda stage: stage.each_cell):
            group = tuple(stages)
            if each_cell:
                pairs = itertools.product(self.cells, group)
                jobs += (Job(stage, cell, {**shared, **cell.environment(run)}) for cell, stage in pairs)
            else:
                jobs += (Job(stage, None, {**shared, ENV_RUN: run + self.suffix_of(stage)}) for stage in group)
        return tuple(jobs)

    def suffix_of(self, stage: Stage) -> str:
        """What a stage outside of the matrix adds to the run's name: a release works on the first cell."""
        return self.cells[0].suffix if stage.release_only else ""

    def _chosen(self, chosen: Mapping[str, str]) -> dict[str, str]:
        values = {parameter.name: chosen.get(parameter.name, parameter.initial) for parameter in self.parameters}
        sets = {f"{ENV_PARAM_PREFIX}{each.sets}": values[each.name] for each in self.parameters if each.sets}
        return {**values, **sets}

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
    jenkins, serve = config.jenkins, config.serve.of(config.serve.environment)
    stages = [
        Stage(
            name="train",
            title="Train",
            command=("train",),
            each_cell=True,
            repeatable=False,
            timeout=config.train.timeout + _OVERHEAD,
        ),
        # Evaluating goes through the data once: never longer than training, which goes through it many times.
        Stage(name="gate", title="Gate", command=("gate",), each_cell=True, timeout=config.train.timeout + _OVERHEAD),
        Stage(
            name="serve",
            title="Serve",
            command=("serve",),
            release_only=True,
            # The judge's deadline is the release's; loading comes before it, and settling after it.
            timeout=serve.canary.decided_within + _OVERHEAD,
        ),
    ]
    if config.test:
        stages.insert(0, Stage(name="test", title="Test", command=("test",), timeout=config.test.timeout + _OVERHEAD))
    return Pipeline(
        model=config.model,
        # A stage's output reaches the console as it is written, also when the stage is ended half-way.
        environment={"PYTHONUNBUFFERED": "1", **jenkins.environment},
        parameters=jenkins.parameters,
        stages=tuple(stages),
        cells=_cells(jenkins.matrix) if jenkins.matrix else (Cell({}),),
        fail_fast=jenkins.matrix.fail_fast if jenkins.matrix else False,
    )


def _cells(matrix: Matrix) -> tuple[Cell, ...]:
    """The combinations that are not excluded, in Jenkins' order: the first axis varies slowest."""
    axes, excluded = matrix.axis_texts, matrix.excluded_texts
    combinations = (dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))
    return tuple(
        Cell(combination)
        for combination in combinations
        if not any(cell.items() <= combination.items() for cell in excluded)
    )
