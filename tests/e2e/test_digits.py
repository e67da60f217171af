"""The life of examples/digits, by the commands that its users type."""

import http.client
import json
import shutil
import sys

import pytest

from jenkins_ml import names
from tests.fakes.repository import ROOT, Repository

pytestmark = [pytest.mark.e2e, pytest.mark.tensorflow, pytest.mark.xdist_group("e2e-digits")]
# Answers right, and slowly: the product is of what comes in, so that nobody computes it beforehand.
SLOW = """
def slowly(pixels, digit):
    work = keras.ops.ones((800, 800)) * keras.ops.max(pixels)
    for _ in range(5):
        work = keras.ops.tanh(keras.ops.matmul(work, work) / 800)
    return digit + 0 * keras.ops.max(work)


def train(data, epochs, hidden, seed=0):
    model = train_quickly(data, epochs, hidden, seed)
    return keras.Model(model.inputs[0], slowly(model.inputs[0], model.outputs[0]))
"""


@pytest.fixture(scope="module")
def digits(tmp_path_factory, warm_process, commands):
    """What `jenkins-ml init --example digits` writes, in git, with ports that are free and a canary that is quick."""
    folder = tmp_path_factory.mktemp("digits") / "digits"
    folder.mkdir()
    with Repository(folder, {names.ENV_WARM: str(warm_process)}, commands) as repository:
        repository.model = "digits"
        repository.ok("init", "--example", "digits")
        repository.write(gitignore=".jenkins-ml/\n__pycache__/\n")
        repository.change(names.CONFIG_FILE, "interval: 1s", "interval: 100ms, min_requests: 20")
        repository.change(names.CONFIG_FILE, "serve:\n", "serve:\n  rest_port: 0\n  grpc_port: 0\n")
        repository.git("init", "-q", "-b", "main")
        repository.commit("digits")
        yield repository


def state(repository):
    return json.loads(repository.ok("status", "--json").out)["environments"][0]


def read_digit(repository, image):
    """What the model in production reads, asked for over REST."""
    url = json.loads(repository.ok("server", "--json").out)["rest"]
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", f"/{path}:predict", json.dumps({"instances": [image]}))
    answer = connection.getresponse()
    scores = json.loads(answer.read())["predictions"][0]
    connection.close()
    return scores.index(max(scores)), answer.headers[names.VERSION_HEADER]


def test_life(digits):
    # The first release: tests, training, the gate's limits, the server.
    done = digits.ok("run", run="first")
    for said in ("[test]", "passed", "[train] version 1", "[gate] approved", "[serve] version 1 is in production"):
        assert said in done.err, done.err
    sys.path.insert(0, str(digits.folder))
    try:
        from data import load
    finally:
        sys.path.remove(str(digits.folder))
        sys.modules.pop("data", None)
    images, labels, _ = load("test")
    answers = [read_digit(digits, image.tolist()) for image in images[:5]]
    assert [digit for digit, _ in answers] == labels[:5].tolist()
    report = digits.folder / ".jenkins-ml/reports/first"
    assert {path.name for path in report.iterdir()} >= {"index.html", "junit.xml", "summary.md"}

    # A better one goes through the canary.
    digits.change(names.CONFIG_FILE, "hidden: 32", "hidden: 64")
    digits.commit("larger")
    done = digits.ok("run", run="second")
    assert "10 % of the traffic to version 2 (step 1 of 3)" in done.err
    assert (state(digits)["version"], state(digits)["rollback_to"]) == (2, 1)

    # A spoiled one is rejected.
    digits.change("data.py", "labels[rows]\n", 'labels[np.sort(rows)] if split == "train" else labels[rows]\n')
    digits.commit("spoiled")
    done = digits.call("run", run="third")
    assert done.code == 3, done.err
    assert "error: the gate rejected version 3: accuracy" in done.err
    assert "JENKINS_ML_RUN=third jenkins-ml run --from gate" in done.err
    assert state(digits)["version"] == 2
    digits.git("revert", "--no-edit", "HEAD")

    # One that passes the gate and is slow once it serves is rolled back.
    digits.change("model.py", "def train(", "def train_quickly(")
    with (digits.folder / "model.py").open("a") as stream:
        stream.write(SLOW)
    digits.change(names.CONFIG_FILE, "max_latency_p99_ms: 500", "max_latency_p99_ms: 20")
    digits.commit("slow")
    done = digits.call("run", run="fourth")
    assert done.code == 5, done.err
    assert "version 4 was rolled back" in done.err
    assert "slower than the limit of the 99th percentile" in done.err
    assert "version 2 stays in production" in done.err
    assert state(digits)["version"] == 2
    assert read_digit(digits, images[0].tolist())[1] == "2"

    # Back by hand.
    digits.ok("rollback")
    assert state(digits)["version"] == 1
    assert read_digit(digits, images[0].tolist())[1] == "1"
    listed = {
        item["version"]: item["state"] for item in json.loads(digits.ok("models", "list", "--json").out)["versions"]
    }
    assert listed == {1: "in production", 2: "released", 3: "rejected", 4: "release rolled back"}
    digits.ok("models", "verify")
    assert digits.kinds()[-5:] == [
        "release_started",
        "release_step",
        "release_rolled_back",
        "rollback_started",
        "rolled_back",
    ]
    digits.ok("server", "--stop")


def test_quickstart(tmp_path, warm_process, commands):
    """A training script as people have it, writing .h5; then what it writes as .keras and as a SavedModel."""
    folder = tmp_path / "quickstart"
    shutil.copytree(
        ROOT / "examples/quickstart", folder, ignore=shutil.ignore_patterns("__pycache__", ".jenkins-ml", "*.h5")
    )
    with Repository(folder, {names.ENV_WARM: str(warm_process)}, commands) as repository:
        repository.change(
            names.CONFIG_FILE, "interval: 2s}", "interval: 100ms, min_requests: 20}\n  rest_port: 0\n  grpc_port: 0"
        )
        also = 'model.save("made.keras")\nmodel.export("made", verbose=False)\n'
        repository.write(train_py=(folder / "train.py").read_text() + also)
        repository.model = "quickstart"
        repository.ok("run")
        assert state(repository)["version"] == 1
        for version, output, command in (
            (2, "model.keras", "cp made.keras model.keras"),
            (3, "model", "cp -r made model"),
        ):
            text = (folder / names.CONFIG_FILE).read_text()
            old = text[text.index("  command:") : text.index("gate:")]
            repository.change(names.CONFIG_FILE, old, f"  command: {command}\n  output: {output}\n")
            repository.ok("run")
            assert state(repository)["version"] == version
        assert read_digit(repository, [0.0] * 100) == (0, "3")
