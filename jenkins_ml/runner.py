"""The local run: the stage graph, executed here in the order, environment and exit codes of the generated Jenkinsfile."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jenkins_ml import names
from jenkins_ml.adapters import lifeline, warm
from jenkins_ml.config.model import seconds
from jenkins_ml.errors import Interrupted, StageFailed
from jenkins_ml.pipeline import Cell, Job, Pipeline, Stage

_GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Ended:
    """How a run ended: the exit code of the job that failed first, and that job; None when all went well."""

    exit_code: int
    job: Job | None


def run(pipeline: Pipeline, run_name: str, directory: Path) -> Ended:
    """Run a pipeline's jobs one after another, each as a process of its own.

    As in Jenkins, a cell of a matrix that fails does not end the others (unless the matrix fails fast); whatever comes
    after the matrix needs all of them. TensorFlow is imported once for all jobs, by a process that they fork from
    (see adapters/warm.py).

    Args:
        pipeline: what runs.
        run_name: the run that the jobs belong to.
        directory: where jenkins-ml.yaml lies.
    """
    failed: Ended | None = None
    failed_cells: list[Cell] = []
    with _warm(pipeline.stages) as address:
        for job in pipeline.jobs(run_name, os.environ):
            if job.cell in failed_cells:
                continue
            if failed is not None and (job.cell is None or pipeline.fail_fast):
                break
            code = _run_stage(job.stage, directory, {**os.environ, **job.environment, **address})
            if code == Interrupted.exit_code or (code and job.cell is None):
                return Ended(code, job)
            if code and job.cell is not None:
                failed = failed or Ended(code, job)
                failed_cells.append(job.cell)
    return failed or Ended(0, None)


@contextlib.contextmanager
def _warm(stages: Sequence[Stage]) -> Iterator[dict[str, str]]:
    if names.ENV_WARM in os.environ or not any(stage.name in ("train", "serve") for stage in stages):
        yield {}
        return
    with warm.started() as address:
        yield {names.ENV_WARM: str(address)}


def _stop_with_parent() -> None:
    lifeline.signal_when_parent_ends(signal.SIGTERM)  # not SIGKILL: it puts traffic back first


def _run_stage(stage: Stage, directory: Path, environment: dict[str, str]) -> int:
    module, *arguments = stage.command
    process = subprocess.Popen(
        [sys.executable, "-m", f"jenkins_ml.steps.{module}", *arguments],
        cwd=directory,
        env=environment,
        preexec_fn=_stop_with_parent,
    )
    try:
        code = process.wait(seconds(stage.timeout))
    except BaseException as error:
        # Ctrl-C has reached the stage too; SIGTERM only us. It gets time to put traffic back and to journal.
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        process.kill()
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise StageFailed(f"stage {stage.name} took longer than {stage.timeout}", "look for what hangs") from error
        if isinstance(error, KeyboardInterrupt):
            return Interrupted.exit_code  # the stage has said why; the run says how to go on
        raise
    return 128 - code if code < 0 else code
