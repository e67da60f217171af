"""What a version's container says that users asked it: with the token that was put into it, and past the traffic."""

import io
import json
import tarfile
from types import SimpleNamespace

import pytest
from docker.errors import NotFound

from jenkins_ml import names
from jenkins_ml.adapters.docker.shapes import Shapes
from jenkins_ml.adapters.docker.versions import Versions
from jenkins_ml.adapters.target import Answer
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import Unavailable, UsageError
from jenkins_ml.records import ColumnSummary, Summary, encode

COLUMN = ColumnSummary(name="x", kind="number", edges=(1.0,), counts=(2, 1, 0))
SUMMARY = Summary(of="requests", rows=3, inputs=(COLUMN,))
SAID = json.dumps({"since": 12.5, "summary": json.loads(encode(SUMMARY))}).encode()


class Container:
    """One of version 3, with a file of the token or without."""

    name, labels = "m-v3", {names.LABEL_VERSION: "3"}

    def __init__(self, token):
        self.token = token

    def get_archive(self, path):
        if self.token is None:
            raise NotFound("no such file")
        assert path == "/etc/jenkins-ml/token"
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            member = tarfile.TarInfo("token")
            member.size = len(self.token)
            archive.addfile(member, io.BytesIO(self.token))
        return [packed.getvalue()], {}


def versions(answer, token=b"t" * 43, kind="jenkins-ml"):
    """Those of one environment, and what was asked."""
    asked = []

    def get(path, seconds, headers):
        asked.append((path, headers))
        return Answer(status=answer[0], seconds=0.1, body=answer[1])

    client = SimpleNamespace(containers=SimpleNamespace(list=lambda **_: [Container(token)]))
    shapes = Shapes("m", "production", Serve.model_validate({"target": "docker", "server": {"kind": kind}}))
    return Versions(client, shapes, None, SimpleNamespace(get=get), [].append), asked


def test_the_container_is_asked_with_its_token():
    here, asked = versions((200, SAID))
    [told] = here.summaries(3)
    assert (told.server, told.since, told.summary) == ("m-v3", 12.5, SUMMARY)
    assert asked == [("/v1/models/m/versions/3/summary", {names.TOKEN_HEADER: "t" * 43})]


def test_one_that_is_not_there_or_was_made_without_a_token_says_nothing():
    here, asked = versions((200, SAID), token=None)
    assert here.summaries(3) == here.summaries(4) == ()
    assert asked == []


@pytest.mark.parametrize("answer", [(404, b"?"), (200, b'{"since": null, "summary": null}'), (200, b"?")], ids=str)
def test_one_that_keeps_none_says_nothing(answer):
    assert versions(answer)[0].summaries(3) == ()


@pytest.mark.parametrize("answer", [(503, b"no version can answer"), (None, b"no answer in time")], ids=str)
def test_one_that_does_not_answer_is_no_server_without_summaries(answer):
    with pytest.raises(Unavailable, match=f"version 3 does not say what it was asked: .*{answer[1].decode()}"):
        versions(answer)[0].summaries(3)


def test_tensorflow_serving_keeps_none():
    here, asked = versions((200, SAID), kind="tensorflow-serving")
    with pytest.raises(UsageError, match="TensorFlow Serving does not summarise what it is asked"):
        here.summaries(3)
    assert asked == []
