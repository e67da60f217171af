"""What `monitor` says about drift, with a target whose servers say what a test wants."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.adapters.summaries import SummaryStore
from jenkins_ml.config.drift import Drift
from jenkins_ml.config.gate import Gate
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.core.drift.summary import summarised
from jenkins_ml.core.history import History
from jenkins_ml.errors import Unavailable
from jenkins_ml.records import ServerSummary, Summary, VersionRef, encode
from jenkins_ml.steps import drift
from tests.fakes.target import FakeTarget

RANDOM = np.random.default_rng(1)
FIRST = VersionRef(version=1, manifest_digest="1d" * 32)
SECOND = VersionRef(version=2, manifest_digest="2d" * 32)


class Summarised(FakeTarget):
    """A target with a server that has summarised what it is told."""

    said: tuple[ServerSummary, ...] = ()

    def summaries(self, version):
        self._called("summaries", version)
        return self.said


def reference(mean=0.0):
    made = Reference()
    made.add({"x": RANDOM.normal(mean, 1, size=(20_000, 2))}, RANDOM.random((20_000, 3)))
    return made.summary()


REFERENCE = reference()


def asked(rows, mean=0.0, since=1.0):
    values = RANDOM.normal(size=rows)
    inputs = (summarised(REFERENCE.inputs[0], values + mean), summarised(REFERENCE.inputs[1], values))
    prediction = summarised(REFERENCE.prediction, RANDOM.integers(0, 3, rows))
    summary = Summary(of="requests", rows=rows, inputs=inputs, prediction=prediction)
    return (ServerSummary(server="server", since=since, summary=summary),)


@pytest.fixture
def target():
    return Summarised()


@pytest.fixture
def project(tmp_path):
    store = ModelStore(tmp_path, "digits")
    for version in (1, 2):
        file = store.path(version) / names.REFERENCE
        file.parent.mkdir(parents=True)
        file.write_bytes(encode(REFERENCE))
    return SimpleNamespace(store=store, config=SimpleNamespace(gate=Gate()))


def look(project, target, history=History(good=(FIRST,))):  # noqa: B008 - a frozen value
    return drift.findings(project, target, "production", history, Drift())


def test_nothing_has_moved(project, target):
    target.said = asked(5000)
    found = look(project, target)
    assert (found.rows, found.drifted) == (5000, ())
    assert len(found.findings) == 3
    assert "nothing has moved: 5000 rows beside the data it was evaluated on" in "\n".join(drift.lines(found))


def test_an_input_has_moved(project, target):
    target.said = asked(5000, 0.4)
    found = look(project, target)
    assert [finding.feature for finding in found.drifted] == ["x[0]"]
    told = "\n".join(drift.lines(found))
    assert "1 of 3 columns have moved" in told
    assert "x[0] has moved from the data it was evaluated on" in told
    answer = drift.as_json(found)
    assert answer["drifted"] == [{"feature": "x[0]", "against": "training"}]
    assert answer["findings"][1]["evidence_log10"] is None


def test_looks_add_up(project, target):
    found = None
    for number in range(1, 11):  # the server says what it has had since it began
        target.said = asked(500 * number, 0.4)
        target.said = (replace(target.said[0], since=float(number)),)  # ... and is started anew each time
        found = look(project, target)
    assert found.rows == sum(500 * number for number in range(1, 11))
    assert found.drifted


def test_the_version_before_is_compared_with(project, target):
    target.said = asked(5000, 0.4)
    look(project, target)
    target.said = asked(5000)
    found = look(project, target, History(good=(FIRST, SECOND)))
    assert [(finding.feature, finding.against) for finding in found.drifted] == [("x[0]", "stable")]
    assert "what the version before was asked" in "\n".join(drift.lines(found))
    assert found.compared_with == ("stable", "training")


def test_the_version_before_had_other_cells(project, target, tmp_path):
    other = reference(5.0)
    (project.store.path(1) / names.REFERENCE).write_bytes(encode(other))
    target.said = (ServerSummary(server="server", since=1.0, summary=replace(other, of="requests")),)
    look(project, target)
    target.said = (replace(asked(5000)[0], summary=replace(asked(5000)[0].summary, prediction=None)),)
    (project.store.path(2) / names.REFERENCE).write_bytes(encode(replace(REFERENCE, prediction=None)))
    found = look(project, target, History(good=(FIRST, SECOND)))
    assert "what the version before was asked is counted in other cells" in found.missing


def test_there_is_no_reference(project, target):
    (project.store.path(1) / names.REFERENCE).unlink()
    assert look(project, target).missing == (
        "it has no reference: it was trained before there were any; the next training makes one",
    )


def test_the_server_keeps_no_summaries(project, target):
    assert look(project, target).missing == ("its server keeps no summaries: start it anew",)


def test_the_target_keeps_none(project):
    assert look(project, FakeTarget()).missing == ("what it is asked is not summarised on this target",)


def test_a_failure_fails_no_look(project):
    target = Summarised(failures={("summaries", 0): Unavailable("the server does not answer", "start it")})
    found = look(project, target)
    assert found.missing == ("the server does not answer",)
    assert drift.lines(found) == ("drift: the server does not answer",)


def test_only_the_strongest_are_told_one_by_one(project, target):
    made = Reference()
    made.add({"x": RANDOM.normal(size=(20_000, 8))}, RANDOM.random((20_000, 3)))
    many = made.summary()
    (project.store.path(1) / names.REFERENCE).write_bytes(encode(many))
    moved = replace(
        many,
        of="requests",
        rows=3000,
        inputs=tuple(summarised(column, RANDOM.normal(1, 1, 3000)) for column in many.inputs),
        prediction=summarised(many.prediction, RANDOM.integers(0, 3, 3000)),
    )
    target.said = (ServerSummary(server="server", since=1.0, summary=moved),)
    told = drift.lines(look(project, target))
    assert len([line for line in told if "has moved from" in line]) == drift.MOST_LINES
    assert "drift: and 3 more: jenkins-ml monitor --json has all" in told


def test_recent_rows_are_what_distances_are_of(project, target):
    """Where an old chapter lies before, distances are not thinned by it."""
    store = SummaryStore(project.store, "production")
    store.append(FIRST, asked(50_000), "2001-01-01T00:00:00.000Z")
    target.said = asked(5000, 0.4, since=2.0)
    found = look(project, target)
    [moved] = found.drifted
    assert (moved.feature, moved.rows, found.rows) == ("x[0]", 5000, 55_000)
