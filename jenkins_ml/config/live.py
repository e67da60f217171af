"""The shape of `monitor.live`: how good a model is in production, by labels that come later."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from jenkins_ml.config.section import Section, Timeout


class Live(Section):
    """Answers that are kept by the id of their request, and labels that are joined to them when they come."""

    directory: Annotated[str, Field(min_length=1)] = Field(
        description="Folder that the embedded server writes what it predicted to, by request id; no inputs. Whoever looks "
        "at production (`jenkins-ml monitor`) reads it there."
    )
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="The share of requests whose predictions are kept; chosen by their id."
    )
    keep: Timeout = Field(default=timedelta(days=30), description="Predictions are removed when they are this old.")
    labels: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description='Files with the labels, such as "labels/*.csv", absolute or relative to jenkins-ml.yaml: columns `id` '
        "and `label`, as CSV, Parquet or .npz. Default: those that `jenkins-ml monitor --labels` names.",
    )
    window: Timeout = Field(
        default=timedelta(days=7), description="Live metrics are about predictions of that time, as far as labels came."
    )
