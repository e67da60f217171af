"""Metrics of the user's own: functions of theirs, called on batches in a process of its own.

A crash or an `os._exit` in user code must not end the gate, and least of all with exit code 0. The process reads the
predictions by itself and answers estimates.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from jenkins_ml.adapters import user_code
from jenkins_ml.adapters.passed_errors import as_plain, from_plain
from jenkins_ml.adapters.predictions import Wanted, open_predictions
from jenkins_ml.config.gate import Gate, MetricLimits
from jenkins_ml.core.arrays import Array, Floats
from jenkins_ml.core.evaluation.evaluation import Estimates, Evaluation, Own
from jenkins_ml.core.evaluation.groups import Slicing
from jenkins_ml.core.evaluation.metric import asked
from jenkins_ml.core.slices import slicing_of
from jenkins_ml.core.statistics.intervals import Estimate
from jenkins_ml.errors import JenkinsMLError, StageFailed

DEADLINE: Final = 3600.0  # seconds; a guard against a function that never returns
_RESULT: Final = "result.json"


def asked_for(gate: Gate) -> dict[str, MetricLimits]:
    """The metrics of the user's own, of all examples and of slices."""
    sections = [gate.metrics, *(section.metrics or {} for section in gate.slices)]
    return {name: limits for metrics in sections for name, limits in metrics.items() if limits.function is not None}


def estimates(
    own: Mapping[str, MetricLimits],
    gate: Gate,
    candidate: Path,
    baseline: Path | None,
    directory: Path,
    scratch: Path,
    edges: Mapping[Slicing, Floats],
) -> dict[tuple[str, str], Estimates]:
    """(metric's name, slice's name) -> the candidate's value, production's and the difference.

    Args:
        own: the metrics.
        gate: what is asked.
        candidate: the candidate's file of predictions.
        baseline: production's; None without one.
        directory: the folder of the configuration.
        scratch: a folder for what passes between the processes; nothing stays in it.
        edges: of the gate's slicings by quantiles.

    Raises:
        StageFailed: a function fails, or the process dies.
        JenkinsMLError: any other that it met.
    """
    from jenkins_ml.adapters.child import Child

    scratch.mkdir(parents=True, exist_ok=True)
    job, result = scratch / f"job-{os.getpid()}.json", scratch / f"{_RESULT}-{os.getpid()}"
    value = {
        "directory": str(directory),
        "gate": gate.model_dump(
            mode="json", by_alias=True, include={"slices", "task", "confidence"}, exclude_none=True
        ),
        "metrics": {
            name: limits.model_dump(mode="json", by_alias=True, exclude_none=True) for name, limits in own.items()
        },
        "candidate": str(candidate),
        "baseline": None if baseline is None else str(baseline),
        "scratch": str(scratch),
        "edges": [edges[slicing_of(section)].tolist() if section.quantiles else [] for section in gate.slices],
        "result": str(result),
    }
    try:
        job.write_text(json.dumps(value))
        error = sys.stderr.fileno()
        with (
            Path(os.devnull).open("rb") as nothing,
            Child(__name__, [str(job)], (nothing.fileno(), error, error)) as child,
        ):
            try:
                code = child.wait(DEADLINE)
            except TimeoutError as late:
                raise StageFailed(
                    f"{_named(own)} took longer than {DEADLINE:g} s", "compute on whole arrays, not row by row"
                ) from late
        if code or not result.exists():
            raise StageFailed(
                f"the process of {_named(own)} ended with {code} and no answer", "its output stands above"
            )
        answer = json.loads(result.read_bytes())
    finally:
        for path in (job, result):
            path.unlink(missing_ok=True)
    if "error" in answer:
        raise from_plain(answer["error"])
    return {
        (item["metric"], item["slice"]): tuple(_estimate(numbers) for numbers in item["estimates"])
        for item in answer["answers"]
    }


def main(argv: Sequence[str]) -> int:
    """Do the job in the file that the only argument names."""
    job = json.loads(Path(argv[0]).read_bytes())
    try:
        answer: dict[str, Any] = {"answers": _answers(job)}
    except JenkinsMLError as error:
        if error.__cause__ is not None:
            import traceback

            traceback.print_exception(error.__cause__)
        answer = {"error": as_plain(error)}
    written = Path(job["result"] + ".part")
    written.write_text(json.dumps(answer))
    written.replace(job["result"])
    return 0


def _answers(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    directory = Path(job["directory"])
    gate = Gate.model_validate_json(json.dumps({**job["gate"], "metrics": job["metrics"]}))
    slicings = [slicing_of(section) for section in gate.slices]
    edges = {
        slicing: np.array(given) for slicing, given in zip(slicings, job["edges"], strict=True) if slicing.quantiles
    }
    metrics = [asked(name, limits) for name, limits in gate.metrics.items()]
    own = {name: _own(name, limits, directory) for name, limits in gate.metrics.items()}
    evaluation = Evaluation(metrics, slicings, gate.task, edges, own)
    wanted = Wanted(features=frozenset(name for slicing in slicings for name in slicing.columns))
    baseline = None if job["baseline"] is None else Path(job["baseline"])
    with open_predictions(Path(job["candidate"]), baseline, wanted, scratch=Path(job["scratch"])) as stream:
        for block in stream:
            evaluation.add(block)
    measured = evaluation.finish()
    found = []
    for part in [measured.overall, *(each for number in range(len(slicings)) for each in measured.slices(number + 1))]:
        for metric in metrics:
            answer = measured.answer(metric, part, gate.confidence)
            numbers = [_numbers(each) for each in (answer.candidate, answer.baseline, answer.difference)]
            found.append({"metric": metric.name, "slice": part.name, "estimates": numbers})
    return found


def _own(name: str, limits: MetricLimits, directory: Path) -> Own:
    function = user_code.find(str(limits.function), directory, f"gate.metrics.{name}.function")
    made = None if limits.value is None else user_code.find(limits.value, directory, f"gate.metrics.{name}.value")

    def terms(labels: Array, predictions: Array) -> Floats:
        values = user_code.call(function, directory, labels.copy(), predictions.copy())
        try:
            return np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise StageFailed(
                f"{limits.function} returned {type(values).__name__}", "return a number for each example"
            ) from error

    def value(means: Sequence[float]) -> float:
        try:
            answer = user_code.call(made, directory, *means) if made is not None else math.nan
        except StageFailed as error:
            if isinstance(error.__cause__, ZeroDivisionError):
                return math.nan  # not defined on these examples
            raise
        if isinstance(answer, int | float | np.number):
            return float(answer)
        raise StageFailed(f"{limits.value} returned {type(answer).__name__}", "return the metric, a number")

    return Own(terms, None if made is None else value)


def _named(own: Mapping[str, MetricLimits]) -> str:
    return f"the metric{'s' if len(own) > 1 else ''} {', '.join(own)}"


def _numbers(estimate: Estimate | None) -> list[float | None] | None:
    if estimate is None or not math.isfinite(estimate.point):
        return None
    values = (estimate.point, estimate.low, estimate.high, estimate.sigma)
    return [value if math.isfinite(value) else None for value in map(float, values)]


def _estimate(numbers: list[float | None] | None) -> Estimate | None:
    if numbers is None:
        return None
    point, low, high, sigma = numbers
    return Estimate(
        float(point or 0.0),
        -math.inf if low is None else low,
        math.inf if high is None else high,
        math.inf if sigma is None else sigma,
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
