"""Pickles: found by their content, named by what they call, never executed."""

import bz2
import collections
import gzip
import io
import lzma
import os
import pickle
import subprocess
import zipfile
import zlib

import numpy as np
import pytest

from jenkins_ml.adapters.artefact_scan import compressed, pickles, scan
from tests.fakes.artefacts import Runs

EVIL = pickle.dumps(Runs(os.system, "touch PWNED"))


def scanned(path, content):
    path.write_bytes(content)
    return scan(path)


def only(result):
    [finding] = result.findings
    return finding.what


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.pkl", "model.bin", "weights", "model.ckpt"])
def test_a_call_is_named_whatever_the_file_is_called(tmp_path, protocol, name):
    result = scanned(tmp_path / name, pickle.dumps([1, Runs(os.system, "touch PWNED")], protocol))
    assert result.scanned == (name,)
    assert only(result) == f"{name} is a pickle, which can run any code when it is loaded: this one uses posix.system"


def test_the_worst_comes_first(tmp_path):
    value = [collections.OrderedDict(), np.float64(1), Runs(subprocess.check_output, "id"), Runs(eval, "1")]
    what = only(scanned(tmp_path / "m.pkl", pickle.dumps(value)))
    assert "uses subprocess.check_output, builtins.eval, collections.OrderedDict and " in what


def test_data_alone_is_a_pickle_too(tmp_path):
    what = only(scanned(tmp_path / "m.pkl", pickle.dumps({"a": [1, 2.5, None, True, b"x", "text"]})))
    assert what == "m.pkl is a pickle, which can run any code when it is loaded"


@pytest.mark.parametrize(
    "content",
    [
        EVIL[:-1],  # never ends
        EVIL[:-1] + b"\xff" * 20,  # broken after the call
        b"\x80\x04" + b"N0" * 1000 + EVIL[2:],  # late
        b"\x80\x02N." + EVIL,  # the second of two
        b"\x80\x02" + b"X" + (1000).to_bytes(4, "little") + b"x" * 1000 + b"0cos\nsystem\n(S'id'\ntR.",
        b"S'" + b"x" * 100_000 + b"'\n0cos\nsystem\n(S'id'\ntR.",  # after a line longer than what is kept
        b"(S'id'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",  # imports only
        b"\x80\x02\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93.",  # by way of the memo
        b"\x80\x02\x82\x01.",  # an extension
        b"\x80\x02cmy-module\nrun\n.",
    ],
    ids=range(11),
)
def test_tricks_do_not_hide_a_call(tmp_path, content):
    assert "is a pickle" in only(scanned(tmp_path / "m.bin", content))


@pytest.mark.parametrize("start", [b"\x80\x04", b""])
def test_more_opcodes_than_are_followed_are_no_way_out(tmp_path, monkeypatch, start):
    monkeypatch.setattr(pickles, "MOST_OPCODES", 100)
    assert "is a pickle" in only(scanned(tmp_path / "m.bin", start + b"N0" * 100 + EVIL[2:]))


@pytest.mark.parametrize("padding", [10, 5000])
def test_nor_is_more_than_is_unpacked(tmp_path, monkeypatch, padding):
    monkeypatch.setattr(compressed, "BEGINNING", padding)
    content = gzip.compress(pickle.dumps([b"x" * 10_000, Runs(os.system, "id")]))
    assert "is a pickle" in only(scanned(tmp_path / "m.bin", content))


def test_a_computed_name_is_said_to_be_one(tmp_path):
    content = b"\x80\x04\x8c\x02os\x94]\x93."
    assert "uses a computed name" in only(scanned(tmp_path / "m.bin", content))


@pytest.mark.parametrize(
    "pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress, lambda c: gzip.compress(b"") + gzip.compress(c)]
)
def test_compression_does_not_hide_a_call(tmp_path, pack):
    for name in ("model.joblib", "model.bin"):
        assert "posix.system" in only(scanned(tmp_path / name, pack(EVIL)))


def test_joblib_with_arrays(tmp_path):
    joblib = pytest.importorskip("joblib")
    value = {"weights": np.arange(50_000.0), "call": Runs(os.system, "touch PWNED")}
    for level in (0, 3):
        joblib.dump(value, tmp_path / "m.joblib", compress=level)
        assert "is a pickle" in only(scan(tmp_path / "m.joblib"))


def test_large_arrays_are_passed_over_not_read(tmp_path):
    class Counting(io.BytesIO):
        count = 0

        def read(self, size=-1):
            got = super().read(size)
            self.count += len(got)
            return got

    content = pickle.dumps([b"x" * 10_000_000, Runs(os.system, "id")])
    stream = Counting(content)
    assert pickles.walk(stream, len(content)).globals_ == ("posix.system",)
    assert stream.count < 10_000


def test_a_length_beyond_the_end_takes_no_memory(tmp_path):
    content = b"\x80\x04cos\nsystem\n\x8e" + (2**62).to_bytes(8, "little") + b"x"
    assert "os.system" in only(scanned(tmp_path / "m.pkl", content))


@pytest.mark.parametrize(
    "text",
    ["cat\ndog\n.\n", "a\nb\nc\n", "the\nof\nand\n.", "I1\n.", "N.", "in\nthe\n.\n", "", "{}", "(lp0\n.", "x" * 100],
)
def test_a_vocabulary_is_no_pickle(tmp_path, text):
    result = scanned(tmp_path / "vocabulary.txt", text.encode())
    assert (result.findings, result.scanned, result.skipped) == ((), (), ("vocabulary.txt",))


def test_numbers_are_no_pickle(tmp_path):
    noise = np.random.default_rng(0).bytes
    for seed in range(300):
        content = b"\x80" + bytes([2 + seed % 4]) + noise(2000)
        assert scanned(tmp_path / "variables.data-00000-of-00001", content).findings == ()


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib", "m.pt", "m.pth"])
def test_a_name_that_promises_a_pickle_must_keep_it(tmp_path, name):
    result = scanned(tmp_path / name, b"\x00 nothing of the kind")
    assert (result.scanned, only(result)) == (
        (),
        f"{name} could not be scanned: it is not the pickle that its name says",
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x04\x22\x4d\x18" + bytes(100), "compressed with lz4"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "compressed with zstd"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
        (bytes(257) + b"ustar" + bytes(300), "a tar archive"),
        (gzip.compress(bytes(257) + b"ustar" + bytes(300), mtime=0), "a tar archive, compressed"),
    ],
)
def test_what_can_hold_anything_and_is_not_looked_into(tmp_path, content, kind):
    result = scanned(tmp_path / "m.bin", content)
    assert result.scanned == ()
    assert only(result) == f"m.bin could not be scanned: it is {kind}, which is not looked into"


def test_a_little_that_unpacks_to_much(tmp_path, monkeypatch):
    monkeypatch.setattr(compressed, "BEGINNING", 1000)
    packed = zlib.compress(bytes(20_000_000), 1)
    assert len(compressed.unpack(packed)) == 1000
    assert scanned(tmp_path / "m.bin", packed).skipped == ("m.bin",)


def test_a_file_of_pytorch(tmp_path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", EVIL)
        archive.writestr("model/data/0", bytes(1000))
        archive.writestr("model/version", "3\n")
    result = scan(path)
    assert result.scanned == ("model.pt",)
    assert only(result).startswith("model.pt!model/data.pkl is a pickle")
    assert "posix.system" in only(result)


def test_the_old_form_of_pytorch(tmp_path):
    content = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + EVIL
    assert "posix.system" in only(scanned(tmp_path / "model.pth", content))
