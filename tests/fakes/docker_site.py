"""One environment on a real Docker engine, with stand-ins of model servers in its containers, for tests of releases."""

import contextlib
import dataclasses
import io
import json
import tarfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from pathlib import Path

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.adapters.docker.target import DockerTarget
from jenkins_ml.adapters.target import Golden
from jenkins_ml.config.serve import Serve
from tests.fakes.versions import servable

MODEL_SERVER = Path(__file__).with_name("model_server.py")
SERVER = "jenkins-ml-tests/model-server:local"
GOLDEN = Golden(
    body=b'{"instances": [1.0]}',
    check=lambda body: None if json.loads(body)["predictions"] == [1.0] else f"it predicts {body.decode()}",
)


def image_of_model_server(engine):
    """The image whose containers run the stand-in, with TensorFlow Serving's command line."""
    return image(engine, SERVER, 'COPY server.py /\nENTRYPOINT ["python3", "/server.py"]')


def image(engine, name, instructions, base=None):
    """An image made of the base and some instructions; server.py is the stand-in."""
    archive = io.BytesIO()
    dockerfile = f"FROM {engine.image(base or engine.base)}\n{instructions}\n"
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for file, data in (("Dockerfile", dockerfile.encode()), ("server.py", MODEL_SERVER.read_bytes())):
            member = tarfile.TarInfo(file)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    archive.seek(0)
    engine.client.images.build(fileobj=archive, custom_context=True, tag=name, rm=True, network_mode="none")
    return name


class Site:
    """`client` is the administrator's; `said` is what the targets told of their progress."""

    def __init__(self, engine, folder):
        self.engine, self.client, self.folder = engine, engine.client, folder
        self.model = f"m{uuid.uuid4().hex[:8]}"
        self.said = []

    def serve(self, server=None, canary=None, image=None, **docker):
        section = {
            "target": "docker",
            "rest_port": 0,
            "grpc_port": 0,
            "server": {"image": SERVER, **(server or {})},
            "canary": {"steps": (5, 50, 100), "interval": "1s", **(canary or {})},
            "docker": {
                "host": self.engine.address,
                "proxy_image": self.engine.proxy,
                "ready_timeout": "20s",
                **docker,
            },
        }
        if image is not None:
            section["image"] = image
        return Serve.model_validate(section)

    def target(self, environment="production", **section):
        return DockerTarget(self.model, environment, self.serve(**section), self.said.append)

    def version(self, number, golden=GOLDEN, digest="f", **behaviour):
        """A version that behaves as model_server.py says."""
        folder = self.folder / f"{number}-{uuid.uuid4().hex[:8]}"
        (folder / "variables").mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"graph")
        (folder / "variables" / "v.data").write_bytes(b"x" * 100_000)
        (folder / "behaviour.json").write_text(json.dumps(behaviour))
        wanted = servable(number, path=folder, golden=golden, model=self.model, digest=digest)
        return dataclasses.replace(wanted, manifest=dataclasses.replace(wanted.manifest, files=files.describe(folder)))

    def container(self, version):
        [found] = self._containers(f"{names.LABEL_VERSION}={version}")
        return found

    def proxy(self):
        [found] = self._containers(f"{names.LABEL_ROLE}=proxy")
        return found

    def _containers(self, label):
        labels = [f"{names.LABEL_MODEL}={self.model}", label]
        return self.client.containers.list(all=True, filters={"label": labels})

    def behave(self, version, **behaviour):
        """Change how a version behaves while it runs."""
        script = (
            "import sys, urllib.request as r; "
            "r.urlopen('http://127.0.0.1:8501/behaviour', sys.argv[1].encode(), timeout=10).close()"
        )
        done = self.container(version).exec_run(["python3", "-c", script, json.dumps(behaviour)])
        assert done.exit_code == 0, done.output

    def made(self):
        """Everything of ours on the engine."""
        labelled = {"label": f"{names.LABEL_MODEL}={self.model}"}
        return [
            *(each.name for each in self.client.containers.list(all=True, filters=labelled)),
            *(each.name for each in self.client.networks.list(filters=labelled)),
            *(each.name for each in self.client.volumes.list(filters=labelled)),
        ]

    def clear(self):
        labelled = {"label": f"{names.LABEL_MODEL}={self.model}"}
        for container in self.client.containers.list(all=True, filters=labelled, ignore_removed=True):
            container.remove(force=True, v=True)
        for each in (*self.client.networks.list(filters=labelled), *self.client.volumes.list(filters=labelled)):
            each.remove()


def predict(url, body=b'{"instances": [1.0]}', version=None):
    """A user's request; answers the status and the body."""
    pinned = "" if version is None else f"/versions/{version}"
    request = urllib.request.Request(f"{url}{pinned}:predict", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class Users:
    """Ask for predictions from some threads, at a steady rate, until the end of the block.

    `answers` by status, and the different `bodies`.
    """

    def __init__(self, url, rate=200, threads=4, body=b'{"instances": [1.0]}'):
        self.url, self.pause, self.count, self.body = url, threads / rate, threads, body
        self.answers, self.bodies = Counter(), set()
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def _ask(self):
        due = time.monotonic()
        while not self._ended.is_set():
            try:
                status, body = predict(self.url, self.body)
            except OSError as error:
                status, body = str(error), b""
            with self._lock:
                self.answers[status] += 1
                self.bodies.add(body)
            due += self.pause
            self._ended.wait(max(0.0, due - time.monotonic()))

    def __enter__(self):
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def site_of(engine, folder):
    here = Site(engine, folder)
    try:
        yield here
    finally:
        here.clear()
