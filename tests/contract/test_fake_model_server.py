"""The stand-in for TensorFlow Serving answers in its bytes, and misbehaves exactly as it is told."""

import contextlib
import http.client
import json
import math
import socket
import time
import urllib.error
import urllib.request

import pytest

from tests.fakes.model_server import METRICS, Running, predict

TWO = {"instances": [[1.0, 2.0], [3.0, 0.1]]}


def ask(server, path, document=None, raw=None):
    body = raw if document is None else json.dumps(document).encode()
    try:
        with urllib.request.urlopen(server.url + path, body, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def until(true):
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about within 10 s")


@pytest.fixture(scope="module")
def shared():
    with Running("--any") as server:
        yield server


@pytest.fixture
def base(tmp_path):
    (tmp_path / "m" / "0002").mkdir(parents=True)
    (tmp_path / "m" / "1").mkdir()
    return tmp_path / "m"


def started(base, *arguments):
    return Running("--model_name", "m", "--model_base_path", base, "--file_system_poll_wait_seconds=1", *arguments)


@contextlib.contextmanager
def served(base, *arguments):
    with started(base, *arguments) as server:
        until(lambda: ask(server, "/v1/models/m/metadata")[0] == 200)
        yield server


class TestBytes:
    """Those of reference/tf-serving.md."""

    def test_rows(self, shared):
        assert ask(shared, "/v1/models/bytes/versions/1:predict", TWO) == (
            200,
            '{\n    "predictions": [3.0, 3.1\n    ]\n}',
        )
        shared.behave(model="bytes", version=2, answer=[0, 0.5])
        assert ask(shared, "/v1/models/bytes/versions/2:predict", TWO) == (
            200,
            '{\n    "predictions": [[3.0, 3.5], [3.1, 3.6]\n    ]\n}',
        )

    def test_several_outputs(self, shared):
        shared.behave(model="bytes", version=3, answer={"a": [0, 1], "b": 1000000})
        assert ask(shared, "/v1/models/bytes/versions/3:predict", {"instances": [0, 1]}) == (
            200,
            '{\n    "predictions": [\n        {\n            "a": [0.0, 1.0],\n            "b": 1e+06\n        },\n'
            '        {\n            "a": [1.0, 2.0],\n            "b": 1000001.0\n        }\n    ]\n}',
        )

    def test_columns(self, shared):
        assert ask(shared, "/v1/models/bytes/versions/1:predict", {"inputs": {"x": [1, 2], "z": [0.2, 0]}}) == (
            200,
            '{\n    "outputs": [\n        1.2,\n        2.0\n    ]\n}',
        )

    def test_errors(self, shared):
        missing = "{\n    \"error\": \"Missing 'inputs' or 'instances' key\"\n}"
        assert ask(shared, "/v1/models/bytes/versions/1:predict", {}) == (400, missing)
        broken = '{\n    "error": "JSON Parse error: Invalid value. at offset: 0"\n}'
        assert ask(shared, "/v1/models/bytes/versions/1:predict", raw=b"{") == (400, broken)
        assert ask(shared, "/elsewhere")[0] == 404

    def test_status_and_metadata(self, base):
        with served(base) as server:
            status = json.loads(ask(server, "/v1/models/m")[1])["model_version_status"]
            assert [(each["version"], each["state"]) for each in status] == [("2", "AVAILABLE")]
            document = json.loads(ask(server, "/v1/models/m/versions/2/metadata")[1])
            assert document["model_spec"] == {"name": "m", "signature_name": "", "version": "2"}
            assert ask(server, "/v1/models/m/versions/1") == (
                404,
                '{\n    "error": "Could not find version 1 of model m"\n}',
            )
            assert ask(server, "/v1/models/n/metadata") == (
                404,
                '{\n    "error": "Servable not found for request: Latest(n)"\n}',
            )

    def test_metrics_know_the_model_and_not_the_version(self, shared):
        shared.behave(model="counted", version=2, fail_share=1)
        for version in (1, 2, 2):
            ask(shared, f"/v1/models/counted/versions/{version}:predict", TWO)
        text = ask(shared, f"{METRICS}?model=counted")[1].splitlines()
        assert ':tensorflow:serving:request_count{model_name="counted",status="OK"} 1' in text
        assert ':tensorflow:serving:request_count{model_name="counted",status="INTERNAL"} 2' in text
        labels = 'model_name="counted",API="predict",entrypoint="REST"'
        assert f":tensorflow:serving:request_latency_count{{{labels}}} 1" in text
        assert f':tensorflow:serving:request_latency_bucket{{{labels},le="+Inf"}} 1' in text
        assert sum("request_latency_bucket" in each for each in text) == 34

    def test_no_metrics_without_their_configuration(self, base, tmp_path):
        (tmp_path / "monitoring").write_text('prometheus_config { enable: true path: "/elsewhere" }')
        with served(base) as server:
            assert ask(server, METRICS)[0] == 404
        with served(base, "--monitoring_config_file", tmp_path / "monitoring") as server:
            assert ask(server, METRICS)[0] == 404
            assert ask(server, "/elsewhere")[0] == 200


class TestBehaviour:
    def test_predictions_can_be_known_before(self, shared):
        shared.behave(model="known", version=1, answer=[0.25, 2])
        answered = json.loads(
            ask(shared, "/v1/models/known/versions/1:predict", {"instances": [{"a": 1, "b": [2, 3]}]})[1]
        )
        assert answered["predictions"] == [predict({"a": 1, "b": [2, 3]}, [0.25, 2])] == [[6.25, 8.0]]

    def test_exactly_the_share_fails(self, shared):
        shared.behave(model="shares", version=1, fail_share=0.1)
        shared.behave(model="shares", version=2, nan_share=0.25)
        assert [ask(shared, "/v1/models/shares/versions/1:predict", TWO)[0] for _ in range(20)] == (
            [200] * 9 + [500]
        ) * 2
        answers = [json.loads(ask(shared, "/v1/models/shares/versions/2:predict", TWO)[1]) for _ in range(8)]
        assert [math.isnan(answer["predictions"][0]) for answer in answers] == ([False] * 3 + [True]) * 2
        seen = shared.seen()
        assert seen["shares/1"] == {"requests": 20, "failed": 2, "nan": 0}
        assert seen["shares/2"] == {"requests": 8, "failed": 0, "nan": 2}

    def test_the_hook_can_be_taken_back(self, shared):
        shared.behave(model="back", fail_share=1)
        assert ask(shared, "/v1/models/back/versions/1:predict", TWO)[0] == 500
        shared.behave(model="back", version=1, fail_share=0)
        assert ask(shared, "/v1/models/back/versions/1:predict", TWO)[0] == 200
        assert ask(shared, "/v1/models/back/versions/2:predict", TWO)[0] == 500
        shared.behave(model="back", fail_share=None)
        assert ask(shared, "/v1/models/back/versions/2:predict", TWO)[0] == 200
        assert ask(shared, "/behaviour", {"fail_shore": 1}) == (
            400,
            '{\n    "error": "no such behaviour: fail_shore"\n}',
        )

    def test_never_ready(self, shared):
        shared.behave(model="never", never_ready=True)
        assert (
            json.loads(ask(shared, "/v1/models/never/versions/1")[1])["model_version_status"][0]["state"] == "LOADING"
        )
        for path in ("/v1/models/never/versions/1/metadata", "/v1/models/never/versions/1:predict"):
            status, text = ask(shared, path, TWO if path.endswith("predict") else None)
            assert (status, json.loads(text)["error"]) == (404, "Servable not found for request: Specific(never, 1)")

    def test_a_version_without_a_number_can_be_chosen_for_all_pods(self, shared):
        assert ask(shared, "/v1/models/chosen:predict", TWO)[0] == 404
        shared.behave(model="chosen", latest=7)
        assert json.loads(ask(shared, "/v1/models/chosen/metadata")[1])["model_spec"]["version"] == "7"

    def test_a_crash_of_one_of_many_is_a_closed_connection(self, shared):
        shared.behave(model="crash", version=1, crash="after 1 requests")
        assert ask(shared, "/v1/models/crash/versions/1:predict", TWO)[0] == 200
        for path in ("/v1/models/crash/versions/1:predict", "/v1/models/crash/versions/1/metadata"):
            with pytest.raises(http.client.RemoteDisconnected):
                ask(shared, path, TWO if path.endswith("predict") else None)
        assert ask(shared, "/v1/models/crash/versions/2:predict", TWO)[0] == 200

    def test_a_crash_ends_the_process(self, base):
        (base / "0002" / "behaviour.json").write_text('{"crash": "start"}')
        with started(base) as server:
            assert server.process.wait(10) == 134
            server.reader.join(10)
            assert "Check failed" in server.log[-1]

    def test_its_file_counts_from_the_start_and_a_newer_version_takes_over(self, base):
        (base / "0002" / "behaviour.json").write_text('{"answer": 10}')
        with served(base) as server:
            assert ask(server, "/v1/models/m/versions/2:predict", {"instances": [1]})[1].count("11.0") == 1
            (base / "3").mkdir()
            until(lambda: ask(server, "/v1/models/m/versions/2")[0] == 404)
            assert ask(server, "/v1/models/m/versions/3/metadata")[0] == 200


def test_connections_are_kept(shared):
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
    ports = set()
    for _ in range(3):
        connection.request("POST", "/v1/models/kept/versions/1:predict", json.dumps(TWO))
        assert connection.getresponse().read()
        ports.add(connection.sock.getsockname())
    connection.close()
    assert len(ports) == 1


def test_the_grpc_port_is_open_and_says_nothing(base):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with served(base, "--port", port), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        assert connection.recv(1) == b""
