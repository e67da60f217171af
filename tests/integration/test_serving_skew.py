"""What is served against what was trained: real Keras models, exported well and badly, asked in the real server."""

import contextlib
import os
import shutil
import signal
import time

import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.adapters import checked_server, local_server, serving_check
from jenkins_ml.adapters.serving_look import Subject
from jenkins_ml.config.model_checks import Latency, Serving
from jenkins_ml.errors import Unavailable
from tests.fakes.repository import DATA, MODEL, ROOT, processes_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("serving-skew")]
SERVER = Serving(check="server")
IMPORTS = "import keras\nimport numpy as np\nimport tensorflow as tf\n"
DROPOUT = """
class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, activation="sigmoid")
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, x, training=True):
        return self.dense(self.dropout(x, training=training))

def train(data):
    model = Model()
    model(data[0], training=False)
    model.dense.set_weights([np.ones((4, 1), "float32"), np.array([-6.0], "float32")])
    return model
"""
PREPROCESSED = """
class Model(keras.Model):
    def __init__(self):
        super().__init__()
        inputs = keras.Input((4,), name="x")
        self.inner = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))

    def call(self, x):
        return self.inner((x - 1.5) / 2.0)

    def export(self, path, **options):
        self.inner.export(path, **options)

def train(data):
    model = Model()
    model(data[0])
    return model
"""
# Every output of the export is half the model's.
SCALED = """
def train(data):
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))

    def export(path, **options):
        archive = keras.export.ExportArchive()
        archive.track(model)
        spec = [tf.TensorSpec([None, 4], tf.float32, name="x")]
        archive.add_endpoint("serve", lambda x: {"score": 0.5 * model(x)}, input_signature=spec)
        archive.write_out(path, verbose=False)

    model.export = export
    return model
"""
# The server warms a version up with zeros, for which this one never ends.
FOREVER = "tf.while_loop(lambda i: tf.reduce_all(x == 0.0), lambda i: [i + 1.0], [0.0])[0]"
HANGING = SCALED.replace("0.5 * model(x)", f"model(x) + 0.0 * {FOREVER}")
FIXED = MODEL.replace('keras.Input((4,), name="x")', 'keras.Input(batch_shape=(7, 4), name="x")')
TEXT_DATA = """
import numpy as np

def load(split):
    labels = np.arange(40) % 2
    return {"word": np.array(["no \\u00fc", "yes"])[labels], "n": labels.astype("int64")[:, None]}, labels
"""
TEXT = """
def train(data):
    word, n = keras.Input((), dtype="string", name="word"), keras.Input((1,), dtype="int64", name="n")
    ones = keras.layers.StringLookup(vocabulary=["yes"], num_oov_indices=1, output_mode="one_hot")(word)
    dense = keras.layers.Dense(1, activation="sigmoid")
    both = keras.layers.Concatenate()([ones, keras.ops.cast(n, "float32")])
    model = keras.Model({"word": word, "n": n}, {"score": dense(both), "twice": 2 * dense(both)})

    def export(path, **options):
        archive = keras.export.ExportArchive()
        archive.track(model)
        spec = {"word": tf.TensorSpec([None], tf.string, name="word"), "n": tf.TensorSpec([None, 1], tf.int64, name="n")}
        archive.add_endpoint("serve", lambda batch: {"score": model(batch)["score"]}, input_signature=[spec])
        archive.write_out(path, verbose=False)

    model.export = export
    return model
"""


@pytest.fixture
def subject(tmp_path, repository_factory, warm_process, monkeypatch):
    """Trains a model and answers what is to be looked at; servers are forked from the warm process."""
    monkeypatch.setenv(names.ENV_WARM, str(warm_process))

    def train(model, data=DATA):
        repository = repository_factory(tmp_path / "project", model_py=IMPORTS + model, data_py=data)
        repository.ok("train", run="first")
        manifest, _ = repository.store.manifest(1)
        return Subject(
            model="tiny",
            version=1,
            path=repository.store.path(1),
            signature=manifest.signature,
            predictions=repository.store.predictions(manifest.artefact_digest, manifest.lineage.data_digest),
        )

    return train


def outcomes(conditions):
    for condition in conditions:
        print(condition.outcome, condition.name, condition.reason)
    return {condition.kind: condition.outcome for condition in conditions}


GOOD = {"exported_answers": "passed", "serving_loads": "passed", "serving_answers": "passed"}
SKEWED = {"exported_answers": "failed", "serving_loads": "passed", "serving_answers": "failed"}


@pytest.mark.parametrize(("model", "data"), [(MODEL, DATA), (FIXED, DATA), (TEXT, TEXT_DATA)])
def test_a_good_model_passes(subject, model, data):
    assert outcomes(serving_check.check(SERVER, Latency(p99_ms=1e6), subject(model, data))) == {
        **GOOD,
        "latency_p99": "passed",
    }


def test_without_a_warm_process(subject, monkeypatch):
    good = subject(MODEL)
    monkeypatch.delenv(names.ENV_WARM)
    assert outcomes(serving_check.check(SERVER, None, good)) == GOOD


@pytest.mark.parametrize("model", [DROPOUT, PREPROCESSED, SCALED])
def test_what_differs_from_the_trained_model_is_caught(subject, model):
    conditions = serving_check.check(SERVER, None, subject(model))
    assert outcomes(conditions) == SKEWED
    for condition in conditions:
        assert condition.outcome == "passed" or "of 64 examples are off by too much" in condition.reason


def test_what_was_a_saved_model_has_no_trained_one_to_ask(subject, tmp_path, repository_factory):
    good = subject(MODEL)
    shutil.copytree(good.path, tmp_path / "made", ignore=shutil.ignore_patterns(names.MANIFEST))
    with repository_factory(tmp_path / "other") as repository:
        repository.change(
            names.CONFIG_FILE, 'train: {entrypoint: "model:train"}', f"train: {{command: cp -r {tmp_path}/made m, output: m}}"
        )  # fmt: skip
        repository.ok("train")
        manifest, _ = repository.store.manifest(1)
        predictions = repository.store.predictions(manifest.artefact_digest, manifest.lineage.data_digest)
    other = Subject(model="tiny", version=1, path=good.path, signature=good.signature, predictions=predictions)
    conditions = serving_check.check(SERVER, None, other)
    assert outcomes(conditions) == {**GOOD, "exported_answers": "skipped"}
    assert all("it was a SavedModel" in conditions[index].reason for index in (0, 2))


def test_what_cannot_be_loaded_is_named(subject, tmp_path):
    good = subject(MODEL)
    broken = tmp_path / "broken"
    shutil.copytree(good.path, broken)
    (broken / "saved_model.pb").write_bytes(b"broken")
    subject = Subject(model="tiny", version=1, path=broken, signature=good.signature, predictions=good.predictions)
    *_, loads = serving_check.check(SERVER, None, subject)
    assert (loads.kind, loads.outcome, loads.candidate) == ("serving_loads", "failed", 1.0)
    assert f"the server cannot load it: {broken} cannot be loaded as a SavedModel" in loads.reason


def test_a_load_that_hangs_ends_at_its_deadline(subject):
    hanging = subject(HANGING)
    began = time.monotonic()
    *_, loads = serving_check.check(Serving.model_validate({"check": "server", "timeout": "6s"}), None, hanging)
    assert (loads.kind, loads.outcome) == ("serving_loads", "failed")
    assert loads.reason == "the server had not loaded it when the time was over (gate.serving.timeout)"
    assert time.monotonic() - began < 60  # and not the minutes that a server may otherwise take


def test_a_server_that_is_killed_is_started_again(subject):
    killed = []

    @contextlib.contextmanager
    def start(model, seconds):
        with checked_server.started(model, seconds) as server:
            if not killed:
                killed.append(server.process.pid)
                os.kill(server.process.pid, signal.SIGKILL)
            yield server

    conditions = serving_check.check(SERVER, None, subject(MODEL), start=start)
    assert outcomes(conditions) == GOOD
    assert conditions[1].candidate == 2.0


def test_a_server_that_cannot_start_tells_why(subject, monkeypatch, tmp_path):
    """Nothing is decided then: the machine lacks something, not the model."""
    good = subject(MODEL)
    monkeypatch.delenv(names.ENV_WARM)
    (tmp_path / "without" / "tensorflow").mkdir(parents=True)
    (tmp_path / "without" / "tensorflow" / "__init__.py").write_text('raise ImportError("left out")')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "without"), str(ROOT))))
    with pytest.raises(Unavailable, match="TensorFlow cannot be imported: left out") as caught:
        serving_check.check(SERVER, None, good)
    assert "gate.serving.check: export" in caught.value.next_step
    assert str(tmp_path) not in str(caught.value)


def test_no_server_is_left(subject, monkeypatch):
    started = []
    real = local_server.read
    monkeypatch.setattr(
        "jenkins_ml.adapters.server_process.read", lambda file: started.append(real(file)) or started[-1]
    )
    assert outcomes(serving_check.check(SERVER, None, subject(MODEL))) == GOOD
    [server] = {server.pid: server for server in started if server}.values()
    assert not local_server.alive(server.state_file)
    assert server.pid not in processes_in(server.state_file.parent)


def test_what_is_recorded(subject):
    with np.load(subject(MODEL).predictions, allow_pickle=False) as arrays:
        kept = {name: (arrays[name].dtype.name, arrays[name].shape) for name in arrays.files}
    assert kept == {
        "labels": ("int64", (64,)),
        "predictions": ("float32", (64, 1)),
        "replay/x": ("float32", (64, 4)),
        "exported/output_0": ("float32", (64, 1)),
        "trained/output_0": ("float32", (64, 1)),
    }
