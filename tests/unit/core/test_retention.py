from jenkins_ml.core.retention import kept, released
from jenkins_ml.records import JournalEntry


def entries(*lines):
    """Journal entries out of (kind, version, previous) and, when it is another one, the environment."""
    return [
        JournalEntry(
            number=number, time="t", kind=kind, environment=(*more, "production")[0], version=version, manifest_digest=str(version),
            previous=previous, run="r", by="me", reason="approved" if kind == "decision" else "",
        )
        for number, (kind, version, previous, *more) in enumerate(lines, 1)
    ]  # fmt: skip


RELEASED = [("released", version, None) for version in (1, 2, 3)]


def test_production_and_the_version_before_it_are_released_in_every_environment():
    assert released(entries(*RELEASED, ("released", 7, None, "staging"))) == {2, 3, 7}


def test_what_is_on_its_way_is_kept_but_not_released():
    begun = [*RELEASED, ("release_started", 4, 3)]
    assert released(entries(*begun)) == {2, 3}
    assert kept((1, 2, 3, 4), entries(*begun), 0) == {2, 3, 4}
    assert kept((1, 2, 3, 4), entries(*begun, ("release_rolled_back", 4, 3)), 0) == {2, 3}


def test_what_was_rolled_back_is_not_released_but_kept_until_that_has_ended():
    begun = [*RELEASED, ("rollback_started", 2, 3)]
    assert released(entries(*begun)) == {1, 2}
    assert kept((1, 2, 3), entries(*begun), 0) == {1, 2, 3}
    assert kept((1, 2, 3), entries(*begun, ("rolled_back", 2, 3)), 0) == {1, 2}


def test_what_waits_is_kept():
    assert kept((1, 2, 3, 4, 5), entries(*RELEASED, ("decision", 4, 3)), 0) == {2, 3, 4, 5}


def test_the_newest_are_kept():
    assert kept((1, 2, 3, 4), entries(*RELEASED, ("decision", 4, 3)), 4) == {1, 2, 3, 4}
