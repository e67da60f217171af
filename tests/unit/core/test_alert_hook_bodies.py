"""What of a web hook's body calls for an action, and what speaks against it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core import alert_hook as alerts
from jenkins_ml.core.alert_hook import Alert, Result
from jenkins_ml.core.history import after
from jenkins_ml.errors import UsageError
from jenkins_ml.records import JournalEntry
from tests.fakes.alert_bodies import LABELS, alert, body


def entry(kind, version, previous=None, number=1, time="0", environment="production"):
    return JournalEntry(
        number=number, time=time, kind=kind, environment=environment, version=version, manifest_digest=f"d{version}",
        previous=previous, run="r", by="me", reason="",
    )  # fmt: skip


def test_a_rollback_is_asked_for():
    [found] = alerts.read(body(alert()), "tiny")
    assert found == Alert(
        name="JenkinsMLErrorBudgetBurn", action="rollback", environment="production", version=2, text="it fails",
        fingerprint="c0ffee", starts="2026-11-27T01:00:00Z",
    )  # fmt: skip


def test_a_training_needs_no_version():
    for version in (None, "2", "no number"):
        [found] = alerts.read(body(alert(action="retrain", version=version)), "tiny")
        assert (found.action, found.version) == ("retrain", None)


@pytest.mark.parametrize("label", ["alertname", "model", "environment", "action", "version"])
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_said(label, value):
    [found] = alerts.read(body(alert(**{label: value})), "tiny")
    assert (found.outcome, found.what) == ("lacking", f"it lacks the label {label}")
    assert alerts.status([found]) == 400


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "²", "1\n", "9" * 10, "latest"])
def test_a_version_is_a_number(version):
    [found] = alerts.read(body(alert(version=version)), "tiny")
    assert found.what == "it lacks the label version"


@pytest.mark.parametrize(
    ("given_alert", "why"),
    [
        (alert(status="resolved"), "it is resolved"),
        (alert(status="resolved", version=None), "it is resolved"),
        (alert(model="other"), "it is about the model other, this is tiny"),
        (alert(action="none"), "its action is none: nothing is done about that by itself"),
    ],
)
def test_what_is_not_for_us_is_said(given_alert, why):
    [found] = alerts.read(body(given_alert), "tiny")
    assert (found.outcome, found.what, alerts.status([found])) == ("ignored", why, 200)


def test_what_is_asked_for_twice_is_there_once():
    nan = alert(alertname="JenkinsMLNanAnswers")
    found = alerts.read(body(alert(), nan, alert(version="3"), alert(environment="staging")), "tiny")
    assert [(each.environment, each.version) for each in found] == [
        ("production", 2),
        ("production", 3),
        ("staging", 2),
    ]


def test_a_body_asks_for_a_few_things():
    many = [alert(version=str(number + 1)) for number in range(alerts.MOST)]
    assert len(alerts.read(body(*many, *many, *[alert(status="resolved")] * 200), "tiny")) == alerts.MOST + 200
    with pytest.raises(UsageError, match="it asks for more than 100 things"):
        alerts.read(body(*many, alert(action="retrain")), "tiny")


def test_unknown_fields_are_fine():
    assert alerts.read(body(alert() | {"more": 1}, truncatedAlerts=3, more={}), "tiny")


@pytest.mark.parametrize(
    "given_body",
    [
        b"", b"{", b"[]", b"null", b'{"version": "4"}', b'{"version": 4, "alerts": []}', b'{"version": "3", "alerts": []}',
        b'{"version": "4", "alerts": {}}', b'{"version": "4", "alerts": [1]}', b'{"version": "4", "alerts": [{}]}',
        b'{"version": "4", "alerts": [{"status": "firing", "labels": []}]}',
        b'{"version": "4", "alerts": [{"status": "firing", "labels": {"model": 1}}]}',
        b'{"version": "4", "alerts": [{"status": "silent"}]}', b"[" * 100_000, b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_is_no_such_body_is_refused(given_body):
    with pytest.raises(UsageError, match=r"this is no body of Alertmanager's web hook, version 4: "):
        alerts.read(given_body, "tiny")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LABELS, "version", "alerts", "status", "labels"]), inner)
)))  # fmt: skip
def test_any_json_is_read_or_refused(value):
    for each in (value, {"version": "4", "alerts": [value]}, {"version": "4", "alerts": value}):
        try:
            found = alerts.read(json.dumps(each).encode(), "tiny")
        except UsageError:
            continue
        assert all(isinstance(one, Alert | Result) for one in found)


OUTCOMES = list(alerts.STATUSES)


@given(st.lists(st.sampled_from(OUTCOMES)))
def test_the_worst_outcome_is_answered_and_5xx_only_where_a_retry_helps(outcomes):
    status = alerts.status([Result(alert="", outcome=outcome, what="") for outcome in outcomes])
    assert (status >= 500) == ("unavailable" in outcomes)
    assert (status == 200) == (not {"unavailable", "failed", "lacking"} & set(outcomes))


RELEASED = [entry("released", 1), entry("released", 2, 1)]


def why_not(entries, version=2, quiet=600.0, environment="production"):
    """Times are seconds ago."""
    return alerts.why_not(entries, environment, version, float, quiet)


def test_the_version_in_production_is_rolled_back():
    assert why_not(RELEASED) is None


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([], "nothing is in production in production"),
        ([*RELEASED, entry("released", 3)], "version 2 is not in production in production: version 3 is"),
        # A canary's failures are the judge's business.
        ([entry("released", 1), entry("release_started", 2, 1)], "version 2 is not in production in production: version 1 is"),
        ([*RELEASED, entry("rollback_started", 1, 2), entry("rolled_back", 1, 2)],
         "version 2 is not in production in production: version 1 is"),
    ],
)  # fmt: skip
def test_another_version_is_left_alone(entries, why):
    assert why_not(entries) == why


def test_a_rollback_that_has_begun_is_finished():
    assert why_not([*RELEASED, entry("rollback_started", 1, 2)]) is None


def test_what_a_rollback_brought_back_stays_for_a_while():
    entries = [
        *RELEASED,
        entry("released", 3, 2),
        entry("rollback_started", 2, 3, time="60"),
        entry("rolled_back", 2, 3),
    ]
    assert "version 2 came into production by a rollback 60 s ago" in why_not(entries)
    assert why_not(entries, quiet=60.0) is None
    assert why_not(entries, quiet=60.5) is not None


def test_what_was_released_again_stays_for_a_while():
    entries = [
        *RELEASED,
        entry("rollback_started", 1, 2, time="60"),
        entry("rolled_back", 1, 2),
        entry("released", 2, 1),
    ]
    assert why_not(entries) == "version 2 was rolled back 60 s ago, and was released again since"
    assert why_not(entries, quiet=10.0) is None


def test_another_environment_s_rollback_counts_there_only():
    elsewhere = [entry("released", 2, environment="b"), entry("rollback_started", 2, 3, time="1", environment="b")]
    assert why_not([*RELEASED, *elsewhere]) is None


KINDS = st.sampled_from(["released", "release_started", "release_abandoned", "rollback_started", "rolled_back"])


@given(st.lists(st.tuples(KINDS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 1000))), st.integers(1, 3))
def test_only_what_is_in_production_is_ever_rolled_back(entries, version):
    journal = [entry(kind, number, previous, time=str(ago)) for kind, number, previous, ago in entries]
    if why_not(journal, version) is None:
        history = after(journal, "production")
        begun = history.open is not None and (history.open.kind, history.open.previous) == ("rollback_started", version)
        assert begun or history.production.version == version
