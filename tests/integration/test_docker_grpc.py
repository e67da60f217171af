"""Our own server in containers behind the proxy: gRPC requests are balanced one by one, and no switch fails one."""

import dataclasses
import json
import threading
from collections import Counter

import grpc
import numpy as np
import pytest

from jenkins_ml.adapters import files
from jenkins_ml.adapters.target import Golden
from jenkins_ml.server import messages
from jenkins_ml.server.tensors import to_proto
from tests.fakes import saved_models
from tests.fakes.docker_site import image, predict, site_of
from tests.fakes.versions import servable

pytestmark = [pytest.mark.docker, pytest.mark.tensorflow, pytest.mark.xdist_group("docker")]
IMAGE = "jenkins-ml-tests/standalone:local"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of two versions, that add 0 and 100 to 2 x."""
    folder = tmp_path_factory.mktemp("models")
    paths = {folder / "1": 0, folder / "2": 100}
    saved_models.save(paths)
    return {1: folder / "1", 2: folder / "2"}


def version(site, models, number):
    golden = Golden(body=b'{"instances": [[1, 2]]}', check=lambda body: None if b"5.0" in body else body.decode())
    wanted = servable(number, path=models[number], golden=golden if number == 1 else None, model=site.model)
    return dataclasses.replace(
        wanted, manifest=dataclasses.replace(wanted.manifest, files=files.describe(models[number]))
    )


def ask(channel, model, version=None):
    """What is predicted, or the status."""
    request = messages.PredictRequest()
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    request.inputs["x"].CopyFrom(to_proto(np.array([[1, 2]], np.float32)))
    predict = channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        request_serializer=messages.PredictRequest.SerializeToString,
        response_deserializer=messages.PredictResponse.FromString,
    )
    try:
        return predict(request, timeout=20).outputs["y"].float_val[0]
    except grpc.RpcError as error:
        return error.code().name


class GrpcUser:
    """Asks over one connection until the end of the block; `answered` by what was predicted, or the status."""

    def __init__(self, address, model):
        self.address, self.model, self.answered, self._ended = address, model, Counter(), threading.Event()

    def _ask(self):
        with grpc.insecure_channel(self.address) as channel:
            while not self._ended.is_set():
                self.answered[ask(channel, self.model)] += 1

    def __enter__(self):
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def more(self, count):
        before = self.answered.total()
        while self.answered.total() < before + count:
            self._ended.wait(0.05)


def test_grpc_requests_of_one_connection_are_split(docker_engine, tmp_path, models):
    image(
        docker_engine,
        IMAGE,
        'ENTRYPOINT ["python3", "-m", "jenkins_ml.server.standalone"]',
        base=docker_engine.python,
    )
    with site_of(docker_engine, tmp_path) as site:
        target = site.target(server={"image": IMAGE, "kind": "jenkins-ml"}, ready_timeout="3m")
        target.start()
        target.load(version(site, models, 1))
        target.route(1, None, 0)
        serving = target.serving()
        with GrpcUser(serving.grpc, site.model) as user:
            user.more(20)
            target.load(version(site, models, 2))
            target.seen(1), target.seen(2)
            target.route(1, 2, 50)
            user.more(200)
            seen = target.seen(2)
            with grpc.insecure_channel(serving.grpc) as channel:
                named = {number: {ask(channel, site.model, number) for _ in range(10)} for number in (1, 2, 9)}
            target.route(2, None, 0)
            user.more(20)
            target.unload(1)
            user.more(20)
        assert user.answered.keys() == {5.0, 105.0}
        assert named == {1: {5.0}, 2: {105.0}, 9: {"NOT_FOUND"}}
        assert seen.failed == 0
        assert seen.requests > 80
        assert sum(seen.latencies) == seen.requests
        assert json.loads(predict(target.serving().rest, b'{"instances": [[1, 2]]}')[1])["predictions"] == [105.0]
        target.destroy()
    assert site.made() == []
