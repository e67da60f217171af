"""What is reported of a stage of the pipeline, as samples. Pure.

What a stage that failed reports replaces nothing of what its last success has reported: only numbers of failures and
of the last end, whichever way it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jenkins_ml import names
from jenkins_ml.core.samples import Sample

HELP: Final[Mapping[str, str]] = {
    names.METRIC_STAGE_COMPLETED: "When the stage ended last, whichever way.",
    names.METRIC_STAGE_SUCCEEDED: "When the stage ended well last.",
    names.METRIC_STAGE_FAILED: "When the stage failed last.",
    names.METRIC_STAGE_DURATION: "How long the stage took when it ended well last.",
    names.METRIC_STAGE_EXIT_CODE: "Exit code of the stage when it ended last: 0 for success.",
    names.METRIC_STAGE_ROWS: "How many examples or answers the stage rested on when it ended well last.",
    names.METRIC_STAGE_VERSION: "The model version that the stage worked on when it ended well last.",
    names.METRIC_MODEL: "A metric of the model, as the stage that ended well last has measured it.",
    names.METRIC_RELEASED: "When the version in production was released.",
    names.METRIC_RELEASED_VERSION: "The version in production.",
    names.METRIC_DRIFT_DISTANCE: "How far a feature or the prediction has moved.",
    names.METRIC_DRIFT_DETECTED: "Whether a feature or the prediction has moved.",
    names.METRIC_LIVE: "A metric of the model on what users ask.",
    names.METRIC_LIVE_LOW: "What the metric on what users ask is not below.",
    names.METRIC_LIVE_HIGH: "What the metric on what users ask is not above.",
}


def succeeded(
    at: float, seconds: float, rows: int | None, version: int | None, metrics: Mapping[tuple[str, str], float]
) -> tuple[Sample, ...]:
    """What a stage reports that ended well.

    Args:
        at: when, in seconds since 1970.
        seconds: how long it took.
        rows: how many examples or answers it rested on; None where it rests on none.
        version: the model version that it worked on; None for none.
        metrics: (of, metric) -> value, where "of" is "training", "gate" or "production".
    """
    known = [(names.METRIC_STAGE_ROWS, rows), (names.METRIC_STAGE_VERSION, version)]
    return (
        Sample(names.METRIC_STAGE_COMPLETED, at),
        Sample(names.METRIC_STAGE_SUCCEEDED, at),
        Sample(names.METRIC_STAGE_DURATION, seconds),
        Sample(names.METRIC_STAGE_EXIT_CODE, 0),
        *(Sample(name, value) for name, value in known if value is not None),
        *(
            Sample(names.METRIC_MODEL, value, {"metric": metric, "of": of})
            for (of, metric), value in sorted(metrics.items())
        ),
    )


def failed(at: float, exit_code: int) -> tuple[Sample, ...]:
    """What a stage reports that failed at `at`, in seconds since 1970."""
    return (
        Sample(names.METRIC_STAGE_COMPLETED, at),
        Sample(names.METRIC_STAGE_FAILED, at),
        Sample(names.METRIC_STAGE_EXIT_CODE, exit_code),
    )


def released(version: int, at: float | None) -> tuple[Sample, ...]:
    """What is in production, and when it was released, in seconds since 1970; None where that is not known."""
    labels = {"version": str(version)}
    when = () if at is None else (Sample(names.METRIC_RELEASED, at, labels),)
    return (Sample(names.METRIC_RELEASED_VERSION, version), *when)
