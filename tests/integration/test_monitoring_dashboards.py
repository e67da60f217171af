"""Every query of every dashboard, put to a real Prometheus that has the generated rules and data of both kinds of servers."""

import json
import time
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from jenkins_ml import names
from jenkins_ml.adapters.pipeline_metrics import Group
from jenkins_ml.adapters.pipeline_metrics import Pushgateway as Reporting
from jenkins_ml.config.loader import loads
from jenkins_ml.config.model import Config
from jenkins_ml.core.samples import Sample
from jenkins_ml.core.stage_samples import failed, released, succeeded
from jenkins_ml.rendering.monitoring import dashboards, rules, scrape
from jenkins_ml.rendering.monitoring.grafana.dashboard import uid
from tests.engines.prometheus import Prometheus, Pushgateway
from tests.fakes import grafana, metric_pages
from tests.fakes.metric_pages import OurServer, TensorFlowServing, Traffic

pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("prometheus")]

OURS, TENSORFLOW_SERVING = "digits", "vision.sorter"
# Windows of a period of half a day are seconds; the names of models are of both kinds that Grafana's uid knows.
CONFIG = """
model: {model}
data: {{load: "data:load"}}
train: {{entrypoint: "model:train"}}
gate: {{metrics: {{accuracy: {{min: 0.95}}, loss: {{max: 0.25}}}}}}
serve: {{target: {target}, rest_port: {port}}}
monitor:
  scrape_interval: 1s
  slo: {{availability: 0.99, latency_p99_ms: 200, period: 12h}}
  prometheus: {{url: "http://127.0.0.1:9090"}}
  pipeline: {{pushgateway: "{gateway}"}}
"""
TARGETS = {OURS: "local", TENSORFLOW_SERVING: "docker"}


def config(model: str, port: int = 8501, gateway: str = "http://127.0.0.1:9091") -> Config:
    return loads(CONFIG.format(model=model, target=TARGETS[model], port=port, gateway=gateway))


CONFIGS = {model: config(model) for model in TARGETS}
# The failing version has enough of the traffic to be the one that an alert names.
STABLE, CANARY = Traffic(20), Traffic(12, failed=8, nan=1, seconds=0.3)
# Docker's discovery would find the containers, and attach these labels.
SCRAPES = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["*.rules.yaml"]
scrape_configs:
  - job_name: stable
    metrics_path: /stable
    static_configs: [{{targets: ["{pages}"], labels: {{model: {model}, environment: production, version: "1"}}}}]
  - job_name: canary
    metrics_path: /canary
    static_configs: [{{targets: ["{pages}"], labels: {{model: {model}, environment: production, version: "2"}}}}]
"""
MEASURES = {"psi": 0.3, "ks": 0.2, "js": 0.1, "chi2": 12.0}


class World(NamedTuple):
    """What the tests look at: a Prometheus, and the dashboards by uid."""

    prometheus: Prometheus
    dashboards: dict[str, dict]


def report(gateway: Pushgateway, model: str) -> None:
    """What a pipeline reports that trained, released and looked at production, and whose last release failed."""
    now, sink = time.time(), Reporting(gateway.address)
    training = {("training", "accuracy"): 0.97, ("training", "loss"): 0.1}
    gate = {(of, metric): value for of in ("gate", "production") for (_, metric), value in training.items()}
    sink.add(Group(model, "train"), succeeded(now - 400, 60, 64, 2, training))
    sink.add(Group(model, "gate", "production"), succeeded(now - 300, 5, 64, 2, gate))
    sink.add(Group(model, "serve", "production"), succeeded(now - 200, 20, None, 2, {}))
    sink.add(Group(model, "serve", "production"), failed(now - 100, 5))
    found = []
    for feature in ("x", "prediction"):
        for against in ("training", "stable"):
            moved = {"version": "2", "feature": feature, "against": against}
            found += [
                Sample(names.METRIC_DRIFT_DISTANCE, far, {**moved, "measure": by}) for by, far in MEASURES.items()
            ]
            found.append(Sample(names.METRIC_DRIFT_DETECTED, 1, moved))
    for metric in ("accuracy", "loss"):
        live = {"version": "1", "metric": metric, "from": "labels"}
        ends = {names.METRIC_LIVE: 0.9, names.METRIC_LIVE_LOW: 0.88, names.METRIC_LIVE_HIGH: 0.92}
        found += [Sample(name, value, live) for name, value in ends.items()]
    sink.replace(Group(model, "measured", "production"), found)


def in_production(gateway: Pushgateway, model: str, version: int, ago: float) -> None:
    found = released(version, time.time() - ago)
    Reporting(gateway.address).replace(Group(model, "release", "production"), found)


def jobs(config: Config) -> str:
    """The jobs of the file that is generated."""
    (text,) = scrape.files(config).values()
    return text.partition("scrape_configs:\n")[2]


@pytest.fixture(scope="module")
def world(prometheus_programs):
    pages = {
        "/metrics": OurServer(OURS, {1: STABLE, 2: CANARY}),
        "/stable": TensorFlowServing(TENSORFLOW_SERVING, STABLE),
        "/canary": TensorFlowServing(TENSORFLOW_SERVING, CANARY),
    }
    with ExitStack() as stack:
        shown = stack.enter_context(metric_pages.shown(pages))
        gateway = stack.enter_context(Pushgateway())
        for model in CONFIGS:
            report(gateway, model)
            in_production(gateway, model, 2, ago=200)
        port = int(shown.partition(":")[2])
        scrapes = SCRAPES.format(pages=shown, model=TENSORFLOW_SERVING)
        for model in CONFIGS:  # Debian's Prometheus does not read scrape_config_files yet
            scrapes += jobs(config(model, port, gateway.address))
        texts = {f"{model}.rules.yaml": rules.files(config)[rules.FILE] for model, config in CONFIGS.items()}
        prometheus = stack.enter_context(Prometheus(scrapes, texts))
        for model in CONFIGS:
            prometheus.wait_for(f'{names.METRIC_RELEASED_VERSION}{{model="{model}"}} == 2')
            in_production(gateway, model, 1, ago=900)  # a rollback
        for model in CONFIGS:
            prometheus.wait_for(f'{names.METRIC_RELEASED_VERSION}{{model="{model}"}} == 1')
            page = f'ALERTS{{alertstate="firing",severity="page",model="{model}",version="2"}}'
            prometheus.wait_for(f"{page} and on (model) ALERTS{{severity='ticket'}}")
            prometheus.wait_for(f'jenkins_ml:slo:budget_left{{model="{model}",slo="latency"}}')
        made = [
            text for config in CONFIGS.values() for name, text in dashboards.files(config).items() if ".json" in name
        ]
        yield World(prometheus, {each["uid"]: each for each in map(json.loads, made)})


# uid -> what is chosen above the dashboard, one after the other
CHOICES = [
    *(
        (uid(model), {"environment": "production", "version": version, "measure": "psi"})
        for model in CONFIGS
        for version in (".*", ["1", "2"])
    ),
    ("jenkinsml-fleet", {"model": ".*", "environment": ".*"}),
    ("jenkinsml-fleet", {"model": [OURS, TENSORFLOW_SERVING], "environment": ["production"]}),
]


@pytest.mark.parametrize(("name", "chosen"), CHOICES)
def test_every_query_of_a_dashboard_is_answered(world, name, chosen):
    dashboard = world.dashboards[name]
    answers = {each: grafana.answer(world.prometheus, each, chosen) for each in grafana.asked(dashboard)}
    silent = [each for each, answer in answers.items() if not answer]
    if name == uid(TENSORFLOW_SERVING):
        assert "NaN" not in json.dumps(dashboard["panels"])  # it counts none, so nothing asks for it
    assert silent == []
    for each, answer in answers.items():
        maybe = {"version"} if "ALERTS" in each.expr else set()  # not every alert is about one
        assert each.labels - maybe <= set().union(*(series.labels for series in answer)), each


@pytest.mark.parametrize(("name", "chosen"), CHOICES[::2])
def test_every_variable_has_values_to_choose(world, name, chosen):
    found = grafana.options(world.dashboards[name], world.prometheus, chosen)
    expected = {
        "environment": ["production"],
        "version": ["1", "2"],
        "measure": sorted(MEASURES),
        "model": sorted(CONFIGS),
    }
    assert found == {each: expected[each] for each in found}
    assert set(chosen) == set(found)


def panel(world: World, name: str, title: str) -> list[grafana.Asked]:
    found = [each for each in grafana.asked(world.dashboards[name]) if each.where[:-2] == title]
    assert found, title
    return found


HERE = {"environment": "production", "version": ".*", "measure": "psi"}


@pytest.mark.parametrize("model", CONFIGS)
def test_both_kinds_of_servers_say_the_same(world, model):
    (failures,) = panel(world, uid(model), "Failures")
    shares = {each.labels["version"]: each.value for each in grafana.answer(world.prometheus, failures, HERE)}
    assert shares == pytest.approx({"1": 0, "2": 0.4}, abs=0.04)
    (share,) = panel(world, uid(model), "Share of the traffic")
    parts = {each.labels["version"]: each.value for each in grafana.answer(world.prometheus, share, HERE)}
    assert parts == pytest.approx({"1": 0.5, "2": 0.5}, abs=0.05)
    quickness, _ = panel(world, uid(model), "Latency")
    slowest = {each.labels["version"]: each.value for each in grafana.answer(world.prometheus, quickness, HERE)}
    assert 0.01 < slowest["1"] < 0.05
    assert 0.2 < slowest["2"] < 0.6


@pytest.mark.parametrize("model", CONFIGS)
def test_the_version_in_production_is_stable_and_the_other_one_a_canary(world, model):
    stable, canary = panel(world, uid(model), "Canary and stable: failures")
    assert [each.labels["version"] for each in world.prometheus.query(grafana.interpolated(stable.expr, HERE))] == ["1"]
    assert [each.labels["version"] for each in world.prometheus.query(grafana.interpolated(canary.expr, HERE))] == ["2"]


@pytest.mark.parametrize("model", CONFIGS)
def test_a_release_is_marked_when_it_was_and_a_rollback_when_it_came(world, model):
    marks = {
        each.where: grafana.answer(world.prometheus, each, HERE)
        for each in grafana.asked(world.dashboards[uid(model)])
        if each.kind == "annotation"
    }
    times = {each.labels["version"]: time.time() - each.value / 1000 for each in marks["Releases"]}
    assert times == pytest.approx({"2": 200, "1": 900}, abs=150)
    assert {each.labels["version"] for each in marks["Rollbacks"]} == {"1"}


def test_a_row_of_the_fleet_leads_to_the_dashboard_of_its_model(world):
    fleet = world.dashboards["jenkinsml-fleet"]
    (table,) = (each for each in grafana.panels(fleet) if each["type"] == "table")
    every = {"model": ".*", "environment": ".*"}
    found = [world.prometheus.query(grafana.interpolated(each["expr"], every)) for each in table["targets"]]
    rows = [{(each.labels["model"], each.labels["environment"]) for each in column} for column in found]
    assert rows == [{(model, "production") for model in CONFIGS}] * len(rows)
    assert {each.labels["model"]: each.labels["uid"] for each in found[-1]} == {model: uid(model) for model in CONFIGS}
    assert {uid(model) for model in CONFIGS} < set(world.dashboards)
