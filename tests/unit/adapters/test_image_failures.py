"""What engines say of registries, and what of it is worth a retry. The texts are Docker's and well-known registries' own."""

import pytest
import requests
from docker.errors import APIError, DockerException

from jenkins_ml.adapters.images import failures
from jenkins_ml.errors import Unavailable, UsageError

NAME = "registry.example.com/ml/digits:3"


@pytest.mark.parametrize(
    ("message", "kind", "next_step"),
    [
        ("denied: requested access to the resource is denied", UsageError, "docker login registry.example.com,"),
        ("unauthorized: authentication required", UsageError, "docker login registry.example.com,"),
        ("no basic auth credentials", UsageError, "docker login registry.example.com,"),
        ("received unexpected HTTP status: 403 Forbidden", UsageError, "docker login registry.example.com,"),
        (
            "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access",
            UsageError,
            "docker login registry.example.com,",
        ),
        ("manifest for x:1 not found: manifest unknown: manifest unknown", UsageError, "check the name"),
        (
            "name unknown: The repository with name 'digits' does not exist in the registry",
            UsageError,
            "check the name",
        ),
        (
            "tag invalid: The image tag '3' already exists in the 'digits' repository and cannot be overwritten because "
            "the repository is immutable.",
            UsageError,
            "the registry keeps tags",
        ),
        (
            'Get "https://registry.example.com/v2/": dial tcp 1.2.3.4:443: connect: connection refused',
            Unavailable,
            "check the",
        ),
        ("dial tcp: lookup registry.example.com on 127.0.0.1:53: no such host", Unavailable, "check the registry"),
        ("received unexpected HTTP status: 500 Internal Server Error", Unavailable, "check the registry"),
        ("toomanyrequests: You have reached your pull rate limit.", Unavailable, "check the registry"),
        ("blob upload unknown to registry", Unavailable, "check the registry"),
        ("write /var/lib/docker/tmp/x: no space left on device", Unavailable, "free some space"),
    ],
)
def test_messages(message, kind, next_step):
    error = failures.failure("pushing it", NAME, message)
    assert type(error) is kind
    assert error.what == f"pushing it: {message}"
    assert error.next_step.startswith(next_step)


def test_a_long_message_is_cut_and_on_one_line():
    error = failures.failure("pushing it", NAME, "a\n  b " + "c" * 1000)
    assert error.what.startswith("pushing it: a b cc")
    assert len(error.what) < 400


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        (NAME, "registry.example.com"),
        ("127.0.0.1:5000/a:1", "127.0.0.1:5000"),
        ("localhost/a", "localhost"),
        ("tensorflow/serving:2.19.1", ""),
        ("haproxy:3.0", ""),
    ],
)
def test_registries(name, registry):
    assert failures.registry(name) == registry


@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (APIError("500", explanation="denied: no"), UsageError, "building: denied: no"),
        (
            requests.exceptions.ConnectionError("no socket"),
            Unavailable,
            "building: the Docker engine does not answer: no",
        ),
        (DockerException("no engine"), Unavailable, "building: the Docker engine does not answer: no engine"),
    ],
)
def test_what_the_sdk_raises(error, kind, what):
    with pytest.raises(kind) as caught, failures.translated("building", NAME):
        raise error
    assert caught.value.what.startswith(what)
    assert caught.value.__cause__ is error


def test_events_end_with_the_one_that_failed():
    events = failures.events([{"status": "a"}, {"error": "denied", "errorDetail": {}}, {"b": 1}], "pushing", NAME)
    assert next(events) == {"status": "a"}
    with pytest.raises(UsageError, match="denied"):
        next(events)
