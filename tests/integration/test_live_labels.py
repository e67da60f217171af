"""Accuracy in production: a real server keeps what it predicted, labels come later, and a look joins them."""

import http.client
import json

import grpc
import numpy as np
import pytest

from jenkins_ml import names
from jenkins_ml.server import messages
from jenkins_ml.server.tensors import to_proto
from tests.fakes.repository import wait_until

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("monitor")]
ONE, ZERO = [3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0]  # what tiny calls 1, and 0


@pytest.fixture
def keeping(gated):
    """Version 1 is in production, on a server that keeps its answers."""
    path = gated.folder / "jenkins-ml.yaml"
    path.write_text(path.read_text() + "monitor: {live: {directory: answers, labels: 'labels/*.csv'}}\n")
    gated.ok("serve", run="first")
    return gated


def ask(repository, *requests, path="/v1/models/tiny:predict"):
    """Requests, each an id and its examples."""
    connection = http.client.HTTPConnection("127.0.0.1", repository.server().rest_port, timeout=30)
    for request_id, rows in requests:
        headers = {} if request_id is None else {names.REQUEST_HEADER: request_id}
        connection.request("POST", path, json.dumps({"instances": rows}), headers)
        assert connection.getresponse().read()
    connection.close()


def kept(repository):
    files = [*(repository.folder / "answers/tiny/production/v1").glob("*.csv")]
    return [line for file in files for line in file.read_text().splitlines()[1:]]


def test_labels_that_come_later_tell_how_good_production_is(keeping):
    ask(keeping, *((f"r{number}", [ONE if number % 2 else ZERO]) for number in range(40)))
    ask(keeping, ("both", [ONE, ZERO]), (None, [ONE]), ('"quoted", id', [ONE]))
    ask(keeping, ("replayed", [ONE]), path="/v1/models/tiny/versions/1:predict")
    wait_until(lambda: len(kept(keeping)) == 42, "answers are written")
    assert not any("replayed" in line or "quoted" in line for line in kept(keeping))
    labels = keeping.folder / "labels"
    labels.mkdir()
    wrong = {3, 7}  # the model errs in two of forty
    rows = [f"r{number},{number % 2 if number not in wrong else 0}" for number in range(40)]
    (labels / "monday.csv").write_text("\n".join(["id,label", *rows, "both/0,1", "both/1,0", "unknown,1", "r41,"]))
    done = keeping.ok("monitor", "--for", "10ms", "--json")
    live = {each["name"]: each for each in json.loads(done.out)["live"]}
    assert live["accuracy"]["value"] == pytest.approx(40 / 42)
    assert live["accuracy"]["count"] == 42
    assert live["accuracy"]["low"] < 40 / 42 < live["accuracy"]["high"]
    assert live["accuracy"]["source"] == "labels"
    assert "accuracy in production: 0.9524" in done.err


def test_answers_over_grpc_are_kept_too(keeping):
    request = messages.PredictRequest(inputs={"x": to_proto(np.array([ONE], np.float32))})
    request.model_spec.name = "tiny"
    with grpc.insecure_channel(f"127.0.0.1:{keeping.server().grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        call(request.SerializeToString(), timeout=30, metadata=((names.REQUEST_HEADER, "by-grpc"),))
    wait_until(lambda: len(kept(keeping)) == 1, "the answer is written")
    assert kept(keeping)[0].startswith("by-grpc,0.99")


def test_labels_without_kept_answers_are_refused(gated):
    gated.ok("serve", run="first")
    (gated.folder / "labels.csv").write_text("id,label\nr1,1\n")
    done = gated.call("monitor", "--for", "10ms", "--labels", "labels.csv")
    assert done.code == 2
    assert "no predictions are kept that labels could be joined to" in done.error


def test_labels_of_nothing_that_was_asked_say_so(keeping):
    (keeping.folder / "labels.csv").write_text("id,label\nr1,1\n")
    done = keeping.ok("monitor", "--for", "10ms", "--labels", "labels.csv", "--json")
    assert json.loads(done.out)["live"] == []
    assert "none of 1 labels is of a request that version 1 has answered" in done.err


def test_without_labels_accuracy_is_estimated_from_how_sure_the_model_is(keeping):
    """The split of 64 rows makes one cell, in which tiny was right as often as its gate has measured."""
    ask(keeping, *((None, [ONE, ZERO]) for _ in range(60)))
    done = keeping.ok("monitor", "--for", "10ms", "--json")
    [estimate] = json.loads(done.out)["live"]
    assert (estimate["name"], estimate["source"], estimate["count"]) == ("accuracy", "estimate", 120)
    measured = keeping.store.manifest(1)[0].metrics["accuracy"]
    assert estimate["value"] == pytest.approx(measured)
    assert estimate["low"] < estimate["value"] <= estimate["high"]
    assert "estimated from 120 predictions" in done.err


def test_old_predictions_go_whatever_version_they_are_of(keeping):
    old = [keeping.folder / f"answers/tiny/production/v{version}/2020-01-02-host-7.csv" for version in (1, 99)]
    for file in old:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("id,prediction\na,0.5\n")
    keeping.ok("monitor", "--for", "10ms")
    assert not any(file.exists() for file in old)


def test_labels_that_cannot_be_read_do_not_hide_what_else_was_found(keeping, tmp_path):
    path = keeping.folder / "jenkins-ml.yaml"
    path.write_text(path.read_text().replace("monitor: {", f"monitor: {{pipeline: {{textfile: {tmp_path}}}, "))
    ask(keeping, *((None, [ONE, ZERO]) for _ in range(60)))
    (keeping.folder / "labels").mkdir()
    (keeping.folder / "labels/x.csv").write_text("no,columns\n1,2\n")
    done = keeping.call("monitor", "--for", "10ms")
    assert done.code == 2
    assert "there is no column `id` and `label`" in done.error
    told = "".join(file.read_text() for file in tmp_path.glob("*.prom"))
    assert 'from="estimate"' in told
