"""Dashboards by rules of our own: what Grafana would take, and nobody could read."""

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.config import patterns
from jenkins_ml.config.loader import loads
from jenkins_ml.rendering.monitoring import rules
from jenkins_ml.rendering.monitoring.dashboards import FLEET, files
from jenkins_ml.rendering.monitoring.grafana import dashboard as grafana_dashboard
from jenkins_ml.rendering.monitoring.grafana.dashboard import FLEET_UID, uid
from jenkins_ml.rendering.monitoring.grafana.panels import COLUMNS
from tests.fakes import grafana
from tests.unit.rendering.grafana_cases import CASES, MODEL, config, dashboards

ALL = [pytest.param(case, each, id=f"{case}-{each['uid']}") for case in CASES for each in dashboards(case)]
_SERIES = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{")


def named(text: str) -> set[str]:
    """The series that a query names; all of ours have conditions."""
    return set(_SERIES.findall(text))


def generated_rules(case):
    return [rule for group in rules.groups(config(case)) for rule in group["rules"]]


@pytest.mark.parametrize(("case", "dashboard"), ALL)
def test_each_panel_has_a_number_and_a_place_of_its_own(case, dashboard):
    panels = dashboard["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    taken = [
        (x, y)
        for each in panels
        for place in [each["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert {x for x, _ in taken} <= set(range(COLUMNS))
    assert {each["title"] for each in panels if each["type"] == "row"}


@pytest.mark.parametrize(("case", "dashboard"), ALL)
def test_everything_asks_the_datasource_that_is_chosen(case, dashboard):
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    variables = dashboard["templating"]["list"]
    assert variables[0]["name"] == "datasource"
    asking = [*grafana.panels(dashboard), *dashboard["annotations"]["list"], *variables[1:]]
    asking += [target for panel in grafana.panels(dashboard) for target in panel["targets"]]
    assert [each["datasource"] for each in asking] == [chosen] * len(asking)


@pytest.mark.parametrize(("case", "dashboard"), ALL)
def test_queries_name_what_is_exported_or_recorded_and_variables_that_are_there(case, dashboard):
    # What the dashboard of all models asks is recorded for each of them, or for those that have it.
    known = {"ALERTS", *(value for name, value in vars(names).items() if name.startswith("METRIC_"))}
    of_cases = CASES if dashboard["uid"] == FLEET_UID else [case]
    known |= {rule["record"] for each in of_cases for rule in generated_rules(each) if "record" in rule}
    queries = [each.expr for each in grafana.asked(dashboard)]
    queries += [series for _, series, _ in grafana.selected(dashboard)]
    assert set().union(*map(named, queries)) <= known
    variables = {each["name"]: "x" for each in dashboard["templating"]["list"]}
    for each in queries:
        assert "$" not in grafana.interpolated(each, variables)


@pytest.mark.parametrize(("case", "dashboard"), ALL)
def test_panels_say_how_they_are_read_and_where_it_says_what_to_do(case, dashboard):
    alerts = {
        rule["alert"]: rule["annotations"]["runbook"]
        for each in CASES
        for rule in generated_rules(each)
        if "alert" in rule
    }
    for panel in grafana.panels(dashboard):
        told = panel["description"].partition("\n\n")[0]
        assert re.fullmatch(r"[A-Z0-9].{10,}\.", told), panel["title"]
        assert "docs/runbooks" in panel["description"] or panel["title"] in ("Alerts", "Models"), panel["title"]
        for page, alert in re.findall(r"(docs/runbooks/(\w+)\.md)", panel["description"]):
            assert alerts[alert] == page
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"]
        steps = defaults["thresholds"]["steps"]
        assert steps[0]["value"] is None
        assert [each["value"] for each in steps[1:]] == sorted(each["value"] for each in steps[1:])


def test_a_panel_for_each_thing_that_the_model_has():
    titles = {case: {each["title"] for each in grafana.panels(dashboards(case)[0])} for case in CASES}
    assert {"accuracy", "loss", "recall", "Answers with NaN", "Slow answers", "Burn rate of latency"} <= titles["ours"]
    assert not {each for each in titles["tensorflow-serving"] if "NaN" in each}
    assert "Slow answers" in titles["tensorflow-serving"]
    # Nothing is reported to Prometheus, so nothing asks for it.
    assert not {"In production", "Inputs", "Stages", "Slow answers", "Burn rate of latency"} & titles["bare"]
    assert {"Requests by version", "Failures", "Latency", "Versions, side by side"} <= titles["bare"]


def test_the_columns_of_tables_have_the_names_that_grafana_gives_them():
    """The letter of the query, but for the only one; a setting that names a column that is not there does nothing."""
    for panel in grafana.panels(dashboards("ours")[0]):
        if panel["type"] == "table":
            letters = [each["refId"] for each in panel["targets"]]
            renamed = panel["transformations"][1]["options"]["renameByName"]
            values = {f"Value #{letter}" for letter in letters} if len(letters) > 1 else {"Value"}
            assert {each for each in renamed if each.startswith("Value")} == values
            assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= set(renamed.values())


def test_a_line_stands_at_the_gates_limits():
    panels = {each["title"]: each for each in grafana.panels(dashboards("tensorflow-serving")[0])}
    steps = panels["accuracy"]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(each["value"], each["color"]) for each in steps] == [(None, "red"), (0.95, "green"), (0.999, "red")]
    assert panels["Latency"]["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == 0.2505


def test_descriptions_name_windows_by_their_length():
    panels = {each["title"]: each for each in grafana.panels(dashboards("tensorflow-serving")[0])}
    assert "14.4 over 14m" in panels["Burn rate of availability"]["description"]  # 7 days / 720


def test_two_times_give_the_same_and_the_fleet_does_not_depend_on_the_model():
    name = f"monitoring/grafana/dashboards/{FLEET}.json"
    made = [files(config(case)) for case in CASES]
    assert len({each[name] for each in made}) == 1
    assert made == [files(loads(text)) for text in CASES.values()]


def test_without_monitor_nothing_is_made():
    assert files(loads(f"model: digits\n{MODEL}")) == {}


def test_a_prometheus_with_a_token_is_provisioned():
    text = f"model: digits\n{MODEL}monitor: {{prometheus: {{url: 'http://prometheus:9090/$x', token_file: /run/t}}}}\n"
    made = files(loads(text))["monitoring/grafana/provisioning/datasources/jenkins-ml.yaml"]
    assert 'url: "http://prometheus:9090/$$x"' in made  # Grafana expands $x
    assert 'httpHeaderValue1: "Bearer $__file{/run/t}"' in made
    assert f"uid: {grafana_dashboard.DATASOURCE_UID}" in made


@settings(max_examples=30)
@given(st.lists(st.from_regex(patterns.NAME, fullmatch=True), min_size=2, max_size=5, unique=True))
def test_every_model_has_a_name_in_grafana_and_no_two_the_same(models):
    found = [*map(uid, models), FLEET_UID]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", each) for each in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("model", ["fleet", "a", "a.b", "a-b", "a" * 63, "0_0"])
def test_any_name_of_a_model_makes_a_dashboard(model):
    made = files(loads(f"model: {json.dumps(model)}\n{MODEL}monitor: {{}}\n"))
    boards = [json.loads(made[f"monitoring/grafana/dashboards/{name}.json"]) for name in (model, FLEET)]
    assert [each["uid"] for each in boards] == [uid(model), FLEET_UID]
    assert f'model="{model}"' in boards[0]["panels"][1]["targets"][0]["expr"]


def test_rows_and_panels_follow_each_other():
    panels = dashboards("ours")[0]["panels"]
    assert panels[0]["type"] == "row"
    tops = [each["gridPos"]["y"] for each in panels]
    assert all(one <= other for one, other in itertools.pairwise(tops))
