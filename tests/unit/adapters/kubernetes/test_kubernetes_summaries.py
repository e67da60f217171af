"""What pods say that they were asked: with the token of the sample, and nothing of those that say something else."""

import base64
import json
from types import SimpleNamespace

import pytest

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes import sampling
from jenkins_ml.adapters.kubernetes.kinds import POD, SECRET
from jenkins_ml.adapters.target import Answer
from jenkins_ml.errors import UsageError
from jenkins_ml.records import ColumnSummary, Summary, encode

COLUMN = ColumnSummary(name="x", kind="number", edges=(1.0,), counts=(2, 1, 0))
SUMMARY = Summary(of="requests", rows=3, inputs=(COLUMN,))
SAID = json.dumps({"since": 12.5, "summary": json.loads(encode(SUMMARY))}).encode()
TOKEN = "t" * 43


class Api:
    """An API server with pods, and with the Secret or without."""

    def __init__(self, pods, secret=True):
        self.pods, self.secret = pods, secret

    def get(self, kind, namespace, name):
        assert kind is SECRET
        return {"metadata": {}, "data": {"token": base64.b64encode(TOKEN.encode()).decode()}} if self.secret else None

    def list(self, kind, namespace, selector, fields):
        assert kind is POD
        return {"items": [{"metadata": {"name": pod, "namespace": "n"}} for pod in self.pods]}


@pytest.fixture
def samples(monkeypatch):
    def made(pods, secret=True, server="jenkins-ml"):
        api = Api(pods, secret)
        asked = []

        def ask(given, namespace, pod, port, path, body, seconds, headers):
            asked.append((pod, path, body, headers[names.TOKEN_HEADER]))
            status, answer = pods[pod]
            return Answer(status=status, seconds=0.1, body=answer)

        monkeypatch.setattr(sampling.pods, "ask", ask)
        shapes = SimpleNamespace(
            name="m-production",
            namespace="n",
            port=8501,
            server=server,
            selector=lambda version: f"version={version}",
        )
        return sampling.Samples(api, shapes, print), asked

    return made


def test_each_pod_is_asked(samples):
    here, asked = samples({"a": (200, SAID), "b": (200, SAID)})
    told = here.summaries(1)
    assert [(each.server, each.since, each.summary) for each in told] == [("a", 12.5, SUMMARY), ("b", 12.5, SUMMARY)]
    assert sorted(asked)[0] == ("a", names.SUMMARY_PATH, None, TOKEN)


@pytest.mark.parametrize(
    "answer", [(404, b"not found"), (None, b"away"), (200, b"?"), (200, b"[]"), (200, b'{"since": 1, "summary": null}'),
               (200, b'{"since": 1, "summary": {"record": "summary/9"}}')]
)  # fmt: skip
def test_what_says_something_else_is_left_out(samples, answer):
    here, _ = samples({"a": answer, "b": (200, SAID)})
    assert [each.server for each in here.summaries(1)] == ["b"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"secret": False}, "there is no Secret m-production-sample with a token"),
        ({"server": "tensorflow-serving"}, "TensorFlow Serving does not summarise what it is asked"),
    ],
    ids=str,
)
def test_where_nobody_can_say_it_nobody_is_asked(samples, given, why):
    here, asked = samples({"a": (200, SAID)}, **given)
    with pytest.raises(UsageError, match=why):
        here.summaries(1)
    assert asked == []
