"""Drift on a real server: what is asked is summarised there, kept in the store, and held against the evaluation split."""

import http.client
import json

import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.records import Summary, decode

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("monitor")]
RANDOM = np.random.default_rng(3)


@pytest.fixture
def served(gated):
    gated.ok("serve", run="first")
    config = gated.folder / names.CONFIG_FILE
    config.write_text(config.read_text() + "monitor: {}\n")
    return gated


def ask(repository, rows):
    connection = http.client.HTTPConnection("127.0.0.1", repository.server().rest_port, timeout=30)
    for start in range(0, len(rows), 100):
        body = json.dumps({"instances": rows[start : start + 100].tolist()})
        connection.request("POST", "/v1/models/tiny:predict", body)
        assert connection.getresponse().read()
    connection.close()


def usual(count):
    """As the repository's data are."""
    return RANDOM.normal(size=(count, 4)) + 3.0 * RANDOM.integers(0, 2, count)[:, None]


def look(repository):
    return json.loads(repository.ok("monitor", "--for", "10ms", "--json").out)["drift"]


def test_a_version_has_its_reference_among_its_files(served):
    file = served.store.path(1) / names.REFERENCE
    reference = decode(Summary, file.read_bytes(), "it")
    assert [column.name for column in reference.inputs] == ["x[0]", "x[1]", "x[2]", "x[3]"]
    assert reference.prediction.kind == "number"
    manifest, _ = served.store.manifest(1)
    assert names.REFERENCE in {entry.path for entry in manifest.files}


def test_usual_requests_and_then_others(served):
    ask(served, usual(1000))
    first = look(served)
    assert (first["rows"], first["drifted"]) == (1000, [])
    assert len(first["findings"]) == 5
    ask(served, usual(1000) - [0, 0, 9, 0])
    second = look(served)
    assert second["rows"] == 2000
    assert {"feature": "x[2]", "against": "training"} in second["drifted"]
    assert {"feature": "x[0]", "against": "training"} not in second["drifted"]


def test_requests_that_the_deployer_replays_are_not_counted(served):
    assert look(served)["rows"] == 0


def test_a_new_server_begins_anew_and_nothing_is_lost(served):
    ask(served, usual(300))
    assert look(served)["rows"] == 300
    served.stop_server()
    served.ok("server")
    ask(served, usual(200))
    assert look(served)["rows"] == 500


def test_the_version_before_is_what_the_next_one_is_compared_with(served):
    ask(served, usual(1000))
    look(served)
    served.commit("monitored")
    for stage in ("train", "gate", "serve"):
        served.ok(stage, run="second")
    references = [decode(Summary, (served.store.path(n) / names.REFERENCE).read_bytes(), "it") for n in (1, 2)]
    assert references[0].inputs[0].edges == references[1].inputs[0].edges
    ask(served, usual(1000) - 9)
    drifted = look(served)["drifted"]
    assert {"feature": "x[0]", "against": "stable"} in drifted
    assert {"feature": "prediction", "against": "stable"} in drifted


def test_a_version_from_before_there_were_references(served):
    (served.store.path(1) / names.REFERENCE).unlink()
    done = served.ok("monitor", "--for", "10ms")
    assert "it has no reference" in done.err
