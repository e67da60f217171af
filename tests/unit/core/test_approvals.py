"""An approval is of one release, and of no other."""

from dataclasses import replace

import pytest

from jenkins_ml.core.approvals import Wanted, brought, objection
from jenkins_ml.errors import GateRejected, IntegrityError
from jenkins_ml.records import Approval, JournalEntry, VersionRef

ONE, TWO = (VersionRef(version=number, manifest_digest=f"{number}" * 64) for number in (1, 2))
WANTED = Wanted(model="m", environment="production", candidate=TWO, baseline=ONE, entry=3)
APPROVAL = Approval(
    model="m",
    environment="production",
    candidate=TWO,
    baseline=ONE,
    entry=3,
    by="alice@laptop",
    reason="",
    created="2026-01-01T00:00:00.000Z",
    expires="2026-01-08T00:00:00.000Z",
)


def test_it_is_of_the_release_that_was_asked_for():
    assert objection(APPROVAL, WANTED, expired=False) is None
    first = replace(APPROVAL, baseline=None, entry=0)
    assert objection(first, replace(WANTED, baseline=None, entry=0), expired=False) is None


@pytest.mark.parametrize(
    ("other", "kind", "message"),
    [
        ({"model": "n"}, IntegrityError, "an approval for production is about n in production"),
        ({"environment": "staging"}, IntegrityError, "an approval for production is about m in staging"),
        ({"candidate": replace(TWO, manifest_digest="x")}, IntegrityError, "other files than version 2 has now"),
        ({"candidate": ONE}, IntegrityError, "the approval of version 1"),
        ({"baseline": None, "entry": 0}, GateRejected, "was to follow nothing, as entry 0"),
        ({"baseline": TWO}, GateRejected, "was to follow version 2"),
        ({"baseline": replace(ONE, manifest_digest="x")}, GateRejected, "production has moved since version 2"),
        ({"entry": 2}, GateRejected, "was to follow version 1, as entry 2 of the journal had it"),
    ],
)
def test_it_is_of_no_other(other, kind, message):
    found = objection(replace(APPROVAL, **other), WANTED, expired=False)
    assert type(found) is kind
    assert message in found.what
    if kind is GateRejected:
        assert found.next_step == "approve it again: jenkins-ml approve 2 --environment production"


def test_its_time_ends():
    found = objection(APPROVAL, WANTED, expired=True)
    assert type(found) is GateRejected
    assert "has expired at 2026-01-08" in found.what


def entries(*kinds):
    return [
        JournalEntry(
            number=number,
            time="t",
            kind=kind,
            environment=environment,
            version=1,
            manifest_digest="d",
            previous=None,
            run="r",
            by="b",
            reason="x",
        )
        for number, (kind, environment) in enumerate(kinds, 1)
    ]


def test_what_brought_production_where_it_is():
    here, there = "production", "staging"
    assert brought([], here) == 0
    known = [("decision", here), ("release_started", here), ("released", here), ("released", there)]
    assert brought(entries(*known), here) == 3
    assert brought(entries(*known, ("release_started", here), ("release_rolled_back", here)), here) == 3
    # The same version, again: whoever agreed before did not know that it would have to come back.
    assert brought(entries(*known, ("rollback_started", here), ("rolled_back", here)), here) == 5
