"""Keras files: code that their configuration asks for, at any depth and in every form, and zip archives that are traps."""

import io
import json
import pickle
import stat
import zipfile

import numpy as np
import pytest

from jenkins_ml.adapters.artefact_scan import archives, keras_config, scan
from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable
from tests.fakes.artefacts import layer, sequential, write_keras

BYTECODE = {"class_name": "__lambda__", "config": {"code": "4wEAAA==", "defaults": None, "closure": None}}


def found(config, **options):
    notes = Notes("m.keras")
    keras_config.judge(config, notes, **options)
    return [finding.what for finding in notes.findings]


def only(result):
    [finding] = result.findings
    return finding.what


def function(name, module="builtins", registered="function"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


PLAIN = sequential(
    layer("InputLayer", batch_shape=[None, 4]),
    layer(
        "Dense",
        units=8,
        activation="relu",
        kernel_initializer=layer("GlorotUniform", "keras.initializers"),
        dtype=layer("DTypePolicy", "keras", name="float32"),
    ),
    layer("Relu", "keras.src.ops.nn", "Relu"),
    layer("Functional", "keras.src.models.functional", "Functional"),
    layer("StringLookup", vocabulary=None),
    layer("TextVectorization", vocabulary=["a", "b"]),
    layer("FeatureSpace", "keras.utils"),
    layer("Activation", activation=function("relu")),
    layer("Activation", activation=function("relu", "keras.activations", "relu")),
    {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32"}},
    {"class_name": "__tuple__", "config": [1]},
    {"module": "builtins", "class_name": "tuple", "config": [1], "registered_name": None},
    {
        "module": "tensorflow.python.framework.tensor",
        "class_name": "__typespec__",
        "spec_name": "TensorSpec",
        "config": [],
    },
    {"class_name": "Dense", "config": {"units": 1}},  # the form of Keras 2
)


def test_what_keras_itself_has_is_fine(tmp_path):
    assert found(PLAIN) == []
    result = scan(write_keras(tmp_path / "m.keras", PLAIN))
    assert (result.scanned, result.findings) == (("m.keras",), ())


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (
            layer("Lambda", name="double"),
            "m.keras holds a Lambda layer, which runs Python code from the file (in double)",
        ),
        (
            {"class_name": "Lambda", "config": {"name": "old"}},
            "holds a Lambda layer, which runs Python code from the file (in old)",
        ),
        (layer("Dense", name="d", activation=BYTECODE), "holds Python bytecode of a lambda function (in d)"),
        (layer("Dense", name="d", function_type="lambda"), "holds Python bytecode (in d)"),
        (layer("My", None, "pkg>My"), "holds the registered class pkg>My, custom code outside Keras (in my)"),
        (layer("My", None, "My"), "holds the class My, custom code outside Keras' layers (in my)"),
        (layer("Dense", "keras.layers", "pkg>Dense"), "holds the registered class pkg>Dense"),
        (layer("System", "os"), "holds the class System of the module os, custom code"),
        (layer("Dense", "kerasish.layers"), "of the module kerasish.layers"),
        (layer("Dense", "keras_hub.layers"), "of the module keras_hub.layers"),
        (layer("Dense", ["keras.layers"]), "custom code outside Keras' layers"),
        (layer("get_file", "keras.utils"), "holds the class get_file of the module keras.utils"),
        (layer("load_model", "keras.models"), "holds the class load_model of the module keras.models"),
        (layer("TorchModuleWrapper"), "holds a TorchModuleWrapper, which unpickles a PyTorch module"),
        (layer("TFSMLayer", filepath="/x"), "holds a TFSMLayer, which loads another model from a path"),
        (layer("StringLookup", vocabulary="/etc/passwd"), "holds a StringLookup layer that reads the file /etc/passwd"),
        (layer("Dense", name="d", activation=function("mine")), "holds the function mine, custom code"),
        (
            layer("Dense", activation=function("relu", "keras.activations", "pkg>relu")),
            "holds the function relu, custom code",
        ),
        (layer("Dense", activation=function("get_file", "keras.utils", "get_file")), "holds the function get_file"),
        (layer("Dense", activation=function("system", "os", "system")), "holds the function system"),
        (layer("Dense", activation=function({"code": "x"})), "holds a function without a name"),
        ({"module": "builtins", "class_name": "eval", "config": {}}, "holds the class eval of the module builtins"),
        ({"class_name": "My", "config": {}}, "holds the class My, custom code outside Keras"),
        ({"class_name": "pkg>My", "config": {}}, "holds the class pkg>My, custom code outside Keras"),
        ({"class_name": ["Lambda"], "config": {}}, "holds an object whose class has no name"),
        ({"module": "evil", "class_name": "__typespec__", "spec_name": "X", "config": []}, "a type of the module evil"),
    ],
)
def test_code_is_found_at_any_depth(bad, says):
    alone = found(bad)
    assert len(alone) == 1
    assert says in alone[0]
    nested = sequential(layer("Bidirectional", layer=sequential(layer("Dense"), {"any": [[{"key": bad}]]})))
    assert says.split(" (in ")[0] in found(nested)[0]
    compiled = {**PLAIN, "compile_config": {"loss": bad}}
    assert len(found(compiled)) == 1


def test_depth_is_no_hiding_place():
    deep = layer("Lambda")
    for _ in range(5000):
        deep = [{"a": deep}]
    assert len(found(deep)) == 1


def test_a_nested_file_is_read_to_the_bottom_or_refused(tmp_path):
    text = '{"a":' * 100_000 + "1" + "}" * 100_000
    result = scan(write_keras(tmp_path / "m.keras", text))
    assert (result.scanned, only(result)) == (
        (),
        "m.keras could not be scanned: it holds a configuration that is nested too deeply",
    )


def test_names_cannot_write_on_the_terminal():
    [what] = found(layer("Lambda", name="\x1b[2J\n" + "x" * 1000))
    assert what.isprintable()
    assert len(what) < 250


def test_too_many_objects_are_refused(monkeypatch):
    monkeypatch.setattr(keras_config, "_MOST_OBJECTS", 10)
    with pytest.raises(Unreadable, match="more than 10 objects"):
        keras_config.parse("[{}, {}, {}, {}, {}, {}, {}, {}, {}, {}]")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_every_encoding_that_json_may_have_is_read(tmp_path, encoding):
    text = json.dumps(sequential(layer("Lambda")), ensure_ascii=False)
    assert "holds a Lambda layer" in only(scan(write_keras(tmp_path / "m.keras", text.encode(encoding))))


def test_beside_a_graph_only_bytecode_matters():
    assert found(layer("My", None, "pkg>My"), traced=True) == []
    assert found({"class_name": "My", "config": {}}, traced=True) == []
    assert len(found(layer("Lambda"), traced=True)) == 1
    assert len(found(sequential(layer("My", "evil", activation=BYTECODE)), traced=True)) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not the zip archive that its name says"),
        (b"\x00" * 100, "is not the zip archive that its name says"),
        (b"PK\x05\x06" + bytes(18), "holds no config.json, which a Keras file does"),
    ],
)
def test_a_file_that_is_no_keras_file(tmp_path, content, reason):
    (tmp_path / "m.keras").write_bytes(content)
    result = scan(tmp_path / "m.keras")
    assert (result.scanned, only(result)) == ((), f"m.keras could not be scanned: it {reason}")


@pytest.mark.parametrize("config", [b"", b"no json", b"\xff\xfe", b"x" * (keras_config.LONGEST + 1)])
def test_a_configuration_that_is_none(tmp_path, config):
    result = scan(write_keras(tmp_path / "m.keras", config))
    assert result.scanned == ()
    assert "could not be scanned" in only(result)


@pytest.mark.parametrize(
    ("member", "content", "says"),
    [
        ("../evil", b"x", "would be unpacked outside its folder: ../evil"),
        ("/evil", b"x", "would be unpacked outside its folder: /evil"),
        ("a\\..\\..\\evil", b"x", "would be unpacked outside its folder: a\\..\\..\\evil"),
        ("C:evil", b"x", "would be unpacked outside its folder: C:evil"),
        ("code.py", b"", "m.keras!code.py is Python code, which has no place in a model"),
        ("lib.so.1.2", b"", "m.keras!lib.so.1.2 is native code"),
        ("run", b"#!/bin/sh\n", "m.keras!run is a script"),
        ("x", pickle.dumps({"a": 1}), "m.keras!x is a pickle"),
        ("x.pkl", b"\x00", "could not be scanned: it is not the pickle that its name says"),
        ("x.zip", b"PK\x03\x04", "m.keras!x.zip is an archive in an archive, which is not looked into"),
        ("x", b"\x28\xb5\x2f\xfd", "m.keras!x is compressed with zstd, which is not looked into"),
        ("x.npy", b"\x93NUMPY\x01\x00\x01\x00x", "has a header that no array file has"),
    ],
)
def test_members_that_do_not_belong(tmp_path, member, content, says):
    path = write_keras(tmp_path / "m.keras", PLAIN)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, content)
    assert says in only(scan(path))


def test_two_configurations(tmp_path):
    path = write_keras(tmp_path / "m.keras", PLAIN)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", json.dumps(PLAIN))
    assert only(scan(path)) == "m.keras holds two members of the name config.json"


def test_a_link_in_an_archive(tmp_path):
    path = write_keras(tmp_path / "m.keras", PLAIN)
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert only(scan(path)) == "m.keras holds the symbolic link assets/link"


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_BOMB_SIZE", 10_000)
    path = write_keras(tmp_path / "m.keras", PLAIN)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(700_000))
    assert "m.keras!bomb would unpack to 700,000 bytes from " in only(scan(path))


def test_an_encrypted_member(tmp_path):
    path = write_keras(tmp_path / "m.keras", PLAIN, secret=b"x")
    content = bytearray(path.read_bytes())
    place = content.rfind(b"PK\x01\x02")  # the last entry of the list of members
    content[place + 8] |= 1
    path.write_bytes(content)
    assert only(scan(path)) == "m.keras!secret is encrypted and cannot be looked into"


def test_a_list_of_members_that_would_fill_the_memory(tmp_path):
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2 + (2**31).to_bytes(4, "little") + bytes(6)
    (tmp_path / "m.keras").write_bytes(bytes(1000) + end)
    result = scan(tmp_path / "m.keras")
    assert (result.scanned, only(result)) == (
        (),
        "m.keras could not be scanned: it is a zip archive with too many members",
    )


def test_more_members_than_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    path = write_keras(tmp_path / "m.keras", PLAIN, **{f"m{number}": b"" for number in range(10)})
    assert "holds 13 members, more than are read" in only(scan(path))


def test_arrays(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    np.save(tmp_path / "fields.npy", np.zeros(2, [("O", "<f4"), ("x", "<i8", (2,))]))
    np.savez(tmp_path / "b.npz", x=np.zeros(3), y=np.array(["text"]))
    assert scan(tmp_path).findings == ()
    assert scan(tmp_path).scanned == ("a.npy", "b.npz", "fields.npy")


@pytest.mark.parametrize(
    "array", [np.array([object], object), np.zeros(1, [("x", "O")]), np.zeros(1, [("x", [("y", "O", (2,))])])]
)
def test_arrays_of_objects(tmp_path, array):
    says = "holds an array of Python objects, a pickle"
    np.save(tmp_path / "weights", array, allow_pickle=True)
    assert says in only(scan(tmp_path / "weights.npy"))
    np.savez(tmp_path / "all", good=np.zeros(3), bad=array)
    assert only(scan(tmp_path / "all.npz")).startswith("all.npz!bad.npy holds an array of Python objects")
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    (tmp_path / "renamed.bin").write_bytes(stream.getvalue())
    assert says in only(scan(tmp_path / "renamed.bin"))
