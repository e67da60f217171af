"""Whole models: what counts as scanned, code beside them, other formats, and the refusal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins_ml.adapters import artefact_scan
from jenkins_ml.adapters.artefact_scan import Finding, refuse_unsafe, scan
from jenkins_ml.errors import IntegrityError
from tests.fakes.artefacts import (
    field,
    layer,
    node,
    onnx,
    plain_saved_model,
    safetensors,
    saved_model,
    sequential,
    write_keras,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def version(tmp_path):
    """A version of a model as the store holds it."""
    folder = tmp_path / "7"
    for part in ("variables", "assets", "assets.extra"):
        (folder / part).mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(plain_saved_model())
    (folder / "fingerprint.pb").write_bytes(field(1, 123) + field(2, 456))
    (folder / "manifest.json").write_text('{"record": "manifest/1"}')
    (folder / "variables" / "variables.index").write_bytes(bytes(100))
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(bytes(range(256)) * 100)
    (folder / "assets" / "vocabulary.txt").write_text("cat\ndog\n.\n")
    return folder


def only(result):
    [finding] = result.findings
    return finding.what


def test_a_version_is_scanned_whole(version):
    result = refuse_unsafe(version)
    assert result.scanned == ("saved_model.pb",)
    assert result.findings == ()
    assert result.skipped == (
        "fingerprint.pb",
        "manifest.json",
        "assets/vocabulary.txt",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    )


def test_the_order_is_that_of_the_names(version):
    for name in ("b.so", "a.py", "assets/c.sh"):
        (version / name).touch()
    assert [finding.path for finding in scan(version).findings] == ["a.py", "b.so", "assets/c.sh"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("helpers.py", b"", "is Python code"),
        ("helpers.cpython-311.PYC", b"", "is Python bytecode"),
        ("ops.so", b"", "is native code"),
        ("libops.so.1.2.3", b"", "is native code"),
        ("ops.dll", b"", "is native code"),
        ("ops.pyd", b"", "is native code"),
        ("setup.sh", b"", "is a script"),
        ("data", b"\x7fELF\x02\x01\x01", "is native code"),
        ("data", b"\xcf\xfa\xed\xfe", "is native code"),
        ("data", b"MZ" + bytes(100) + b"PE\0\0", "is native code"),
        ("data", b"#!/usr/bin/env python\n", "is a script"),
        ("notebook.ipynb", b"{}", "is Python code"),
        ("package.whl", b"", "is a Python package"),
    ],
)
def test_code_beside_a_model(version, name, content, says):
    (version / "assets.extra" / name).write_bytes(content)
    assert only(scan(version)) == f"assets.extra/{name} {says}, which has no place in a model"


def test_an_executable_file(version):
    (version / "assets" / "vocabulary.txt").chmod(0o744)
    assert "assets/vocabulary.txt is a file that may be executed" in only(scan(version))


@pytest.mark.parametrize("name", ["readme.py.txt", "MZ.txt", "tables.sorted", "so", "x.so.txt"])
def test_what_only_looks_like_code_by_its_name(version, name):
    (version / name).write_text("MZ")
    assert scan(version).findings == ()


@pytest.mark.parametrize("target", ["/etc/passwd", "saved_model.pb", "nowhere", "variables"])
def test_links_are_refused_and_not_followed(version, target):
    (version / "link").symlink_to(target)
    assert only(scan(version)) == "link could not be scanned: it is a symbolic link"
    assert only(scan(version / "link")) == "link could not be scanned: it is a symbolic link"


def test_what_is_no_file_is_refused_and_not_opened(version):
    os.mkfifo(version / "pipe")
    assert only(scan(version)) == "pipe could not be scanned: it is no plain file"


def test_a_folder_that_cannot_be_read_is_refused(version, monkeypatch):
    def denied(folder, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder)))
        return []

    monkeypatch.setattr(artefact_scan.os, "walk", denied)
    with pytest.raises(IntegrityError, match="nobody knows what is in it: Permission denied"):
        scan(version)


def test_what_vanishes_is_refused(version, monkeypatch):
    def vanish(path, *_):
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(artefact_scan.dispatch.programs, "judge", vanish)
    assert "could not be scanned: No such file or directory" in scan(version).findings[0].what


def test_a_parser_that_fails_is_a_refusal(version, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(artefact_scan.dispatch.saved_model_rules, "judge", fail)
    result = scan(version)
    assert result.scanned == ()
    assert only(result) == "saved_model.pb could not be scanned: it is damaged in a way that its reader does not expect"


def test_what_is_not_there():
    with pytest.raises(IntegrityError, match="nowhere is not there"):
        scan(Path("nowhere"))


@pytest.mark.parametrize("files", [{}, {"a.txt": b"text"}, {"weights.bin": bytes(100), "config.json": b"{}"}])
def test_nothing_scanned_is_a_failure(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert scan(tmp_path).scanned == ()
    with pytest.raises(IntegrityError, match="could be scanned for unsafe code") as caught:
        refuse_unsafe(tmp_path)
    assert caught.value.exit_code == 7
    assert caught.value.next_step


def test_the_refusal_names_the_first_and_counts_the_rest(version):
    (version / "a.py").touch()
    with pytest.raises(IntegrityError) as caught:
        refuse_unsafe(version)
    assert caught.value.what == "unsafe model: a.py is Python code, which has no place in a model"
    (version / "b.py").touch()
    (version / "c.py").touch()
    with pytest.raises(IntegrityError) as caught:
        refuse_unsafe(version)
    assert caught.value.what.endswith(" (and 2 more findings)")
    assert "docs/security.md" in caught.value.next_step


def test_a_single_file(tmp_path):
    path = write_keras(tmp_path / "model.keras", sequential(layer("Dense"), layer("Lambda", name="double")))
    what = "model.keras holds a Lambda layer, which runs Python code from the file (in double)"
    assert scan(path).findings == (Finding("model.keras", what),)


def test_a_keras_model_as_a_folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(sequential(layer("Lambda"))))
    (tmp_path / "metadata.json").write_text("{}")
    result = scan(tmp_path)
    assert result.scanned == ("config.json",)
    assert "config.json holds a Lambda layer" in only(result)


def test_a_long_configuration_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(artefact_scan.dispatch.keras_config, "LONGEST", 10)
    (tmp_path / "config.json").write_text(" " * 11)
    assert "config.json could not be scanned: it holds a configuration of 11 bytes" in only(scan(tmp_path))
    (tmp_path / "config.json").rename(tmp_path / "tokenizer.json")
    assert scan(tmp_path).skipped == ("tokenizer.json",)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 10 + "]" * 10])
def test_nor_a_nested_one(tmp_path, monkeypatch, text):
    monkeypatch.setattr(artefact_scan.dispatch.keras_config, "_MOST_OBJECTS", 9 if len(text) < 100 else 10**6)
    (tmp_path / "config.json").write_text(text)
    assert "config.json could not be scanned: it holds a configuration " in only(scan(tmp_path))


def test_names_of_files_cannot_write_on_the_terminal(tmp_path):
    (tmp_path / "\x1b[2J\n.py").touch()
    assert only(scan(tmp_path)).isprintable()


def test_the_number_of_files_and_findings_is_limited(tmp_path, monkeypatch):
    for number in range(10):
        (tmp_path / f"{number}.py").touch()
    monkeypatch.setattr(artefact_scan, "_MOST_FILES", 5)
    assert "it holds more than 5 files" in scan(tmp_path).findings[-1].what
    monkeypatch.setattr(artefact_scan, "MOST_FINDINGS", 3)
    assert len(scan(tmp_path).findings) == 3


def test_a_model_of_safetensors(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    assert refuse_unsafe(tmp_path).scanned == ("model.safetensors",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        safetensors()[:20],
        (2**40).to_bytes(8, "little") + b"{}",
        b"\x02" + bytes(7) + b"[]",
        b"\x08" + bytes(7) + b'{"a": 1}',
        b"\x02" + bytes(7) + b"{]",
    ],
    ids=range(6),
)
def test_damaged_safetensors(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    result = scan(tmp_path)
    assert (result.scanned, "is not what a safetensors file looks like" in only(result)) == ((), True)


@pytest.mark.parametrize(
    "content",
    [
        onnx(),
        onnx("ai.onnx.ml", "TreeEnsembleClassifier"),
        onnx("mine", "Op", functions=(("mine", "Op"),)),
        onnx(location="weights.bin"),
    ],
    ids=range(4),
)
def test_a_model_of_onnx(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    assert refuse_unsafe(tmp_path).scanned == ("model.onnx",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (onnx("ai.onnx.contrib", "PyOp"), "holds the operator PyOp of ai.onnx.contrib, custom code outside ONNX"),
        (onnx("mine", "Op", functions=(("mine", "Other"),)), "holds the operator Op of mine"),
        (onnx(location="../../etc/passwd"), "holds a tensor from the file ../../etc/passwd, outside the model"),
        (onnx(location="/etc/passwd"), "outside the model"),
        (onnx(location="..\\x"), "outside the model"),
        (b"", "could not be scanned: it is empty"),
        (b"\x0f", "could not be scanned: it is not what a protocol buffer looks like"),
        (field(1, 9), "could not be scanned: it holds no graph"),
    ],
    ids=range(8),
)
def test_a_model_of_onnx_with_code(tmp_path, content, says):
    (tmp_path / "model.onnx").write_bytes(content)
    assert says in only(scan(tmp_path))


def test_too_many_nodes_of_onnx(tmp_path, monkeypatch):
    monkeypatch.setattr(artefact_scan.dispatch.onnx_graph, "MOST_NODES", 2)
    (tmp_path / "model.onnx").write_bytes(field(7, field(1, field(4, "Relu")) * 3))
    assert "holds more than 2 nodes" in only(scan(tmp_path))


def test_subgraphs_of_onnx(tmp_path):
    inner = field(1, field(4, "PyOp") + field(7, "ai.onnx.contrib"))
    for number in (6, 11):
        outer = field(1, field(4, "If") + field(5, field(number, inner)))
        (tmp_path / "model.onnx").write_bytes(field(7, outer))
        assert "PyOp" in only(scan(tmp_path))


def test_hdf5_needs_its_reader(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['h5py'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    result = scan(tmp_path / "model.h5")
    assert result.scanned == ()
    assert (
        only(result) == "model.h5 could not be scanned: it needs h5py, which is not installed here (pip install h5py)"
    )


@pytest.mark.parametrize(
    ("h5py", "reason"),
    [
        ("import os\nos.abort()\n", "is not what an HDF5 file looks like"),
        ("import sys\nsys.exit(0)\n", "is not what an HDF5 file looks like"),
        ("import time\ntime.sleep(60)\n", "takes too long to read"),
    ],
    ids=["crashes", "says nothing", "hangs"],
)
def test_whatever_becomes_of_the_reader_the_scan_goes_on(tmp_path, monkeypatch, h5py, reason):
    (tmp_path / "h5py.py").write_text(h5py)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(artefact_scan.dispatch.hdf5, "_DEADLINE", 0.2 if "sleep" in h5py else 60.0)
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    result = scan(tmp_path / "model.h5")
    assert (result.scanned, only(result)) == ((), f"model.h5 could not be scanned: it {reason}")


def test_no_framework_is_imported(version):
    (version / "saved_model.pb").write_bytes(saved_model(node("n", "PyFunc")))
    program = (
        "import sys; from pathlib import Path; from jenkins_ml.adapters.artefact_scan import scan\n"
        "assert scan(Path(sys.argv[1])).findings\n"
        "print({'numpy', 'h5py', 'keras', 'tensorflow', 'torch', 'sklearn', 'google'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(version)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
