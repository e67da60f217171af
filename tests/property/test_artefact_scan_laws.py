"""Laws of the scan: damage never ends it and never passes as scanned and clean what could not be read."""

import bz2
import contextlib
import gzip
import io
import json
import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.artefact_scan import operations, refuse_unsafe, scan
from jenkins_ml.errors import IntegrityError
from tests.fakes.artefacts import (
    Runs,
    layer,
    node,
    onnx,
    plain_saved_model,
    safetensors,
    saved_model,
    sequential,
    write_keras,
)


def _bytes(write):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write(path)
        return path.read_bytes()


def _npz(path):
    with path.open("wb") as stream:
        np.savez(stream, x=np.zeros(3), y=np.array([1, "a"], object))


PLAIN = sequential(layer("Dense", units=3, activation="relu"), layer("Dropout", rate=0.1))
EVIL = pickle.dumps([1.5, {"a": Runs(os.system, "touch PWNED")}])
# The name -> what stands there. The clean ones are scanned without a finding; the others have one.
CLEAN = {
    "saved_model.pb": plain_saved_model(),
    "model.keras": _bytes(lambda path: write_keras(path, PLAIN)),
    "config.json": json.dumps(PLAIN).encode(),
    "model.safetensors": safetensors(),
    "model.onnx": onnx(),
}
UNSAFE = {
    "saved_model.pb": saved_model(node("n", "PyFunc"), node("m", "EagerPyFunc")),
    "model.keras": _bytes(lambda path: write_keras(path, sequential(layer("Lambda")))),
    "model.npz": _bytes(_npz),
    "model.pkl": EVIL,
    "model.pt": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + EVIL,
    "model.joblib": gzip.compress(EVIL, mtime=0),
    "model.pickle": bz2.compress(EVIL),
}
FILES = [*CLEAN.items(), *UNSAFE.items()]


def scanned(name, content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return scan(path)


@pytest.mark.parametrize(("name", "content"), CLEAN.items(), ids=CLEAN)
def test_they_are_clean_to_begin_with(name, content):
    result = scanned(name, content)
    assert (result.scanned, result.findings) == ((name,), ())


@pytest.mark.parametrize(("name", "content"), UNSAFE.items(), ids=UNSAFE)
def test_they_are_unsafe_to_begin_with(name, content):
    assert scanned(name, content).findings


def accounted_for(name, result):
    """Each file is scanned, or refused, or skipped for want of a format; one whose name promises a format is never skipped."""
    assert set(result.scanned) | {finding.path.partition("!")[0] for finding in result.findings} | set(
        result.skipped
    ) == {name}
    assert all(finding.what.isprintable() for finding in result.findings)
    if name != "config.json":  # any other JSON is data
        assert result.skipped == ()


@given(file=st.sampled_from(FILES), data=st.data())
def test_a_truncated_file_is_never_a_crash(file, data):
    name, content = file
    end = data.draw(st.integers(0, len(content) - 1))
    result = scanned(name, content[:end])
    accounted_for(name, result)
    if name not in ("saved_model.pb", "model.onnx"):  # a protocol buffer may end between two fields
        assert result.findings or result.skipped or name == "model.safetensors"


@given(file=st.sampled_from(FILES), data=st.data())
def test_changed_bytes_are_never_a_crash(file, data):
    name, content = file
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    accounted_for(name, scanned(name, bytes(changed)))


@given(name=st.sampled_from([name for name, _ in FILES]), content=st.binary(max_size=300))
def test_noise_is_never_a_crash_and_never_clean(name, content):
    result = scanned(name, content)
    accounted_for(name, result)
    if name not in ("saved_model.pb", "model.onnx"):  # of which a few bytes can be one
        assert result.scanned == () or result.findings


@given(files=st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=50), max_size=3))
def test_a_refusal_and_a_pass_are_the_only_answers(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        looked_at = scan(Path(folder))
        if looked_at.scanned and not looked_at.findings:
            assert refuse_unsafe(Path(folder)) == looked_at
        else:
            with pytest.raises(IntegrityError):
                refuse_unsafe(Path(folder))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4) | st.tuples(inner)
    ),
    max_leaves=15,
)


@given(value=values, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL), place=st.integers(0, 3))
def test_a_call_is_found_in_any_pickle(value, protocol, place):
    parts = [value] * 3
    parts.insert(place, Runs(os.system, "touch PWNED"))
    [finding] = scanned("model.bin", pickle.dumps(parts, protocol)).findings
    # Text that looks like the end of a zip archive makes it one that cannot be read: refused all the same.
    assert "posix.system" in finding.what or finding.unread


# Pieces of pickles; in any order, for the unpickler does not ask that they make sense.
PIECES = (
    *(
        b"cos\nsystem\n",
        b"ios\nsystem\n",
        b"\x8c\x02os",
        b"\x8c\x06system",
        b"X\x02\x00\x00\x00os",
        b"S'system'\n",
        b"Vos\n",
    ),
    *(b"\x93", b"\x94", b"h\x00", b"h\x01", b"q\x00", b"p1\n", b"g1\n", b"r\x02\x00\x00\x00", b"j\x02\x00\x00\x00"),
    *(b"(", b"t", b")", b"\x85", b"\x86", b"l", b"]", b"d", b"}", b"e", b"a", b"s", b"u", b"2", b"0", b"1"),
    *(
        b"R",
        b"o",
        b"\x81",
        b"\x92",
        b"b",
        b".",
        b"N",
        b"I1\n",
        b"\x88",
        b"\x80\x02",
        b"\x80\x04",
        b"\x95" + bytes(8),
        b"\xff",
        b"\n",
    ),
)


class Called:
    """Stands for whatever a pickle names, and notes when it is called."""

    times = 0

    def __new__(cls, *arguments, **named):
        Called.times += 1
        return super().__new__(cls)

    def __init__(self, *arguments, **named):
        pass


class Harmless(pickle.Unpickler):
    def find_class(self, module, name):
        return Called


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=20), headed=st.booleans())
def test_what_the_unpickler_would_call_is_found(pieces, headed):
    content = (b"\x80\x04" if headed else b"") + b"".join(pieces)
    Called.times = 0
    with contextlib.suppress(Exception):
        Harmless(io.BytesIO(content)).load()
    if Called.times:
        assert scanned("model.bin", content).findings


configurations = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "config", "x", "layers"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(around=configurations, data=st.data())
def test_a_lambda_is_found_wherever_it_is_put(around, data):
    def put(value):
        if isinstance(value, dict) and value and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(value)))
            return {**value, key: put(value[key])}
        if isinstance(value, list) and value and data.draw(st.booleans()):
            place = data.draw(st.integers(0, len(value) - 1))
            return [*value[:place], put(value[place]), *value[place + 1 :]]
        return layer("Lambda")

    model = sequential(layer("Dense", inner=put(around)))
    assert "holds a Lambda layer" in scanned("config.json", json.dumps(model).encode()).findings[0].what


@given(name=st.sampled_from(sorted(operations.known())))
def test_the_operations_of_tensorflow_are_judged_by_what_they_do(name):
    findings = scanned("saved_model.pb", saved_model(node("n", name), outputs=("n:0",))).findings
    bad = (
        name in operations.FORBIDDEN
        or name in operations.SAVES | operations.RESTORES
        or name in operations.TABLE_FROM_FILE
    )
    assert bool(findings) == bad
