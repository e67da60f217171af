"""What is recorded of the trained model, by models that only look like Keras'."""

from types import SimpleNamespace

import numpy as np
import pytest

from jenkins_ml.adapters import recorded, trained_answers
from jenkins_ml.records import Signature
from tests.fakes.model import FLOATS, specs

X = np.arange(200.0, dtype=np.float32).reshape(100, 2)


def model(answer, *shapes, built=True):
    class Model:
        def __init__(self):
            self.built = built
            self.inputs = [SimpleNamespace(shape=shape) for shape in shapes]

        def __call__(self, batch, training):
            assert training is False
            return answer(batch)

    return Model()


def names(arrays):
    return sorted(arrays)


def test_only_the_first_examples_are_asked_about():
    found = trained_answers.ask(model(lambda batch: batch[:, 0]), {"": X})
    assert found["output_0"].tolist() == X[: trained_answers.EXAMPLES, 0].tolist()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda x: x, ["output_0"]),
        (lambda x: [x, x], ["output_0", "output_1"]),
        (lambda x: {"b": x, "a": x}, ["a", "b"]),
    ],
)
def test_outputs_are_named_as_in_an_export(answer, expected):
    assert names(trained_answers.ask(model(answer), {"": X})) == expected


def test_a_fixed_batch_size():
    sizes = []
    found = trained_answers.ask(model(lambda x: (sizes.append(len(x)), x)[1], (60, 2)), {"": X})
    assert (sizes, len(found["output_0"])) == ([60, 60], 64)


def test_named_features():
    whole = trained_answers.ask(model(lambda batch: batch["a"] + batch["b"], None, None), {"a": X, "b": X})
    assert whole["output_0"][1].tolist() == [4.0, 6.0]
    # A model of layers with one input takes the array; a class of the user's what was loaded.
    assert trained_answers.ask(model(lambda x: x, (None, 2)), {"x": X})["output_0"].shape == (64, 2)
    assert trained_answers.ask(model(lambda batch: batch["x"]), {"x": X})["output_0"].shape == (64, 2)


def test_text_answers_can_be_stored():
    found = trained_answers.ask(model(lambda x: np.array([b"a", "ü".encode()] * 32, object)), {"": X})
    assert found["output_0"][:2].tolist() == ["a", "ü"]
    assert not found["output_0"].dtype.hasobject


def refuse(_):
    raise ValueError("Exception encountered when calling M.call().\n\n\x1b[1mno such shape\x1b[0m\nmore")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (None, "it was a SavedModel when it came here"),
        (model(lambda x: x, built=False), "has not been called on data yet"),
        (model(refuse), "the trained model could not be asked: ValueError: no such shape"),
        (model(lambda x: np.float32(1.0)), "the trained model could not be asked: ValueError: zero-dim"),
    ],
)
def test_why_there_are_no_answers(asked, words, tmp_path):
    found = trained_answers.ask(asked, {"": X})
    assert words in found
    kept = trained_answers.as_recorded(FLOATS, {"x": X}, X[:, 0], found)
    assert names(kept) == ["exported/y", "not_trained", "replay/x"]
    np.savez(tmp_path / "p.npz", **kept)
    read = recorded.read(tmp_path / "p.npz", FLOATS)
    assert (read.trained, read.not_trained) == (None, found)


def test_a_single_output_has_the_name_of_the_signature(tmp_path):
    kept = trained_answers.as_recorded(FLOATS, {"x": X}, X[:, 0], {"output_0": X[:64, 1]})
    np.savez(tmp_path / "p.npz", **kept)
    read = recorded.read(tmp_path / "p.npz", FLOATS)
    assert (names(read.inputs), names(read.exported), names(read.trained)) == (["x"], ["y"], ["y"])
    assert read.trained["y"].tolist() == X[:64, 1].tolist()
    assert read.exported["y"].tolist() == X[:64, 0].tolist()
    assert read.not_trained == ""


def test_of_several_outputs_the_one_that_is_exported():
    two = {"y": X[:64, 0], "z": X[:64, 1]}
    assert names(trained_answers.as_recorded(FLOATS, {"x": X}, X[:, 0], two)) == ["exported/y", "replay/x", "trained/y"]
    other = Signature(inputs=FLOATS.inputs, outputs=specs(label=("float32", (None,))))
    kept = trained_answers.as_recorded(other, {"x": X}, X[:, 0], two)
    assert str(kept["not_trained"]) == "the trained model has no output 'label', only 'y', 'z'"


def test_files_of_older_versions_are_read(tmp_path):
    np.savez(tmp_path / "p.npz", **{"labels": X, "predictions": X[:, 0], "replay/x": X[:64]})
    read = recorded.read(tmp_path / "p.npz", FLOATS)
    assert read.exported["y"].tolist() == X[:64, 0].tolist()
    assert read.trained is None
    assert "did not record" in read.not_trained
