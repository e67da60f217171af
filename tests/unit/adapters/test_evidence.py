import shutil
import threading

import pytest

from jenkins_ml import names
from jenkins_ml.adapters.evidence import Comparison, EvidenceStore
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.core.statistics.looks import look_of_counts, sums_of
from jenkins_ml.core.statistics.sequential import bounds, merged
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import (
    Commit,
    FileEntry,
    Lineage,
    Manifest,
    SequentialLook,
    Signature,
    VersionRef,
    artefact_digest,
    decode,
    digest,
    encode,
)  # fmt: skip

NOW = "2026-01-31T12:34:56.789Z"
SUMS = (look_of_counts("accuracy", "", 0.9, 5, 4, 200),)


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "store", "digits")


@pytest.fixture
def evidence(store):
    return EvidenceStore(store)


def reference(version):
    return VersionRef(version=version, manifest_digest=digest(str(version).encode()))


def comparison(candidate=2, baseline=1, stream="nightly"):
    return Comparison(stream=stream, baseline=reference(baseline), candidate=reference(candidate))


def look(evidence, data, about=None):
    return evidence.append(about or comparison(), "nightly-1", digest(data.encode()), SUMS, NOW)


def at_once(*deeds):
    threads = [threading.Thread(target=deed) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_every_look_is_kept_in_order(evidence):
    for data in ("monday", "tuesday", "wednesday"):
        look(evidence, data)
    looks = evidence.looks(comparison())
    assert [(each.number, each.data_digest) for each in looks] == [
        (number, digest(data)) for number, data in enumerate([b"monday", b"tuesday", b"wednesday"], 1)
    ]
    assert {each.sums for each in looks} == {SUMS}


def test_the_same_data_is_counted_once(evidence):
    first = look(evidence, "monday")
    assert look(evidence, "monday") == first == evidence.looks(comparison())
    assert len(look(evidence, "tuesday")) == 2


def test_what_is_kept_bounds_the_difference_as_what_was_seen(evidence):
    nights = [look_of_counts("accuracy", "", 0.9, gained, 3, 200) for gained in range(5)]
    for number, sums in enumerate(nights):
        looks = evidence.append(comparison(), "nightly-1", digest(str(number).encode()), (sums,), NOW)
    assert bounds(merged(sums_of(looks, "accuracy")), 0.05) == bounds(merged(nights), 0.05)


def test_without_a_look_there_is_none(evidence):
    assert evidence.looks(comparison()) == ()


@pytest.mark.parametrize(
    "other", [comparison(3), comparison(2, 4), comparison(stream="weekly"), comparison(stream="..")]
)
def test_evidence_is_kept_apart_by_candidate_baseline_and_stream(evidence, other):
    look(evidence, "monday")
    assert evidence.looks(other) == ()
    assert len(look(evidence, "tuesday", other)) == 1
    assert len(evidence.looks(comparison())) == 1


def test_nights_that_run_at_once_lose_nothing_and_count_nothing_twice(evidence):
    def night(first):
        return lambda: [look(evidence, str(data)) for data in range(first, first + 10)]

    at_once(*(night(first) for first in (0, 5, 10)))  # half of the data is seen by two of them
    looks = evidence.looks(comparison())
    assert {each.data_digest for each in looks} == {digest(str(data).encode()) for data in range(20)}
    assert len(looks) == 20


def test_candidates_take_positions_in_the_order_of_their_first_look(evidence):
    assert [evidence.position(comparison(candidate), NOW) for candidate in (5, 3, 5, 4, 3)] == [1, 2, 1, 3, 2]
    assert evidence.position(comparison(3, baseline=9), NOW) == 1
    assert evidence.position(comparison(3, stream="weekly"), NOW) == 1


def test_candidates_that_come_at_once_get_a_position_each(evidence):
    taken = {}

    def come(candidates):
        return lambda: [taken.setdefault((each, i), evidence.position(comparison(each), NOW)) for i, each in candidates]

    at_once(*(come([(thread, candidate) for candidate in range(2, 10)]) for thread in range(3)))
    assert {position for (_, _), position in taken.items()} == set(range(1, 9))
    assert len({(candidate, position) for (candidate, _), position in taken.items()}) == 8


# --- damage ------------------------------------------------------------------------------------------------------------
def path_of(evidence, number, about=None):
    return evidence._folder(about or comparison(), SequentialLook) / f"{number:08d}.json"


def changed(**fields):
    def change(evidence):
        path = path_of(evidence, 2)
        record = decode(SequentialLook, path.read_bytes(), "it")
        path.write_bytes(encode(SequentialLook(**vars(record) | fields)))

    return change


DAMAGE = {
    "gone": lambda evidence: path_of(evidence, 2).unlink(),
    "empty": lambda evidence: path_of(evidence, 2).write_bytes(b""),
    "cut off": lambda evidence: path_of(evidence, 2).write_bytes(path_of(evidence, 2).read_bytes()[:100]),
    "copied over another": lambda evidence: shutil.copy(path_of(evidence, 1), path_of(evidence, 2)),
    "about another model": changed(model="letters"),
    "about another stream": changed(stream="weekly"),
    "about another candidate": changed(candidate=reference(8)),
    "about another baseline": changed(baseline=reference(8)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_evidence_is_refused_and_not_added_to(evidence, damage):
    for data in ("monday", "tuesday", "wednesday"):
        look(evidence, data)
    damage(evidence)
    with pytest.raises(IntegrityError) as caught:
        evidence.looks(comparison())
    assert "backup" in caught.value.next_step
    with pytest.raises(IntegrityError):
        look(evidence, "thursday")
    assert not path_of(evidence, 4).exists()


def test_a_place_that_was_changed_is_refused(evidence):
    evidence.position(comparison(), NOW)
    [path] = evidence.store.home.glob(f"{names.EVIDENCE}/*/*/places/*.json")
    path.write_bytes(path.read_bytes().replace(b'"position": 1', b'"position": 2'))
    with pytest.raises(IntegrityError, match="belongs elsewhere"):
        evidence.position(comparison(), NOW)


def test_what_a_dying_writer_left_is_no_look(evidence):
    look(evidence, "monday")
    path_of(evidence, 2).with_name(".00000002.json.123.abcd").write_bytes(b"{")
    assert len(look(evidence, "tuesday")) == 2


# --- pruning -----------------------------------------------------------------------------------------------------------
def make(store, branch=None):
    version = store.reserve()
    with store.staging() as staged:
        entries = (FileEntry(path="model", size=0, sha256=digest(b"")),)
        manifest = Manifest(
            model="digits", version=version, created=NOW, framework="keras", artefact_digest=artefact_digest(entries),
            files=entries, signature=Signature(inputs=(), outputs=()), metrics={}, curves={},
            lineage=Lineage(
                commit=Commit(sha=None, branch=None, dirty=False), data_digest="d", training="t", params={}, environment={},
                run="r", built_by="me", compared_with=None,
            ),
        )  # fmt: skip
        (staged / "it").mkdir()
        return store.commit(staged / "it", manifest, branch)


def test_pruning_takes_evidence_of_versions_that_are_gone(store, evidence):
    baseline, candidate, of_branch, gone = make(store), make(store), make(store, "feature/x"), make(store)
    abouts = {
        name: Comparison(stream="nightly", baseline=baseline, candidate=each)
        for name, each in {"candidate": candidate, "branch": of_branch, "gone": gone}.items()
    }
    replaced = Comparison(stream="nightly", baseline=gone, candidate=candidate)
    for about in (*abouts.values(), replaced):
        evidence.position(about, NOW)
        look(evidence, "monday", about)
    store.remove(gone.version)
    evidence.prune()
    assert {name: len(evidence.looks(about)) for name, about in abouts.items()} == {
        "candidate": 1,
        "branch": 1,
        "gone": 0,
    }
    assert evidence.looks(replaced) == ()
    assert evidence.position(replaced, NOW) == 1  # nothing is left of that baseline
    # The place of a candidate that is gone was spent.
    assert evidence.position(Comparison(stream="nightly", baseline=baseline, candidate=reference(99)), NOW) == 4


def test_pruning_leaves_what_is_about_models_that_never_were_versions(store, evidence):
    named = [VersionRef(version=0, manifest_digest=digest(name)) for name in (b"v6", b"v7")]
    abouts = [
        Comparison(stream="nightly", baseline=named[0], candidate=named[1]),
        Comparison(stream="nightly", baseline=make(store), candidate=named[1]),
    ]
    for about in abouts:
        evidence.position(about, NOW)
        look(evidence, "monday", about)
    evidence.prune()
    assert [len(evidence.looks(about)) for about in abouts] == [1, 1]


def test_pruning_takes_nothing_while_a_version_is_damaged(store, evidence):
    baseline, candidate = make(store), make(store)
    about = Comparison(stream="nightly", baseline=baseline, candidate=candidate)
    look(evidence, "monday", about)
    (store.path(candidate.version) / names.MANIFEST).unlink()
    with pytest.raises(IntegrityError):
        evidence.prune()
    assert len(evidence.looks(about)) == 1


def test_there_is_nothing_to_prune_without_evidence(evidence):
    evidence.prune()
