"""The shape of `monitor.drift`: when inputs and predictions are said to have changed."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from typing import Annotated

from pydantic import Field

from jenkins_ml.config.section import Section


class Drift(Section):
    """When inputs and predictions have moved away from the training data's."""

    false_alarm_rate: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.01,
        description="How likely it is that data which has not changed is ever called changed, over all features and all "
        "looks at a version. 0.01: one version in a hundred.",
    )
    tolerance: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.02,
        description="How large a change nobody minds: the share of values that have moved to another class or range, net.",
    )
