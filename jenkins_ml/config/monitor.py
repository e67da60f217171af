"""The shape of the `monitor` section: what is watched once a model is served, and what happens when it is wrong."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from jenkins_ml.config.addresses import ServiceUrl
from jenkins_ml.config.alerts import Alerts
from jenkins_ml.config.drift import Drift
from jenkins_ml.config.live import Live
from jenkins_ml.config.section import Section, Timeout


class Slo(Section):
    """What users are promised. Alerts rest on how fast the budget for failures is used up."""

    availability: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        default=0.999, description="The share of requests that are answered; a share between 0.5 and 1."
    )
    latency_p99_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="99 of 100 requests are answered this quickly, in milliseconds; rounded up to the bounds of latency "
        "that the server counts by. Default: not looked at.",
    )
    period: Timeout = Field(
        default=timedelta(days=30),
        description="What the promise is about. The windows of the alerts are fractions of it: 30 days make them an hour, "
        "6 hours, a day and 3 days.",
    )
    min_failures: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10,
        description="Failed requests within an alert's window before anybody is woken up. 10: one failure in ten requests "
        "an hour wakes nobody.",
    )


class Stale(Section):
    """When a model is too old."""

    release: Timeout | None = Field(
        default=timedelta(days=90), description="No release within that time is an alert. null: never."
    )
    training: Timeout | None = Field(
        default=timedelta(days=30), description="No successful training within that time is an alert. null: never."
    )


class Prometheus(Section):
    """The Prometheus server that knows the model's metrics. `status` asks it, and the canary's judge may."""

    url: ServiceUrl = Field(description="Its address, such as http://prometheus:9090.")
    token_file: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="A file with the bearer token that it asks for; none by default."
    )
    judge: bool = Field(
        default=False,
        description="Whether the canary is judged by what it has scraped, instead of by the servers' own counters. That "
        "takes as much longer as it scrapes less often than once a second.",
    )


class Pipeline(Section):
    """Where every stage of the pipeline reports to. Give either."""

    pushgateway: ServiceUrl | None = Field(
        default=None, description="Address of a Pushgateway, such as http://pushgateway:9091."
    )
    textfile: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Folder of the node exporter's textfile collector on the agents."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.pushgateway is None) == (self.textfile is None):
            raise ValueError("give either `pushgateway` or `textfile`")
        return self


class Logs(Section):
    """Logs in Elastic Common Schema, one JSON object a line, beside what people read."""

    directory: Annotated[str, Field(min_length=1)] = Field(
        description="Folder that the stages and the embedded server write to, on every agent; Filebeat reads it."
    )


class Monitor(Section):
    """What is watched. With this section, `generate` writes the configuration of Prometheus and its companions."""

    slo: Slo = Field(default_factory=Slo.model_construct, description="What users are promised.")
    stale: Stale = Field(default_factory=Stale.model_construct, description="When a model is too old.")
    scrape_interval: Timeout = Field(
        default=timedelta(seconds=15), description="How often Prometheus scrapes the servers."
    )
    prometheus: Prometheus | None = Field(default=None, description="The Prometheus server, where there is one.")
    pipeline: Pipeline | None = Field(default=None, description="Metrics of the pipeline's stages; none by default.")
    drift: Drift = Field(default_factory=Drift.model_construct, description="When inputs and predictions have changed.")
    live: Live | None = Field(
        default=None, description="Accuracy in production, by labels that come later; not measured by default."
    )
    alerts: Alerts = Field(default_factory=Alerts.model_construct, description="Who hears of it, and what acts on it.")
    logs: Logs | None = Field(default=None, description="Logs for machines; none by default.")
