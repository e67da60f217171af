"""Records that were written once are read for ever: records/ holds one of each kind, as version 0.1.0 wrote them."""

from pathlib import Path

import pytest

from jenkins_ml.records import KINDS, decode, encode

FOLDER = Path(__file__).parent / "records"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read(kind):
    """A test that fails here has broken every store there is: give the new field a default, or the kind a new version."""
    file = FOLDER / f"{kind.replace('/', '-')}.json"
    record = decode(KINDS[kind], file.read_bytes(), str(file))
    assert isinstance(record, KINDS[kind])
    # No field of the file is lost: what has come since has its default.
    assert decode(KINDS[kind], encode(record), "again") == record


@pytest.mark.parametrize("kind", KINDS)
def test_and_it_is_written_the_same(kind):
    """Digests of manifests stand in decisions and in the journal: equal records have equal bytes, also tomorrow."""
    file = FOLDER / f"{kind.replace('/', '-')}.json"
    assert encode(decode(KINDS[kind], file.read_bytes(), str(file))) == file.read_bytes()


def test_there_is_a_file_of_every_kind_and_no_other():
    assert {path.name for path in FOLDER.iterdir()} == {f"{kind.replace('/', '-')}.json" for kind in KINDS}
