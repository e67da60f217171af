from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core.history import History, after
from jenkins_ml.records import JournalEntry, VersionRef


def entry(kind, version, environment="production", previous=None):
    return JournalEntry(
        number=1, time=f"t{version}", kind=kind, environment=environment, version=version, manifest_digest=f"d{version}",
        previous=previous, run="r", by="me", reason="because",
    )  # fmt: skip


def ref(version):
    return VersionRef(version=version, manifest_digest=f"d{version}")


def released(*versions):
    return [item for version in versions for item in (entry("release_started", version), entry("released", version))]


def test_nothing_is_in_production_before_the_first_release():
    history = after([entry("decision", 1), entry("release_started", 1)], "production")
    assert history.production is None
    assert history.open is not None


def test_the_last_release_is_in_production_and_the_one_before_is_where_a_rollback_goes():
    history = after(released(1, 2, 4), "production")
    assert history.production == ref(4)
    assert history.previous == ref(2)
    assert history.open is None
    assert history.since == "t4"


def test_environments_do_not_see_each_other():
    entries = [*released(1), entry("release_started", 9, "staging"), entry("released", 9, "staging")]
    assert after(entries, "production").production == ref(1)
    assert after(entries, "staging").production == ref(9)


def test_a_failed_canary_changes_nothing():
    before = after(released(1, 2), "production")
    tried = [*released(1, 2), entry("release_started", 3), entry("release_step", 3)]
    assert after([*tried, entry("release_rolled_back", 3)], "production") == before
    abandoned = after([*tried, entry("release_abandoned", 3)], "production")
    assert (abandoned.good, abandoned.open) == (before.good, None)


def test_a_release_that_was_left_can_be_continued_until_something_else_happens():
    tried = [*released(1, 2), entry("release_started", 3), entry("release_step", 3)]
    for left in (tried, [*tried, entry("release_abandoned", 3)], [*tried, entry("decision", 4)]):
        assert after(left, "production").left == tried[-2]
    for ended in (entry("release_rolled_back", 3), entry("released", 3), entry("rollback_started", 1)):
        assert after([*tried, ended], "production").left is None
    again = after([*tried, entry("release_started", 4)], "production")
    assert (again.left.version, again.weight) == (4, None)


def test_a_rollback_holds_from_its_intention_on_and_is_open_until_it_is_done():
    history = after([*released(1, 2), entry("rollback_started", 1, previous=2)], "production")
    assert history.production == ref(1)
    assert history.open is not None
    done = after([*released(1, 2), entry("rollback_started", 1, previous=2), entry("rolled_back", 1)], "production")
    assert done.production == ref(1)
    assert done.previous is None
    assert done.open is None


def test_what_was_released_after_the_goal_of_a_rollback_is_not_good_any_more():
    entries = [*released(1, 2, 3), entry("rollback_started", 1), entry("rolled_back", 1), *released(4)]
    assert after(entries, "production").good == (ref(1), ref(4))


def test_releasing_a_version_again_does_not_list_it_twice():
    assert after(released(1, 2, 1), "production").good == (ref(2), ref(1))


kinds = st.sampled_from(
    [
        "decision",
        "release_started",
        "release_step",
        "released",
        "release_rolled_back",
        "release_abandoned",
        "rollback_started",
        "rolled_back",
    ]
)


@given(st.lists(st.tuples(kinds, st.integers(1, 5))))
def test_good_versions_are_distinct_and_only_a_release_or_a_rollback_changes_production(items):
    history = History()
    entries = []
    for kind, version in items:
        entries.append(entry(kind, version))
        now = after(entries, "production")
        assert len(set(now.good)) == len(now.good)
        if kind not in ("released", "rollback_started"):
            assert now.production == history.production
        history = now
