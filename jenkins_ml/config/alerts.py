"""The shape of `monitor.alerts`: who hears of an alert, and what acts on it."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from jenkins_ml.config.addresses import ServiceUrl
from jenkins_ml.config.section import Section, Timeout

File = Annotated[str, Field(min_length=1)]


class Receiver(Section):
    """Where people are told. Secrets stand in files on Alertmanager's machine."""

    email: Annotated[str, Field(min_length=3)] | None = Field(default=None, description="An address.")
    slack_url_file: File | None = Field(default=None, description="A file with the address of a Slack webhook.")
    pagerduty_key_file: File | None = Field(default=None, description="A file with the key of a PagerDuty service.")
    webhook_url_file: File | None = Field(default=None, description="A file with the address of a webhook.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not any((self.email, self.slack_url_file, self.pagerduty_key_file, self.webhook_url_file)):
            raise ValueError("name at least one of email, slack_url_file, pagerduty_key_file, webhook_url_file")
        return self


class Hook(Section):
    """The way back: where Alertmanager sends what is acted on by itself."""

    url: ServiceUrl = Field(
        description="Address of `jenkins-ml alert-hook`, or of Jenkins' generic webhook trigger "
        "(https://jenkins.example.com/generic-webhook-trigger/invoke)."
    )
    token_file: File = Field(
        description="A file on Alertmanager's machine with the bearer token that the receiver checks."
    )
    rollback: bool = Field(
        default=True, description="Whether errors and latency of the version in production roll it back."
    )
    rollback_at_most_every: Timeout = Field(
        default=timedelta(minutes=10),
        description="For so long after a rollback no alert takes out the version that it brought back, or the one that it "
        "took out and that somebody has released again.",
    )
    retrain_job: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="The job on Jenkins that trains the model anew, such as vision/digits; drift and staleness start it. "
        "Default: they start nothing.",
    )
    retrain_at_most_every: Timeout = Field(
        default=timedelta(hours=24), description="Drift and staleness start at most one training within that time."
    )


class Alerts(Section):
    """Who hears of an alert, and what acts on it."""

    page: Receiver | None = Field(default=None, description="Whoever is on call: something has to be done now.")
    ticket: Receiver | None = Field(default=None, description="Whoever looks at it within days.")
    hook: Hook | None = Field(default=None, description="What acts by itself; without it people do.")
