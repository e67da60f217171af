"""What a training command leaves behind: accepted in every form, refused with one message when it is no model."""

import json

import pytest

from jenkins_ml import names
from tests.fakes.repository import MODEL

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("training-commands")]
ENTRYPOINT = 'train: {entrypoint: "model:train"}'
SAVE_EVERYTHING = """
    from pathlib import Path

    out = Path({folder!r})
    model.save(out / "good.h5")
    model.save(out / "good.keras")
    model.export(out / "good", verbose=False)
    evil = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Lambda(lambda x: keras.ops.sum(x, -1, keepdims=True) * 0)])
    evil.save(out / "lambda.keras")
    evil.save(out / "lambda.h5")
    return model
"""


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory, repository_factory):
    """good.h5, good.keras, good/ (a SavedModel), and models with a Lambda layer, as Keras itself writes them."""
    folder = tmp_path_factory.mktemp("artefacts")
    with repository_factory(folder / "project") as repository:
        (folder / "out").mkdir()
        repository.write(
            model_py=MODEL.replace("    return model\n", SAVE_EVERYTHING.format(folder=str(folder / "out")))
        )
        repository.ok("train")
    out = folder / "out"
    (out / "garbage.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (out / "garbage.keras").write_text("this is no zip")
    (out / "empty").mkdir()
    (out / "broken").mkdir()
    (out / "broken" / "saved_model.pb").write_bytes(b"broken")
    return out


@pytest.fixture
def by_command(project, artefacts):
    """The project, trained by a command; answers how it is set."""

    def configure(command, output):
        text = json.dumps(command.replace("$OUT", str(artefacts)))
        project.change(names.CONFIG_FILE, ENTRYPOINT, f"train: {{command: {text}, output: {output}}}")
        return project

    return configure


@pytest.mark.parametrize(
    ("command", "output"),
    [("cp $OUT/good.h5 m.h5", "m.h5"), ("cp $OUT/good.keras m.keras", "m.keras"), ("rm -rf m; cp -r $OUT/good m", "m")],
)
def test_each_form_is_accepted(by_command, command, output):
    project = by_command(command, output)
    for run in ("first", "second"):  # the second time, the output of the first lies there
        project.ok("train", run=run)
    project.ok("gate", run="second")
    manifest, _ = project.store.manifest(2)
    assert manifest.metrics["accuracy"] > 0.9
    assert [spec.name for spec in manifest.signature.inputs] == ["x"]


@pytest.mark.parametrize(
    ("command", "output", "code", "words"),
    [
        ("exit 3", "m.h5", 1, ["training exited with 3: exit 3", "its output stands above"]),
        ("nothing-like-this", "m.h5", 1, ["training exited with 127: nothing-like-this"]),
        ("kill -9 $$", "m.h5", 1, ["training was killed by SIGKILL"]),
        ("true", "m.h5", 1, ["true left no m.h5 behind", "correct train.output"]),
        ("cp $OUT/garbage.h5 m.h5", "m.h5", 7, ["could not be scanned for unsafe code: m.h5", "HDF5"]),
        ("cp $OUT/garbage.keras m.keras", "m.keras", 7, ["could not be scanned for unsafe code: m.keras", "zip"]),
        ("touch m.h5", "m.h5", 7, ["could not be scanned for unsafe code: m.h5"]),
        ("cp $OUT/good.h5 m.model", "m.model", 1, ["m.model", ".h5", ".keras"]),
        (
            "cp $OUT/lambda.keras m.keras",
            "m.keras",
            7,
            ["unsafe model: m.keras holds a Lambda layer"],
        ),
        ("cp $OUT/lambda.h5 m.h5", "m.h5", 7, ["unsafe model: m.h5 holds a Lambda layer"]),
        ("cp -r $OUT/empty m", "m", 7, ["could be scanned for unsafe code", "export a SavedModel"]),
        ("cp -r $OUT/broken m", "m", 7, ["could not be scanned for unsafe code: saved_model.pb"]),
        (
            "cp -r $OUT/good m; ln -s /etc/hostname m/assets/name",
            "m",
            7,
            ["assets/name could not be scanned: it is a symbolic link"],
        ),
    ],
)
def test_what_is_refused(by_command, command, output, code, words):
    project = by_command(command, output)
    done = project.call("train", run="bad")
    print(f"--- {command}: {done.code}\n{done.error}")
    assert (done.code, done.errors) == (code, 1), done.err
    for word in words:
        assert word in done.error, done.err
    assert project.store.versions() == ()
    assert list((project.store.home / "staging").iterdir()) == []


def test_a_file_from_before_is_not_taken_for_a_new_one(by_command):
    project = by_command("test -e again || cp $OUT/good.h5 m.h5", "m.h5")
    project.ok("train", run="first")
    (project.folder / "again").touch()
    done = project.call("train", run="second")
    assert (done.code, done.errors) == (1, 1), done.err
    assert "did not write m.h5: it is the one from before" in done.error
    assert project.store.versions() == (1,)


def test_a_command_that_takes_too_long_is_ended(by_command):
    project = by_command("sleep 100", "m.h5")
    project.change(names.CONFIG_FILE, "output: m.h5", "output: m.h5, timeout: 200ms")
    done = project.call("train")
    assert (done.code, done.errors) == (1, 1), done.err
    assert "training took longer than 0.2 s: sleep 100" in done.error


def test_parameters_from_the_environment_reach_a_command(by_command):
    project = by_command('cp $OUT/good.h5 m.h5; echo "$JENKINS_ML_PARAMS" > seen', "m.h5")
    project.change(names.CONFIG_FILE, "output: m.h5", "output: m.h5, params: {epochs: 2, name: a, seed: 1}")
    done = project.ok("train", JENKINS_ML_PARAM_epochs="5", JENKINS_ML_PARAM_name="7")
    used = {"epochs": 5, "name": "7", "seed": 1}
    assert json.loads((project.folder / "seen").read_text()) == used
    assert project.store.manifest(1)[0].lineage.params == used
    assert 'by the environment: epochs=5, name="7"' in done.err


def test_parameters_from_the_environment_reach_an_entrypoint(project):
    project.change(names.CONFIG_FILE, 'entrypoint: "model:train"', 'entrypoint: "model:train", params: {bias: -6.0}')
    project.ok("train", run="a")
    project.ok("train", run="b", JENKINS_ML_PARAM_bias="-60")
    before, after = (project.store.manifest(version)[0] for version in (1, 2))
    assert (before.lineage.params, after.lineage.params) == ({"bias": -6.0}, {"bias": -60})
    assert after.metrics["accuracy"] < before.metrics["accuracy"]


@pytest.mark.parametrize(("variable", "text"), [("JENKINS_ML_PARAM_bais", "1"), ("JENKINS_ML_PARAM_bias", "low")])
def test_parameters_from_the_environment_that_do_not_fit(project, variable, text):
    project.change(names.CONFIG_FILE, 'entrypoint: "model:train"', 'entrypoint: "model:train", params: {bias: -6.0}')
    done = project.call("train", **{variable: text})
    assert (done.code, done.errors) == (2, 1), done.err
    assert "bias" in done.error
    assert project.store.versions() == ()
