"""The embedded server as a process of its own, with SavedModels, over its ports."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.adapters import local_server, server_process
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.adapters.server_process import Detached
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable
from jenkins_ml.server import messages
from jenkins_ml.server.tensors import from_proto, to_proto

pytestmark = pytest.mark.tensorflow

MAKE_MODELS = """
import sys
import tensorflow as tf

class Model(tf.Module):
    def __init__(self, offset):
        self.offset = tf.Variable(offset)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def serve(self, x):
        with tf.control_dependencies([tf.debugging.assert_less(x, 1000.0, message="too large")]):
            return {"y": tf.linalg.matvec(x, [1.0, 2.0]) + self.offset}

for version in (1, 2):
    model = Model(100.0 * (version - 1))
    tf.saved_model.save(model, f"{sys.argv[1]}/{version}", signatures={"serving_default": model.serve})

class Text(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def number(self, text):
        return {"number": tf.strings.to_number(text)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def echo(self, text):
        return {"text": text, "text_bytes": text}

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="any")])
    def any_rank(self, any):
        return {"same": any}

text = Text()
signatures = {"serving_default": text.number, "echo": text.echo}
tf.saved_model.save(text, f"{sys.argv[1]}/text", signatures=signatures)
tf.saved_model.save(text, f"{sys.argv[1]}/no-rank", signatures={"serving_default": text.any_rank})
tf.saved_model.save(tf.Module(), f"{sys.argv[1]}/no-signature")
"""
BODY = b'{"instances": [[1.0, 2.0]]}'


class Servers:
    """Starts servers and ends what is left of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.processes: list[Detached] = []

    def spawn(self, argv: list[str], environment: Mapping[str, str], log: Path) -> Detached:
        root = str(Path(local_server.__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [environment.get("PYTHONPATH")])])
        process = server_process.spawn_detached(argv, {**environment, "PYTHONPATH": path}, log)
        self.processes.append(process)
        return process

    def start(self, state: Path, rest_port: int = 0, grpc_port: int = 0) -> LocalServer:
        return server_process.start(state, "m", "production", rest_port, grpc_port, self.log, self.spawn, 120.0)

    def end(self) -> None:
        for process in self.processes:
            try:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(10)
            except (ProcessLookupError, ChildProcessError):
                pass  # ended and waited for by the test


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.end()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, "-c", MAKE_MODELS, str(folder)], check=True, timeout=120, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def running(servers: Servers, models: Path) -> LocalServer:
    server = servers.start(servers.folder / "server.json")
    server.load(1, models / "1")
    server.load(2, models / "2")
    return server


@pytest.fixture
def server(running: LocalServer) -> LocalServer:
    running.set_traffic(1, None, 0, 0)
    return running


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def predictions(body: bytes) -> Any:
    return json.loads(body)["predictions"]


# --- answers ---------------------------------------------------------------------------------------------------------
def test_rest(server: LocalServer) -> None:
    assert server.predict(None, BODY) == (200, 1, b'{\n    "predictions": [5.0\n    ]\n}')
    status, version, body = server.predict(2, BODY)
    assert (status, version, predictions(body)) == (200, 2, [105.0])
    status, version, body = server.predict(2, b'{"instances": [[1.0]]}')
    assert (status, version) == (400, 2)
    assert b"has shape [1,1], but the signature expects [-1,2]" in body


def test_a_failure_of_the_model_has_its_code_and_message(server: LocalServer) -> None:
    before = server.state()["versions"]["1"]
    status, version, body = server.predict(1, b'{"instances": [[5000.0, 0.0]]}')
    assert (status, version) == (400, 1)
    assert "too large" in json.loads(body)["error"]
    assert "stack traces" not in json.loads(body)["error"]
    assert server.window(1, before["sequence"], None).failed == 1


def test_grpc(server: LocalServer) -> None:
    request = messages.PredictRequest(inputs={"x": to_proto(np.array([[1, 2]], np.float32))})
    request.model_spec.name = "m"
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        ask = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.PredictResponse.FromString,
        )
        response, call = ask.with_call(request, timeout=20)
    assert from_proto(response.outputs["y"]).tolist() == [5.0]
    assert dict(call.trailing_metadata())[names.VERSION_HEADER] == "1"


def test_metadata_and_metrics(server: LocalServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    connection.request("GET", "/v1/models/m/metadata")
    signature = json.load(connection.getresponse())["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["x"]["dtype"] == "DT_FLOAT"
    connection.request("GET", "/metrics")
    assert 'jenkins_ml_traffic_weight{model="m",version="1"} 100.0' in connection.getresponse().read().decode()
    connection.close()


# --- versions and traffic --------------------------------------------------------------------------------------------
def test_a_quarter_of_the_traffic(server: LocalServer) -> None:
    server.set_traffic(1, 2, 25, 60)
    assert Counter(server.predict(None, BODY)[1] for _ in range(100)) == {1: 75, 2: 25}
    state = server.state()
    assert (state["traffic"]["canary"], state["traffic"]["weight"]) == (2, 25)
    assert 0 < state["traffic"]["lease_seconds_left"] <= 60


def test_no_request_fails_while_traffic_is_switched(server: LocalServer) -> None:
    stop = threading.Event()
    answers: list[tuple[int, int | None]] = []

    def ask() -> None:
        while not stop.is_set():
            answers.append(server.predict(None, BODY)[:2])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for index in range(60):
        if index % 3 == 2:
            server.set_traffic(2 - index % 2, None, 0, 0)
        else:
            server.set_traffic(1 + index % 2, 2 - index % 2, 50, 60)
    until(lambda: len(answers) > 200)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert {status for status, _ in answers} == {200}
    assert {version for _, version in answers} == {1, 2}


def test_a_lease_that_is_not_renewed_ends(server: LocalServer) -> None:
    server.set_traffic(1, 2, 100, 0.3)
    until(lambda: server.state()["traffic"]["weight"] == 0)
    assert {server.predict(None, BODY)[1] for _ in range(5)} == {1}


def test_requests_that_name_a_version_are_told_from_those_of_users(server: LocalServer) -> None:
    before = {version: server.window(version, 0, None) for version in (1, 2)}
    for version in (1, 2):
        for _ in range(30):
            server.predict(version, BODY)
        window = server.window(version, before[version].sequence, slower_than_ms=0.0, pinned=True)
        assert (window.requests, window.failed, window.nan, window.slow) == (30, 0, 0, 30)
        assert sum(window.latencies) == 30
        assert window.p50_ms is not None
        assert window.p99_ms is not None
        assert 0 < window.p50_ms <= window.p99_ms
        assert server.window(version, before[version].sequence, None, pinned=False).requests == 0
        assert window.predicted == before[version].predicted


def test_predictions_of_users_are_counted(server: LocalServer) -> None:
    server.set_traffic(1, None, 0, 0)
    before = sum(server.window(1, 0, None).predicted)
    for _ in range(7):
        server.predict(None, BODY)
    rows = len(json.loads(BODY)["instances"])
    assert sum(server.window(1, 0, None).predicted) == before + 7 * rows


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("nothing", "cannot be loaded as a SavedModel"),
        ("no-rank", "the number of dimensions of 'any' is not fixed"),
        ("no-signature", "has no signature"),
    ],
)
def test_what_cannot_be_loaded(server: LocalServer, models: Path, folder: str, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        server.load(9, models / folder)
    assert server.state()["versions"]["9"]["state"] == "END"


def test_strings_nan_and_a_second_signature(server: LocalServer, models: Path) -> None:
    server.load(5, models / "text")  # it refuses the empty string that it is warmed up with
    assert predictions(server.predict(5, b'{"instances": ["1.5", "-2"]}')[2]) == [1.5, -2.0]
    assert server.predict(5, b'{"instances": ["nan"]}')[2] == b'{\n    "predictions": [NaN\n    ]\n}'
    assert server.window(5, 0, None).nan == 1
    status, _, body = server.predict(5, b'{"signature_name": "echo", "inputs": ["\\u00e9", {"b64": "/w=="}]}')
    assert status == 200
    assert json.loads(body.decode("latin-1"))["outputs"] == {
        "text": ["\u00c3\u00a9", "\u00ff"],
        "text_bytes": [{"b64": "w6k="}, {"b64": "/w=="}],
    }
    server.unload(5)


def test_unloading(server: LocalServer, models: Path) -> None:
    with pytest.raises(StageFailed, match="version 1 gets traffic"):
        server.unload(1)
    server.unload(2)
    assert server.predict(2, BODY)[0] == 404
    server.load(2, models / "2")
    assert server.predict(2, BODY)[0] == 200


# --- the process -----------------------------------------------------------------------------------------------------
def test_it_is_found(server: LocalServer) -> None:
    found = local_server.find(server.state_file)
    assert found is not None
    assert (found.pid, found.rest_port, found.model) == (server.pid, server.rest_port, "m")
    assert server.state_file.stat().st_mode & 0o777 == 0o600
    assert server.token not in repr(found)
    assert local_server.find(server.state_file.with_name("none.json")) is None


def test_there_is_one_server_for_a_state_file(server: LocalServer, servers: Servers) -> None:
    with pytest.raises(Unavailable, match="runs already"):
        servers.start(server.state_file)
    # Neither does one come up that was started in spite of it.
    log = servers.folder / "second.log"
    arguments = ["--model", "m", "--environment", "production", "--rest-port", "0", "--grpc-port", "0"]
    argv = [sys.executable, "-m", "jenkins_ml.server", *arguments, "--state", str(server.state_file)]
    assert servers.spawn(argv, os.environ, log).wait(60) == Unavailable.exit_code
    assert f"runs already: process {server.pid}" in log.read_text()
    assert server.predict(None, BODY)[0] == 200


@pytest.mark.parametrize("key", ["rest_port", "grpc_port"])
def test_a_port_in_use_is_named(servers: Servers, tmp_path: Path, key: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            servers.start(tmp_path / "server.json", **{key: port})
    assert caught.value.what == f"port {port} is in use"
    assert f"serve.{key}" in caught.value.next_step
    assert local_server.find(tmp_path / "server.json") is None


def test_killed_started_again_and_stopped(servers: Servers, models: Path, tmp_path: Path) -> None:
    state_file = tmp_path / "server.json"
    killed = servers.start(state_file)
    os.kill(killed.pid, signal.SIGKILL)
    servers.processes[-1].wait(20)
    assert state_file.exists()
    assert local_server.find(state_file) is None
    with pytest.raises(Unavailable, match="does not answer"):
        killed.predict(None, BODY)

    again = servers.start(state_file)
    assert again.pid != killed.pid
    again.load(1, models / "1")
    again.set_traffic(1, None, 0, 0)
    statuses: list[int] = []
    refused = threading.Event()

    def ask() -> None:
        try:
            while True:
                statuses.append(again.predict(None, BODY)[0])
        except Unavailable:
            refused.set()

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: len(statuses) > 20)
    again.stop()
    assert servers.processes[-1].wait(20) == 0
    thread.join(20)
    assert refused.is_set()
    assert set(statuses) == {200}
    assert not state_file.exists()
    assert local_server.find(state_file) is None


def test_sigterm_stops_it(servers: Servers, running: LocalServer) -> None:
    """Stands last: it ends the server that the others share."""
    [process] = [process for process in servers.processes if process.pid == running.pid]
    os.kill(running.pid, signal.SIGTERM)
    assert process.wait(20) == 0
    assert not running.state_file.exists()
