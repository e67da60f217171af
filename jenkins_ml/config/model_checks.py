"""Parts of the `gate` section about the model itself, beside its metrics: what it answers, how fast, and its size."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from jenkins_ml.config import patterns
from jenkins_ml.config.section import OneOf, Section, Timeout

Allowed = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_UNIT_BYTES: Final = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class Serving(Section):
    """What the model that is served must answer: what the model did that was trained, on the recorded examples."""

    # They differ where the export leaves out what the training had, such as a preprocessing, or keeps what it should
    # not, such as dropout.

    check: Literal["export", "server", "none"] = Field(
        default="export",
        description="export: the exported model's answers, which the training has kept, so this takes no time. server: "
        "also the answers of the real server, over REST and gRPC; a model that it cannot load is rejected. That takes a "
        "few CPU-seconds, most of them for TensorFlow. none: neither.",
    )
    tolerance: Allowed = Field(
        default=1e-4,
        description="How far each number may be off, in the output's own unit, beside `relative`. 0.0001 is far above "
        "what the order of operations does to probabilities. Whole numbers, true/false and text must be equal.",
    )
    relative: Allowed = Field(
        default=1e-3,
        description="How much further it may be off, as a share of what the trained model answered. 0.001: the rounding "
        "of a GPU that trained, beside the CPU that serves.",
    )
    tolerances: dict[str, Allowed] = Field(
        default_factory=dict,
        description="Output of the signature -> its own `tolerance`; with one, whole numbers need not be equal either.",
    )
    timeout: Timeout = Field(
        default=timedelta(minutes=5),
        description="Within which the server has to start, load and answer, in up to five tries. For models that take "
        "long to load.",
    )


class Latency(Section):
    """How quickly the real server answers one example over REST, one request at a time, on the machine that gates."""

    p50_ms: Milliseconds | None = Field(
        default=None, description="Half of the answers take at most this long, in milliseconds."
    )
    p95_ms: Milliseconds | None = Field(
        default=None, description="95 of 100 answers take at most this long, in milliseconds."
    )
    p99_ms: Milliseconds | None = Field(
        default=None, description="99 of 100 answers take at most this long, in milliseconds."
    )
    requests: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=200,
        description="How many are timed. 200: one of them may be slower than the 99th percentile, which takes at least 99.",
    )

    @property
    def asked(self) -> dict[int, float]:
        """Percentile -> limit in milliseconds, of those that are set."""
        limits = {50: self.p50_ms, 95: self.p95_ms, 99: self.p99_ms}
        return {percentile: limit for percentile, limit in limits.items() if limit is not None}

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.asked:
            raise ValueError("give at least one of `p50_ms`, `p95_ms`, `p99_ms`")
        for percentile in self.asked:
            if self.requests < (least := requests_for(percentile)):
                raise ValueError(f"`p{percentile}_ms` takes at least {least} `requests`, not {self.requests}")
        limits = list(self.asked.values())
        if limits != sorted(limits):
            raise ValueError("a higher percentile cannot have a lower limit")
        return self


def requests_for(percentile: int) -> int:
    """The fewest answers of which one is, in expectation, no quicker than this percentile (below 100)."""
    return -(-percentile // (100 - percentile))


def parse_size(value: Any) -> Any:
    """Text such as "500 MB" or "2 GiB" as bytes; other values are left for pydantic to refuse.

    Raises:
        ValueError: another text, or no bytes at all.
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(patterns.SIZE, value)
    if match is None:
        raise ValueError(patterns.WORDS[patterns.SIZE].rule)
    return int(float(match[1]) * _UNIT_BYTES[match[3]])


Size = Annotated[
    int,
    Field(ge=1),
    BeforeValidator(
        parse_size,
        json_schema_input_type=Annotated[
            Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=patterns.SIZE)], OneOf("bytes, or 500 MB")
        ],
    ),
]
