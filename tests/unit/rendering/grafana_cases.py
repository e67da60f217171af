"""Configurations whose dashboards the tests look at: both kinds of servers, with and without what a pipeline reports."""

import functools
import json
from typing import Any

from jenkins_ml.config.loader import loads
from jenkins_ml.config.model import Config
from jenkins_ml.rendering.monitoring.dashboards import files

MODEL = 'data: {load: "data:load"}\ntrain: {entrypoint: "model:train"}\n'
CASES = {
    "ours": f"""
model: digits
{MODEL}
gate: {{metrics: {{accuracy: {{min: 0.95}}, loss: {{max: 0.25}}, recall: {{max_regression: 0.01}}}}}}
serve: {{environment: production, environments: {{staging: {{}}, production: {{after: staging}}}}}}
monitor:
  slo: {{latency_p99_ms: 200}}
  prometheus: {{url: "http://prometheus:9090"}}
  pipeline: {{pushgateway: "http://pushgateway:9091"}}
""",
    "tensorflow-serving": f"""
model: vision.sorter-of-parcel-with-a-name-which-is-as-long-as-allowed
{MODEL}
gate: {{metrics: {{accuracy: {{min: 0.95, max: 0.999}}}}}}
serve: {{target: docker}}
monitor: {{slo: {{latency_p99_ms: 250.5, period: 7d}}, pipeline: {{textfile: /srv/node}}}}
""",
    "bare": f"model: bare\n{MODEL}monitor: {{}}\n",
}


@functools.cache
def config(case: str) -> Config:
    """The configuration of a case."""
    return loads(CASES[case])


def dashboards(case: str) -> list[dict[str, Any]]:
    """The dashboards of a case: the model's, and that of all models."""
    return [json.loads(text) for name, text in files(config(case)).items() if name.endswith(".json")]
