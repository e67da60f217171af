"""Releases whose canary is judged by what a real Prometheus has scraped of a real server."""

import pytest

from jenkins_ml import names
from tests.engines.prometheus import Prometheus
from tests.fakes.docker_site import Users
from tests.fakes.doubting_model import MODEL
from tests.fakes.repository import finish, wait_until

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.tensorflow,
    pytest.mark.xdist_group("prometheus"),
    pytest.mark.usefixtures("prometheus_programs"),
]
GOOD = b'{"instances": [[3.0, 3.0, 3.0, 3.0]]}'
# As float32 these are infinities, whose sum is not a number: for a version with `most` only.
TOO_MUCH = b'{"instances": [[60.0, 3.0, 3.0, 3.0]]}'
SCRAPE = """
global: {{scrape_interval: 500ms}}
scrape_configs:
  - job_name: jenkins-ml
    static_configs: [{{targets: [{targets}], labels: {{environment: production}}}}]
"""
CANARY = "canary: {steps: [50, 100], interval: 50ms, min_requests: 20}"


@pytest.fixture
def served(gated):
    """Version 1 is in production; the next ones are trained by MODEL."""
    gated.ok("serve", run="first")
    gated.write(model_py=MODEL)
    gated.commit("a model that may doubt")
    gated.change("jenkins-ml.yaml", CANARY, "canary: {steps: [50, 100], interval: 4s, min_requests: 20, deadline: 60s}")
    return gated


@pytest.fixture
def scraped(served):
    """The same, with a Prometheus that scrapes it; what it knows is what the judge goes by."""
    server = served.server()
    with Prometheus(SCRAPE.format(targets=f'"127.0.0.1:{server.rest_port}"')) as prometheus:
        judged_by(served, prometheus)
        yield served, prometheus


def judged_by(repository, prometheus):
    path = repository.folder / names.CONFIG_FILE
    text = path.read_text()
    path.write_text(
        f"{text}monitor: {{scrape_interval: 500ms, prometheus: {{url: '{prometheus.address}', judge: true}}}}\n"
    )
    repository.commit("judge by Prometheus")


def next_version(repository, run):
    repository.ok("train", run=run)
    repository.ok("gate", run=run)


def rest(repository):
    return f"http://127.0.0.1:{repository.server().rest_port}/v1/models/tiny"


def test_a_good_canary_is_released_by_what_was_scraped(scraped):
    repository, prometheus = scraped
    next_version(repository, "second")
    with Users(rest(repository), rate=100, body=GOOD) as users:
        repository.ok("serve", run="second")
    assert set(users.answers) == {200}
    assert repository.production() == 2
    judgement = repository.store.journal.entries()[-1].evidence["judgement"]
    assert judgement["verdict"] == "promote"
    counted = prometheus.query('sum(jenkins_ml_requests_total{model="tiny",environment="production",version="2"})')
    assert counted[0].value >= 20


def test_a_canary_that_begins_to_fail_is_rolled_back_by_what_was_scraped(scraped):
    repository, _ = scraped
    repository.change("model.py", "most=1e9", "most=50.0")
    repository.commit("doubt")
    next_version(repository, "second")
    with Users(rest(repository), rate=100, body=GOOD) as users:
        process = repository.start("serve", run="second")
        wait_until(lambda: "release_step" in repository.kinds(), "the canary gets traffic")
        users.body = TOO_MUCH
        done = finish(process)
    assert done.code == 5, done
    assert "NaN" in done.error or "failed" in done.error
    assert repository.production() == 1
    assert repository.answering() == 1


def test_without_scrapes_nothing_is_released(served):
    with Prometheus(SCRAPE.format(targets="")) as prometheus:
        judged_by(served, prometheus)
        next_version(served, "second")
        done = served.call("serve", run="second")
    assert done.code == 6, done
    assert "Prometheus has scraped nothing at all of version" in done.error
    assert served.production() == 1
    assert served.answering() == 1
