"""Logs of a whole pipeline and of served requests, in a real Elasticsearch: from a request's id to what made its model."""

import http.client
import json
import re

import grpc
import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.rendering.monitoring import elastic
from jenkins_ml.server import messages
from jenkins_ml.server.tensors import to_proto
from tests.fakes.repository import CONFIG, wait_until

pytestmark = [pytest.mark.elastic, pytest.mark.xdist_group("elastic")]

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = 1234.5625


class Index:
    """What Filebeat does with a line, and what people ask then."""

    def __init__(self, node):
        self._node = node
        node.ask("PUT", f"/_index_template/{elastic.NAME}", elastic.index_template())
        node.ask("PUT", f"/_ingest/pipeline/{elastic.NAME}", elastic.pipeline())

    def ship(self, lines, path="/logs/a.ndjson"):
        """Send lines through the pipeline; Elasticsearch must take all of them."""
        action = json.dumps({"create": {"_index": "jenkins-ml-2026.01.02"}})
        documents = [
            {
                "@timestamp": "2026-01-02T03:04:05.678Z",
                "message": line,
                "ecs": {"version": "1.6.0"},
                "log": {"file": {"path": path}, "offset": number},
                "host": {"name": "agent-1"},
                "agent": {"type": "filebeat", "version": "8.0.0"},
            }
            for number, line in enumerate(lines)
        ]
        body = "".join(f"{action}\n{json.dumps(document)}\n" for document in documents)
        answer = self._node.ask("POST", f"/_bulk?pipeline={elastic.NAME}&refresh=true", body)
        assert [each["create"].get("error") for each in answer["items"]] == [None] * len(documents)
        return [each["create"]["_index"] for each in answer["items"]]

    def find(self, query):
        """One query, as one types it into Kibana's or Elasticsearch's search."""
        body = {"query": {"query_string": {"query": query}}, "size": 1000, "sort": [{"@timestamp": "asc"}]}
        return [each["_source"] for each in self._node.ask("POST", f"/{elastic.PATTERN}/_search", body)["hits"]["hits"]]


@pytest.fixture(scope="module")
def index(elasticsearch):
    return Index(elasticsearch)


@pytest.fixture(scope="module")
def served(tmp_path_factory, repository_factory):
    """A repository whose whole pipeline has run with logs, and whose server was asked over REST and gRPC."""
    folder = tmp_path_factory.mktemp("logs") / "project"
    config = f"{CONFIG}\nmonitor: {{logs: {{directory: .jenkins-ml/logs}}}}\n"
    with repository_factory(folder, jenkins_ml_yaml=config) as repository:
        repository.ok("run", run="vision-17")
        server = repository.server()
        assert server is not None
        _rest(server, "rest-1", [[SECRET, 3.0, 3.0, 3.0]])
        _rest(server, "refused-1", [["text"]])
        _grpc(server, "grpc-1")
        repository.stop_server()  # what it has not written by then would be lost
        yield repository


def _rest(server, name, instances):
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=30)
    headers = {names.REQUEST_HEADER: name, names.TRACE_HEADER: f"00-{TRACE}-{SPAN}-01"}
    connection.request("POST", "/v1/models/tiny:predict", json.dumps({"instances": instances}), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.headers[names.REQUEST_HEADER] == name


def _grpc(server, name):
    request = messages.PredictRequest(model_spec=messages.ModelSpec(name="tiny"))
    request.inputs["x"].CopyFrom(to_proto(np.full((1, 4), SECRET, np.float32)))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        ask = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.PredictResponse.FromString,
        )
        ask(request, timeout=30, metadata=((names.REQUEST_HEADER, name),))


@pytest.fixture(scope="module")
def shipped(index, served):
    """The index, with all lines of that repository in it."""
    paths = sorted((served.folder / ".jenkins-ml/logs").iterdir())
    assert [path.name for path in paths] == ["tiny.production.server.ndjson", "tiny.stages.ndjson"]
    for path in paths:
        indices = index.ship(path.read_text().splitlines(), str(path))
        assert all(re.fullmatch(r"jenkins-ml-\d{4}\.\d\d\.\d\d", each) for each in indices)
    return index


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["rest-1", "grpc-1", "refused-1"])
def test_one_query_leads_from_a_request_to_version_release_build_and_commit(shipped, served, name):
    (found,) = shipped.find(f'http.request.id: "{name}"')
    manifest, _ = served.store.manifest(1)
    started = next(entry for entry in served.store.journal.entries() if entry.kind == "release_started")
    assert found["service"] == {"name": "tiny", "environment": "production", "version": "1"}
    assert found["labels"] == {
        "run": "vision-17",
        "release": str(started.number),
        "commit": served.git("rev-parse", "HEAD"),
        "build": manifest.lineage.built_by,
    }
    assert found["event"]["outcome"] == ("failure" if name == "refused-1" else "success")
    assert found["log"]["file"]["path"].endswith("tiny.production.server.ndjson")


@pytest.mark.tensorflow
def test_the_run_of_that_request_leads_to_its_stages(shipped):
    stages = shipped.find('labels.run: "vision-17" AND event.dataset: "jenkins_ml.stages" AND event.type: "end"')
    assert [(each["event"]["action"], each["event"]["outcome"]) for each in stages] == [
        ("train", "success"),
        ("gate", "success"),
        ("serve", "success"),
    ]
    assert len({each["trace"]["id"] for each in stages}) == 1
    by_name = {each["event"]["action"]: each for each in stages}
    assert by_name["serve"]["service"] == {"name": "tiny", "environment": "production", "version": "1"}
    assert by_name["train"]["event"]["duration"] > 0
    told = shipped.find('event.action: "gate" AND event.type: "info"')
    assert told


@pytest.mark.tensorflow
def test_a_trace_of_the_client_is_found(shipped):
    assert {each["http"]["request"]["id"] for each in shipped.find(f'trace.id: "{TRACE}"')} == {"rest-1", "refused-1"}


@pytest.mark.tensorflow
def test_what_was_asked_is_in_no_log(served):
    for path in (served.folder / ".jenkins-ml/logs").iterdir():
        assert str(SECRET) not in path.read_text()


@pytest.mark.tensorflow
def test_requests_of_the_next_version_have_its_own_release(served, index):
    """A second release in the same repository; its server is a new one."""
    served.ok("run", run="vision-18")
    server = served.server()
    assert server is not None
    _rest(server, "rest-2", [[3.0] * 4])
    path = served.folder / ".jenkins-ml/logs/tiny.production.server.ndjson"
    wait_until(lambda: "rest-2" in path.read_text(), "the line of the request is written")
    lines = [line for line in path.read_text().splitlines() if "rest-2" in line]
    index.ship(lines)
    (found,) = index.find('http.request.id: "rest-2"')
    releases = [entry.number for entry in served.store.journal.entries() if entry.kind == "release_started"]
    assert (found["labels"]["release"], found["labels"]["run"]) == (str(releases[-1]), "vision-18")
    assert len(releases) == 2


def test_a_stage_that_fails_is_found_with_its_reason(index, cold_project):
    cold_project.change("jenkins-ml.yaml", "model: tiny\n", "model: tiny\ntest: {command: exit 3}\n")
    config = cold_project.folder / names.CONFIG_FILE
    config.write_text(f"{config.read_text()}\nmonitor: {{logs: {{directory: logs}}}}\n")
    assert cold_project.call("test", run="failing-1").code == 1
    index.ship((cold_project.folder / "logs/tiny.stages.ndjson").read_text().splitlines())
    (found,) = index.find('labels.run: "failing-1" AND event.outcome: "failure"')
    assert (found["event"]["action"], found["process"]["exit_code"], found["error"]["type"]) == (
        "test",
        1,
        "StageFailed",
    )
    assert found["log"]["level"] == "error"
    assert "StageFailed" in found["error"]["stack_trace"]
    assert found["labels"]["commit"] == cold_project.git("rev-parse", "HEAD")


# --- lines that are none ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "line",
    [
        "{broken",
        "",
        "17",
        '"text"',
        '{"@timestamp":"never"}',
        '{"event":"text"}',
        '{"labels":"text"}',
        '{"labels":{"run":{}}}',
        '{"http":{"request":"text"}}',
        '{"event":{"category":[{}]}}',
        '{"log.level":{"no":"word"}}',
        "Traceback (most recent call last):",
    ],
)
def test_a_line_that_cannot_be_read_is_kept_as_it_is(index, line):
    name = f"/logs/unreadable-{abs(hash(line))}"
    assert index.ship([line], name) == [elastic.UNREADABLE]
    (found,) = index.find(f'log.file.path: "{name}"')
    assert found["message"] == line
    assert found["event"]["kind"] == "pipeline_error"
    assert found["error"]["message"]
    assert found["host"] == {"name": "agent-1"}


def test_a_number_that_is_none_costs_a_line_nothing_but_that_number(index):
    line = '{"@timestamp":"2026-03-04T05:06:07.890Z","message":"odd","process":{"pid":"none"},"labels":{"run":"odd-1"}}'
    assert index.ship([line]) == ["jenkins-ml-2026.03.04"]
    (found,) = index.find('labels.run: "odd-1"')
    assert found["message"] == "odd"
