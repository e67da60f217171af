import json
import os
import threading

import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.records import Commit, Lineage, Manifest, Signature, Tested, VersionRef, artefact_digest


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "store", "digits")


def make(store, content=b"weights", branch=None):
    version = store.reserve()
    with store.staging() as staged:
        model = staged / "model"
        (model / "variables").mkdir(parents=True)
        (model / "saved_model.pb").write_bytes(content)
        (model / "variables" / "variables.index").write_bytes(b"index")
        entries = files.describe(model)
        manifest = Manifest(
            model="digits", version=version, created="2026-01-01T00:00:00.000Z", framework="keras",
            artefact_digest=artefact_digest(entries), files=entries, signature=Signature(inputs=(), outputs=()),
            metrics={}, curves={}, lineage=Lineage(
                commit=Commit(sha=None, branch=None, dirty=False), data_digest="d", training="t", params={}, environment={},
                run="r", built_by="me", compared_with=None,
            ),
        )  # fmt: skip
        return store.commit(model, manifest, branch)


def test_a_version_is_there_with_its_manifest_and_verifies(store):
    reference = make(store)
    assert store.versions() == (1,)
    assert store.verify(reference).version == 1
    assert not list((store.home / "staging").iterdir())


def test_numbers_are_never_reused(store):
    first = make(store)
    store.remove(first.version)
    assert store.versions() == ()
    assert make(store).version == 2


def test_numbers_are_given_once_to_many_who_ask_at_the_same_time(store):
    taken = []
    threads = [threading.Thread(target=lambda: taken.extend(store.reserve() for _ in range(20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(taken) == list(range(1, 81))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "saved_model.pb").write_bytes(b"weightz"),
        lambda path: (path / "saved_model.pb").unlink(),
        lambda path: (path / "extra").write_bytes(b""),
        lambda path: (path / "link").symlink_to("/etc/hostname"),
        lambda path: (path / names.MANIFEST).write_text((path / names.MANIFEST).read_text().replace("keras", "Keras")),
        lambda path: (path / names.MANIFEST).write_text("{"),
        lambda path: (path / names.MANIFEST).unlink(),
    ],
)
def test_a_damaged_version_is_never_verified_nor_published(store, damage):
    reference = make(store)
    damage(store.path(1))
    with pytest.raises(IntegrityError):
        store.verify(reference)
    with pytest.raises(IntegrityError):
        store.publish(reference)
    assert not (store.home / names.SERVING / "1").exists()


def test_publishing_copies_and_mends_a_damaged_copy(store):
    reference = make(store)
    served = store.publish(reference)
    (served / "saved_model.pb").write_bytes(b"bad")
    assert (store.publish(reference) / "saved_model.pb").read_bytes() == b"weights"
    store.withdraw(1)
    assert not served.exists()
    assert store.verify(reference)


def test_candidates_of_branches_lie_apart(store):
    make(store)
    reference = make(store, branch="feature/x")
    assert store.versions() == (1,)
    assert store.versions("feature/x") == (2,)
    assert store.verify(reference, "feature/x")
    assert (store.home / "branches" / "feature%2Fx" / "versions" / "2").is_dir()


def test_an_unknown_version_is_wrong_usage(store):
    with pytest.raises(UsageError, match="no version 7"):
        store.manifest(7)


def test_a_run_record_is_created_once(store):
    first = Tested(run="r", command="a", seconds=1.0, created="now")
    assert store.write_run("r", "test", first)
    assert not store.write_run("r", "test", Tested(run="r", command="b", seconds=1.0, created="now"))
    assert store.read_run(Tested, "r", "test") == first
    assert store.read_run(Tested, "other", "test") is None


def test_predictions_are_kept_once_and_checked(store):
    for value in (1.0, 2.0):
        with store.staging() as staged:
            (staged / "p").mkdir()
            np.savez(staged / "p" / "predictions.npz", predictions=np.array([value]))
            store.keep_predictions(staged / "p", "a" * 64, "d" * 64, 1)
    path = store.predictions("a" * 64, "d" * 64)
    assert np.load(path)["predictions"] == [1.0]
    path.write_bytes(b"something else")
    with pytest.raises(IntegrityError, match="were changed"):
        store.predictions("a" * 64, "d" * 64)
    assert store.predictions("b" * 64, "d" * 64) is None


def test_what_a_dead_writer_left_is_cleared_and_what_a_living_one_writes_is_not(store):
    folder = store.home / "staging"
    dead = folder / "dead"
    dead.mkdir(parents=True)
    (dead / "half").write_bytes(b"x")
    (folder / "dead.lock").touch()
    with store.staging() as mine, store.staging() as other:
        assert not dead.exists()
        assert mine.exists()
        assert other.exists()


def test_a_full_disk_is_said_and_leaves_nothing(store, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    with store.staging() as staged:
        monkeypatch.setattr(os, "fsync", full)
        (staged / "model").mkdir()
        with pytest.raises(Unavailable, match="disk is full"):
            store.write_run("r", "test", Tested(run="r", command="a", seconds=1.0, created="now"))
        monkeypatch.undo()
    assert not list((store.home / "runs" / "r").iterdir())


class TestJournal:
    def append(self, store, version=1):
        from jenkins_ml.adapters.release import Author

        author = Author(journal=store.journal, environment="production", run="r", by="me")
        return author.write("released", VersionRef(version=version, manifest_digest="d"), None, "because")

    def test_entries_are_numbered_and_come_back_in_order(self, store):
        assert [self.append(store, version).number for version in (3, 1, 2)] == [1, 2, 3]
        assert [entry.version for entry in store.journal.entries()] == [3, 1, 2]

    def test_nobody_overwrites_an_entry(self, store):
        threads = [threading.Thread(target=lambda: [self.append(store) for _ in range(10)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [entry.number for entry in store.journal.entries()] == list(range(1, 41))

    def test_a_missing_or_damaged_entry_is_found(self, store):
        for _ in range(3):
            self.append(store)
        path = store.home / names.JOURNAL / "00000002.json"
        text = path.read_text()
        path.write_text(json.dumps(json.loads(text) | {"kind": "Released"}))
        with pytest.raises(IntegrityError, match="kind"):
            store.journal.entries()
        path.unlink()
        with pytest.raises(IntegrityError, match="lacks entry 2"):
            store.journal.entries()


def test_published_versions_are_listed_and_nothing_else(store):
    assert store.published() == frozenset()
    store.publish(make(store))
    (store.home / names.SERVING / "half").mkdir()
    assert store.published() == {1}


def test_a_version_without_its_manifest_is_damaged_not_unknown(store):
    make(store)
    (store.path(1) / names.MANIFEST).unlink()
    with pytest.raises(IntegrityError, match=r"version 1 has no manifest\.json"):
        store.manifest(1)


def test_predictions_that_lost_their_record_are_damaged_not_unknown(store):
    with store.staging() as staged:
        np.savez(staged / "predictions.npz", predictions=np.array([1.0]))
        store.keep_predictions(staged, "a" * 64, "d" * 64, 1)
    (store.predictions("a" * 64, "d" * 64).parent / "predictions.json").unlink()
    with pytest.raises(IntegrityError, match="were changed"):
        store.predictions("a" * 64, "d" * 64)


def test_two_who_keep_the_same_predictions_at_the_same_moment_both_have_them(store, monkeypatch):
    for value in (1.0, 2.0):
        with store.staging() as staged:
            np.savez(staged / "predictions.npz", predictions=np.array([value]))
            with monkeypatch.context() as patch:
                patch.setattr(type(staged), "exists", lambda _: False)  # neither sees the other's
                store.keep_predictions(staged, "a" * 64, "d" * 64, 1)
    assert np.load(store.predictions("a" * 64, "d" * 64))["predictions"] == [1.0]
