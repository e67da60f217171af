"""What versions were asked, in the store: nothing counts twice, nothing is lost that was written, and old looks go."""

from dataclasses import replace

import pytest

from jenkins_ml import names
from jenkins_ml.adapters import summaries
from jenkins_ml.adapters.clock import rfc3339
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.adapters.summaries import CHAPTER_SECONDS, MOST_SILENT, SummaryStore
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import ColumnSummary, ServerSummary, Summary, VersionRef, encode

VERSION = VersionRef(version=3, manifest_digest="3d" * 32)
LONG_AGO = rfc3339(1_000_000_000.0)
NOW = rfc3339(4_000_000_000.0)  # a chapter that begins then has not ended


def said(low, high, since=1.0, server="server"):
    column = ColumnSummary(name="x", kind="number", edges=(1.0,), counts=(low, high, 0))
    return ServerSummary(server=server, since=since, summary=Summary(of="requests", rows=low + high, inputs=(column,)))


def counts(look):
    return look.total.inputs[0].counts[:2]


@pytest.fixture
def store(tmp_path):
    return SummaryStore(ModelStore(tmp_path, "digits"), "production")


def test_only_what_is_new_is_counted(store):
    store.append(VERSION, [said(10, 5)], NOW)
    [look] = store.append(VERSION, [said(15, 5)], NOW)
    assert counts(look) == (15, 5)
    assert look.number == 2


def test_a_server_that_was_started_anew_counts_from_nothing(store):
    store.append(VERSION, [said(10, 5)], NOW)
    [look] = store.append(VERSION, [said(3, 0, since=2.0)], NOW)
    assert counts(look) == (13, 5)


def test_several_servers_add_up(store):
    store.append(VERSION, [said(10, 5), said(1, 1, server="other")], NOW)
    [look] = store.append(VERSION, [said(11, 5), said(1, 2, server="other")], NOW)
    assert counts(look) == (12, 7)


def test_a_server_that_says_nothing_for_a_while_is_not_counted_twice(store):
    store.append(VERSION, [said(10, 5), said(4, 4, server="other")], NOW)
    store.append(VERSION, [said(11, 5)], NOW)
    [look] = store.append(VERSION, [said(11, 5), said(5, 4, server="other")], NOW)
    assert counts(look) == (16, 9)


def test_servers_that_never_come_back_are_forgotten(store):
    for number in range(50):
        [look] = store.append(VERSION, [said(1, 0, since=float(number), server=f"pod-{number}")], NOW)
    assert len(look.servers) == 1 + MOST_SILENT
    assert counts(look) == (50, 0)


def test_looks_that_are_no_longer_needed_go(store, tmp_path):
    for number in range(1, 6):
        store.append(VERSION, [said(100 * number, 0)], NOW)
    assert len(list(tmp_path.rglob("summaries/**/*.json"))) == 1


def test_a_chapter_ends_after_a_day_with_enough_rows(store):
    store.append(VERSION, [said(150, 0)], LONG_AGO)
    looks = store.append(VERSION, [said(160, 0)], LONG_AGO)
    assert [(look.chapter, counts(look)) for look in looks] == [(1, (150, 0)), (2, (160, 0))]
    looks = store.append(VERSION, [said(170, 0)], LONG_AGO)
    assert [(look.chapter, counts(look)) for look in looks] == [
        (1, (150, 0)),
        (2, (170, 0)),
    ]  # too few rows for a third
    looks = store.append(VERSION, [said(300, 0)], LONG_AGO)
    looks = store.append(VERSION, [said(301, 0)], LONG_AGO)
    assert [look.chapter for look in looks] == [1, 2, 3]
    assert looks == store.looks(VERSION)
    assert CHAPTER_SECONDS == 86_400


def test_whoever_is_overtaken_begins_anew(store, monkeypatch):
    """Another look comes between the reading and the writing of this one."""
    store.append(VERSION, [said(10, 0)], NOW)
    looks = SummaryStore.looks

    def overtaken(self, version):
        found = looks(self, version)
        monkeypatch.setattr(SummaryStore, "looks", looks)
        store.append(VERSION, [said(20, 0)], NOW)
        return found

    monkeypatch.setattr(SummaryStore, "looks", overtaken)
    [look] = store.append(VERSION, [said(25, 0)], NOW)
    assert counts(look) == (25, 0)
    assert look.number == 3


def test_environments_and_versions_are_apart(store, tmp_path):
    other = SummaryStore(ModelStore(tmp_path, "digits"), "staging")
    store.append(VERSION, [said(10, 0)], NOW)
    assert other.looks(VERSION) == ()
    assert store.looks(replace(VERSION, manifest_digest="4d" * 32)) == ()


def test_a_look_that_belongs_elsewhere_is_refused(store, tmp_path):
    store.append(VERSION, [said(10, 0)], NOW)
    folder = tmp_path / "digits" / names.SUMMARIES / "production"
    (folder / VERSION.manifest_digest[:32]).rename(folder / ("4d" * 16))
    with pytest.raises(IntegrityError, match="belongs elsewhere"):
        store.looks(replace(VERSION, manifest_digest="4d" * 32))


def test_a_version_without_a_reference(store, tmp_path):
    assert store.reference(3) is None
    file = tmp_path / "digits/versions/3" / names.REFERENCE
    file.parent.mkdir(parents=True)
    file.write_bytes(encode(said(5, 5).summary))
    assert store.reference(3) == said(5, 5).summary
    file.write_bytes(encode(replace(said(5, 5).summary, rows=11)))
    with pytest.raises(IntegrityError, match="cannot be"):
        store.reference(3)


def test_of_versions_that_are_gone_nothing_is_kept(store, tmp_path):
    store.append(VERSION, [said(10, 0)], NOW)
    summaries.prune(store.store)
    assert not list(tmp_path.rglob("summaries/**/*.json"))
