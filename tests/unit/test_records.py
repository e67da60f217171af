import json
import math

import pytest

from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import FileEntry, Tested, Trained, VersionRef, artefact_digest, decode, encode

TESTED = Tested(run="r", command="pytest", seconds=1.5, created="2026-01-31T12:34:56.789Z")


def changed(**fields):
    return json.dumps(json.loads(encode(TESTED)) | fields).encode()


def test_records_are_written_canonically():
    assert encode(TESTED).decode() == (
        "{\n"
        '  "command": "pytest",\n'
        '  "created": "2026-01-31T12:34:56.789Z",\n'
        '  "record": "test/1",\n'
        '  "run": "r",\n'
        '  "seconds": 1.5\n'
        "}\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file.json is not JSON"),
        (b'{"record": "test/1"', "file.json is not JSON"),
        (b"\xff\xfe\x00", "file.json is not JSON"),
        (b"[]", "a JSON object is expected"),
        (changed(record="train/1"), "holds 'train/1', not 'test/1'"),
        (changed(record=None), "holds None, not 'test/1'"),
        (changed(record="test/2"), "holds 'test/2', not 'test/1'"),
        (changed(seconds="long"), "seconds is str, not float"),
        (changed(seconds=True), "seconds is bool, not float"),
        (changed(run=None), "run is NoneType, not str"),
        (changed(more=1), "unknown field more"),
    ],
)
def test_what_is_no_such_record_is_refused(content, message):
    with pytest.raises(IntegrityError, match=message):
        decode(Tested, content, "file.json")


def test_a_newer_version_says_what_to_do():
    with pytest.raises(IntegrityError) as caught:
        decode(Tested, changed(record="test/2"), "file.json")
    assert "upgrade" in caught.value.next_step


def test_a_field_inside_is_named_by_its_path():
    trained = Trained(
        run="r", candidate=VersionRef(version=1, manifest_digest="d"), branch=None, data_digest="x", created="c"
    )
    value = json.loads(encode(trained))
    value["candidate"]["version"] = "1"
    with pytest.raises(IntegrityError, match=r"candidate\.version is str, not int"):
        decode(Trained, json.dumps(value).encode(), "file.json")


def test_whole_numbers_are_numbers():
    assert decode(Tested, changed(seconds=2), "file.json").seconds == 2.0


def test_what_json_cannot_carry_is_never_written():
    with pytest.raises(ValueError, match="JSON"):
        encode(Tested(run="r", command="c", seconds=math.nan, created="c"))


def test_the_digest_of_files_is_what_sha256sum_prints():
    entries = (FileEntry(path="b", size=1, sha256="2" * 64), FileEntry(path="a", size=1, sha256="1" * 64))
    # printf '%s  a\n%s  b\n' 111... 222... | sha256sum
    assert artefact_digest(entries) == "7365ea48c8a3989cf164ca67f5d934c9a11269a628308b0fe529b6e4bc1c694d"
