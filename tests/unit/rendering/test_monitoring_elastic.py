"""What brings the logs into Elasticsearch, as far as no program is needed to see it; tests/integration has the rest."""

import io
import json
import re

import pytest
from ruamel.yaml import YAML

from jenkins_ml.config.model import Config
from jenkins_ml.core import ecs
from jenkins_ml.rendering.monitoring import elastic, kibana

# Fields that a line has once it is in an index: of the shipper or the pipeline.
MADE_THERE = {"event.ingested"}


def config(**monitor):
    value = {
        "model": "tiny",
        "data": {"load": "data:load"},
        "train": {"entrypoint": "model:train"},
        "gate": {"metrics": {"accuracy": {"min": 0.9}}},
    }
    return Config.model_validate(value | ({"monitor": monitor} if monitor else {}))


LOGGED = config(logs={"directory": "/var/log/models"})


def test_nothing_is_written_without_logs():
    assert elastic.files(config()) == {}
    assert elastic.files(config(scrape_interval="1s")) == {}


def test_the_files():
    assert set(elastic.files(LOGGED)) == {
        f"monitoring/elastic/{name}"
        for name in ("index-template.json", "pipeline.json", "filebeat.yml", "logstash.conf", "kibana.ndjson")
    }


def test_no_secret_and_no_address_stands_in_them():
    text = "".join(elastic.files(LOGGED).values())
    assert re.findall(r"https?://", text) == []
    given = re.findall(r"""(?:api_key|hosts)(?::|\s=>)[\s\[-]*"([^"]*)""", text)
    assert sorted(set(given)) == ["${ELASTICSEARCH_API_KEY}", "${ELASTICSEARCH_HOSTS}"]
    assert len(given) == 4


def test_the_template_maps_exactly_our_fields():
    mappings = elastic.index_template()["template"]["mappings"]
    assert set(_fields(mappings["properties"])) == {*ecs.FIELDS, *MADE_THERE, "labels"}


def test_filebeat_reads_the_folder_and_what_was_renamed_in_it():
    filebeat = YAML(typ="safe").load(io.StringIO(elastic.files(LOGGED)["monitoring/elastic/filebeat.yml"]))
    (given,) = filebeat["filebeat.inputs"]
    assert given["type"] == "filestream"
    assert given["paths"] == ["/var/log/models/*.ndjson", "/var/log/models/*.ndjson.*"]
    assert filebeat["output.elasticsearch"]["pipeline"] == elastic.NAME


def test_a_relative_folder_is_named_by_a_variable():
    text = elastic.files(config(logs={"directory": "logs"}))["monitoring/elastic/filebeat.yml"]
    assert "${JENKINS_ML_LOGS}/*.ndjson" in text


def test_logstash_goes_through_the_pipeline():
    text = elastic.files(LOGGED)["monitoring/elastic/logstash.conf"]
    assert text.count("{") == text.count("}")
    assert f'pipeline => "{elastic.NAME}"\n' in text


def test_saved_objects_refer_to_each_other_and_to_our_fields():
    objects = [json.loads(line) for line in kibana.saved_objects(elastic.PATTERN).splitlines()]
    known = {(each["type"], each["id"]) for each in objects}
    assert len(known) == len(objects)
    for each in objects:
        assert {(reference["type"], reference["id"]) for reference in each["references"]} <= known
    for _, _, query, columns in kibana.SEARCHES:
        asked = set(re.findall(r"([a-z._]+):", query)) | set(columns)
        assert {name for name in asked if not name.startswith("labels.")} <= set(ecs.FIELDS)
    (dashboard,) = (each for each in objects if each["type"] == "dashboard")
    panels = json.loads(dashboard["attributes"]["panelsJSON"])
    assert {panel["panelRefName"] for panel in panels} == {each["name"] for each in dashboard["references"]}


@pytest.mark.parametrize("name", ["index-template.json", "pipeline.json"])
def test_what_is_put_is_json(name):
    assert json.loads(elastic.files(LOGGED)[f"monitoring/elastic/{name}"])


def _fields(properties, prefix=""):
    for name, value in properties.items():
        if "properties" in value:
            yield from _fields(value["properties"], f"{prefix}{name}.")
        else:
            yield prefix + name
