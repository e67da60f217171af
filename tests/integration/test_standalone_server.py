"""Our server as the process of a container, with TensorFlow and a SavedModel, outside of one."""

import json
import re
import signal
import subprocess
import sys
import urllib.request

import grpc
import numpy as np
import pytest

from jenkins_ml.server import messages
from jenkins_ml.server.tensors import from_proto, to_proto
from tests.fakes import saved_models

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    saved_models.save({folder / "3": 100.0})
    (folder / "4").mkdir()
    (folder / "4" / "saved_model.pb").write_bytes(b"torn")
    return folder


def start(base, *arguments):
    command = [sys.executable, "-m", "jenkins_ml.server.standalone", "--model_name", "m", "--model_base_path", base]
    ports = ["--address", "127.0.0.1", "--port", "0", "--rest_api_port", "0"]
    return subprocess.Popen([*map(str, command), *ports, *arguments], stderr=subprocess.PIPE, text=True)


def test_it_serves_over_both_interfaces_and_says_little(base):
    with start(base, "--version", "3") as process:
        line = process.stderr.readline()
        rest, grpc_port = map(int, re.findall(r"on port (\d+)", line))
        while process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{rest}/v1/models/m/versions/3/metadata", timeout=60).close()
                break
            except urllib.error.HTTPError as error:
                error.close()
        body = json.dumps({"instances": [[1.0, 2.0]]}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{rest}/v1/models/m:predict", body, timeout=60) as answer:
            assert json.load(answer) == {"predictions": [105.0]}
        with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
            predict = channel.unary_unary(
                "/tensorflow.serving.PredictionService/Predict",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=messages.PredictResponse.FromString,
            )
            request = messages.PredictRequest(model_spec={"name": "m"})
            request.inputs["x"].CopyFrom(to_proto(np.array([[1, 2]], np.float32)))
            assert from_proto(predict(request, timeout=60).outputs["y"]).tolist() == [105.0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        log = [line, *process.stderr]
    assert [re.sub(r"^\S+ \S+ ", "", each.strip()) for each in log[1:]] == [
        "INFO version 3 is available",
        "INFO traffic: stable 3, canary None with 0 %",
        "INFO stopping",
    ]


def test_a_version_that_cannot_be_loaded_ends_it_with_one_line(base):
    with start(base, "--version", "4") as process:
        assert process.wait(120) == 7
        [loading, line] = process.stderr.readlines()
    assert "loading version 4 of m" in loading
    assert re.fullmatch(r"\S+/4 cannot be loaded as a SavedModel: .+; train it again.*\n", line)
