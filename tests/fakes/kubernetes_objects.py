"""What serves an environment, from a `serve` section as a test writes it."""

from typing import Any

from jenkins_ml.config.loader import loads
from jenkins_ml.rendering.kubernetes.objects import Objects
from jenkins_ml.rendering.kubernetes.pod import Version
from tests.fakes.configurations import yaml_text

DIGEST = "a" * 64


def objects(model: str = "digits", environment: str = "production", **serve: Any) -> Objects:
    """What serves an environment on Kubernetes; `serve` is that section of jenkins-ml.yaml."""
    document = {
        "model": model,
        "data": {"load": "data:load"},
        "train": {"entrypoint": "model:train"},
        "serve": {"target": "kubernetes", **serve},
    }
    return Objects(model, environment, loads(yaml_text(document)).serve.of(environment))


def version(number: int = 7, **different: Any) -> Version:
    """A version, the first one in production."""
    given = {"image": "server:1", "stable": None, "replicas": 2, "notes": {"jenkins-ml.io/manifest-digest": DIGEST}}
    return Version(version=number, **{**given, **different})
