"""What an engine builds from: exactly the version's files, and the same bytes whenever it is made."""

import dataclasses
import io
import tarfile

import pytest

from jenkins_ml.adapters import files
from jenkins_ml.adapters.images.context import build_context
from jenkins_ml.errors import IntegrityError, Unavailable
from jenkins_ml.records import Manifest as ManifestRecord
from jenkins_ml.records import decode
from tests.fakes.versions import manifest

LONG = "assets/" + "long-" * 30 + "name.txt"


@pytest.fixture
def version(tmp_path):
    """A folder of files and its manifest; what is beside them is not the version's."""
    folder = tmp_path / "3"
    for name, data in {"saved_model.pb": b"graph", "variables/v.data": b"x" * 3000, LONG: b"", "é ü.txt": b"1"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    made = dataclasses.replace(manifest(3), files=files.describe(folder))
    (folder / "saved_model.pb").chmod(0o600)
    (folder / "notes.txt").write_text("not listed")
    return folder, made


def archive(version):
    folder, made = version
    return b"".join(build_context("FROM base:1\n", made, folder))


def test_the_files_of_the_version_and_its_manifest(version):
    with tarfile.open(fileobj=io.BytesIO(archive(version))) as tar:
        members = {member.name: member for member in tar}
        contents = {name: tar.extractfile(member).read() for name, member in members.items() if member.isfile()}
    inside = "root/models/m/3"
    made = version[1]
    assert decode(ManifestRecord, contents.pop(f"{inside}/manifest.json"), "it") == made
    assert contents == {
        "Dockerfile": b"FROM base:1\n",
        f"{inside}/saved_model.pb": b"graph",
        f"{inside}/variables/v.data": b"x" * 3000,
        f"{inside}/{LONG}": b"",
        f"{inside}/é ü.txt": b"1",
    }
    folders = ["root", "root/models", "root/models/m", inside, f"{inside}/assets", f"{inside}/variables"]
    assert [name for name, member in members.items() if member.isdir()] == folders
    assert {(member.uid, member.gid, member.mode) for member in members.values() if member.isfile()} == {(0, 0, 0o644)}
    assert {member.mtime for member in members.values()} == {1767225600}  # when the version was made


def test_equal_versions_give_equal_bytes(version):
    first = archive(version)
    for path in version[0].rglob("*"):
        path.touch()
    assert archive(version) == first


@pytest.mark.parametrize("data", [b"grape", b"grap", b"graphs", b""], ids=["other", "shorter", "longer", "empty"])
def test_a_file_that_was_changed(version, data):
    (version[0] / "saved_model.pb").write_bytes(data)
    with pytest.raises(IntegrityError, match=r"saved_model\.pb is not what was recorded"):
        archive(version)


def test_a_file_that_is_gone(version):
    (version[0] / "saved_model.pb").unlink()
    with pytest.raises(Unavailable, match="reading version 3"):
        archive(version)
