"""The scan on what TensorFlow and Keras themselves write: no false alarm, and each kind of code found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins_ml.adapters.artefact_scan import operations, saved_model_reader, scan

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("artefact-scan")]

EXPORTER = Path(__file__).parents[1] / "fakes" / "model_exporter.py"
BAD_KERAS = {
    "lambda": "holds a Lambda layer, which runs Python code from the file (in double)",
    "nested": "holds a Lambda layer, which runs Python code from the file (in double)",
    "named": "holds a Lambda layer",
    "custom": "class mine>Mine, custom code outside Keras",
    "unregistered": "holds the class Unregistered, custom code outside Keras",
    "activation": "holds the function doubled, custom code outside Keras",
}
BAD_SAVED_MODELS = {
    "py_function": "holds the operation EagerPyFunc, which runs Python code",
    "numpy_function": "holds the operation PyFunc, which runs Python code",
    "deep_function": "holds the operation PyFunc, which runs Python code",
    "read_file": "holds the operation ReadFile, which reads or writes files",
    "write_file": "holds the operation WriteFile, which reads or writes files",
    "matching_files": "holds the operation MatchingFiles, which reads or writes files",
    "print_to_file": "holds the operation PrintV2 with the file file:///tmp/x",
    "save": "holds the operation SaveV2, which writes files where it does not save the model's variables",
    "restore": "holds the operation RestoreV2, which reads files where it does not restore the model's variables",
    "table": "fills a table from a file that is none of the model's assets",
    "lines": "holds the operation TextLineDataset, which reads or writes files",
    "as_text": "saved_model.pbtxt could not be scanned: it is a SavedModel as text, which is not read",
}


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artefacts")
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, str(EXPORTER), str(folder)], env=quiet, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def truth(artefacts):
    return json.loads((artefacts / "truth.json").read_text())


def test_no_false_alarm(artefacts, truth):
    for name in truth["good"]:
        for path in (f"{name}.keras", f"{name}.h5"):
            result = scan(artefacts / path)
            assert (result.scanned, result.findings) == ((path,), ())
    for name in [*truth["good"], "good", "lookup", "version_1"]:
        result = scan(artefacts / "saved_models" / name)
        assert (name, result.scanned, result.findings) == (name, ("saved_model.pb",), ())
        assert "fingerprint.pb" in result.skipped or name == "version_1"
    weights = scan(artefacts / "plain.weights.h5")
    assert (weights.scanned, weights.findings) == (("plain.weights.h5",), ())


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("name", BAD_KERAS)
def test_code_in_keras_files(artefacts, name, suffix):
    path = f"{name}.{suffix}"
    result = scan(artefacts / path)
    assert result.scanned == (path,)
    assert BAD_KERAS[name] in result.findings[0].what


@pytest.mark.parametrize("name", BAD_SAVED_MODELS)
def test_code_in_saved_models(artefacts, name):
    result = scan(artefacts / "saved_models" / name)
    assert bool(result.scanned) == (name != "as_text")
    assert any(BAD_SAVED_MODELS[name] in finding.what for finding in result.findings)


@pytest.mark.parametrize(("name", "target"), [("outside", "/etc/passwd"), ("linked", "/elsewhere.h5")])
def test_hdf5_files_that_take_data_from_elsewhere(artefacts, name, target):
    [finding] = scan(artefacts / f"{name}.h5").findings
    assert finding.what == f"{name}.h5 takes data from the file {target}, outside itself"


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9])
def test_damaged_hdf5_files(artefacts, tmp_path, keep):
    content = (artefacts / "lambda.h5").read_bytes()
    (tmp_path / "m.h5").write_bytes(content[: int(len(content) * keep)])
    result = scan(tmp_path / "m.h5")
    assert result.scanned == ()
    [finding] = result.findings
    assert finding.what == "m.h5 could not be scanned: it is not what an HDF5 file looks like"


def test_the_list_of_operations_is_that_of_tensorflow(truth):
    assert set(truth["operations"]) - operations.known() == set(), "make tensorflow_ops.txt again; it says how"


def test_the_graphs_are_those_that_tensorflow_reads(artefacts, truth):
    for name, wanted in truth["graphs"].items():
        [graph] = saved_model_reader.read((artefacts / "saved_models" / name / "saved_model.pb").read_bytes())
        assert [[node.name, node.op, list(node.inputs)] for node in graph.nodes.values()] == wanted["nodes"]
        functions = {
            f.name: [list(f.arguments), [[n.name, n.op, list(n.inputs)] for n in f.nodes]] for f in graph.functions
        }
        assert functions == wanted["functions"]
        saver = [saved_model_reader.node_of(each) for each in wanted["saver"]]
        assert [graph.filename, graph.save, graph.restore] == saver
        assert {saved_model_reader.node_of(each) for each in wanted["outputs"]} <= graph.roots
        assert graph.assets == {saved_model_reader.node_of(each) for each in wanted["assets"]}
        assert {key: list(value) for key, value in graph.bound.items()} == wanted["bound"]
        kinds = [kind == saved_model_reader.ASSET_KIND for kind in graph.kinds]
        assert kinds == [kind == "asset" for kind in wanted["kinds"]]


def test_the_examples_model_is_clean(artefacts):
    """What Keras writes holds nothing but what is scanned or known as data."""
    result = scan(artefacts / "saved_models" / "plain")
    assert {Path(path).name for path in result.skipped} == {
        "fingerprint.pb",
        "variables.index",
        "variables.data-00000-of-00001",
    }
