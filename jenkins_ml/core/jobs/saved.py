"""A plan in a file: what was reviewed is what is carried out, so a plan that was edited since is none."""

from __future__ import annotations

from dataclasses import replace

from jenkins_ml.records import JobsPlan, digest, encode


def sealed(plan: JobsPlan) -> JobsPlan:
    """The plan with its digest."""
    return replace(plan, digest=digest(encode(replace(plan, digest=""))))


def intact(plan: JobsPlan) -> bool:
    """Whether it is as it was sealed."""
    return sealed(plan).digest == plan.digest
