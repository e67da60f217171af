"""Our server in a container that may do next to nothing, with a real model: the image of docs/images.md, and a release of it."""

import contextlib
import dataclasses
import json
import time
import urllib.error
import urllib.request
import uuid

import grpc
import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.adapters import files, images
from jenkins_ml.config.serve import Image, Server
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.records import VersionRef, digest, encode
from jenkins_ml.server import messages
from jenkins_ml.server.tensors import from_proto, to_proto
from tests.fakes import saved_models
from tests.fakes.docker_site import image, predict, site_of
from tests.fakes.versions import servable

pytestmark = [pytest.mark.docker, pytest.mark.tensorflow, pytest.mark.xdist_group("docker")]
STRICT = {
    "read_only": True,
    "tmpfs": {"/tmp": ""},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}


@pytest.fixture(scope="module")
def base(docker_engine):
    """The server's image, as the page says to make one."""
    name = f"jenkins-ml-tests/our-server-{uuid.uuid4().hex[:8]}:local"
    entry = 'USER 65534\nENTRYPOINT ["python3", "-m", "jenkins_ml.server.standalone"]'
    image(docker_engine, name, entry, base=docker_engine.python)
    yield name
    docker_engine.client.images.remove(name, force=True)


@pytest.fixture
def built(docker_engine, base, tmp_path):
    """Builds an image of version 3 with these files inside; it is taken away at the end."""
    config = Image(repository=f"jenkins-ml-tests/inside-{uuid.uuid4().hex[:8]}", push=False)

    def build(folder):
        wanted = servable(3, folder)
        manifest = dataclasses.replace(wanted.manifest, files=files.describe(folder))
        reference = VersionRef(version=3, manifest_digest=digest(encode(manifest)))
        wanted = dataclasses.replace(wanted, manifest=manifest, reference=reference)
        server = Server(image=base, kind="jenkins-ml")
        return images.ensure(docker_engine.client, config=config, server=server, model="m", servable=wanted).id

    yield build
    docker_engine.client.images.remove(f"{config.repository}:3", force=True)


@contextlib.contextmanager
def container(docker_engine, image, *arguments):
    made = docker_engine.client.containers.run(image, arguments, detach=True, **STRICT)
    try:
        yield made
    finally:
        made.remove(force=True)


def address(made):
    made.reload()
    return made.attrs["NetworkSettings"]["IPAddress"]


def log(made):
    return made.logs().decode()


def test_it_answers_over_both_interfaces_and_ends_when_it_is_told(docker_engine, built, tmp_path):
    saved_models.save({tmp_path / "model": 100.0})
    with container(docker_engine, built(tmp_path / "model")) as made:
        rest = f"http://{address(made)}:8501"
        for _ in range(600):
            made.reload()
            assert made.status == "running", log(made)
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{rest}/v1/models/m/versions/3/metadata", timeout=60).close()
                break
            time.sleep(0.2)
        body = json.dumps({"instances": [[1.0, 2.0]]}).encode()
        with urllib.request.urlopen(f"{rest}/v1/models/m:predict", body, timeout=60) as answer:
            assert answer.headers[names.VERSION_HEADER] == "3"
            assert json.load(answer) == {"predictions": [105.0]}
        with grpc.insecure_channel(f"{address(made)}:8500") as channel:
            predict = channel.unary_unary(
                "/tensorflow.serving.PredictionService/Predict",
                request_serializer=messages.PredictRequest.SerializeToString,
                response_deserializer=messages.PredictResponse.FromString,
            )
            request = messages.PredictRequest(model_spec={"name": "m"})
            request.inputs["x"].CopyFrom(to_proto(np.array([[1, 2]], np.float32)))
            assert from_proto(predict(request, timeout=60).outputs["y"]).tolist() == [105.0]
        with urllib.request.urlopen(f"{rest}/metrics", timeout=60) as answer:
            assert f'{names.METRIC_REQUESTS}{{code="OK",model="m",version="3"}} 2.0' in answer.read().decode()
        made.stop(timeout=60)
        assert made.wait()["StatusCode"] == 0
        assert log(made).endswith("INFO stopping\n")


def test_a_model_that_cannot_be_loaded_ends_it_and_says_why_in_one_line(docker_engine, built, tmp_path):
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "saved_model.pb").write_bytes(b"torn")
    with container(docker_engine, built(tmp_path / "torn")) as made:
        assert made.wait(timeout=300)["StatusCode"] == 7
        assert "/models/m/3 cannot be loaded as a SavedModel" in log(made).splitlines()[-1]


def test_an_argument_that_it_cannot_follow(docker_engine, built, tmp_path):
    (tmp_path / "any").mkdir()
    (tmp_path / "any" / "saved_model.pb").write_bytes(b"")
    with container(docker_engine, built(tmp_path / "any"), "--enable_batching") as made:
        assert made.wait(timeout=300)["StatusCode"] == 2
        assert log(made).startswith("--enable_batching has no meaning for this server; ")


def test_released_it_says_what_users_asked_it_to_the_deployer_and_nobody_else(docker_engine, base, tmp_path):
    folder = tmp_path / "model"
    saved_models.save({folder: 100.0})
    reference = Reference()
    values = np.random.default_rng(1).normal(size=(100, 2))
    reference.add({"x": values.astype(np.float32)}, values @ [1.0, 2.0] + 100)
    (folder / names.REFERENCE).parent.mkdir()
    (folder / names.REFERENCE).write_bytes(encode(reference.summary()))
    asked = json.dumps({"instances": values[:40].tolist()}).encode()
    with site_of(docker_engine, tmp_path) as site:
        server = {"image": base, "kind": "jenkins-ml", "arguments": ["--log_format=ecs"]}
        target = site.target(server=server, ready_timeout="5m")
        wanted = servable(3, path=folder, model=site.model)
        manifest = dataclasses.replace(wanted.manifest, files=files.describe(folder))
        with target.hold("the first release"):
            target.start()
            target.load(dataclasses.replace(wanted, manifest=manifest, release=8))
            target.route(3, None, 0)
        url = target.serving().rest
        assert predict(url, asked)[0] == 200
        assert target.ask(3, asked, 30).status == 200, "what a deployer replays is not counted"
        [told] = site.target(server=server).summaries(3)
        assert told.summary.rows == 40
        assert [column.name for column in told.summary.inputs] == ["x[0]", "x[1]"]
        for path, body in ((names.SUMMARY_PATH, None), (f"{names.SAMPLE_PATH}?percent=1", b"")):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(url.partition("/v1/")[0] + path, body, timeout=30)
        # Who restarts is another server: it has counted nothing yet.
        site.container(3).restart()
        ends = time.monotonic() + 300
        while target.ask(3, asked, 30).status != 200:
            assert time.monotonic() < ends
            time.sleep(0.2)
        [anew] = target.summaries(3)
        assert (anew.server, anew.summary.rows) == (told.server, 0)
        assert anew.since > told.since

        lines = [json.loads(line) for line in log(site.container(3)).splitlines() if line.startswith("{")]
        [line, *_] = [each for each in lines if each["event"]["dataset"] == "jenkins_ml.requests"]
        assert line["service"] == {"name": site.model, "environment": "production", "version": "3"}
        assert line["labels"] == {"run": "r", "commit": "c" * 40, "build": "me", "release": "8"}
