"""From the first bad answer to the version before, and from drift to a training: with the real Prometheus and Alertmanager.

The scene is tests/fakes/alert_site.py.
"""

import json
import urllib.request

import pytest

from tests.fakes.alert_site import fall, seconds, watched
from tests.fakes.jenkins_jobs import VARIABLES
from tests.fakes.repository import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.prometheus,
    pytest.mark.tensorflow,
    pytest.mark.xdist_group("prometheus"),
    pytest.mark.usefixtures("prometheus_programs"),
]
SECONDS = 30  # from the first bad answer, as docs/alerts.md says


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site(gated, tmp_path):
    """Version 1 is in production, and version 2 after it, which does not take what users ask later."""
    with watched(gated, tmp_path) as here:
        yield here


def test_a_version_that_begins_to_fail_is_rolled_back(site):
    found = fall(site)
    begun, ended = found.begun, found.ended
    print(f"rolled back {found.seconds:.1f} s after the first bad answer, of which the rollback took "
          f"{seconds(ended.time) - seconds(begun.time):.2f} s; {len(found.bad)} bad answers of {len(found.asked)}")  # fmt: skip
    assert {each.version for each in found.bad} == {"2"}
    assert found.seconds <= SECONDS
    # No request failed after it, and all of them were answered.
    assert found.after
    assert {(each.good, each.version) for each in found.after} == {(True, "1")}
    # The journal tells why.
    assert (begun.kind, ended.kind, ended.version, ended.previous) == ("rollback_started", "rolled_back", 1, 2)
    assert ended.reason.startswith(("JenkinsMLErrorBudgetBurn: ", "JenkinsMLNanAnswers: ")), ended
    assert ended.evidence["alert"]["fingerprint"]
    [told] = json.loads(site.repository.ok("status", "--json").out)["environments"]
    assert told["why"] == f"rollback: {ended.reason}"
    # So does what the pipeline reports.
    [released] = site.prometheus.wait_for('jenkins_ml_release_version{model="tiny",environment="production"} == 1')
    assert released.value == 1
    assert site.builds() == 0


def detect(site, feature, version="2", value=1):
    """What `jenkins-ml monitor` pushes when something has moved."""
    text = f'jenkins_ml_drift_detected{{version="{version}",feature="{feature}",against="training"}} {value}\n'
    path = "/metrics/job/jenkins_ml/model/tiny/stage/measured/environment/production"
    site.gateway.ask(path, text.encode(), method="PUT")


def test_drift_starts_one_training(site):
    wait_until(lambda: site.prometheus.query("up == 1"), "Prometheus scrapes")
    detect(site, "x[0]")
    wait_until(lambda: site.builds() > 0, "a training is started", seconds=90)
    # The predictions have moved, too, and then another input: alerts of their own.
    both = "\n".join(
        f'jenkins_ml_drift_detected{{version="2",feature="{feature}",against="{against}"}} 1'
        for feature, against in (("x[0]", "training"), ("prediction", "training"), ("x[1]", "stable"))
    )
    path = "/metrics/job/jenkins_ml/model/tiny/stage/measured/environment/production"
    site.gateway.ask(path, f"{both}\n".encode(), method="PUT")
    wait_until(lambda: len(firing(site)) == 3, "all of them are alerts", seconds=90)
    # A receiver on another machine, or this one after a restart, agrees.
    site.stop_hook()
    started = site.said.err
    site.hook = site.start_hook(site.hook_port)
    again = {"version": "4", "alerts": [{**each, "status": "firing", "fingerprint": "x"} for each in firing(site)]}
    answer = post(site, again)
    assert {each["outcome"] for each in answer["results"]} == {"ignored"}
    assert site.builds() == 1
    assert len([*(repository_records(site))]) == 1
    assert started.count(": done: vision/tiny was started") == 1
    assert site.repository.production() == 2


def repository_records(site):
    return site.repository.store.retrainings.folder.iterdir()


def firing(site):
    return [
        {"labels": each["labels"], "annotations": each["annotations"], "startsAt": each["startsAt"]}
        for each in site.manager.alerts()
        if each["labels"].get("action") == "retrain"
    ]


def post(site, body):
    headers = {"Authorization": f"Bearer {site.token.read_text().strip()}"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{site.hook_port}/", json.dumps(body).encode(), headers, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.loads(answer.read())
