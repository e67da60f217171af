"""What the stages report to a real Pushgateway, and into files, in Prometheus' own eyes."""

import re
import shutil
import socket
import subprocess
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jenkins_ml import names
from jenkins_ml.adapters.pipeline_metrics import Group, Pushgateway, TextFiles
from jenkins_ml.core.samples import Sample
from jenkins_ml.core.stage_samples import HELP, failed, released, succeeded
from jenkins_ml.errors import Unavailable
from jenkins_ml.rendering import exposition
from tests.engines import prometheus
from tests.fakes.repository import CONFIG

WHERE = {"model": "tiny", "environment": "production"}


def config(where: str, more: str = "") -> str:
    return f"{CONFIG}monitor: {{pipeline: {{{where}}}}}\n{more}"


@pytest.fixture
def gateway(prometheus_programs):
    with prometheus.Pushgateway() as service:
        yield service


def series(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All samples of ours."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("jenkins_ml_")
    }


def value(text: str, name: str, **labels: str) -> float | None:
    """The one sample of a name that has these labels, whatever else it has; None for none."""
    found = [number for (each, own), number in series(text).items() if each == name and set(labels.items()) <= set(own)]
    assert len(found) <= 1, (name, labels, text)
    return found[0] if found else None


def groups(service: prometheus.Pushgateway) -> set[tuple[str, str]]:
    return {(group.stage, group.environment) for group in Pushgateway(service.address).groups("tiny")}


@pytest.fixture
def reporting(gated, gateway):
    """A repository with a version that was gated, and which reports to a gateway from now on."""
    gated.write(jenkins_ml_yaml=config(f"pushgateway: {gateway.address}"))
    return gated


@pytest.mark.prometheus
@pytest.mark.tensorflow
def test_a_whole_run_reports_each_stage_and_what_is_in_production(project, gateway, prometheus_programs):
    project.write(
        jenkins_ml_yaml=config(f"pushgateway: {gateway.address}", 'test: {command: "true"}\n'),
    )
    project.commit("metrics")
    project.ok("run", run="first")
    text = gateway.metrics()
    for stage, labels in (("test", {}), ("train", {}), ("gate", WHERE), ("serve", WHERE)):
        each = {"model": "tiny", "stage": stage, "job": "jenkins_ml", **labels}
        assert value(text, names.METRIC_STAGE_SUCCEEDED, **each) == value(text, names.METRIC_STAGE_COMPLETED, **each)
        assert value(text, names.METRIC_STAGE_EXIT_CODE, **each) == 0
        assert (value(text, names.METRIC_STAGE_DURATION, **each) or 0) > 0
        assert value(text, names.METRIC_STAGE_FAILED, **each) is None
    assert value(text, names.METRIC_STAGE_ROWS, stage="gate") == 64
    assert value(text, names.METRIC_STAGE_ROWS, stage="train") == 64
    assert value(text, names.METRIC_STAGE_VERSION, stage="serve") == 1
    trained = project.store.manifest(1)[0].metrics["accuracy"]
    assert value(text, names.METRIC_MODEL, metric="accuracy", of="training") == trained
    assert value(text, names.METRIC_MODEL, metric="accuracy", of="gate") == trained
    assert value(text, names.METRIC_MODEL, of="production") is None  # there was none
    assert value(text, names.METRIC_RELEASED_VERSION, stage="release", **WHERE) == 1
    assert (value(text, names.METRIC_RELEASED, version="1", **WHERE) or 0) > 1.7e9
    # An empty instance is how a Pushgateway says that there is none.
    known = {"job", "instance", "model", "stage", "environment", "metric", "of", "version"}
    assert {label for _, labels in series(text) for label, _ in labels} <= known
    assert {dict(labels).get("instance", "") for _, labels in series(text)} == {""}
    checked = subprocess.run(
        [prometheus_programs["promtool"], "check", "metrics"],
        input="".join(f"{line}\n" for line in text.splitlines() if "jenkins_ml_" in line),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.prometheus
@pytest.mark.tensorflow
def test_a_failure_leaves_the_last_success_and_a_rollback_reports_what_is_in_production(reporting, gateway):
    reporting.ok("serve", run="first")
    reporting.ok("run", run="second")
    before = gateway.metrics()
    assert value(before, names.METRIC_MODEL, metric="accuracy", of="production") == 1.0
    reporting.change("model.py", "bias=-6.0", "bias=-60.0")
    assert reporting.call("train", run="third").code == 0
    assert reporting.call("gate", run="third").code == 3
    after = gateway.metrics()
    assert value(after, names.METRIC_STAGE_EXIT_CODE, stage="gate") == 3
    failure = value(after, names.METRIC_STAGE_FAILED, stage="gate")
    assert failure == value(after, names.METRIC_STAGE_COMPLETED, stage="gate")
    assert value(before, names.METRIC_STAGE_FAILED, stage="gate") is None
    for name in (names.METRIC_STAGE_SUCCEEDED, names.METRIC_STAGE_DURATION, names.METRIC_STAGE_VERSION):
        assert value(after, name, stage="gate") == value(before, name, stage="gate") is not None
    assert value(after, names.METRIC_MODEL, metric="accuracy", of="gate") == 1.0
    assert value(after, names.METRIC_RELEASED_VERSION, **WHERE) == 2
    reporting.ok("rollback")
    text = gateway.metrics()
    assert value(text, names.METRIC_RELEASED_VERSION, **WHERE) == 1
    assert value(text, names.METRIC_STAGE_VERSION, stage="rollback") == 1
    # It was released when it was released, not when it came back.
    assert value(text, names.METRIC_RELEASED, version="2") is None
    released_at = value(text, names.METRIC_RELEASED, version="1")
    assert released_at is not None
    assert released_at < (value(before, names.METRIC_RELEASED, version="2") or 0)


@pytest.mark.prometheus
@pytest.mark.tensorflow
def test_stale_groups_go(reporting, gateway):
    reporting.ok("serve", run="first")
    assert "warning" not in reporting.ok("monitor", "--for", "100ms").err
    other = Pushgateway(gateway.address)
    for group in (
        Group("other", "train"),
        Group("tiny", "train"),
        Group("tiny", "serve", "staging"),
        Group("tiny", "test"),
    ):
        other.add(group, failed(1.0, 1))
    everything = {("train", ""), ("test", ""), ("serve", "staging")}
    here = {(stage, "production") for stage in ("serve", "monitor", "measured", "release")}
    assert groups(gateway) == everything | here
    reporting.ok("models", "prune", "--dry-run")
    assert groups(gateway) == everything | here
    told = reporting.ok("models", "prune").err
    assert "no longer reported: stage serve in staging" in told
    assert groups(gateway) == {("train", "")} | here  # no tests are configured, and no staging
    reporting.ok("destroy", "--yes")
    assert groups(gateway) == {("train", "")}
    assert other.groups("other") == (Group("other", "train"),)


@pytest.mark.prometheus
@pytest.mark.tensorflow
def test_pull_requests_other_branches_and_files_report_nothing(reporting, gateway):
    jenkins = {names.ENV_BUILD_TAG: "jenkins-tiny-1", "JENKINS_ML_STORE": str(reporting.store_root)}
    reporting.ok("gate", run="first", **jenkins, BRANCH_NAME="PR-3", CHANGE_ID="3")
    reporting.ok("gate", run="first", **jenkins, BRANCH_NAME="feature")
    predictions = next(reporting.store_root.rglob("predictions.npz"))
    reporting.call("gate", "--candidate", str(predictions), run="files")
    assert groups(gateway) == set()
    reporting.ok("gate", run="first", **jenkins, BRANCH_NAME="main")
    assert groups(gateway) == {("gate", "production")}


@pytest.mark.prometheus
def test_a_gateway_takes_what_a_look_at_production_found_as_a_whole(gateway):
    sink, group = Pushgateway(gateway.address), Group("tiny", "measured", "production")
    moved = [Sample(names.METRIC_DRIFT_DETECTED, 1, {"version": "3", "feature": f"x[{i}]"}) for i in range(2)]
    sink.replace(group, moved)
    sink.replace(group, moved[:1])
    assert value(gateway.metrics(), names.METRIC_DRIFT_DETECTED, feature="x[0]", **WHERE) == 1
    assert value(gateway.metrics(), names.METRIC_DRIFT_DETECTED, feature="x[1]") is None
    sink.replace(group, [])
    assert sink.groups("tiny") == ()
    sink.remove(group)  # once more


@pytest.mark.prometheus
def test_a_gateway_that_is_none_is_told_apart(prometheus_programs):
    with prometheus.Prometheus("global: {}\n") as other:
        with pytest.raises(Unavailable, match="404"):
            Pushgateway(other.address).add(Group("tiny", "train"), failed(1.0, 1))
        with pytest.raises(Unavailable, match=r"it answers 404|is no Pushgateway"):
            Pushgateway(other.address).groups("tiny")


@pytest.fixture
def silent():
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_gateway_that_never_answers_costs_its_deadline_once(silent):
    sink = Pushgateway(silent, seconds=0.2)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"no answer within|timed out"):
            sink.add(Group("tiny", "train"), failed(1.0, 1))
    assert threading.active_count() < 20


@pytest.mark.tensorflow
@pytest.mark.parametrize("dead", ["silent", "refused"])
def test_a_dead_gateway_costs_one_line(gated, silent, dead):
    address = silent if dead == "silent" else "http://127.0.0.1:1"
    gated.write(jenkins_ml_yaml=config(f"pushgateway: {address}"))
    done = gated.ok("gate", run="first")
    assert done.err.count("warning: ") == 1
    [line] = [line for line in done.err.splitlines() if "warning: " in line]
    assert line.startswith("[gate] warning: could not tell of this stage: the Pushgateway at http://127.0.0.1:")
    assert gated.ok("models", "prune").err.count("warning: ") == 1


@pytest.mark.tensorflow
def test_files_for_the_node_exporter(gated, tmp_path):
    folder = tmp_path / "textfile"
    gated.write(jenkins_ml_yaml=config(f"textfile: {folder}"))
    assert "there is no folder" in gated.ok("gate", run="first").err
    assert not folder.exists()
    folder.mkdir()
    gated.ok("gate", run="first")
    [path] = folder.iterdir()  # and nothing half-written
    assert path.name == "jenkins_ml@tiny@gate@production.prom"
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.read_text()
    gated.write(jenkins_ml_yaml=config(f"textfile: {folder}").replace("min: 0.9", "min: 1.1"))
    gated.call("gate", run="new")  # a run without a version
    after = path.read_text()
    assert value(after, names.METRIC_STAGE_EXIT_CODE, stage="gate", **WHERE) == 2
    assert value(after, names.METRIC_STAGE_SUCCEEDED) == value(before, names.METRIC_STAGE_SUCCEEDED) is not None
    assert value(before, names.METRIC_STAGE_FAILED) is None


@pytest.mark.prometheus
def test_promtool_likes_all_that_is_ever_written(prometheus_programs, tmp_path):
    sink = TextFiles(tmp_path)
    group = Group("tiny", "gate", "production")
    sink.add(group, succeeded(1e9, 0.25, 10, 3, {("gate", "accuracy"): 0.5}))
    sink.add(group, (*failed(2e9, 3), *released(3, 1e9)))
    hostile = 'a"b\\c\nd'
    sink.add(group, [Sample(name, 1.0, {"feature": hostile}) for name in HELP if "drift" in name or "live" in name])
    text = (tmp_path / "jenkins_ml@tiny@gate@production.prom").read_text()
    checked = subprocess.run(
        [prometheus_programs["promtool"], "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert set(re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)) == set(HELP)
    assert value(text, names.METRIC_DRIFT_DETECTED, feature=hostile) == 1


def test_every_metric_that_a_stage_may_report_has_its_help():
    served = {names.METRIC_REQUESTS, names.METRIC_LATENCY, names.METRIC_NAN, names.METRIC_WEIGHT, names.METRIC_LOADED}
    assert set(HELP) == {value for key, value in vars(names).items() if key.startswith("METRIC_")} - served


def test_a_file_is_merged_as_a_gateway_merges(tmp_path):
    one = exposition.text(succeeded(1.0, 2.0, 3, 4, {("gate", "a"): 0.5, ("gate", "b"): 0.25}), HELP)
    two = exposition.text(succeeded(5.0, 2.0, None, 4, {("gate", "a"): 0.75}), HELP)
    merged = exposition.merged(one, two)
    assert exposition.merged(merged, "") == exposition.merged("", merged) == merged
    assert value(merged, names.METRIC_MODEL, metric="a") == 0.75
    assert value(merged, names.METRIC_MODEL, metric="b") is None
    assert value(merged, names.METRIC_STAGE_ROWS) == 3
    assert value(merged, names.METRIC_STAGE_SUCCEEDED) == 5.0
    sink = TextFiles(tmp_path)
    for group in (Group("tiny", "gate", "a-b"), Group("tiny", "gate-a", "b"), Group("tiny2", "gate")):
        sink.add(group, failed(1.0, 1))
    assert sink.groups("tiny") == (Group("tiny", "gate", "a-b"), Group("tiny", "gate-a", "b"))
    sink.remove(Group("tiny", "gate", "a-b"))
    sink.replace(Group("tiny2", "gate"), [])
    assert [path.name for path in tmp_path.iterdir()] == ["jenkins_ml@tiny@gate-a@b.prom"]
    shutil.rmtree(tmp_path)
    with pytest.raises(Unavailable, match="there is no folder"):
        sink.add(Group("tiny", "gate"), failed(1.0, 1))
